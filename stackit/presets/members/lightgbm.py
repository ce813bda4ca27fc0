"""LightGBM members: tuned defaults, extremely randomised trees, and small trees."""

from __future__ import annotations

from functools import partial
from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.members.member import Member, Rounds, patience_of
from stackit.presets.members.shape import MANY_CLASSES, TableShape
from stackit.tables import NativePreparation
from stackit.validation import import_optional

__all__ = [
    "LGBM_LARGE",
    "LGBM_SMALL",
    "LGBM_TD",
    "LGBM_XT",
    "LGBM_XT_LARGE",
    "MEMBERS",
    "ROUNDS",
    "make_booster",
]

ROUNDS = Rounds("n_estimators", "early_stopping_round", lambda model: int(model.best_iteration_))
Parameters = dict[str, Any]
SMALL_ROUNDS = 2  # times as many at most where rounds are short

# Tuned defaults of Holzmueller et al. (2024), "Better by default", arXiv 2407.04491, as in pytabkit 1.7.3.
TD_CLASSES: Parameters = {
    "learning_rate": 0.04,
    "subsample": 0.75,
    "num_leaves": 50,
    "min_child_samples": 40,
    "min_child_weight": 1e-7,
}
TD_NUMBERS: Parameters = TD_CLASSES | {
    "learning_rate": 0.05,
    "subsample": 0.7,
    "num_leaves": 100,
    "min_child_samples": 3,
}


def tuned(
    learning_rate: float,
    leaves: int,
    columns: float,
    rows: float,
    min_rows: int,
    l1: float,
    l2: float,
    extra_trees: bool = True,
) -> Parameters:
    """Return a configuration in the order in which AutoGluon's tables of configurations list it."""
    return {
        "learning_rate": learning_rate,
        "num_leaves": leaves,
        "colsample_bytree": columns,
        "subsample": rows,
        "min_child_samples": min_rows,
        "reg_alpha": l1,
        "reg_lambda": l2,
        "extra_trees": extra_trees,
    }


# Of AutoGluon's CPU portfolio of December 2025, chosen greedily on the tables of TabArena.
R177 = tuned(0.0179, 39, 0.462, 0.877, 3, 0.238, 0.355)
R163 = tuned(0.0114, 84, 0.528, 0.978, 3, 0.027, 0.838, extra_trees=False)
R72 = tuned(0.0180, 180, 0.404, 0.950, 12, 0.766, 1.604)
R120 = tuned(0.025, 5, 0.733, 0.854, 12, 0.241, 0.298)
PORTFOLIO = "AutoGluon 1.6, zeroshot_portfolio_cpu_2025_12_18"


def make_booster(parameters: Parameters, cap: int, shape: TableShape, random_state: Any = None) -> Any:
    """Return a LightGBM estimator of one thread with at most so many rounds, fewer where rounds are long."""
    lightgbm = import_optional("lightgbm", "boost")
    kind = lightgbm.LGBMRegressor if shape.is_regression else lightgbm.LGBMClassifier
    own = parameters | {"learning_rate": shape.pace * parameters["learning_rate"]}
    if shape.n_outputs > MANY_CLASSES:  # histograms of all classes would take most of the time
        own |= {"max_bin": 63, "num_leaves": min(16, parameters["num_leaves"])}
    return kind(
        n_estimators=SMALL_ROUNDS * cap if shape.pace == 1 else round(cap / shape.pace),
        subsample_freq=1,
        n_jobs=1,
        verbosity=-1,
        random_state=random_state,
        **own,
    )


def make_tuned_default(shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return LightGBM with tuned defaults."""
    parameters = TD_NUMBERS if shape.is_regression else TD_CLASSES
    booster = make_booster(parameters, 1000, shape, random_state)
    return Pipeline([("prepare", NativePreparation()), ("model", booster)])


def make_configured(
    parameters: Parameters, cap: int, shape: TableShape, random_state: Any = None
) -> Pipeline:
    """Return LightGBM with the parameters of a configuration."""
    booster = make_booster(parameters, cap, shape, random_state)
    return Pipeline([("prepare", NativePreparation()), ("model", booster)])


def configured(name: str, parameters: Parameters, cap: int, source: str) -> Member:
    """Return the member of one configuration."""
    shown = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return Member(
        name,
        "lightgbm",
        partial(make_configured, parameters, cap),
        shown,
        source,
        requires="lightgbm",
        rounds=ROUNDS,
        patience=partial(patience_of, learning_rate=parameters["learning_rate"]),
    )


LGBM_TD = Member(
    "lgbm_td",
    "lightgbm",
    make_tuned_default,
    "tuned defaults: learning_rate=0.04, num_leaves=50, subsample=0.75 (regression: 0.05, 100, 0.7)",
    "LGBM-TD of Holzmueller et al. (2024), arXiv 2407.04491",
    requires="lightgbm",
    rounds=ROUNDS,
)
LGBM_XT = configured("lgbm_xt", R177, 1500, f"r177 of {PORTFOLIO}")
LGBM_SMALL = configured("lgbm_small", R120, 1500, f"r120 of {PORTFOLIO}, learning twice as fast")
LGBM_LARGE = configured("lgbm_large", R163, 1500, f"r163 of {PORTFOLIO}")
LGBM_XT_LARGE = configured("lgbm_xt_large", R72, 1500, f"r72 of {PORTFOLIO}")
MEMBERS = (LGBM_TD, LGBM_XT, LGBM_SMALL, LGBM_LARGE, LGBM_XT_LARGE)
