"""Published architectures in plain torch, with random weights."""

__all__: list[str] = []
