"""The explainable boosting machine: additive, with few pairs of columns."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.tables import OrdinalPreparation

__all__ = ["EBM", "MEMBERS"]

MOST_ROWS, MOST_COLUMNS = 20_000, 60


def make_ebm(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return an explainable boosting machine of one thread, with fewer bags than by default.

    Gaps are filled, because it warns of them: its graphs do not show them.
    """
    glassbox = import_module("interpret.glassbox")
    names = "ExplainableBoostingRegressor", "ExplainableBoostingClassifier"
    kind = getattr(glassbox, names[0] if shape.is_regression else names[1])
    interactions = 0 if shape.n_classes > 2 else 5
    ebm = kind(
        outer_bags=2,
        interactions=interactions,
        learning_rate=0.06,
        max_rounds=1_000,
        n_jobs=1,
        random_state=random_state,
    )
    return Pipeline([("prepare", OrdinalPreparation(shape.target)), ("model", ebm)])


def unsuitable(shape: TableShape) -> str | None:
    """Say why a table takes too long."""
    if shape.n_rows > MOST_ROWS:
        return f"the table has more than {MOST_ROWS} rows"
    if shape.n_columns * shape.n_outputs > MOST_COLUMNS:
        return f"the table has more than {MOST_COLUMNS} columns, or columns times classes"
    return None


EBM = Member(
    "ebm",
    "ebm",
    make_ebm,
    "2 outer bags, learning_rate=0.06, 5 pairs of columns (none with three classes or more), else defaults",
    "Nori et al. (2019), arXiv 1909.09223; fewer bags, since the folds average already",
    unsuitable=unsuitable,
    requires="interpret",
)
MEMBERS = (EBM,)
