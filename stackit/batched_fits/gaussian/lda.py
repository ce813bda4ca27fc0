"""Linear discriminant analysis on all folds, from the moments of the classes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stackit.arrays import Floats
from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, make_fitted
from stackit.batched_fits.gaussian.class_moments import ClassTable
from stackit.batched_fits.gaussian.lda_solvers import LdaFold, scatter_fn_of, solve, solver_of
from stackit.batched_fits.gaussian.parameters import are_priors, is_shrinkage
from stackit.batched_fits.linear_scores import batched_scores, probabilities
from stackit.batched_fits.scaling import ScaledFit, Scaling

__all__ = ["BATCHED", "SCALED"]


def fit_lda(estimator: Any, request: BatchedRequest, scaling: Scaling | None = None) -> BatchedResult | None:
    """Fit LinearDiscriminantAnalysis on all folds; a `BatchedFit`.

    Declined (None): sample weights, a covariance estimator, parameters that scikit-learn warns of or
    refuses, a class missing in a training part, columns with a variance of rounding errors, and
    systems too ill-conditioned to say which directions scikit-learn keeps. The columns of ``scalings_``
    are those of the plain fit up to their signs (and, with the solver "eigen", beyond the first C - 1 of
    the decomposition's free choice).
    """
    table = ClassTable.of(request, scaling)
    if table is None or request.sample_weight is not None:
        return None
    most_rows = max(len(rows) for rows, _ in table.splits)
    solver = solver_of(estimator, table.X.shape[1], table.n_classes, most_rows)
    scatter_fn = scatter_fn_of(estimator, solver)
    if not _is_known(estimator, table) or not table.fits_in_memory(scatter_fn):
        return None
    fitted = []
    for moments, X, (rows, _) in zip(
        table.training_moments(scatter_fn), table.of_splits(), table.splits, strict=True
    ):
        attributes = solve(solver, LdaFold(estimator, X, table.codes, rows, moments))
        if attributes is None:
            return None
        fitted.append(make_fitted(estimator, classes_=table.classes.copy(), **attributes))
    return BatchedResult(fitted, test=_test_predictions(fitted, request, scaling))


def _is_known(estimator: Any, table: ClassTable) -> bool:
    """Whether scikit-learn accepts the parameters without a warning."""
    n_classes = table.n_classes
    most = min(n_classes - 1, table.X.shape[1])
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
        and (estimator.priors is None or are_priors(estimator.priors, n_classes))
    )


def _test_predictions(
    fitted: list[Any], request: BatchedRequest, scaling: Scaling | None
) -> list[Floats] | None:
    """Return the predictions for the test table from one product; None where there is none, or for labels."""
    if request.method == "predict" or request.X_test is None:
        return None
    X_test = np.asarray(request.X_test, dtype=np.float64)
    scores = batched_scores(
        X_test, [one.coef_.T for one in fitted], [one.intercept_ for one in fitted], scaling
    )
    if request.method == "predict_proba":
        return [probabilities(table) for table in scores]
    return [table[:, 0] if table.shape[1] == 1 else table for table in scores]


SCALED: dict[type, ScaledFit] = {LinearDiscriminantAnalysis: fit_lda}
BATCHED: dict[type, BatchedFit] = {LinearDiscriminantAnalysis: fit_lda}
