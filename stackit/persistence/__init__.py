"""Fitted ensembles as files without pickle: scikit-learn's parts by skops, nets by safetensors."""

from stackit.persistence.container import load_ensemble, save_ensemble

__all__ = ["load_ensemble", "save_ensemble"]
