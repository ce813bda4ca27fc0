"""Nearest centroid on all folds: class means and squares are measured once a held-out part."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.neighbors import NearestCentroid

from stackit.arrays import Floats
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, parts_of
from stackit.batched_fits.gaussian.class_moments import ClassMoments, labels_of, squares, training
from stackit.batched_fits.gaussian.covariance import is_well_conditioned
from stackit.batched_fits.scaling import ScaledFit, Scaling, tables_of, with_shift

__all__ = ["SCALED", "SHARED", "fit_centroid"]

FAR = 1e5
"""Squared distances from 0, in deviations, above which those between rows lose their ninth digit."""


def fit_centroid(
    estimator: Any, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit NearestCentroid with the euclidean metric on all folds; a `BatchedFit`.

    Declined (None): other metrics (medians do not add up), sample weights, parameters that scikit-learn
    warns of or refuses, a class missing in a training part, a column that is constant within
    the classes, means so far from 0 that scikit-learn's own distances are inexact.

    Parameters
    ----------
    estimator : NearestCentroid
        Not changed.
    request : Request
        What the plain loop would get.
    scaling : Scaling, optional
        What a scaler in front does to the columns.

    Returns
    -------
    Shared or None

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from stackit import make_folds
    >>> X, y = load_iris(return_X_y=True)
    >>> folds = make_folds(y, n_splits=3, random_state=0)
    >>> shared = fit_centroid(NearestCentroid(), BatchedRequest(X, y, folds, "predict"))
    >>> [e.score(X[held_out], y[held_out]) for e, (_, held_out) in zip(shared.estimators, folds.splits)]
    [0.9, 0.96, 0.94]
    """
    labels, repeats = labels_of(request.y), parts_of(request.folds)
    if labels is None or repeats is None or request.sample_weight is not None:
        return None
    (classes, codes), X = labels, np.asarray(request.X, dtype=np.float64)
    if not _is_known(estimator, len(classes)):
        return None
    fitted = []
    found = training(X, codes, len(classes), repeats, squares, scaling=scaling)
    for moments, table in zip(found, tables_of(X, scaling, len(request.folds.splits)), strict=True):
        variance = moments.scatter.sum(axis=0) / moments.count.sum()
        if (moments.count == 0).any() or (variance == 0).any():
            return None
        if _are_far(moments.mean, variance) or not is_well_conditioned(
            with_shift(moments.mean, table), variance
        ):
            return None
        fitted.append(_centroids(estimator, classes, moments))
    return BatchedResult(fitted)


def _is_known(estimator: Any, n_classes: int) -> bool:
    threshold = estimator.shrink_threshold
    return (
        n_classes > 1
        and estimator.metric == "euclidean"
        and (threshold is None or (isinstance(threshold, Real) and 0 < float(threshold) < np.inf))
        and _are_priors(estimator.priors, n_classes)
    )


def _are_priors(given: Any, n_classes: int) -> bool:
    if isinstance(given, str):
        return given in ("empirical", "uniform")
    # scikit-learn compares the parameter with a text, which an array does not survive.
    if isinstance(given, np.ndarray):
        return False
    priors = np.asarray(given)
    usual = priors.dtype.kind in "fiu" and priors.shape == (n_classes,)
    return bool(usual and (priors > 0).all() and abs(priors.sum() - 1) < 1e-6)


def _are_far(mean: Floats, variance: Floats) -> bool:
    """Whether scikit-learn's distances, as differences of squared lengths, are dominated by rounding."""
    return bool(((mean**2 / variance).sum(axis=1) > FAR).any())


def _centroids(estimator: Any, classes: npt.NDArray[Any], moments: ClassMoments) -> Any:
    """Return the estimator of one fold (Tibshirani, Hastie, Narasimhan and Chu, 2002, eqs. 1 to 5).

    The deviation of class k from the overall mean is measured in units of ``m_k * (s + s_0)``, with
    ``m_k^2 = 1/n_k - 1/n``, s the pooled within-class deviations and s_0 their median.
    """
    count, n_classes = moments.count, len(classes)
    n = count.sum()
    fitted = clone(estimator)
    fitted.classes_, fitted.n_features_in_ = classes.copy(), moments.mean.shape[1]
    fitted.class_prior_ = _priors(estimator.priors, count)
    fitted.within_class_std_dev_ = np.sqrt(moments.scatter.sum(axis=0) / (n - n_classes))
    mean = count @ moments.mean / n
    s = fitted.within_class_std_dev_
    units = np.sqrt(1 / count - 1 / n)[:, None] * (s + np.median(s))
    fitted.deviations_ = (moments.mean - mean) / units
    fitted.centroids_ = moments.mean
    if estimator.shrink_threshold:
        size = np.maximum(np.abs(fitted.deviations_) - estimator.shrink_threshold, 0)
        fitted.deviations_ = np.sign(fitted.deviations_) * size
        fitted.centroids_ = mean + units * fitted.deviations_
    return fitted


def _priors(given: Any, count: Floats) -> Floats:
    if isinstance(given, str):
        return count / count.sum() if given == "empirical" else np.full(len(count), 1 / len(count))
    return np.array(given)


SCALED: dict[type, ScaledFit] = {NearestCentroid: fit_centroid}
SHARED: dict[type, BatchedFit] = {NearestCentroid: fit_centroid}
