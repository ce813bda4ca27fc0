"""Naive Bayes on all folds: counts and moments of the classes, added over the held-out parts."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB

from stackit.arrays import Floats
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, parts_of
from stackit.batched_fits.gaussian.class_moments import ClassMoments, labels_of, others, squares, training
from stackit.batched_fits.gaussian.likelihoods import GaussianParams, is_accurate, log_likelihoods
from stackit.batched_fits.linear.scores import batched_scores, softmax
from stackit.batched_fits.scaling import ScaledColumns, ScaledFit, Scaling, tables_of

__all__ = ["SCALED", "SHARED", "fit_counting", "fit_gaussian"]

OFFSET = 1e5
"""A class mean further than this many deviations from 0 has a deviation of rounding errors."""


def fit_gaussian(
    estimator: Any, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit GaussianNB on all folds; a `BatchedFit`.

    Declined (None): priors or a smoothing that scikit-learn refuses, weights that are negative or leave a
    class without rows, a class missing in a training part, variances that consist of rounding errors; behind
    a scaler also rows so far from all classes that its rounding errors decide between these.

    Parameters
    ----------
    estimator : GaussianNB
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
    >>> shared = fit_gaussian(GaussianNB(), BatchedRequest(X, y, folds, "predict_proba"))
    >>> [e.score(X[held_out], y[held_out]) for e, (_, held_out) in zip(shared.estimators, folds.splits)]
    [0.96, 0.94, 0.98]
    """
    labels, repeats = labels_of(request.y), parts_of(request.folds)
    if labels is None or repeats is None or not _is_known_gaussian(estimator, len(labels[0]), request):
        return None
    (classes, codes), X = labels, np.asarray(request.X, dtype=np.float64)
    n_classes, weight = len(classes), request.sample_weight
    moments = list(training(X, codes, n_classes, repeats, squares, weight, scaling))
    unweighted = moments
    if weight is not None:
        unweighted = list(training(X, np.zeros_like(codes), 1, repeats, squares, scaling=scaling))
    fitted, bells, tables = [], [], tables_of(X, scaling, len(moments))
    for found, all_rows, table in zip(moments, unweighted, tables, strict=True):
        largest = float(_variance(all_rows).max())
        fitted.append(_gaussian(estimator, classes, found, largest))
        offset = _offset(fitted[-1], found, table)
        if (found.count < 1e-6).any() or offset > OFFSET:
            return None
        bells.append(GaussianParams.of(fitted[-1], offset, table))
    return _gaussian_answers(fitted, bells, X, request, scaling is not None)


def _is_known_gaussian(estimator: Any, n_classes: int, request: BatchedRequest) -> bool:
    smoothing, weight = estimator.var_smoothing, request.sample_weight
    return (
        isinstance(smoothing, Real)
        and 0 <= float(smoothing) < np.inf
        and (estimator.priors is None or _are_priors(estimator.priors, n_classes))
        and (weight is None or bool((weight >= 0).all()))
    )


def _are_priors(given: Any, n_classes: int) -> bool:
    priors = np.asarray(given)
    usual = priors.dtype.kind in "fiu" and priors.shape == (n_classes,)
    return bool(usual and (priors > 0).all() and abs(priors.sum() - 1) < 1e-6)


def _variance(moments: ClassMoments) -> Floats:
    """Return the (d,) variances of all classes together."""
    share = moments.count / moments.count.sum()
    mean = share @ moments.mean
    variance: Floats = moments.scatter.sum(axis=0) / moments.count.sum() + share @ (moments.mean - mean) ** 2
    return variance


def _gaussian(estimator: Any, classes: npt.NDArray[Any], moments: ClassMoments, largest: float) -> Any:
    """Return the estimator of one fold: variances get a share of the largest, of unweighted rows, on top."""
    fitted = clone(estimator)
    count = moments.count
    fitted.classes_ = classes.copy()
    fitted.n_features_in_ = moments.mean.shape[1]
    fitted.class_count_ = count
    fitted.class_prior_ = (
        count / count.sum() if fitted.priors is None else np.array(fitted.priors, dtype=np.float64)
    )
    fitted.theta_ = moments.mean
    fitted.epsilon_ = np.float64(fitted.var_smoothing * largest)
    fitted.var_ = moments.scatter / np.where(count > 0, count, 1)[:, None] + fitted.epsilon_
    return fitted


def _offset(fitted: Any, moments: ClassMoments, X: Floats | ScaledColumns) -> float:
    """Return how many deviations from 0 a mean is at most, before a scaler or behind it; inf without any.

    Rounding errors of the means are in proportion. Constant whole numbers, and constants that a scaler turns
    to 0, have none.
    """
    if not (fitted.var_ > 0).all():
        return np.inf
    mean, moved = fitted.theta_, isinstance(X, ScaledColumns)
    size = np.abs(mean)
    if isinstance(X, ScaledColumns):
        size = np.maximum(size, np.abs(X.shift / X.scale))
    exact = (moments.scatter == 0) & (mean == (0.0 if moved else np.rint(mean)))
    return float((np.where(exact, 0.0, size) / np.sqrt(fitted.var_)).max())


