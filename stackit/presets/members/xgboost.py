"""The XGBoost member: tuned defaults, with native categories."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member, Rounds
from stackit.presets.members.shape import MANY_CLASSES, TableShape
from stackit.tables import NativePreparation
from stackit.validation import import_optional

__all__ = ["MEMBERS", "XGB_TD"]

ROUNDS = Rounds("n_estimators", "early_stopping_rounds", lambda model: int(model.best_iteration) + 1)
CAP = 1000
FASTEST = 0.1  # learning rate where classes are few: 0.16 costs 0.002 to 0.01 of AUC on 30 000 rows
SHARED = {"reg_lambda": 0.0, "tree_method": "hist", "max_bin": 256, "enable_categorical": True}
OF_CLASSES = {
    "max_depth": 6,
    "min_child_weight": 5e-6,
    "colsample_bylevel": 0.9,
    "subsample": 0.65,
}
OF_NUMBERS = {"max_depth": 9, "min_child_weight": 2.0, "subsample": 0.7}


def make_tuned_default(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return XGBoost of one thread with tuned defaults."""
    xgboost = import_optional("xgboost", "boost")
    kind = xgboost.XGBRegressor if shape.is_regression else xgboost.XGBClassifier
    learning_rate, own = (0.05, OF_NUMBERS) if shape.is_regression else (0.08, OF_CLASSES)
    fastest = FASTEST if shape.n_outputs <= MANY_CLASSES else 1.0
    booster = kind(
        n_estimators=round(CAP / shape.pace),
        learning_rate=min(fastest, shape.pace * learning_rate),
        n_jobs=1,
        verbosity=0,
        random_state=random_state,
        **SHARED,
        **own,
    )
    return Pipeline([("prepare", NativePreparation()), ("model", booster)])


XGB_TD = Member(
    "xgb_td",
    "xgboost",
    make_tuned_default,
    "tuned defaults: learning_rate=0.08, max_depth=6, subsample=0.65 (regression: 0.05, 9, 0.7); "
    "learning_rate at most 0.1 with many rows",
    "XGB-TD of Holzmueller et al. (2024), arXiv 2407.04491",
    requires="xgboost",
    rounds=ROUNDS,
)
MEMBERS = (XGB_TD,)
