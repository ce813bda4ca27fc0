"""A cheap alarm for stacked overfitting: out-of-fold predictions that are surer than those of new rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.utils import check_consistent_length

from stackit.assess.calibrated import calibrated_for
from stackit.assess.leaks import encoded_columns, share_of_twins, twins_test
from stackit.assess.repeats import oof_of
from stackit.check import fault, listed, n_rows
from stackit.given.checks import errors_of, is_too_good
from stackit.levels.ensemble import Levels
from stackit.response import Table
from stackit.result import OutOfFold

__all__ = ["OverfittingAlarm", "overfitting_alarm"]

Floats = npt.NDArray[np.float64]
LEAST = 1e-6
FEW = 30
# A promise is kept where new rows are not this many standard errors worse.
KEPT = 2.0


@dataclass(frozen=True, eq=False, repr=False)
class OverfittingAlarm:
    """What out-of-fold predictions claim, and what those of new rows keep of it.

    Attributes
    ----------
    table : data frame
        One row an estimator: `claimed` loss out of fold, the loss
        `promised` (or, with labels, `measured`) on new rows, `difference`, `standard_error`, `z`, `p_value`,
        whether it is `too_good` beside the others, and whether there is an `alarm`.
    loss : str
        Log loss for classes, squared error for numbers; of predictions that are calibrated first.
    encoded : tuple of str
        The columns of X, where that was given, that look as if they had been made with y.
    twins : (float, float) or None
        The share of rows held out that have a twin in their training part, and that of new rows, where the
        first is larger than chance makes it.
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
        return " ".join([self._of_estimators(), *self._of_table()])

    def _of_table(self) -> list[str]:
        """What X gives away."""
        found = []
        if self.encoded:
            found.append(
                "Columns of X look as if they had been encoded with y before the folds: "
                f"{listed(self.encoded)}; encode inside the folds."
            )
        if self.twins is not None:
            found.append(
                f"{self.twins[0]:.1%} of rows held out have a twin in their training part, and "
                f"{self.twins[1]:.1%} of new rows: keep twins together by groups."
            )
        return found

    def _of_estimators(self) -> str:
        names = self.alarmed
        if not names:
            return "No estimator looks better out of fold than it does on new rows."
        told = "; ".join(self._told(name) for name in names)
        if 1 < len(names) == len(self.table):
            return (
                f"All estimators look better out of fold than on new rows ({told}): X holds something of y "
                "(a target encoding, twins or relatives of held-out rows), or the new rows are harder."
            )
        return (
            f"Do not believe the out-of-fold predictions of {listed(names, 20)} ({told}): look for columns "
            "made with y, twins or relatives across folds, and predictions of rows that were trained on."
        )

    def summary(self) -> str:
        """Return verdict and table as a person reads them."""
        return f"{self.verdict}\n{self.table.to_string(float_format=lambda value: f'{value:.4g}')}"

    def _told(self, name: str) -> str:
        row = self.table.loc[name]
        new = "promised" if "promised" in self.table.columns else "measured"
        if row["too_good"]:
            return f"{name}: less than half the errors of the best other"
        return f"{name}: {self.loss} {row['claimed']:.4g} claimed, {row[new]:.4g} {new}"


