"""PrepGBM members: LightGBM on generated features."""

from __future__ import annotations

from functools import partial
from typing import Any

from sklearn.pipeline import Pipeline

from stackit.presets.members.lightgbm import PORTFOLIO, ROUNDS, Parameters, make_booster, tuned
from stackit.presets.members.member import Member, patience_of
from stackit.presets.members.shape import TableShape
from stackit.tables import GeneratedFeatures, NativePreparation

__all__ = ["MEMBERS", "PREP_LARGE", "PREP_SMALL", "PREP_XT"]

# Of AutoGluon's CPU portfolio of December 2025; r13 and r41 learn faster than there (0.0193 and 0.0074),
# since generated columns make rounds long.
R13 = tuned(0.03, 64, 0.553, 0.992, 28, 0.914, 1.904)
R41 = tuned(0.015, 8, 0.425, 0.722, 15, 0.113, 0.262)
R31 = tuned(0.0397, 16, 0.579, 0.959, 1, 0.938, 0.990, extra_trees=False)


def make_prepared(parameters: Parameters, cap: int, shape: TableShape, random_state: Any = None) -> Pipeline:
    """Return LightGBM on the columns of a table and generated ones."""
    steps = [
        ("prepare", NativePreparation()),
        ("generate", GeneratedFeatures(shape.target)),
        ("model", make_booster(parameters, cap, shape, random_state)),
    ]
    return Pipeline(steps)


def unsuitable(shape: TableShape) -> str | None:
    """Say why no features are generated for a table."""
    if shape.n_numbers < 2 and shape.n_categories < 2:
        return "there are neither two numbers nor two categories to combine"
    return None


def prepared(name: str, parameters: Parameters, cap: int, source: str) -> Member:
    """Return the member of one configuration."""
    shown = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return Member(
        name,
        "generated",
        partial(make_prepared, parameters, cap),
        f"generated features; {shown}",
        source,
        unsuitable=unsuitable,
        requires="lightgbm",
        rounds=ROUNDS,
        patience=partial(patience_of, learning_rate=parameters["learning_rate"]),
    )


PREP_XT = prepared("prep_xt", R13, 700, f"PrepGBM r13 of {PORTFOLIO}")
PREP_SMALL = prepared("prep_small", R41, 1000, f"PrepGBM r41 of {PORTFOLIO}")
PREP_LARGE = prepared("prep_lgbm", R31, 600, f"PrepGBM r31 of {PORTFOLIO}")
MEMBERS = (PREP_XT, PREP_SMALL, PREP_LARGE)
