"""Which estimators can be fitted on all folds at once, and whether the installed scikit-learn agrees."""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline

from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult
from stackit.batched_fits.pipelines import has_batched_learner
from stackit.batched_fits.registry import registered_fits
from stackit.batched_fits.scaled_pipeline import is_scaled
from stackit.estimators.estimator_type import is_classifier, tags_of
from stackit.folds import make_folds

__all__ = ["call_fit_folds", "can_batch", "fit_batched", "takes_other_tables"]


def can_batch(estimator: Any) -> bool:
    """Whether an estimator has ``fit_folds``, or is of exactly a type that the registry knows.

    A pipeline can be batched if its last step has ``fit_folds``: its other steps are fitted fold by fold.
    All folds are fitted at once only where no training part lacks a class and the table is a dense matrix of
    finite numbers; the estimator gets that matrix, also when the table is a data frame, and may decline even
    then. An estimator with a ``fit_folds`` of its own gets other tables as they are if its input
    tags say ``categorical`` or ``three_d_array``.

    Parameters
    ----------
    estimator : estimator
        Not fitted.

    Returns
    -------
    bool

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> can_batch(RandomForestRegressor())
    False
    """
    if hasattr(estimator, "fit_folds"):
        return True
    if type(estimator) is Pipeline and not is_scaled(estimator):
        return has_batched_learner(estimator)
    return type(estimator) in _registered(type(estimator)) and get_config()["transform_output"] == "default"


def fit_batched(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    """Fit an estimator on all folds at once.

    Parameters
    ----------
    estimator : estimator
        Not changed.
    request : BatchedRequest
        The tables and the folds.

    Returns
    -------
    BatchedResult or None
        None when the plain loop must do it: exactness is not certain, or the installed library has
        changed since the batched fit was written.

    Raises
    ------
    ValueError
        When an estimator's own ``fit_folds`` does not return one fitted estimator per split.

    Examples
    --------
    >>> import numpy as np
    >>> class Constant:
    ...     def fit_folds(self, X, y, folds, sample_weight=None):
    ...         return [float(y[train].mean()) for train, _ in folds.split()]
    >>> folds = make_folds([0, 0, 1, 1], scheme="kfold", n_splits=2, random_state=0)
    >>> request = BatchedRequest(np.eye(4), np.array([0.0, 0, 1, 1]), folds, "predict")
    >>> fit_batched(Constant(), request).estimators
    [0.0, 1.0]
    """
    if hasattr(estimator, "fit_folds"):
        return call_fit_folds(estimator, request)
    fit = _registered(type(estimator)).get(type(estimator))
    if fit is None or not _matches_sklearn(_kinds(estimator)):
        return None
    try:
        return fit(estimator, request)
    except Exception:  # noqa: BLE001 - the plain loop reports better what is wrong with a table or parameter
        return None


def call_fit_folds(estimator: Any, request: BatchedRequest) -> BatchedResult:
    """Call an estimator's own ``fit_folds``, with the optional arguments that it takes."""
    known = signature(estimator.fit_folds).parameters
    extra = {"seeds": request.seeds, "watch": request.validation}
    extra = {name: value for name, value in extra.items() if value is not None and name in known}
    fitted = list(estimator.fit_folds(request.X, request.y, request.folds, request.sample_weight, **extra))
    if len(fitted) != len(request.folds.splits):
        raise ValueError(
            f"{type(estimator).__name__}.fit_folds must return one fitted estimator for each of the "
            f"{len(request.folds.splits)} splits of folds.split(), but it returned {len(fitted)}."
        )
    return BatchedResult(fitted)


def takes_other_tables(estimator: Any) -> bool:
    """Whether an estimator has ``fit_folds``, and tags which say that it takes other tables than matrices."""
    tags = tags_of(estimator) if hasattr(estimator, "fit_folds") else None
    return tags is not None and bool(tags.input_tags.categorical or tags.input_tags.three_d_array)


def _registered(kind: type) -> dict[type, BatchedFit]:
    return registered_fits(kind, "BATCHED")


def _kinds(estimator: Any) -> tuple[type, ...]:
    """Return an estimator's type, or those of its steps if it is a pipeline."""
    return tuple(map(type, estimator)) if type(estimator) is Pipeline else (type(estimator),)


@cache
def _matches_sklearn(kinds: tuple[type, ...]) -> bool:
    """Whether a batched fit agrees with the installed library on a small table; tried once per process."""
    try:
        return _agrees(kinds)
    except Exception:  # noqa: BLE001 - a library that has changed can fail in any way
        return False


def _agrees(kinds: tuple[Any, ...]) -> bool:
    """Whether predictions on a small table are those of plain fits."""
    steps, random = [kind() for kind in kinds], np.random.default_rng(0)
    estimator = make_pipeline(*steps) if len(steps) > 1 else steps[0]
    X = random.integers(0, 9, size=(40, 3)) + random.random((40, 3))
    y = np.arange(40) % 2 if is_classifier(estimator) else X @ [1.0, -2.0, 0.5] + random.random(40)
    folds = make_folds(y, scheme="kfold", n_splits=3, random_state=0)
    request = BatchedRequest(X, y, folds, "predict", X_test=X[:7])
    batched = _registered(type(estimator))[type(estimator)](estimator, request)
    if batched is None:
        return True  # it declines small tables, and checks exactness itself
    plain = [clone(estimator).fit(X[train], y[train]) for train, _ in folds.split()]
    return all(
        np.allclose(ours.predict(X), theirs.predict(X), rtol=1e-8, atol=1e-10)
        for ours, theirs in zip(batched.estimators, plain, strict=True)
    )
