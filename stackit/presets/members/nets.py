"""Nets: multilayer perceptrons with batch norm. RealMLP and TabM get their places in this file."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.member import Member
from stackit.presets.shape import TableShape
from stackit.tables import ScaledPreparation
from stackit.validation import import_optional

__all__ = ["MEMBERS", "NET"]


def make_net(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return a modern net on scaled columns; it is trained for all folds at once."""
    neural = import_optional("stackit.neural", "torch")
    kind = neural.modern_mlp_regressor if shape.is_regression else neural.modern_mlp_classifier
    net = kind(max_iter=n_epochs(shape), scaling=None, smooth_clip=False, random_state=random_state)
    return Pipeline([("prepare", ScaledPreparation(shape.target)), ("model", net)])


def n_epochs(shape: TableShape) -> int:
    """Return the number of epochs: more on small tables, of which an epoch has few steps."""
    return 20 if shape.n_rows < 3_000 else 12


NET = Member(
    "net",
    "nets",
    make_net,
    "3 layers of 256 units with batch norm, NTK, 20 epochs (12 from 3000 rows)",
    "RealMLP-TD-S of Holzmueller et al. (2024), arXiv 2407.04491, with batch norm and few epochs",
    requires="torch",
)
MEMBERS = (NET,)
