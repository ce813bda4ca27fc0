"""A cheap alarm for stacked overfitting: out-of-fold predictions that new rows will not bear out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_consistent_length

from stackit.arrays import num_samples
from stackit.assess.evidence import Evidence, leaks_of
from stackit.assess.repeats import oof_of
from stackit.engine.threads import single_threaded
from stackit.ensemble.levels import Levels
from stackit.precomputed.checks import errors_of, is_too_good
from stackit.results.oof import OutOfFold
from stackit.validation import format_list, invalid_value

__all__ = ["OverfittingAlarm", "overfitting_alarm"]

FEW = 30
# Why an estimator has an alarm, and what to do about it.
REASONS = {
    "encoded": "they read columns of X that were encoded with y",
    "twins": "they are better where a row has a twin in the training part",
    "turned round": (
        "they become worse where the level below has seen a row, so they have learned to turn it round, "
        "from labels of held-out rows: use Level(..., nested=True), and believe nested_score alone"
    ),
    "surer": (
        "they are surer of rows held out than of new ones: look for columns made with y, twins or relatives "
        "across folds, and predictions of rows that were trained on"
    ),
    "measured": (
        "new rows are predicted worse: look for columns made with y, twins or relatives across folds, or new "
        "rows that are harder"
    ),
    "too good": (
        "they make less than half the errors of the best other: look for predictions of rows that were "
        "trained on"
    ),
}


@dataclass(frozen=True, eq=False, repr=False)
class OverfittingAlarm:
    """What out-of-fold predictions claim, and what speaks against it.

    Attributes
    ----------
    table : data frame
        One row an estimator: `claimed` loss out of fold, the loss `promised` (or, with labels, `measured`) on
        new rows, `difference`, `standard_error` and `z` of it; `turned`, by how many standard errors an
        estimator of a higher level becomes worse where the level below has seen a row, and `twins`, by how
        many it is better where a row has a twin (NaN where there is nothing to tell); the `p_value` of all
        that together; whether it is `too_good` beside the others; whether there is an `alarm`, and its
        `reason`, one of "encoded", "twins", "turned round", "surer", "measured", "too good" or "".
    loss : str
        Log loss for classes, squared error for numbers; of predictions that are calibrated first.
    encoded : tuple of str
        The columns of X that look as if they had been made with y.
    twins : (float, float) or None
        The share of rows held out that have a twin in their training part, and that of new rows, where the
        first is larger than chance makes it. Columns that were encoded with y do not count.
    """

    table: pd.DataFrame
    loss: str
    encoded: tuple[str, ...] = ()
    twins: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return self.summary()

    @property
    def alarmed(self) -> list[str]:
        """The estimators with an alarm."""
        return list(self.table.index[self.table["alarm"]])

    @property
    def verdict(self) -> str:
        """Whom not to believe, and why, in a sentence or two."""
        return " ".join([*self._of_estimators(), *self._of_table()])

    def _of_table(self) -> list[str]:
        """What X gives away."""
        found = []
        if self.encoded:
            found.append(
                "Columns of X look as if they had been encoded with y before the folds: "
                f"{format_list(self.encoded)}; encode inside the folds."
            )
        if self.twins is not None:
            found.append(
                f"{self.twins[0]:.1%} of rows held out have a twin in their training part, and "
                f"{self.twins[1]:.1%} of new rows: keep twins together by groups."
            )
        return found

    def _of_estimators(self) -> list[str]:
        names = self.alarmed
        if not names:
            return ["No estimator looks better out of fold than it does on new rows."]
        plain = set(self.table["reason"]) <= {"", "surer", "measured"}
        if plain and 1 < len(names) == len(self.table):
            told = "; ".join(self._told(name) for name in names)
            return [
                f"All estimators look better out of fold than on new rows ({told}): X holds something of y "
                "(a target encoding, twins or relatives of held-out rows), or the new rows are harder."
            ]
        found = []
        for reason, text in REASONS.items():
            some = list(self.table.index[self.table["reason"] == reason])
            if some:
                told = "; ".join(self._told(name) for name in some)
                found.append(
                    f"Do not believe the out-of-fold predictions of {format_list(some, 20)} ({told}): {text}."
                )
        return found

    def summary(self) -> str:
        """Return verdict and table as a person reads them."""
        return f"{self.verdict}\n{self.table.to_string(float_format=lambda value: f'{value:.4g}')}"

    def _told(self, name: str) -> str:
        row = self.table.loc[name]
        new = "promised" if "promised" in self.table.columns else "measured"
        if row["reason"] == "too good":
            return f"{name}: less than half the errors of the best other"
        return f"{name}: {self.loss} {row['claimed']:.4g} claimed, {row[new]:.4g} {new}"


@single_threaded()  # its many small fits of calibrations are slower on several
def overfitting_alarm(
    run: Any, X_test: Any, y_test: Any = None, *, X: Any = None, level: float = 0.98
) -> OverfittingAlarm:
    """Raise an alarm for each estimator that looks better out of fold than it is on new rows.

    A fold's estimator knows neither the rows held out nor the test rows. If both come from the same
    source, its answers for the two have the same distribution. Where something of a row's own label leaks
    into its out-of-fold answer (twins or relatives in the training part, predictions of rows that were
    trained on), the answer is surer than one for a new row. So: calibrate each estimator's out-of-fold
    column by one small regression on y, g; the calibrated answers promise a loss, the entropy of g, or
    the variance of y that g leaves; compare the promise of each fold's estimator for rows held out with
    its promise for test rows, z = difference / standard error. With `y_test` the loss is measured there
    as well.

    Not all leaks make answers surer, and there is other evidence that takes no fit:

    - Columns of X that were encoded with y, also by leaving each row out (`stackit.assess.encodings`): an
      alarm for each estimator that is better than the prior and whose predictions of `X_test` change
      where these columns are shuffled.
    - Rows that have a twin in their training part, where new rows have fewer: an alarm for each estimator
      that predicts them better than others.
    - In a fitted `LevelsClassifier` or `LevelsRegressor`: the last level is asked about held-out rows
      once more, from what the level below says of them after it has seen them. One that becomes worse by
      that has learned to turn the level below round (`stackit.assess.reversal`).

    It costs predictions of `X_test` by each fold's estimator and, of levels, of X by each of both levels.

    An answer that is always sure (a full tree, labels) promises nothing; there the rule of
    `stackit.PrecomputedClassifier` remains: an alarm for less than half the errors of the best other
    estimator, unless promises vary and are kept.

    Parameters
    ----------
    run : OutOfFold, fitted stack or fitted levels
        With its fold estimators; those of results out of a store are fitted again. Of levels the last is
        looked at, whose table is made of `X_test` by those below; a level alone cannot do that.
    X_test : array-like with m rows
        Rows that no estimator was trained on, from the same source as the training rows.
    y_test : (m,) array-like, optional
        Their labels, where they are known.
    X : (n, n_features) table, optional
        The training table. None is that of the run, which has it at hand unless it was copied or loaded.
    level : float
        How sure an alarm is: where all estimators are honest, none has one with this chance (Holm's
        method).

    Returns
    -------
    OverfittingAlarm
        With `table`, `alarmed` and `verdict`.

    Raises
    ------
    ValueError
        When `run` is none, or the `OutOfFold` of a level that does not read X as it is; when there are
        too few rows, or `level` is not between 0 and 1.

    Notes
    -----
    Test rows from another time or place may be harder, and are then the reason: all estimators have an
    alarm in such a case.

    Measured without labels of new rows on 57 cases, three of each kind, on seeds on which nothing was chosen
    (``tests/assess/overfitting_cases.py``, mostly 800 training and 800 new rows). An estimator misleads where
    its log loss on new rows is on average more than 0.02 worse than claimed. 95% of 306 answers were right,
    92% of those on estimators that mislead (113 of 123), and 2% of honest ones had an alarm (4 of 183):

    - Clean tables of two and three classes, of numbers and of breast cancer, random labels, honest columns
      beside in-sample ones, second levels of a few members with and without nested folds: 0 of 144.
    - In-sample predictions of a full tree, forests and boosting: 12 of 12.
    - A target encoding of 250 levels: 24 of 24; one that leaves each row out, of 30 levels: 13 of 15, and 3
      of 9 that read the column and gained nothing by it.
    - Twins across folds, also in half of breast cancer: 32 of 33, and 1 of 15 honest ones.
    - Folds that tear groups of ten: 18 of 24. Single trees stay unseen, 1 of 6: they are as sure of any row.
    - Second levels that turn the first round: with X passed through 9 of 9, above 15 members on random labels
      (200 rows) 3 of 3, and 0 of 15 honest ones beside them. The same on a table of predictions made by hand,
      without the level below: 24 of 30 (at a level of 0.99).

    Out of reach without labels of new rows: encodings with noise added; relatives that are no twins, for
    estimators that are always sure; X passed through by hand, beside predictions in one table.

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
    leaks = leaks_of(X, oof, X_test)
    evidence = Evidence(run, oof, X_test, truth, X, leaks)
    table = pd.DataFrame.from_dict({name: evidence.of(name) for name in oof}, orient="index")
    table["too_good"] = _too_good(oof, table)
    surprising = _surprising(table["p_value"].to_numpy(), 1 - level)
    named = table["reason"].where(surprising | (table["reason"] == "encoded"), "")
    table["reason"] = named.where((named != "") | ~table["too_good"], "too good")
    table["alarm"] = table["reason"] != ""
    told = table.drop(columns="vouched").rename_axis("estimator")
    if truth is not None:
        told = told.rename(columns={"promised": "measured"})
    loss = "log loss" if oof.target.is_classification else "squared error"
    return OverfittingAlarm(told, loss, leaks.encoded, leaks.twins)


