"""The CatBoost member: defaults on small tables, tuned defaults on larger ones."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.catboost_frames import CatBoostFrameClassifier, CatBoostFrameRegressor
from stackit.presets.member import Member, Rounds
from stackit.presets.shape import TableShape
from stackit.tables import NativePreparation

__all__ = ["CATBOOST", "MEMBERS"]

ROUNDS = Rounds("iterations", "early_stopping_rounds", lambda model: int(model.n_iter_))
SHARED: dict[str, Any] = {
    "boosting_type": "Plain",
    "bootstrap_type": "Bernoulli",
    "subsample": 0.9,
    "one_hot_max_size": 15,
    "leaf_estimation_iterations": 1,
}
OF_CLASSES = SHARED | {"random_strength": 0.8}
OF_NUMBERS = SHARED | {"random_strength": 0.0}


def make_catboost(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return CatBoost of one thread."""
    if shape.is_regression:
        booster: Any = CatBoostFrameRegressor(
            most_rounds(shape), 0.09, depth=7, options=OF_NUMBERS, random_state=random_state
        )
    else:
        booster = CatBoostFrameClassifier(
            most_rounds(shape), 0.08, depth=6, options=OF_CLASSES, random_state=random_state
        )
    return Pipeline([("prepare", NativePreparation()), ("model", booster)])


def most_rounds(shape: TableShape) -> int:
    """Return the most rounds: fewer where each takes long, with many rows or classes."""
    return 600 if shape.n_rows * shape.n_outputs < 100_000 else 300


CATBOOST = Member(
    "catboost",
    "catboost",
    make_catboost,
    "tuned defaults with depth=6 and 600 rounds at most (regression: 7): boosting_type='Plain', "
    "bootstrap_type='Bernoulli', learning_rate=0.08, one_hot_max_size=15, leaf_estimation_iterations=1",
    "CatBoost-TD of Holzmueller et al. (2024), arXiv 2407.04491, with smaller trees",
    requires="catboost",
    rounds=ROUNDS,
)
MEMBERS = (CATBOOST,)
