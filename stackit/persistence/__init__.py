"""Fitted ensembles as files without pickle: scikit-learn's parts by skops, nets by safetensors."""

__all__: list[str] = []