def _check(oof: OutOfFold, X_test: Any, level: float) -> None:
    if not 0 < level < 1:
        raise invalid_value("level", "between 0 and 1", f"{level=}", "Pass level=0.98")
    m, n = num_samples(X_test), int((oof.coverage > 0).sum())
    if min(m, n) < FEW:
        raise invalid_value(
            "Rows to compare", f"at least {FEW} of each", f"{n} held out, {m} new", "Pass more rows"
        )
    if not all(len(result.fold_estimators) for result in oof.values()):
        raise invalid_value("run", "with fold estimators", "none", "Pass what out_of_fold returned")


def _conformed(run: Any, oof: OutOfFold, X_test: Any) -> Any:
    """Check the columns of new rows, before anything compares them with those of the training table."""
    if isinstance(run, Levels):
        return run.conform(X_test)
    oof.check_accepts_X()
    return oof.conform(X_test, "X_test")


def _training_table(run: Any, oof: OutOfFold, X: Any) -> Any:
    """Return the table that was passed, or else the one that the run has at hand."""
    if X is None:
        return oof.known_X
    check_consistent_length(X, oof.target.y)
    return run.conform(X) if isinstance(run, Levels) else X


def _surprising(p_values: npt.NDArray[np.float64], chance: float) -> npt.NDArray[np.bool_]:
    """Return which p-values are too small for chance among so many (Holm's method)."""
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
        raise invalid_value(
            "y_test", f"one value a row of X_test, {m}", f"{len(y)} values", "Pass both together"
        )
    if y.shape[1:] != oof.target.y.shape[1:]:
        raise invalid_value("y_test", "of as many columns as y", f"shape={y.shape}", "Pass the same columns")
    if not oof.target.is_classification:
        return y.astype(np.float64).reshape(m, -1)
    strange = np.setdiff1d(y, oof.target.classes)
    if len(strange):
        raise invalid_value(
            "y_test",
            f"of the classes {format_list(oof.target.classes)}",
            f"{format_list(strange)}",
            "Pass such labels",
        )
    return np.searchsorted(oof.target.classes, y)


def _too_good(oof: OutOfFold, table: pd.DataFrame) -> list[bool]:
    """Whether estimators that nothing vouches for make far fewer errors than those that keep promises."""
    n = int((oof.coverage > 0).sum())
    errors = {name: errors_of(oof, name).reshape(n, -1).mean(axis=1) for name in oof}
    honest = [errors[name] for name in table.index[table["vouched"]]]
    if not honest:
        return [False] * len(table)
    best = min(honest, key=np.mean)
    return [
        not trusted and is_too_good(errors[name], best)
        for name, trusted in zip(table.index, table["vouched"], strict=True)
    ]
