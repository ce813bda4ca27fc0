"""Checks of sample weights, and their scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats, Rows
from stackit.estimators.named_estimators import NamedEstimators, inner_estimators
from stackit.folds.folds import Folds
from stackit.validation import format_list, invalid_value, warn

__all__ = ["check_sample_weight", "check_weighted_folds", "rescale_weights", "warn_of_scale"]

USUAL_MEAN = 10.0  # weights with a mean within 1/10 and 10 are taken for weights near 1
MOST_ROWS = 100.0  # weights with a mean above this are not numbers of equal rows
MOST_EXACT = 2.0**53  # not all whole numbers above this are floats
# The predictions of these do not depend on the scale of weights.
SCALE_FREE = {"AdaBoost", "DecisionTree", "Dummy", "ExtraTree", "GradientBoosting"}
SCALE_FREE |= {"GaussianNB", "IsotonicRegression", "LinearRegression"}
SCALE_FREE_FORESTS = {"ExtraTrees", "RandomForest"}
CONTAINERS = {"ClassifierChain", "MultiOutput", "Pipeline", "TransformedTarget", "Voting"}
CONTAINERS |= {"GridSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV", "RandomizedSearchCV"}


def check_sample_weight(sample_weight: Any, n: int) -> Floats | None:
    """Return weights as (n,) finite floats, at least 0 and not all 0; None stays None.

    Examples
    --------
    >>> check_sample_weight([1, 2, 0], 3).tolist()
    [1.0, 2.0, 0.0]
    >>> check_sample_weight([1, -2, 0], 3)
    Traceback (most recent call last):
        ...
    ValueError: sample_weight is negative in 1 rows, as low as -2. Give rows that are to be ...
    """
    if sample_weight is None:
        return None
    weights = _numbers(sample_weight, n)
    if weights.shape != (n,):
        expected = f"one value per row, of shape ({n},)"
        raise invalid_value("sample_weight", expected, f"shape={weights.shape}", f"Pass {n} weights")
    if not np.isfinite(weights).all():
        got = f"NaN or infinity in {int((~np.isfinite(weights)).sum())} rows"
        raise invalid_value("sample_weight", "finite", got, "Give each row a weight, 0 to leave it out")
    if (weights < 0).any():
        n_below = int((weights < 0).sum())
        raise ValueError(
            f"sample_weight is negative in {n_below} rows, as low as {weights.min():.3g}. Give rows that are "
            "to be left out a weight of 0."
        )
    if not weights.any():
        raise ValueError("sample_weight has only zero weights. Pass a weight above zero for some row.")
    return weights


def check_weighted_folds(weights: Floats | None, folds: Folds) -> None:
    """Raise a ValueError, before anything is fitted, where all rows of a training part have weight 0."""
    if weights is None or weights.all():
        return
    for (repeat, fold), (train, _) in zip(folds.labels, folds.splits, strict=True):
        if not weights[train].any():
            raise ValueError(
                f"sample_weight has only zero weights in the training part of repeat {repeat} fold {fold}. "
                "Leave these rows out, or use shuffled folds."
            )


def rescale_weights(weights: Floats, rows: Rows | slice = slice(None)) -> Floats:
    """Return weights without their unit: as numbers of rows where possible, else with mean 1.

    Weights that are multiples of a common unit, such as 1, 2, 2, 5 or a thousandth of these, become numbers
    of equal rows: a weight of 2 means the row twice. Others are divided by their mean over `rows`, or over
    all rows where those have no weight.

    Examples
    --------
    >>> rescale_weights(np.array([1e-3, 3e-3])).tolist()
    [1.0, 3.0]
    >>> rescale_weights(np.array([1.0, 1.5, 2.5, 3.0])).round(3).tolist()
    [0.5, 0.75, 1.25, 1.5]
    """
    counts = _as_counts(weights)
    if counts is not None:
        return counts
    weights = weights / weights.max()  # a sum of very large floats overflows
    mean = weights[rows].mean()
    return np.asarray(weights / (mean if mean > 0 else weights.mean()))


def _as_counts(weights: Floats) -> Floats | None:
    """Return weights as multiples of their unit; None where they have none or their mean is too large."""
    positive = weights[weights > 0]
    whole = positive.max() < MOST_EXACT and not (positive % 1).any()
    unit = np.gcd.reduce(positive.astype(np.int64)) if whole else positive.min()
    with np.errstate(over="ignore"):  # a tiny unit may make counts infinite
        counts = weights / unit
    rounded = np.rint(counts)
    if not rounded.mean() <= MOST_ROWS or abs(counts - rounded).max() > 1e-6:
        return None
    return np.asarray(rounded)


def warn_of_scale(
    estimators: NamedEstimators, fit_params: Mapping[str, Mapping[str, Any]], weights: Floats | None
) -> None:
    """Warn, before anything is fitted, of estimators that the scale of the weights misleads.

    Penalties, minimum weights of leaves and shares of rows to draw are compared with sums of weights: with
    weights of 1 / n, xgboost predicts one constant, and a forest draws one row per tree. As in scikit-learn,
    weights are passed on unchanged, since a weight of 2 may mean two rows. Whole numbers count as numbers of
    rows. `fit_params` has what the fit of each estimator gets; those without weights are skipped.
    """
    if weights is None:
        return
    mean = float(weights.mean())
    are_counts = mean > 1 and bool((weights == np.rint(weights)).all())
    if 1 / USUAL_MEAN <= mean <= USUAL_MEAN or are_counts:
        return
    misled = [
        name
        for name, estimator in estimators
        if any(key.split("__")[-1] == "sample_weight" for key in fit_params.get(name, ()))
        and _depends_on_scale(estimator)
    ]
    if misled:
        warn(
            f"sample_weight has a mean of {mean:.3g}, and the fits of {format_list(misled)} depend on its "
            "scale: penalties, leaves and draws of rows are compared with sums of weights. Pass "
            "sample_weight / np.mean(sample_weight), unless a weight is a number of rows."
        )


def _numbers(sample_weight: Any, n: int) -> Floats:
    """Return weights as floats; text is refused, also where it reads as numbers."""
    try:
        given = np.asarray(sample_weight)
        if given.dtype.kind in "USMmcV" or (given.dtype.kind == "O" and _holds_text(given)):
            raise TypeError(f"values of the type {given.dtype}")
        return given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise invalid_value("sample_weight", "one number per row", str(error), f"Pass {n} numbers") from error


def _holds_text(given: npt.NDArray[Any]) -> bool:
    return any(isinstance(value, str | bytes) for value in given.flat)


def _depends_on_scale(estimator: Any) -> bool:
    """Whether the predictions of an estimator or of its parts may depend on the scale of weights."""
    return any(not _is_scale_free(part) for part in _predictors(estimator))


def _is_scale_free(part: Any) -> bool:
    module, name = type(part).__module__, _name_of(part)
    if not module.startswith("sklearn."):
        return module.startswith(("stackit.precomputed.", "stackit.combine."))
    if name in SCALE_FREE_FORESTS:
        return not isinstance(part.max_samples, float)
    return name in SCALE_FREE


def _predictors(estimator: Any) -> Iterator[Any]:
    """Yield the predictors inside a container of estimators; any other estimator itself."""
    if not (type(estimator).__module__.startswith("sklearn.") and _name_of(estimator) in CONTAINERS):
        yield estimator
        return
    for member in inner_estimators(estimator):
        if hasattr(member, "predict"):
            yield from _predictors(member)


def _name_of(estimator: Any) -> str:
    return type(estimator).__name__.removesuffix("Classifier").removesuffix("Regressor")
