"""Discriminant analysis on all folds: class moments are measured once a held-out part."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from stackit.arrays import Floats
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, parts_of
from stackit.batched_fits.gaussian.class_moments import fits_in_memory, labels_of, training
from stackit.batched_fits.gaussian.covariance import is_shrinkage
from stackit.batched_fits.gaussian.lda_solvers import LdaTraining, solve, solver_of, spread_of
from stackit.batched_fits.gaussian.qda import fit_quadratic
from stackit.batched_fits.linear.scores import batched_scores, probabilities
from stackit.batched_fits.scaling import ScaledFit, Scaling, tables_of

__all__ = ["SCALED", "SHARED", "fit_linear"]


def fit_linear(
    estimator: Any, request: BatchedRequest, scaling: Scaling | None = None
) -> BatchedResult | None:
    """Fit LinearDiscriminantAnalysis on all folds; a `BatchedFit`.

    Declined (None): sample weights, a covariance estimator, parameters that scikit-learn warns of or
    refuses, a class missing in a training part, columns whose variance is lost in rounding errors, and
    systems too ill-conditioned to say which directions scikit-learn keeps. The columns of ``scalings_``
    are those of the plain fit up to their signs (and, with the solver "eigen", beyond the first C - 1 of
    the decomposition's free choice).

    Parameters
    ----------
    estimator : LinearDiscriminantAnalysis
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
    >>> shared = fit_linear(LinearDiscriminantAnalysis(), BatchedRequest(X, y, folds, "predict_proba"))
    >>> [e.score(X[held_out], y[held_out]) for e, (_, held_out) in zip(shared.estimators, folds.splits)]
    [1.0, 0.96, 0.98]
    """
    labels, repeats = labels_of(request.y), parts_of(request.folds)
    if labels is None or repeats is None or request.sample_weight is not None:
        return None
    (classes, codes), X = labels, np.asarray(request.X, dtype=np.float64)
    n_classes, splits = len(classes), request.folds.splits
    solver = solver_of(estimator, X.shape[1], n_classes, max(len(rows) for rows, _ in splits))
    spread = spread_of(estimator, solver)
    if not _is_known(estimator, X, n_classes) or not fits_in_memory(spread, X, n_classes, repeats):
        return None
    fitted = []
    found = training(X, codes, n_classes, repeats, spread, scaling=scaling)
    tables = tables_of(X, scaling, len(splits))
    for moments, table, (rows, _) in zip(found, tables, splits, strict=True):
        attributes = solve(solver, LdaTraining(estimator, table, codes, rows, moments))
        if attributes is None:
            return None
        fitted.append(_estimator(estimator, classes, attributes))
    return _answered(fitted, request, scaling)


def _is_known(estimator: Any, X: Floats, n_classes: int) -> bool:
    """Whether the parameters are ones that scikit-learn takes without a word."""
    most = min(n_classes - 1, X.shape[1])
    n_components, tol = estimator.n_components, estimator.tol
    return (
        n_classes > 1
        and (
            estimator.solver in ("lsqr", "eigen")
            or (estimator.solver == "svd" and estimator.shrinkage is None)
        )
        and is_shrinkage(estimator.shrinkage)
        and estimator.covariance_estimator is None
        and (n_components is None or (isinstance(n_components, Integral) and 1 <= int(n_components) <= most))
        # A smaller tol would keep directions that consist of rounding errors.
        and isinstance(tol, Real)
        and 1e-8 <= float(tol) < np.inf
        and isinstance(estimator.store_covariance, bool)
        and (estimator.priors is None or _are_priors(estimator.priors, n_classes))
    )


def _are_priors(given: Any, n_classes: int) -> bool:
    priors = np.asarray(given)
    usual = priors.dtype.kind in "fiu" and priors.shape == (n_classes,)
    return bool(usual and (priors > 0).all() and abs(priors.sum() - 1) < 1e-6)


def _estimator(estimator: Any, classes: npt.NDArray[Any], attributes: dict[str, Any]) -> Any:
    fitted = clone(estimator)
    for name, value in {"classes_": classes.copy(), **attributes}.items():
        setattr(fitted, name, value)
    return fitted


def _answered(fitted: list[Any], request: BatchedRequest, scaling: Scaling | None) -> BatchedResult:
    """Return the fitted estimators, with the answers where all can be had from one product."""
    if request.method == "predict":
        return BatchedResult(fitted)
    form: Callable[[Floats], Floats] = probabilities if request.method == "predict_proba" else _decision
    test = None
    if request.X_test is not None:
        X_test = np.asarray(request.X_test, dtype=np.float64)
        scores = batched_scores(X_test, [e.coef_ for e in fitted], [e.intercept_ for e in fitted], scaling)
        test = [form(table) for table in scores]
    return BatchedResult(fitted, test=test)


def _decision(scores: Floats) -> Floats:
    return scores[:, 0] if scores.shape[1] == 1 else scores


SCALED: dict[type, ScaledFit] = {
    LinearDiscriminantAnalysis: fit_linear,
    QuadraticDiscriminantAnalysis: fit_quadratic,
}
SHARED: dict[type, BatchedFit] = {
    LinearDiscriminantAnalysis: fit_linear,
    QuadraticDiscriminantAnalysis: fit_quadratic,
}
