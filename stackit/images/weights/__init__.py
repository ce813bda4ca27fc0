"""Published weights: formats, names, files."""

__all__: list[str] = []
