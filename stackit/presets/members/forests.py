"""Forests: extremely randomised trees, partly and fully grown, and a random forest."""

from __future__ import annotations

from functools import partial
from typing import Any

from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.tables import OrdinalPreparation

__all__ = ["EXTRA_TREES", "EXTRA_TREES_FULL", "MEMBERS", "RANDOM_FOREST"]

SOURCE = "extra trees and random forest as in scikit-learn, 200 trees, columns per split as TabArena's tuning"


LARGE = 20_000  # rows from which a node needs several rows, so that trees grow no further
LARGEST_SHARE = 0.25  # of the memory for fitted members
N_FOLDS = 5


def n_trees(shape: TableShape) -> int:
    """Return the number of trees: 200, and fewer for tables of many rows, where each tree is large."""
    return 200 if shape.n_rows <= 5_000 else 100


def size_of(shape: TableShape) -> int:
    """Return about how many bytes the fitted forests of all folds take."""
    nodes = min(shape.n_rows, LARGE)
    return N_FOLDS * n_trees(shape) * nodes * (64 + 8 * max(1, shape.n_classes))


def too_large(shape: TableShape) -> str | None:
    """Say why a forest does not fit into memory."""
    if shape.memory is not None and size_of(shape) > LARGEST_SHARE * shape.memory:
        return f"its trees would take {size_of(shape) / 1e9:.1f} GB in all folds"
    return None


def for_smaller_tables(shape: TableShape) -> str | None:
    """Say why a forest of large trees is not grown."""
    if shape.n_rows > LARGE:
        return f"the table has more than {LARGE} rows"
    return too_large(shape)


def make_forest(
    kinds: tuple[Any, Any],
    of_classes: dict[str, Any],
    of_numbers: dict[str, Any],
    shape: TableShape,
    random_state: Any = None,
) -> Pipeline:
    """Return a forest of one thread, for classes or for numbers."""
    kind, parameters = (kinds[1], of_numbers) if shape.is_regression else (kinds[0], of_classes)
    forest = kind(
        n_estimators=n_trees(shape),
        min_samples_leaf=max(1, shape.n_rows // LARGE),
        n_jobs=1,
        random_state=random_state,
        **parameters,
    )
    return Pipeline([("prepare", OrdinalPreparation(shape.target)), ("model", forest)])


EXTREME = (ExtraTreesClassifier, ExtraTreesRegressor)
EXTRA_TREES = Member(
    "extra_trees",
    "extra_trees",
    partial(
        make_forest,
        EXTREME,
        {"max_features": 0.5, "min_samples_split": 4},
        {"max_features": 1.0, "min_samples_split": 4},
    ),
    "200 trees (100 above 5000 rows), min_samples_split=4, max_features=0.5 (regression: 1.0)",
    SOURCE,
    unsuitable=too_large,
    calibrated=True,
)
EXTRA_TREES_FULL = Member(
    "extra_trees_full",
    "extra_trees",
    partial(make_forest, EXTREME, {"max_features": "sqrt"}, {"max_features": 0.5}),
    "200 trees (100 above 5000 rows), fully grown, max_features='sqrt' (regression: 0.5)",
    SOURCE,
    unsuitable=for_smaller_tables,
    calibrated=True,
)
RANDOM_FOREST = Member(
    "random_forest",
    "random_forest",
    partial(
        make_forest,
        (RandomForestClassifier, RandomForestRegressor),
        {"max_features": 0.6, "max_samples": 0.8},
        {"max_features": 0.6, "max_samples": 0.8},
    ),
    "200 trees (100 above 5000 rows), max_features=0.6, max_samples=0.8",
    SOURCE,
    unsuitable=for_smaller_tables,
    calibrated=True,
)
MEMBERS = (EXTRA_TREES, EXTRA_TREES_FULL, RANDOM_FOREST)