def _gaussian_answers(
    fitted: list[Any], bells: list[GaussianParams], X: Floats, request: BatchedRequest, scaled: bool
) -> BatchedResult | None:
    """Return the estimators with the probabilities of held-out and test rows.

    None where a scaler's rounding shows: it makes a constant a little less constant.
    """
    if request.method != "predict_proba":
        return BatchedResult(fitted)
    center = X.mean(axis=0)
    scores = [
        next(log_likelihoods(X[rows], center, [one]))
        for one, (_, rows) in zip(bells, request.folds.splits, strict=True)
    ]
    test = None
    if request.X_test is not None:
        test = list(log_likelihoods(np.asarray(request.X_test, dtype=np.float64), center, bells))
    if scaled and not all(map(is_accurate, scores + (test or []), bells * 2)):
        return None
    return BatchedResult(fitted, [*map(softmax, scores)], None if test is None else [*map(softmax, test)])


def fit_counting(estimator: Any, request: BatchedRequest) -> BatchedResult | None:
    """Fit MultinomialNB, ComplementNB or BernoulliNB on all folds; a `BatchedFit`.

    Their fits depend on the rows through the (weighted) sums of each class alone. So scikit-learn itself is
    fitted, on these sums: a row a class, and a row of zeros that carries the rest of the class's weight.
    A class missing in a training part is missing in its estimator. Declined (None): negative X (but for
    BernoulliNB) or weights, and a smoothing so small that scikit-learn warns or logarithms may be infinite.

    Parameters
    ----------
    estimator : MultinomialNB, ComplementNB or BernoulliNB
        Not changed.
    request : Request
        What the plain loop would get.

    Returns
    -------
    Shared or None

    Examples
    --------
    >>> from stackit import make_folds
    >>> X, y = np.array([[3.0, 0.0], [0.0, 2.0]] * 4), np.array(["a", "b"] * 4)
    >>> folds = make_folds(y, n_splits=2, random_state=0)
    >>> shared = fit_counting(MultinomialNB(), BatchedRequest(X, y, folds, "predict_proba"))
    >>> [e.feature_count_.tolist() for e in shared.estimators]
    [[[6.0, 0.0], [0.0, 4.0]], [[6.0, 0.0], [0.0, 4.0]]]
    """
    labels, repeats = labels_of(request.y), parts_of(request.folds)
    if labels is None or repeats is None or not _is_known_counting(estimator, labels[0], request):
        return None
    (classes, codes), X = labels, _counted(estimator, request.X)
    onehot = np.eye(len(classes))[codes]
    if request.sample_weight is not None:
        onehot *= request.sample_weight[:, None]
    fitted = []
    for parts in repeats:
        # The last column counts rows.
        sums = [np.column_stack([onehot[rows].T @ X[rows], onehot[rows].sum(axis=0)]) for rows in parts]
        present = others(
            [np.bincount(codes[rows], minlength=len(classes)).astype(np.float64) for rows in parts]
        )
        for total, n_rows in zip(others(sums), present, strict=True):
            seen = n_rows > 0
            if seen.sum() < 2 or (total[seen, -1] < 1e-6).any():
                return None
            fitted.append(_fitted_on_sums(estimator, classes[seen], total[seen]))
    return _counting_answers(fitted, request)


def _is_known_counting(estimator: Any, classes: npt.NDArray[Any], request: BatchedRequest) -> bool:
    alpha, prior, weight = np.asarray(estimator.alpha), estimator.class_prior, request.sample_weight
    binarizes = isinstance(estimator, BernoulliNB)
    return bool(
        alpha.dtype.kind in "fiu"
        # scikit-learn's BernoulliNB does not mean columns by several values.
        and (alpha.shape == () or (alpha.shape == (request.X.shape[1],) and not binarizes))
        and (alpha >= 1e-10).all()
        and (prior is None or (np.shape(prior) == (len(classes),) and (np.asarray(prior) > 0).all()))
        and (weight is None or (weight >= 0).all())
        and (binarizes or request.X.min(initial=0.0) >= 0)
        and (not binarizes or estimator.binarize is not None or np.isin(request.X, (0.0, 1.0)).all())
    )


def _counted(estimator: Any, X: npt.NDArray[Any]) -> Floats:
    """Return the table whose columns are summed up: X, or where it is above BernoulliNB's threshold."""
    if isinstance(estimator, BernoulliNB) and estimator.binarize is not None:
        return np.asarray(X > estimator.binarize, dtype=np.float64)
    return np.asarray(X, dtype=np.float64)


def _fitted_on_sums(estimator: Any, classes: npt.NDArray[Any], total: Floats) -> Any:
    """Return the estimator fitted by scikit-learn on the sums of its classes."""
    sums, weight = total[:, :-1], total[:, -1]
    fitted = clone(estimator)
    if isinstance(fitted, BernoulliNB):
        fitted.set_params(binarize=None)
    rows, rest = (
        np.concatenate([sums, np.zeros_like(sums)]),
        np.concatenate([np.ones_like(weight), weight - 1]),
    )
    fitted.fit(rows, np.concatenate([classes, classes]), sample_weight=rest)
    return fitted.set_params(binarize=estimator.binarize) if isinstance(fitted, BernoulliNB) else fitted


def _counting_answers(fitted: list[Any], request: BatchedRequest) -> BatchedResult:
    """Return the estimators, with the probabilities of the test rows from one product."""
    if request.method != "predict_proba" or request.X_test is None:
        return BatchedResult(fitted)
    weights, offsets = zip(*map(_linear, fitted), strict=True)
    scores = batched_scores(_counted(fitted[0], request.X_test), weights, offsets)
    return BatchedResult(fitted, test=[softmax(table) for table in scores])


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
SHARED: dict[type, BatchedFit] = {
    BernoulliNB: fit_counting,
    ComplementNB: fit_counting,
    GaussianNB: fit_gaussian,
    MultinomialNB: fit_counting,
}
