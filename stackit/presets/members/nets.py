"""Nets: multilayer perceptrons with batch norm. RealMLP and TabM get their places in this file."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.tables import ScaledPreparation
from stackit.validation import import_optional

__all__ = ["MEMBERS", "NET"]

MOST_CELLS = 10_000_000


def make_net(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return a modern net on scaled columns; it is trained for all folds at once."""
    neural = import_optional("stackit.neural", "torch")
    kind = neural.modern_mlp_regressor if shape.is_regression else neural.modern_mlp_classifier
    net = kind(
        max_iter=20 if shape.is_regression else 12,
        learning_rate_init=0.02,
        embedding="periodic",
        scaling=None,
        smooth_clip=False,
        random_state=random_state,
    )
    return Pipeline([("prepare", ScaledPreparation(shape.target)), ("model", net)])


def unsuitable(shape: TableShape) -> str | None:
    """Say why a net takes too long: each number has sixteen periodic columns."""
    if shape.n_rows * shape.n_columns > MOST_CELLS:
        return f"training on {shape.n_rows} rows of {shape.n_columns} columns takes too long"
    return None


NET = Member(
    "net",
    "nets",
    make_net,
    "3 layers of 256 units with batch norm, NTK, periodic embedding, learning_rate_init=0.02, 12 epochs "
    "(regression: 20)",
    "RealMLP-TD-S of Holzmueller et al. (2024), arXiv 2407.04491, with batch norm; rate and epochs measured "
    "on four tables",
    unsuitable=unsuitable,
    requires="torch",
)
MEMBERS = (NET,)
