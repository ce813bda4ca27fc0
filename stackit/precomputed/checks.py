"""Checks of predictions made elsewhere: before the work against X, y and folds, after it for leaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.estimators.named_estimators import NamedEstimators
from stackit.estimators.scoring import PrecomputedEstimator
from stackit.files import Names, check_ids
from stackit.folds import Folds
from stackit.precomputed.estimators import Precomputed, PrecomputedClassifier
from stackit.precomputed.table import fingerprint, ids_in
from stackit.results.oof import OutOfFold
from stackit.target import Target
from stackit.validation import invalid_value, warn

__all__ = ["check_precomputed", "errors_of", "is_too_good", "warn_of_in_sample"]

# How many times fewer errors, and how many standard errors fewer, look as if a model had seen the rows.
# Nine kinds of estimators on 25 tables, given beside a forest and nearest neighbours: of 242 honest columns
# none was warned of, 4 beside linear and naive ones alone, 14 beside a lone stump (where little can be
# told), none without company. Of in-sample columns of trees, forests, boosting and one nearest neighbour,
# some seven in ten were found; of linear ones hardly any, whose in-sample predictions are nearly honest.
TIMES = 2.0
SURE = 4.0
# Fewer rows than these may all be right by chance.
FEW = 30


def check_precomputed(
    estimators: NamedEstimators, X: Any, X_test: Any, target: Target, folds: Folds
) -> NamedEstimators:
    """Check predictions made elsewhere against a run, and tell those of classifiers the classes.

    Parameters
    ----------
    estimators : list of (str, estimator)
        All estimators of the run.
    X, X_test : tables
        The tables.
    folds : Folds
        The splits.

    Returns
    -------
    list of (str, estimator)
        The same, with the classes of the whole y in each `PrecomputedClassifier`: a fold may lack one.

    Raises
    ------
    ValueError
        When X or X_test has no ids, or rows that are held out or tested have no prediction; when the
        columns are not the classes of y, or y has several outputs.

    Warns
    -----
    UserWarning
        When the predictions were made with other folds.
    """
    return [
        (name, _checked(name, each, X, X_test, target, folds) if isinstance(each, Precomputed) else each)
        for name, each in estimators
    ]


def _checked(name: str, given: Precomputed, X: Any, X_test: Any, target: Target, folds: Folds) -> Precomputed:
    given._check_fit(X)
    if target.y.ndim != 1:
        raise invalid_value(
            f"y beside the given predictions {name!r}",
            "a single column",
            f"{target.y.shape[1]} outputs",
            "Stack each output by itself",
        )
    predictions = given.predictions
    ids = check_ids(ids_in(X, predictions.id), None, f"ids {predictions.id!r} of X")
    _check_cover(name, given, ids[folds.coverage > 0], "X")
    if X_test is not None:
        _check_cover(name, given, ids_in(X_test, predictions.id), "X_test")
    _warn_of_other_folds(name, given, ids, folds)
    if not isinstance(given, PrecomputedClassifier):
        return given
    predictions.order_of(target.classes)
    return type(given)(predictions, classes=target.classes)


def _check_cover(name: str, given: Precomputed, ids: Names, what: str) -> None:
    lost = ids[given.predictions.find(ids) < 0]
    if len(lost):
        error = given.predictions.lack(what, lost)
        error.add_note(f"The predictions are those of estimator {name!r}.")
        raise error


def _warn_of_other_folds(name: str, given: Precomputed, ids: Names, folds: Folds) -> None:
    by, _, digest = given.predictions.made_with.partition(" ")
    if not digest:
        return
    ours = folds.digest if by == "rows" else fingerprint(folds, ids)
    if digest != ours:
        warn(
            f"The predictions of {name!r} were made with other folds (digest {digest}; those in use have "
            f"{ours}): where rows of a fold belong together, a model that has learned from some of them "
            "predicted the others. Load the folds that they were made with, and pass them as cv."
        )


def warn_of_in_sample(estimators: NamedEstimators, oof: OutOfFold) -> None:
    """Warn of predictions made elsewhere that look as if their model had seen the rows.

    They do when they make less than half the errors of the best estimator that was trained out of fold,
    which cannot be chance, and less than half of what their own predictions of test rows, which no model
    has seen, expect; the latter counts for nothing where no row at all is wrong. Without a trained
    estimator to compare with they do only then.

    Parameters
    ----------
    estimators : list of (str, estimator)
        All estimators of the run.
    oof : OutOfFold
        What came of it.

    Warns
    -----
    UserWarning
        Once for each such estimator.
    """
    given = {
        name: each for name, each in estimators if isinstance(each, Precomputed) and name in oof.responses
    }
    if not given:
        return
    errors = {name: errors_of(oof, name) for name in oof.responses}
    trained = [errors[name] for name in errors if name not in given]
    best = min(trained, key=np.mean) if trained else None
    for name, estimator in given.items():
        if is_too_good(errors[name], best) and not _is_expected(estimator, errors[name], oof):
            others = "" if best is None else f", and {best.mean():.4g} of the best estimator trained here"
            warn(
                f"The predictions of {name!r} look in-sample, as if their model had seen the rows: error "
                f"{errors[name].mean():.4g}{others}. Give each row the prediction of a model trained without "
                "it; if that is so already, all is well."
            )


def errors_of(oof: OutOfFold, name: str) -> npt.NDArray[np.float64]:
    """Return the error in each covered row: 1 for a wrong label, or the squared difference of numbers.

    Parameters
    ----------
    oof : OutOfFold
        A run.
    name : str
        One of its estimators.

    Returns
    -------
    (n_covered,) array, or (n_covered, n_outputs) for several numbers a row
    """
    covered = np.flatnonzero(oof.coverage)
    truth = oof.target.y[covered]
    predicted = PrecomputedEstimator(oof.responses[name]).predict(oof.average(name)[covered])
    wrong: Any = predicted != truth if oof.target.is_classification else (predicted - truth) ** 2
    return np.asarray(wrong, dtype=np.float64)


def is_too_good(errors: npt.NDArray[np.float64], best: npt.NDArray[np.float64] | None) -> bool:
    """Whether errors are far fewer than the best trained estimator's, or, without one, none at all.

    Parameters
    ----------
    errors : (n,) array
        Of the estimator in question, row by row.
    best : (n,) array or None
        Those of the best of the others, where there are others.

    Examples
    --------
    >>> is_too_good(np.zeros(40), np.repeat([0.0, 1.0], 20))
    True
    """
    if best is None:
        return len(errors) >= FEW and not errors.any()
    fewer = best - errors
    return bool(errors.mean() * TIMES < best.mean() and fewer.mean() > SURE * _standard_error(fewer))


def _is_expected(given: Precomputed, errors: npt.NDArray[np.float64], oof: OutOfFold) -> bool:
    """Whether a model is as sure of the test rows, which it has not seen, as it is right here.

    No errors at all are more than a model can expect: one that is always sure would acquit itself.
    """
    expected = _expected_error(given, oof)
    if expected is None or not errors.any():
        return False
    mean, spread = expected
    floor = 1 / len(errors) if oof.target.is_classification else 0.0  # one error says nothing
    return bool(mean - 2 * spread <= TIMES * max(errors.mean(), floor))


def _expected_error(given: Precomputed, oof: OutOfFold) -> tuple[float, float] | None:
    """Return the error that calibrated predictions of the test rows expect, and its standard error.

    The largest probability of a row is, on average, the share of right labels; the variance of numbers
    is that of y less the mean squared error.
    """
    test, kind = given.predictions.test_values, given.predictions.kind
    if len(test) < FEW or kind == "decision" or (kind == "number" and oof.target.is_classification):
        return None
    if kind == "number":
        y, own = (oof.target.y - oof.target.y.mean()) ** 2, (test[:, 0] - test.mean()) ** 2
        return float(y.mean() - own.mean()), float(np.hypot(_standard_error(y), _standard_error(own)))
    unsure = 1 - np.maximum(test, 1 - test)[:, 0] if test.shape[1] == 1 else 1 - test.max(axis=1)
    return float(unsure.mean()), _standard_error(unsure)


def _standard_error(values: npt.NDArray[np.float64]) -> float:
    return float(values.std() / np.sqrt(len(values)))
