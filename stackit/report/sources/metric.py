"""The name of a metric."""

from __future__ import annotations

from stackit.assess.losses import metric_name
from stackit.estimators.scoring import Scoring
from stackit.target import Target

__all__ = ["scoring_name"]


def scoring_name(scoring: Scoring, target: Target) -> str:
    """Return scikit-learn's name of a scorer, or else the name of its function."""
    if isinstance(scoring, str):
        return scoring
    known = metric_name(scoring, target)
    if known is not None:
        return known
    function = getattr(scoring, "_score_func", scoring)
    return str(getattr(function, "__name__", type(scoring).__name__))
