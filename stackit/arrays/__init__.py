"""The rows and columns of any table: frames, schema, and memory of their own for foreign code."""

__all__: list[str] = []
