"""Weights of combiners, checked against the estimators that they weigh before anything is fitted."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from stackit.combine.weighted import check_weights
from stackit.ensemble.final import FinalEstimatorMixin, is_combiner
from stackit.ensemble.level import Level
from stackit.ensemble.passthrough import Passthrough, select_columns
from stackit.validation import format_list, warn

__all__ = ["validate_level_weights", "without_failed"]


def validate_level_weights(
    levels: Sequence[Level], final: Any, passthrough: Passthrough, X: Any = None
) -> None:
    """Validate the weights of all combiners of levels and of the final estimator, before they are fitted.

    `passthrough` is that of the final estimator. Without X, combiners that see columns of X are skipped.
    """
    passed = [*(level.passthrough for level in levels), passthrough]
    estimators = [*([one for _, one in level.members] for level in levels), [final]]
    below: list[list[str] | None] = [None, *([name for name, _ in level.members] for level in levels)]
    for names, columns, readers in zip(below, passed, estimators, strict=True):
        known = None if X is None and columns is not False else names
        seen = None if known is None or columns is False else select_columns(columns, X)
        for reader in readers:
            _validate_weights(reader, known, seen)


def without_failed(estimator: Any, names: Sequence[str], left: Container[str]) -> Any:
    """Return an estimator without its weights of failed estimators, with a warning if they were above 0.

    `names` are the estimators that it was to weigh, in order, and `left` those that did not fail. It is
    returned as it is where it has no such weights.
    """
    failed = [name for name in names if name not in left]
    path, weights = _weights_of(estimator)
    if not failed or weights is None:
        return estimator
    if isinstance(weights, Mapping):
        rest: Any = {name: weight for name, weight in weights.items() if name not in failed}
        lost, kept = [name for name in failed if weights.get(name)], [*rest.values()]
    else:
        pairs = [*zip_longest(names, weights)]
        rest = kept = [weight for name, weight in pairs if name not in failed]
        lost = [name for name, weight in pairs if name in failed and weight]
    if not any(kept):
        raise ValueError(
            f"All estimators with a weight above 0 have failed ({format_list(lost)}; weights={weights!r}). "
            "Repair these, or give others a weight."
        )
    if lost:
        warn(
            f"The given weights of {format_list(lost)}, which failed, go to the other estimators in "
            "proportion."
        )
    return clone(estimator).set_params(**{path: rest})


def _validate_weights(estimator: Any, names: Iterable[str] | None = None, passed: Any = None) -> None:
    """Raise where a combiner has weights of unknown estimators, or a wrong number of them.

    An ensemble is searched for combiners inside; other estimators pass. `names` are the estimators below
    (None where they are unknown), and `passed` is the table of X that the combiner sees next to them.
    """
    if isinstance(estimator, FinalEstimatorMixin):
        estimator._check_weights()
    elif names is not None and is_combiner(estimator):
        known = [*names] if passed is None else _known_names([*names], passed)
        check_weights(estimator, known, complete=passed is None)


def _weights_of(estimator: Any) -> tuple[str, Any]:
    """Return the parameter that holds the given weights of a combiner, and these; None if there are none."""
    path, inner = "weights", estimator
    while getattr(inner, "combiner", None) is not None:
        path, inner = f"combiner__{path}", inner.combiner
    return path, getattr(inner, "weights", None) if is_combiner(inner) else None


def _known_names(names: list[str], passed: Any) -> list[str]:
    """Return the names of estimators and of columns of X; without column names all are x0, x1, ..."""
    if isinstance(passed, pd.DataFrame):
        return [*names, *(str(column).split("__")[0] for column in passed.columns)]
    n_columns = (*getattr(passed, "shape", np.shape(passed)), 0, 0)[1]
    return [f"x{at}" for at in range(len(names) + n_columns)]
