"""Naive Bayes on all folds: counts and moments of the classes, added over the held-out parts."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.base import clone
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB

from stackit.arrays import Floats
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, make_fitted
from stackit.batched_fits.gaussian.class_moments import (
    ClassMoments,
    ClassTable,
    leave_one_out_sums,
    squares,
)
from stackit.batched_fits.gaussian.likelihoods import GaussianParams, is_accurate, log_likelihoods
from stackit.batched_fits.gaussian.parameters import are_priors
from stackit.batched_fits.linear_scores import batched_scores
from stackit.batched_fits.scaling import ScaledColumns, ScaledFit, Scaling

__all__ = ["BATCHED", "SCALED"]

MAX_OFFSET = 1e5
"""Means further than this many deviations from 0 leave deviations of rounding errors."""


def fit_gaussian(
    estimator: Any, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit GaussianNB on all folds; a `BatchedFit`.

    Declined (None): priors or a smoothing that scikit-learn refuses, weights that are negative or leave a
    class without rows, a class missing in a training part, variances that consist of rounding errors; behind
    a scaler also rows so far from all classes that its rounding errors decide between these.
    """
    table, weight = ClassTable.of(request, scaling), request.sample_weight
    if table is None or not _is_known_gaussian(estimator, table.n_classes, weight):
        return None
    moments = list(table.training_moments(squares, weight))
    of_all_rows = moments
    if weight is not None:
        one_class = replace(table, classes=table.classes[:1], codes=np.zeros_like(table.codes))
        of_all_rows = list(one_class.training_moments(squares))
    fitted, params = [], []
    for found, all_rows, X in zip(moments, of_all_rows, table.of_splits(), strict=True):
        fitted.append(_gaussian(estimator, table.classes, found, float(_variance(all_rows).max())))
        offset = _offset(fitted[-1], found, X)
        if (found.count < 1e-6).any() or offset > MAX_OFFSET:
            return None
        params.append(GaussianParams.of(fitted[-1], offset, X))
    return _gaussian_result(fitted, params, table, request)


def _is_known_gaussian(estimator: Any, n_classes: int, weight: Floats | None) -> bool:
    smoothing, priors = estimator.var_smoothing, estimator.priors
    return (
        isinstance(smoothing, Real)
        and 0 <= float(smoothing) < np.inf
        and (priors is None or are_priors(priors, n_classes))
        and (weight is None or bool((weight >= 0).all()))
    )


def _variance(moments: ClassMoments) -> Floats:
    """Return the (d,) variances of all classes together."""
    share = moments.count / moments.count.sum()
    mean = share @ moments.mean
    variance: Floats = moments.scatter.sum(axis=0) / moments.count.sum() + share @ (moments.mean - mean) ** 2
    return variance


def _gaussian(estimator: Any, classes: npt.NDArray[Any], moments: ClassMoments, largest: float) -> Any:
    """Return the estimator of one fold: a share of the largest variance, of unweighted rows, is added."""
    count, priors = moments.count, estimator.priors
    epsilon = np.float64(estimator.var_smoothing * largest)
    return make_fitted(
        estimator,
        classes_=classes.copy(),
        n_features_in_=moments.mean.shape[1],
        class_count_=count,
        class_prior_=count / count.sum() if priors is None else np.array(priors, dtype=np.float64),
        theta_=moments.mean,
        epsilon_=epsilon,
        var_=moments.scatter / np.where(count > 0, count, 1)[:, None] + epsilon,
    )


def _offset(fitted: Any, moments: ClassMoments, X: Floats | ScaledColumns) -> float:
    """Return how many deviations from 0 a mean is at most, before or behind a scaler.

    Rounding errors of the means are in proportion to it. Constant whole numbers, and constants that a scaler
    turns to 0, have none. Infinite where there is no variance.
    """
    if not (fitted.var_ > 0).all():
        return np.inf
    mean, is_scaled = fitted.theta_, isinstance(X, ScaledColumns)
    size = np.abs(mean)
    if isinstance(X, ScaledColumns):
        size = np.maximum(size, np.abs(X.shift / X.scale))
    exact = (moments.scatter == 0) & (mean == (0.0 if is_scaled else np.rint(mean)))
    return float((np.where(exact, 0.0, size) / np.sqrt(fitted.var_)).max())


def _gaussian_result(
    fitted: list[Any], params: list[GaussianParams], table: ClassTable, request: BatchedRequest
) -> BatchedResult | None:
    """Return the estimators with the probabilities of held-out and test rows.

    None where rounding errors of a scaler show: it makes a constant a little less constant.
    """
    if request.method != "predict_proba":
        return BatchedResult(fitted)
    X, center = table.X, table.X.mean(axis=0)
    held_out = [
        next(log_likelihoods(X[rows], center, [fold]))
        for fold, (_, rows) in zip(params, table.splits, strict=True)
    ]
    test: list[Floats] = []
    if request.X_test is not None:
        test = list(log_likelihoods(np.asarray(request.X_test, dtype=np.float64), center, params))
    if table.scaling is not None and not all(map(is_accurate, held_out + test, params * 2)):
        return None
    of_test = None if request.X_test is None else _softmax(test)
    return BatchedResult(fitted, _softmax(held_out), of_test)


