"""Networks in ONNX files."""

__all__: list[str] = []
