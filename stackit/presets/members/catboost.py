"""The CatBoost member: defaults on small tables, tuned defaults on larger ones."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.members.catboost_frames import CatBoostFrameClassifier, CatBoostFrameRegressor
from stackit.presets.members.member import Member, Rounds
from stackit.presets.members.shape import TableShape
from stackit.tables import NativePreparation

__all__ = ["CATBOOST", "MEMBERS"]

CAP = 600
SMALL_CAP, SMALL_RATE = 1500, 0.05  # where a round is cheap: the library's defaults, which then are better
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
    """Return CatBoost of one thread; where each round takes long, of fewer rounds that learn faster."""
    kind: Any = CatBoostFrameRegressor if shape.is_regression else CatBoostFrameClassifier
    if shape.pace == 1:
        booster = kind(SMALL_CAP, SMALL_RATE, depth=6, options={}, random_state=random_state)
    else:
        pace = min(shape.pace, 2.0)
        options, rate, depth = (OF_NUMBERS, 0.09, 7) if shape.is_regression else (OF_CLASSES, 0.08, 6)
        booster = kind(
            round(CAP / pace), rate * pace, depth=depth, options=options, random_state=random_state
        )
    return Pipeline([("prepare", NativePreparation()), ("model", booster)])


CATBOOST = Member(
    "catboost",
    "catboost",
    make_catboost,
    "small tables: defaults with learning_rate=0.05, 1500 rounds at most; larger ones: tuned defaults with "
    "depth=6 and 600 rounds at most (regression: 7): boosting_type='Plain', bootstrap_type='Bernoulli', "
    "learning_rate=0.08, one_hot_max_size=15, leaf_estimation_iterations=1",
    "the library's defaults; CatBoost-TD of Holzmueller et al. (2024), arXiv 2407.04491, with smaller trees",
    requires="catboost",
    rounds=ROUNDS,
)
MEMBERS = (CATBOOST,)
