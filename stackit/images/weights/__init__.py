"""Files of pretrained weights."""

__all__: list[str] = []
