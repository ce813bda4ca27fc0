"""A cheap alarm for overfitting in a stack: out-of-fold predictions that new rows do not confirm."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_consistent_length

from stackit.arrays import num_samples
from stackit.assess.alarm import OverfittingAlarm
from stackit.assess.evidence import Evidence
from stackit.assess.leakage import find_leakage
from stackit.assess.repeats import oof_of
from stackit.assess.suspicion import suspected_columns
from stackit.engine.threads import single_threaded
from stackit.ensemble.levels import Levels
from stackit.precomputed.checks import errors_of, is_too_good
from stackit.results.oof import OutOfFold
from stackit.validation import format_list

__all__ = ["overfitting_alarm"]

MIN_ROWS = 30


@single_threaded()  # its many small calibration fits are slower on several threads
def overfitting_alarm(
    run: Any, X_test: Any, y_test: Any = None, *, X: Any = None, level: float = 0.98
) -> OverfittingAlarm:
    """Raise an alarm for each estimator that looks better out of fold than it is on new rows.

    A fold's estimator knows neither the held-out rows nor the test rows. If both come from the same source,
    its predictions of the two have the same distribution. Where something of a row's own label leaks into its
    out-of-fold prediction (duplicates or relatives in the training part, predictions of rows that were
    trained on), the prediction is more confident than that of a new row. So: calibrate each estimator's
    out-of-fold predictions by a small regression on y, g; the expected loss of a calibrated prediction is the
    entropy of g, or the variance of y that g leaves; compare the expected loss of each fold's estimator on
    held-out rows with that on test rows, z = difference / standard error. With `y_test` the loss is measured
    there as well.

    Not all leaks make predictions more confident, and there is other evidence that needs no fit:

    - Columns of X that were encoded with y, also by leaving each row out (`stackit.assess.encodings`): an
      alarm for each estimator that is better than the prior and has predictions of `X_test` that change
      when these columns are shuffled.
    - Rows that have a duplicate in their training part, where new rows have fewer: an alarm for each
      estimator that predicts them better than others.
    - In a fitted `LevelsClassifier` or `LevelsRegressor`: the last level predicts held-out rows once more,
      from the predictions of the level below after it has seen them. An estimator that becomes worse by that
      has learned to invert the level below (`stackit.assess.reversal`).

    Columns of X that alone predict y nearly perfectly are named as a suspicion, without an alarm: they may be
    y under another name, or known only with it.

    It costs predictions of `X_test` by each fold's estimator and, for levels, of X by each of both levels.

    Predictions that are always certain (a full tree, labels) have no expected loss; there the rule of
    `stackit.PrecomputedClassifier` remains: an alarm for less than half the errors of the best other
    estimator, unless its expected losses vary and are confirmed.

    Parameters
    ----------
    run : OutOfFold, fitted stack or fitted levels
        With its fold estimators; those of results out of a store are fitted again. For levels the last one is
        assessed, on the table that those below make of `X_test`; a level alone cannot do that.
    X_test : array-like with m rows
        Rows that no estimator was trained on, from the same source as the training rows.
    y_test : (m,) array-like, optional
        Their labels, where they are known.
    X : (n, n_features) table, optional
        The training table. None takes that of the run, which has one unless it was copied or loaded.
    level : float
        The confidence of an alarm: where all estimators are honest, none has one with this probability
        (Holm's method).

    Returns
    -------
    OverfittingAlarm
        With `table`, `alarmed` and `verdict`.

    Raises
    ------
    ValueError
        When `run` is no run, or the `OutOfFold` of a level that does not read X as it is; when there are
        too few rows, or `level` is not between 0 and 1.

    Notes
    -----
    Test rows from another time or place may be harder, and are then the reason: all estimators have an
    alarm in such a case.

    Measured without labels of new rows on 57 cases, three of each kind, on seeds on which nothing was chosen
    (``tests/assess/overfitting_cases.py``, mostly 800 training and 800 new rows). An estimator misleads where
    its log loss on new rows is on average more than 0.02 worse than claimed. 95% of 306 alarms or their
    absence were right, 92% of those for estimators that mislead (113 of 123), and 2% of honest ones had an
    alarm (4 of 183):

    - Clean tables of two and three classes, of numbers and of breast cancer, random labels, honest columns
      next to in-sample ones, second levels of a few estimators with and without nested folds: 0 of 144.
    - In-sample predictions of a full tree, forests and boosting: 12 of 12.
    - A target encoding of 250 levels: 24 of 24; one that leaves each row out, of 30 levels: 13 of 15, and 3
      of 9 that read the column and gained nothing by it.
    - Duplicates across folds, also in half of breast cancer: 32 of 33, and 1 of 15 honest ones.
    - Folds that split groups of ten: 18 of 24. Single trees are missed, 1 of 6: they are equally confident on
      all rows.
    - Second levels that invert the first: with X passed through 9 of 9, above 15 estimators on random labels
      (200 rows) 3 of 3, and 0 of 15 honest ones next to them. The same on a table of predictions made by
      hand, without the level below: 24 of 30 (at a level of 0.99).

    Not found without labels of new rows: encodings with noise added; relatives that are not duplicates, for
    estimators that are always certain; X passed through by hand, next to predictions in one table.

    References
    ----------
    Kull, M. and Flach, P. (2015). Novel decompositions of proper scoring rules for classification. ECML
    PKDD, 68-85.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import out_of_fold, overfitting_alarm
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> oof = out_of_fold([("bayes", GaussianNB())], X[:400], y[:400], cv=5, n_jobs=1)
    >>> overfitting_alarm(oof, X[400:]).verdict
    'No estimator looks better out of fold than it does on new rows.'
    """
    oof = oof_of(run)
    _check(oof, X_test, level)
    X_test = _conformed(run, oof, X_test)
    truth = None if y_test is None else _codes(oof, y_test, num_samples(X_test))
    X = _training_table(run, oof, X)
    leakage = find_leakage(X, oof, X_test)
    evidence = Evidence(run, oof, X_test, truth, X, leakage)
    table = pd.DataFrame.from_dict({name: evidence.of(name) for name in oof}, orient="index")
    table["too_good"] = _too_good(oof, table)
    surprising = _surprising(table["p_value"].to_numpy(), 1 - level)
    named = table["reason"].where(surprising | (table["reason"] == "encoded"), "")
    table["reason"] = named.where((named != "") | ~table["too_good"], "too good")
    table["alarm"] = table["reason"] != ""
    table = table.drop(columns="trusted").rename_axis("estimator")
    if truth is not None:
        table = table.rename(columns={"expected": "measured"})
    loss = "log loss" if oof.target.is_classification else "squared error"
    # The columns below a level are predictions, which may be nearly perfect.
    suspects = () if isinstance(run, Levels) else suspected_columns(X, oof.target, leakage.encoded)
    return OverfittingAlarm(table, loss, leakage.encoded, leakage.duplicates, suspects)


def _check(oof: OutOfFold, X_test: Any, level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1; got {level=}. Pass level=0.98.")
    m, n = num_samples(X_test), int((oof.coverage > 0).sum())
    if min(m, n) < MIN_ROWS:
        raise ValueError(
            f"At least {MIN_ROWS} held-out and {MIN_ROWS} new rows are needed; got {n} held out and {m} new. "
            "Pass more rows."
        )
    if not oof or not all(len(result.fold_estimators) for result in oof.values()):
        raise ValueError("The run has no fold estimators. Pass what out_of_fold returned.")


def _conformed(run: Any, oof: OutOfFold, X_test: Any) -> Any:
    """Return new rows, with the columns checked before they are compared with those of the training table."""
    if isinstance(run, Levels):
        return run.conform(X_test)
    oof.check_accepts_X()
    return oof.conform(X_test, "X_test")


def _training_table(run: Any, oof: OutOfFold, X: Any) -> Any:
    """Return the table that was passed, or else that of the run."""
    if X is None:
        return oof.known_X
    check_consistent_length(X, oof.target.y)
    return run.conform(X) if isinstance(run, Levels) else X


def _surprising(p_values: npt.NDArray[np.float64], chance: float) -> npt.NDArray[np.bool_]:
    """Return which p-values are significant among so many, by Holm's method."""
    order = np.argsort(p_values, kind="stable")
    limits = chance / np.arange(len(p_values), 0, -1)
    fails = np.flatnonzero(p_values[order] >= limits)
    found = np.zeros(len(p_values), dtype=bool)
    found[order[: fails[0] if len(fails) else len(p_values)]] = True
    return found


def _codes(oof: OutOfFold, y_test: Any, m: int) -> npt.NDArray[Any]:
    """Return labels as positions among the classes, or numbers as a table."""
    y = np.asarray(y_test)
    if len(y) != m:
        raise ValueError(f"y_test must have one value per row of X_test, {m}; got {len(y)} values.")
    if y.shape[1:] != oof.target.y.shape[1:]:
        raise ValueError(f"y_test must have as many columns as y; got shape={y.shape}.")
    if not oof.target.is_classification:
        return y.astype(np.float64).reshape(m, -1)
    unknown = np.setdiff1d(y, oof.target.classes)
    if len(unknown):
        raise ValueError(
            f"y_test has the classes {format_list(unknown)}, which are not in y "
            f"({format_list(oof.target.classes)}). Pass labels of these classes."
        )
    return np.searchsorted(oof.target.classes, y)


def _too_good(oof: OutOfFold, table: pd.DataFrame) -> list[bool]:
    """Whether untrusted estimators make far fewer errors than the best trusted one."""
    n = int((oof.coverage > 0).sum())
    errors = {name: errors_of(oof, name).reshape(n, -1).mean(axis=1) for name in oof}
    trusted = [errors[name] for name in table.index[table["trusted"]]]
    if not trusted:
        return [False] * len(table)
    best = min(trusted, key=np.mean)
    return [
        not is_trusted and is_too_good(errors[name], best)
        for name, is_trusted in zip(table.index, table["trusted"], strict=True)
    ]
