"""Nearest centroid on all folds, from the means and squares of the classes."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestCentroid

from stackit.arrays import Floats
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, make_fitted
from stackit.batched_fits.gaussian.class_moments import ClassMoments, ClassTable, squares
from stackit.batched_fits.gaussian.covariance import is_accurate_variance
from stackit.batched_fits.gaussian.parameters import are_priors
from stackit.batched_fits.scaling import ScaledFit, Scaling

__all__ = ["BATCHED", "SCALED"]

MAX_SQUARED_DISTANCE = 1e5
"""Squared distances from 0, in deviations, above which those between rows lose their ninth digit."""


def fit_centroid(
    estimator: Any, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit NearestCentroid with the euclidean metric on all folds; a `BatchedFit`.

    Declined (None): other metrics (medians do not add up), sample weights, parameters that scikit-learn
    warns of or refuses, a class missing in a training part, a column that is constant within
    the classes, means so far from 0 that scikit-learn's own distances are inexact.
    """
    table = ClassTable.of(request, scaling)
    if table is None or request.sample_weight is not None or not _is_known(estimator, table.n_classes):
        return None
    fitted = []
    for moments, X in zip(table.training_moments(squares), table.of_splits(), strict=True):
        variance = moments.scatter.sum(axis=0) / moments.count.sum()
        if (moments.count == 0).any() or (variance == 0).any():
            return None
        if _are_far(moments.mean, variance) or not is_accurate_variance(moments.mean, variance, X):
            return None
        fitted.append(_fitted(estimator, table.classes, moments))
    return BatchedResult(fitted)


def _is_known(estimator: Any, n_classes: int) -> bool:
    threshold, priors = estimator.shrink_threshold, estimator.priors
    return (
        n_classes > 1
        and estimator.metric == "euclidean"
        and (threshold is None or (isinstance(threshold, Real) and 0 < float(threshold) < np.inf))
        # scikit-learn compares the parameter with a text, which fails for an array.
        and not isinstance(priors, np.ndarray)
        and (priors in ("empirical", "uniform") if isinstance(priors, str) else are_priors(priors, n_classes))
    )


def _are_far(mean: Floats, variance: Floats) -> bool:
    """Whether scikit-learn's distances, as differences of squared lengths, are dominated by rounding."""
    return bool(((mean**2 / variance).sum(axis=1) > MAX_SQUARED_DISTANCE).any())


def _fitted(estimator: Any, classes: npt.NDArray[Any], moments: ClassMoments) -> Any:
    """Return the estimator of one fold (Tibshirani, Hastie, Narasimhan and Chu, 2002, eqs. 1 to 5).

    The deviation of class k from the overall mean is measured in units of ``m_k * (s + s_0)``, with
    ``m_k^2 = 1/n_k - 1/n``, s the pooled within-class deviations and s_0 their median.
    """
    count = moments.count
    n = count.sum()
    mean = count @ moments.mean / n
    s = np.sqrt(moments.scatter.sum(axis=0) / (n - len(classes)))
    units = np.sqrt(1 / count - 1 / n)[:, None] * (s + np.median(s))
    deviations, centroids = (moments.mean - mean) / units, moments.mean
    if estimator.shrink_threshold:
        size = np.maximum(np.abs(deviations) - estimator.shrink_threshold, 0)
        deviations = np.sign(deviations) * size
        centroids = mean + units * deviations
    return make_fitted(
        estimator,
        classes_=classes.copy(),
        n_features_in_=moments.mean.shape[1],
        class_prior_=_priors(estimator.priors, count),
        within_class_std_dev_=s,
        deviations_=deviations,
        centroids_=centroids,
    )


def _priors(priors: Any, count: Floats) -> Floats:
    if isinstance(priors, str):
        return count / count.sum() if priors == "empirical" else np.full(len(count), 1 / len(count))
    return np.array(priors)


SCALED: dict[type, ScaledFit] = {NearestCentroid: fit_centroid}
BATCHED: dict[type, BatchedFit] = {NearestCentroid: fit_centroid}
