"""What speaks against an estimator's out-of-fold predictions, gathered without another fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from stackit.arrays import Floats, num_samples
from stackit.assess.calibration import CalibratedPredictions, calibrated_for
from stackit.assess.encodings import SHARE, SURE, encoded_columns, left_out_columns, places_of
from stackit.assess.leakage import have_twins, share_of_twins, twins_test
from stackit.assess.reversal import turned_round
from stackit.ensemble.levels import Levels
from stackit.results.oof import OutOfFold

__all__ = ["Evidence", "Leaks", "leaks_of"]

LEAST = 1e-6
FEW = 30
# A promise is kept where new rows are not this many standard errors worse.
KEPT = 2.0
# Who takes less than this share off the loss of the prior claims nothing.
CLAIM = 0.01
# The share of the spread of predictions that must go with a column before they are said to read it.
READS = 0.04


@dataclass(frozen=True)
class Leaks:
    """What a training table gives away of y.

    Parameters
    ----------
    encoded : tuple of str
        The columns that were encoded with y.
    places : tuple of int
        Where they stand.
    twins : (float, float) or None
        The shares of held-out and of new rows with a twin among those trained on, where the first is larger.
    has_twin : (n,) array of bool or None
        Which rows these are; None where `twins` is.
    alike : (n,) array of int or None
        Equal where rows are.
    """

    encoded: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    twins: tuple[float, float] | None = None
    has_twin: npt.NDArray[np.bool_] | None = None
    alike: npt.NDArray[np.intp] | None = None


def leaks_of(X: Any, oof: OutOfFold, X_test: Any) -> Leaks:
    """Return what a training table gives away; nothing where there is none."""
    if X is None or not hasattr(X, "shape") or len(X.shape) != 2:
        return Leaks()
    shares = share_of_twins(X, oof.folds, X_test)
    evenness, left_out = encoded_columns(X, oof.target), left_out_columns(X, oof.target)
    names = [name for name in left_out if evenness.get(name, 0.0) < -SURE or left_out[name] > SHARE]
    where = places_of(X) if names else {}
    places = tuple(where[name] for name in names)
    if names and shares is not None:  # rows of one encoded value are no twins
        X, X_test = _without(X, places), _without(X_test, places)
        shares = share_of_twins(X, oof.folds, X_test) if X.shape[1] else None
    many = twins_test(shares, len(oof.target.y), num_samples(X_test)) > SURE
    return Leaks(tuple(names), places, *((shares, *have_twins(X, oof.folds)) if many else ()))


def _without(X: Any, places: tuple[int, ...]) -> Any:
    table = pd.DataFrame(X)
    return table.iloc[:, [at for at in range(table.shape[1]) if at not in places]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks against the estimators of a run.

    Parameters
    ----------
    run : OutOfFold, fitted stack or fitted levels
        What is assessed.
    oof : OutOfFold
        Its predictions.
    X_test : table with m rows
        New rows.
    truth : (m,) or (m, n_outputs) array or None
        Their labels as codes, or numbers.
    X : table with n rows, or None
        The training table.
    leaks : Leaks
        What it gives away.
    """

    run: Any
    oof: OutOfFold
    X_test: Any
    truth: npt.NDArray[Any] | None
    X: Any
    leaks: Leaks

    def of(self, name: str) -> dict[str, Any]:
        """Return a row of the table of the alarm, with the reason that weighs most if there is to be one."""
        row, against, losses = self._promises(name)
        if self._turned is not None:
            row["turned"] = self._of_turned(name)
            against["turned round"] = self._turned_and_surer(row["turned"], against.pop("surer"), losses)
        row["twins"] = self._of_twins(losses)
        if np.isfinite(row["twins"]):
            against["twins"] = row["twins"]
        reason = max(against, key=lambda each: against[each])
        p_value = len(against) * stats.norm.sf(max(against.values()))
        claims = float(losses.mean()) + KEPT * self._error(losses) < self._prior_loss
        if claims and self._reads_encoded(name):
            reason = "encoded"
        return row | {"p_value": float(min(1.0, p_value)), "reason": reason}

    @cached_property
    def tables(self) -> Sequence[Any]:
        """What the estimators of each split are asked about."""
        return self._tables_of(self.X_test)

    @cached_property
    def _shuffled(self) -> Sequence[Any] | None:
        """The same with encoded columns in another order; None where there are none."""
        if not self.leaks.places:
            return None
        order = np.random.default_rng(0).permutation(num_samples(self.X_test))
        return self._tables_of(_shuffle(self.X_test, self.leaks.places, order))

    @cached_property
    def _turned(self) -> dict[str, Floats] | None:
        if not isinstance(self.run, Levels) or self.X is None:
            return None
        return turned_round(self.run, self.X)

    def _tables_of(self, X_test: Any) -> Sequence[Any]:
        if isinstance(self.run, Levels):
            return self.run.top_.fold_tables(X_test)
        return [X_test] * len(self.oof.folds.splits)

    def _promises(self, name: str) -> tuple[dict[str, Any], dict[str, float], Floats]:
        """Compare what is claimed of rows held out with what new ones promise and, with labels, keep."""
        oof, truth = self.oof, self.truth
        codes = oof.target.codes.reshape(len(oof.target.y), -1)
        share = 1 / sum(len(rows) for _, rows in oof.folds.splits)
        held = {False: np.zeros(oof.folds.n_samples), True: np.zeros(oof.folds.n_samples)}
        new = {False: np.zeros(num_samples(self.tables[0])), True: np.zeros(num_samples(self.tables[0]))}
        asked = dict[tuple[int, int], Floats]()
        for at, (_, rows) in enumerate(oof.folds.splits):
            calibrated: CalibratedPredictions = calibrated_for(oof, name, at)
            estimator = oof[name].fold_estimators[at]
            question = id(estimator), id(self.tables[at])
            if question not in asked:  # the same object in all folds (it is frozen) answers once
                place = oof.folds.labels[at]
                asked = {question: oof[name].spec.predict_readonly(estimator, self.tables[at], place)}
            for known in held:
                held[known][rows] += calibrated(oof[name].held_out[at], codes[rows] if known else None)
                if truth is not None or not known:
                    new[known] += calibrated(asked[question], truth if known else None) * len(rows) * share
        covered = np.flatnonzero(oof.coverage)
        # Rows count alike on both sides: those of X_test have no weights.
        means = {known: each[covered] / oof.coverage[covered] for known, each in held.items()}
        row = self._compared(means[False], new[False])
        against = {"surer": row["z"]}
        if truth is not None:
            row = self._compared(means[True], new[True])
            against["measured"] = row["z"]
        varied = min(len(np.unique(each.round(9))) for each in (means[False], new[False])) > FEW
        row["vouched"] = max(against.values()) < KEPT and (varied or truth is not None)
        return row | {"turned": float("nan")}, against, means[True]

    def _compared(self, held: Floats, new: Floats) -> dict[str, Any]:
        claimed, difference = float(held.mean()), float(new.mean() - held.mean())
        error = float(np.hypot(self._error(held), standard_error(new)))
        return {
            "claimed": claimed,
            "promised": float(new.mean()),
            "difference": difference,
            "standard_error": error,
            "z": 0.0 if error <= LEAST * max(1.0, abs(claimed)) else difference / error,
        }

    def _turned_and_surer(self, turned: float, surer: float, losses: Floats) -> float:
        """Return both together, in standard errors; 0 where nothing is claimed, or nothing turned round.

        New rows pass through averages of the level below, which rows held out do not, so that a promise alone
        says little of a higher level.
        """
        if turned < 0 or losses.mean() > (1 - CLAIM) * self._prior_loss:
            return 0.0
        return float((turned + surer) / np.sqrt(2))

    def _of_turned(self, name: str) -> float:
        """Return by how many standard errors rows become worse once the level below has seen them."""
        assert self._turned is not None
        gained = self._turned[name]
        error = self._error(gained)
        return -float(gained.mean()) / error if error > LEAST * np.abs(gained).max(initial=1e-3) else 0.0

    @cached_property
    def _prior_loss(self) -> float:
        """The loss of who knows the shares of classes, or the mean, and no more."""
        target = self.oof.target
        if not target.is_classification:
            return float(target.codes.reshape(len(target.y), -1).var(axis=0).sum())
        shares = np.bincount(target.codes, minlength=len(target.classes)) / len(target.codes)
        return float(stats.entropy(shares))

    def _of_twins(self, losses: Floats) -> float:
        """Return by how many standard errors rows with a twin are better; NaN where nothing can be told."""
        if self.leaks.has_twin is None or self.leaks.alike is None:
            return float("nan")
        covered = np.flatnonzero(self.oof.coverage)
        has_twin, alike = self.leaks.has_twin[covered], self.leaks.alike[covered]
        if min(has_twin.sum(), (~has_twin).sum()) < FEW:
            return float("nan")
        own, others = losses[has_twin], losses[~has_twin]
        error = float(np.hypot(standard_error(own, alike[has_twin]), standard_error(others)))
        return float(others.mean() - own.mean()) / error if error > LEAST else 0.0

    def _reads_encoded(self, name: str) -> bool:
        """Whether predictions of new rows change where encoded columns are shuffled."""
        if self._shuffled is None:
            return False
        response, estimator = self.oof[name].spec, self.oof[name].fold_estimators[0]
        known, other = (
            response.predict_readonly(estimator, tables[0]) for tables in (self.tables, self._shuffled)
        )
        spread = 2 * known.var(axis=0).sum()
        return bool(((known - other) ** 2).mean(axis=0).sum() > READS * spread)

    def _error(self, values: Floats) -> float:
        groups = self.oof.folds.constraints.groups
        return standard_error(values, None if groups is None else groups[np.flatnonzero(self.oof.coverage)])


def standard_error(values: Floats, groups: npt.NDArray[np.intp] | None = None) -> float:
    """Return the standard error of a mean, of rows or of groups of rows."""
    deviations = values - values.mean()
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1].ravel()
        deviations = np.asarray(np.bincount(codes, deviations), dtype=np.float64)
    return float(np.sqrt((deviations**2).sum()) / len(values))


def _shuffle(X: Any, places: tuple[int, ...], order: npt.NDArray[np.intp]) -> Any:
    """Return a table with some columns in another order of rows."""
    if isinstance(X, pd.DataFrame):
        changed = X.copy()
        for at in places:
            changed.isetitem(at, X.iloc[order, at].to_numpy())
        return changed
    table = np.array(X)
    table[:, list(places)] = table[order][:, list(places)]
    return table