def overfitting_alarm(
    run: Any, X_test: Any, y_test: Any = None, *, X: Any = None, sure: float = 4.0
) -> OverfittingAlarm:
    """Raise an alarm for each estimator that looks better out of fold than it is on new rows.

    A fold's estimator knows neither the rows held out nor the test rows. If both come from the same
    source, its answers for the two have the same distribution. Where something of a row's own label leaks
    into its out-of-fold answer (twins or relatives in the training part, predictions of rows that were
    trained on, second levels that learn what folds have in common), the answer is surer than one for a new
    row. So: calibrate each estimator's out-of-fold column by one small regression on y, g; the calibrated
    answers promise a loss, the entropy of g, or the variance of y that g leaves; compare the promise of each
    fold's estimator for rows held out with its promise for test rows, z = difference / standard error. No
    labels of test rows are needed; with `y_test` the loss is measured there instead. It costs a prediction of
    `X_test` by each fold's estimator.

    An answer that is always sure (a full tree, labels) promises nothing; there the rule of
    `stackit.GivenClassifier` remains: an alarm for less than half the errors of the best other estimator,
    unless promises vary and are kept.

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
        The training table: it is searched for columns that were encoded with y, and for twins of held-out
        rows among those trained on.
    sure : float
        How many standard errors make an alarm.

    Returns
    -------
    OverfittingAlarm
        With `table`, `alarmed` and `verdict`.

    Raises
    ------
    ValueError
        When `run` is none, or the `OutOfFold` of a level that does not read X as it is; when there are too
        few rows, or `sure` is not above 0.

    Notes
    -----
    Test rows from another time or place may be harder, and are then the reason: all estimators have an
    alarm in such a case.

    Measured on 12 simulated tables a case (20 of the last), 800 training and 800 new rows, without labels of
    new rows and, in brackets, with them (``tests/overfitting_cases.py``):

    - Clean tables of two and three classes and of numbers, random labels, honest columns beside in-sample
      ones, and second levels on the folds of the first: of 420 columns none had an alarm (1).
    - In-sample predictions of a full tree, forests and boosting: 48 of 48 (48).
    - A target encoding of 250 levels: no estimator of 96 (96), since new rows are encoded by the same map;
      with `X` the column is named in 12 of 12 tables, and no other column in any.
    - Twins across folds: forests and boosting 36 of 36, full trees 11 of 12, neighbors 0 (3) of 12; with `X`
      the twins are found in 12 of 12.
    - Folds that tear groups: forests and boosting 36 of 36, neighbors 9 (11), full trees 1 (12), and steady
      estimators, which the groups flatter less, 6 (20) of 36.
    - A second level that learns to turn 15 columns of noise round, on shared folds: 9 of 20 (0; there are 200
      rows).

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
    _check(oof, X_test, sure)
    truth = None if y_test is None else _codes(oof, y_test, n_rows(X_test))
    tables = _tables(run, oof, X_test)
    table = pd.DataFrame.from_dict(
        {name: _examined(oof, name, tables, truth) for name in oof.responses}, orient="index"
    )
    table["too_good"] = _too_good(oof, table)
    table["alarm"] = (table["z"] > sure) | table["too_good"]
    told = table.drop(columns="vouched").rename_axis("estimator")
    if truth is not None:
        told = told.rename(columns={"promised": "measured"})
    loss = "log loss" if oof.target.is_classification else "squared error"
    if X is None:
        return OverfittingAlarm(told, loss)
    check_consistent_length(X, oof.target.y)
    encoded = [name for name, z in encoded_columns(X, oof.target).items() if z < -sure]
    shares = share_of_twins(X, oof.folds, X_test)
    many = twins_test(shares, len(oof.target.y), n_rows(X_test)) > sure
    return OverfittingAlarm(told, loss, tuple(encoded), shares if many else None)


def _check(oof: OutOfFold, X_test: Any, sure: float) -> None:
    if not sure > 0:
        raise fault("sure", "above 0", f"{sure=}", "Pass sure=4")
    m, n = n_rows(X_test), int((oof.coverage > 0).sum())
    if min(m, n) < FEW:
        raise fault("Rows to compare", f"at least {FEW} of each", f"{n} held out, {m} new", "Pass more rows")
    if not all(len(estimators) for estimators in oof.fold_estimators.values()) or not oof.fold_estimators:
        raise fault("run", "with fold estimators", "none", "Pass what out_of_fold returned")


def _codes(oof: OutOfFold, y_test: Any, m: int) -> npt.NDArray[Any]:
    """Return labels as positions among the classes, or numbers as a table."""
    y = np.asarray(y_test)
    if len(y) != m:
        raise fault("y_test", f"one value a row of X_test, {m}", f"{len(y)} values", "Pass both together")
    if y.shape[1:] != oof.target.y.shape[1:]:
        raise fault("y_test", "of as many columns as y", f"shape={y.shape}", "Pass the same columns")
    if not oof.target.is_classification:
        return y.astype(np.float64).reshape(m, -1)
    strange = np.setdiff1d(y, oof.target.classes)
    if len(strange):
        raise fault(
            "y_test", f"of the classes {listed(oof.target.classes)}", f"{listed(strange)}", "Pass such labels"
        )
    return np.searchsorted(oof.target.classes, y)


def _tables(run: Any, oof: OutOfFold, X_test: Any) -> Sequence[Any]:
    """Return for each split what its estimators are asked about."""
    if isinstance(run, Levels):
        return run.top_.tables(run._check_X(X_test, reset=False))
    oof.check_reads_X()
    return [X_test] * len(oof.folds.splits)


def _examined(
    oof: OutOfFold, name: str, tables: Sequence[Any], truth: npt.NDArray[Any] | None
) -> dict[str, Any]:
    """Compare an estimator's promises for rows held out with those for new rows."""
    codes = oof.target.codes.reshape(len(oof.target.y), -1)
    total, share = np.zeros(oof.folds.n_samples), 1 / sum(len(rows) for _, rows in oof.folds.splits)
    new, asked = np.zeros(n_rows(tables[0])), dict[tuple[int, int], Table]()
    for at, (_, rows) in enumerate(oof.folds.splits):
        calibrated, estimator = calibrated_for(oof, name, at), oof.fold_estimators[name][at]
        total[rows] += calibrated(oof.held_out[name][at], None if truth is None else codes[rows])
        question = id(estimator), id(tables[at])
        if question not in asked:  # the same object in all folds (it is frozen) answers once
            place = oof.folds.labels[at]
            asked = {question: oof.responses[name].ask_untouched(estimator, tables[at], place)}
        new += calibrated(asked[question], truth) * len(rows) * share
    covered, groups = np.flatnonzero(oof.coverage), oof.folds.bonds.groups
    # Rows count alike on both sides: those of X_test have no weights.
    held = total[covered] / oof.coverage[covered]
    claimed = float(held.mean())
    own_error = _standard_error(held, None if groups is None else groups[covered])
    new_error, difference = _standard_error(new), float(new.mean()) - claimed
    error = float(np.hypot(own_error, new_error))
    mute = error <= LEAST * max(1.0, abs(claimed))
    z = 0.0 if mute else difference / error
    varied = min(len(np.unique(held.round(9))), len(np.unique(new.round(9)))) > FEW
    return {
        "claimed": claimed,
        "promised": float(new.mean()),
        "difference": difference,
        "standard_error": error,
        "z": z,
        "p_value": float(stats.norm.sf(z)),
        "vouched": z < KEPT and (varied or truth is not None),
    }


def _too_good(oof: OutOfFold, table: pd.DataFrame) -> list[bool]:
    """Whether estimators that nothing vouches for make far fewer errors than those that keep promises."""
    n = int((oof.coverage > 0).sum())
    errors = {name: errors_of(oof, name).reshape(n, -1).mean(axis=1) for name in oof.responses}
    honest = [errors[name] for name in table.index[table["vouched"]]]
    if not honest:
        return [False] * len(table)
    best = min(honest, key=np.mean)
    return [
        not vouched and is_too_good(errors[name], best)
        for name, vouched in zip(table.index, table["vouched"], strict=True)
    ]


def _standard_error(values: Floats, groups: npt.NDArray[np.intp] | None = None) -> float:
    deviations = values - values.mean()
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1].ravel()
        deviations = np.asarray(np.bincount(codes, deviations), dtype=np.float64)
    return float(np.sqrt((deviations**2).sum()) / len(values))
