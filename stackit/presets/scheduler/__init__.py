"""The scheduler: which members are fitted when, within a time limit, and what is kept on the way."""

__all__: list[str] = []
