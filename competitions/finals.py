"""Final estimators for numbers that several competitions share."""

from __future__ import annotations

from typing import Any

from stackit.combine import ConvexRegressor, GreedyRegressor, MeanRegressor, NonNegativeRegressor

__all__ = ["weighted_averages"]


def weighted_averages() -> list[tuple[str, Any]]:
    """Return the plain average and three that learn weights of at least 0; the last one is the stack.

    Base estimators that are much alike leave the best weights to luck: selections among random halves of
    them, averaged, spread the weights.
    """
    return [
        ("plain average", MeanRegressor()),
        ("non-negative", NonNegativeRegressor()),
        ("convex", ConvexRegressor()),
        ("stack", GreedyRegressor(n_bags=20, random_state=0)),
    ]
