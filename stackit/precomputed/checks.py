"""Checks of predictions made elsewhere: before a run against X, y and folds, after it for leakage."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import sem

from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.scoring import PrecomputedEstimator
from stackit.files import Names, check_ids
from stackit.folds import Folds
from stackit.precomputed.estimators import Precomputed, PrecomputedClassifier
from stackit.precomputed.table import folds_digest, ids_in
from stackit.results.oof import OutOfFold
from stackit.target import Target
from stackit.validation import invalid_value, warn

__all__ = ["check_precomputed", "errors_of", "is_too_good", "warn_of_in_sample"]

# Predictions look in-sample if they have this many times fewer errors than the best trained estimator, and
# this many standard errors fewer. Measured with nine kinds of estimators on 25 tables: of 242 honest columns,
# none was reported next to a forest and nearest neighbours, 4 next to linear and naive estimators only, 14
# next to a single stump, none alone. Of in-sample columns of trees, forests, boosting and one nearest
# neighbour, about seven in ten were found; of linear estimators hardly any, since these are nearly honest.
TIMES = 2.0
STANDARD_ERRORS = 4.0
# Fewer rows than these may all be right by chance.
MIN_ROWS = 30


def check_precomputed(
    estimators: NamedEstimators, X: Any, X_test: Any, target: Target, folds: Folds
) -> NamedEstimators:
    """Check precomputed estimators against a run; return all, the classifiers with the classes of y.

    A ValueError says which ids or predictions are missing, or which columns are not those of the classes;
    other folds than those that the predictions were made with are warned of.
    """
    return [
        (name, _check(name, each, X, X_test, target, folds) if isinstance(each, Precomputed) else each)
        for name, each in estimators
    ]


def _check(
    name: str, estimator: Precomputed, X: Any, X_test: Any, target: Target, folds: Folds
) -> Precomputed:
    estimator.check_ids(X)
    if target.y.ndim != 1:
        raise invalid_value(
            f"y, with the precomputed predictions {name!r},",
            "a single column",
            f"{target.y.shape[1]} outputs",
            "Stack each output by itself",
        )
    predictions = estimator.predictions
    ids = check_ids(ids_in(X, predictions.id), None, f"ids {predictions.id!r} of X")
    try:
        predictions.check_has(ids[folds.coverage > 0], "X")
        if X_test is not None:
            predictions.check_has(ids_in(X_test, predictions.id), "X_test")
    except ValueError as error:
        error.add_note(f"The predictions are those of estimator {name!r}.")
        raise
    _warn_of_other_folds(name, predictions.folds_digest, ids, folds)
    if not isinstance(estimator, PrecomputedClassifier):
        return estimator
    predictions.columns_of(target.classes)
    return type(estimator)(predictions, classes=target.classes)


def _warn_of_other_folds(name: str, known: str, ids: Names, folds: Folds) -> None:
    by, _, digest = known.partition(" ")
    ours = folds.digest if by == "rows" else folds_digest(folds, ids)
    if digest not in ("", ours):
        warn(
            f"The predictions of {name!r} were made with other folds (digest {digest}; those in use have "
            f"{ours}): if rows of a fold belong together, a model that was trained on some of them predicted "
            "the others. Load the folds that the predictions were made with, and pass them as cv."
        )


def warn_of_in_sample(estimators: NamedEstimators, oof: OutOfFold) -> None:
    """Warn of precomputed predictions that look as if their model was trained on the rows.

    They do if they have less than half the errors of the best estimator that was trained out of fold, by
    more than chance, and less than half the errors that their own predictions of test rows lead to expect;
    the latter is ignored if no row at all is wrong. Without a trained estimator to compare with, they do
    only if no row is wrong.
    """
    precomputed = {name: each for name, each in estimators if isinstance(each, Precomputed) and name in oof}
    if not precomputed:
        return
    errors = {name: errors_of(oof, name) for name in oof}
    trained = [errors[name] for name in errors if name not in precomputed]
    best = min(trained, key=np.mean) if trained else None
    for name, estimator in precomputed.items():
        if is_too_good(errors[name], best) and not _is_expected(estimator, errors[name], oof):
            others = "" if best is None else f", and {best.mean():.4g} of the best estimator trained here"
            warn(
                f"The predictions of {name!r} look in-sample, as if their model was trained on the rows: "
                f"error {errors[name].mean():.4g}{others}. Pass out-of-fold predictions; ignore this if they "
                "already are."
            )


def errors_of(oof: OutOfFold, name: str) -> npt.NDArray[np.float64]:
    """Return the (n_covered,) or (n_covered, n_outputs) errors of an estimator: 0 or 1, or squared."""
    covered = np.flatnonzero(oof.coverage)
    truth = oof.target.y[covered]
    predicted = PrecomputedEstimator(oof[name].spec).predict(oof.average(name)[covered])
    wrong: Any = predicted != truth if oof.target.is_classification else (predicted - truth) ** 2
    return np.asarray(wrong, dtype=np.float64)


def is_too_good(errors: npt.NDArray[np.float64], best: npt.NDArray[np.float64] | None) -> bool:
    """Whether errors are far fewer than those of the best trained estimator, or, without one, none at all.

    Examples
    --------
    >>> is_too_good(np.zeros(40), np.repeat([0.0, 1.0], 20))
    True
    """
    if best is None:
        return len(errors) >= MIN_ROWS and not errors.any()
    fewer = best - errors
    is_better = errors.mean() * TIMES < best.mean()
    return bool(is_better and fewer.mean() > STANDARD_ERRORS * sem(fewer, ddof=0))


def _is_expected(estimator: Precomputed, errors: npt.NDArray[np.float64], oof: OutOfFold) -> bool:
    """Whether a model is as certain of the test rows, which it has not seen, as it is right here."""
    expected = _expected_error(estimator, oof)
    # A model that is always certain would expect no errors: it must not acquit itself.
    if expected is None or not errors.any():
        return False
    mean, spread = expected
    floor = 1 / len(errors) if oof.target.is_classification else 0.0  # one error says nothing
    return bool(mean - 2 * spread <= TIMES * max(errors.mean(), floor))


def _expected_error(estimator: Precomputed, oof: OutOfFold) -> tuple[float, float] | None:
    """Return the error that calibrated predictions of the test rows expect, and its standard error.

    The largest probability of a row is, on average, the share of right labels; the variance of numbers
    is that of y less the mean squared error.
    """
    test, kind = estimator.predictions.test_values, estimator.predictions.kind
    if len(test) < MIN_ROWS or kind == "decision" or (kind == "number" and oof.target.is_classification):
        return None
    if kind == "number":
        y, own = (oof.target.y - oof.target.y.mean()) ** 2, (test[:, 0] - test.mean()) ** 2
        return float(y.mean() - own.mean()), float(np.hypot(sem(y, ddof=0), sem(own, ddof=0)))
    uncertainty = 1 - np.maximum(test, 1 - test)[:, 0] if test.shape[1] == 1 else 1 - test.max(axis=1)
    return float(uncertainty.mean()), float(sem(uncertainty, ddof=0))
