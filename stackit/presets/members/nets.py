"""Nets: multilayer perceptrons with batch norm, RealMLP and TabM."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.tables import NativePreparation, ScaledPreparation
from stackit.validation import import_optional

__all__ = ["MEMBERS", "NET", "REALMLP", "TABM"]

MOST_CELLS = 10_000_000
MOST_TABM_CELLS = 1_000_000


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


def make_realmlp(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return RealMLP on columns as they are, in batches so small that few rows make enough steps."""
    neural = import_optional("stackit.neural", "torch")
    kind = neural.RealMLPRegressor if shape.is_regression else neural.RealMLPClassifier
    net = kind(max_iter=32, batch_size="auto", random_state=random_state)
    return Pipeline([("prepare", NativePreparation()), ("model", net)])


def make_tabm(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return a smaller TabM, which stops early on a fifth of the rows of each fold."""
    neural = import_optional("stackit.neural", "torch")
    kind = neural.TabMRegressor if shape.is_regression else neural.TabMClassifier
    net = kind((256, 256), n_heads=16, max_iter=40, n_iter_no_change=8, random_state=random_state)
    return Pipeline([("prepare", NativePreparation()), ("model", net)])


def unsuitable(shape: TableShape) -> str | None:
    """Say why a net takes too long: each number has sixteen periodic columns."""
    return _too_long(shape, MOST_CELLS)


def unsuitable_for_tabm(shape: TableShape) -> str | None:
    """Say why TabM takes too long: it is as much work as sixteen nets."""
    return _too_long(shape, MOST_TABM_CELLS)


def _too_long(shape: TableShape, most: int) -> str | None:
    if shape.n_rows * shape.n_columns > most:
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
REALMLP = Member(
    "realmlp",
    "nets",
    make_realmlp,
    "defaults with 32 epochs and batches of a sixteenth of the rows, from 32 to 256",
    "RealMLP-TD of Holzmueller et al. (2024), arXiv 2407.04491; epochs and batches measured on nine tables",
    unsuitable=unsuitable,
    requires="torch",
)
TABM = Member(
    "tabm",
    "nets",
    make_tabm,
    "2 layers of 256 units, 16 heads, at most 40 epochs, patience 8",
    "Gorishniy et al. (2025), arXiv 2410.24210, with half the units and heads",
    unsuitable=unsuitable_for_tabm,
    requires="torch",
)
MEMBERS = (NET, REALMLP, TABM)
