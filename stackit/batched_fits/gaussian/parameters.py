"""Which parameters of discriminant analyses and of naive Bayes are covered."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

__all__ = ["are_priors", "is_shrinkage"]


def are_priors(priors: Any, n_classes: int, sum_to_one: bool = True) -> bool:
    """Whether a parameter ``priors`` holds one positive number per class, as a rule with sum 1."""
    values = np.asarray(priors)
    is_usual = values.dtype.kind in "fiu" and values.shape == (n_classes,)
    return bool(is_usual and (values > 0).all() and (not sum_to_one or abs(values.sum() - 1) < 1e-6))


def is_shrinkage(value: Any) -> bool:
    """Whether a parameter ``shrinkage`` is None, "auto" or a number from 0 to 1."""
    if value is None or isinstance(value, str):
        return value in (None, "auto")
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) <= 1