def _softmax(scores: list[Floats]) -> list[Floats]:
    return [softmax(table, axis=1) for table in scores]


def fit_counting(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    """Fit MultinomialNB, ComplementNB or BernoulliNB on all folds; a `BatchedFit`.

    Their fits depend on the rows through the (weighted) sums of each class alone. So scikit-learn itself is
    fitted on these sums: one row per class, and a row of zeros that carries the rest of the class's weight.
    A class missing in a training part is missing in its estimator. Declined (None): negative X (but for
    BernoulliNB) or weights, and a smoothing so small that scikit-learn warns or logarithms may be infinite.
    """
    table = ClassTable.of(request)
    if table is None or not _is_known_counting(estimator, table.n_classes, request):
        return None
    classes, codes, X = table.classes, table.codes, _counted(estimator, request.X)
    onehot = np.eye(len(classes))[codes]
    if request.sample_weight is not None:
        onehot *= request.sample_weight[:, None]
    fitted = []
    for parts in table.repeats:
        # The last column counts rows.
        sums = [np.column_stack([onehot[rows].T @ X[rows], onehot[rows].sum(axis=0)]) for rows in parts]
        counts = [np.bincount(codes[rows], minlength=len(classes)).astype(np.float64) for rows in parts]
        for total, n_rows in zip(leave_one_out_sums(sums), leave_one_out_sums(counts), strict=True):
            seen = n_rows > 0
            if seen.sum() < 2 or (total[seen, -1] < 1e-6).any():
                return None
            fitted.append(_fitted_on_sums(estimator, classes[seen], total[seen]))
    return BatchedResult(fitted, test=_counting_predictions(fitted, request))


def _is_known_counting(estimator: Any, n_classes: int, request: BatchedRequest) -> bool:
    alpha, prior, weight = np.asarray(estimator.alpha), estimator.class_prior, request.sample_weight
    binarizes = isinstance(estimator, BernoulliNB)
    return bool(
        alpha.dtype.kind in "fiu"
        # scikit-learn's BernoulliNB does not accept one value per column.
        and (alpha.shape == () or (alpha.shape == (request.X.shape[1],) and not binarizes))
        and (alpha >= 1e-10).all()
        and (prior is None or (np.shape(prior) == (n_classes,) and (np.asarray(prior) > 0).all()))
        and (weight is None or (weight >= 0).all())
        and (binarizes or request.X.min(initial=0.0) >= 0)
        and (not binarizes or estimator.binarize is not None or np.isin(request.X, (0.0, 1.0)).all())
    )


def _counted(estimator: Any, X: npt.NDArray[Any]) -> Floats:
    """Return the table to sum up: X, or where it is above BernoulliNB's threshold."""
    if isinstance(estimator, BernoulliNB) and estimator.binarize is not None:
        return np.asarray(X > estimator.binarize, dtype=np.float64)
    return np.asarray(X, dtype=np.float64)


def _fitted_on_sums(estimator: Any, classes: npt.NDArray[Any], total: Floats) -> Any:
    """Return the estimator fitted by scikit-learn on the sums of its classes."""
    sums, weight = total[:, :-1], total[:, -1]
    fitted = clone(estimator)
    if isinstance(fitted, BernoulliNB):
        fitted.set_params(binarize=None)
    rows = np.concatenate([sums, np.zeros_like(sums)])
    weights = np.concatenate([np.ones_like(weight), weight - 1])
    fitted.fit(rows, np.concatenate([classes, classes]), sample_weight=weights)
    return fitted.set_params(binarize=estimator.binarize) if isinstance(fitted, BernoulliNB) else fitted


def _counting_predictions(fitted: list[Any], request: BatchedRequest) -> list[Floats] | None:
    """Return the probabilities of the test rows from one product, if these are requested."""
    if request.method != "predict_proba" or request.X_test is None:
        return None
    weights, offsets = zip(*map(_linear, fitted), strict=True)
    scores = batched_scores(_counted(fitted[0], request.X_test), [one.T for one in weights], offsets)
    return _softmax(scores)


def _linear(fitted: Any) -> tuple[Floats, Floats]:
    """Return the (C, d) weights and (C,) offsets of the joint log-likelihood."""
    weights, offset = fitted.feature_log_prob_, fitted.class_log_prior_
    if isinstance(fitted, ComplementNB):
        return weights, np.zeros_like(offset)
    if isinstance(fitted, BernoulliNB):
        absent = np.log1p(-np.exp(weights))
        return weights - absent, offset + absent.sum(axis=1)
    return weights, offset


SCALED: dict[type, ScaledFit] = {GaussianNB: fit_gaussian}
BATCHED: dict[type, BatchedFit] = {
    BernoulliNB: fit_counting,
    ComplementNB: fit_counting,
    GaussianNB: fit_gaussian,
    MultinomialNB: fit_counting,
}
