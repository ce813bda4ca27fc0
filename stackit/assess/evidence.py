"""Evidence against the out-of-fold predictions of an estimator, collected without another fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from stackit.arrays import Floats, Rows, num_samples
from stackit.assess.calibration import calibrate_on_other_folds
from stackit.assess.leakage import Leakage
from stackit.assess.reversal import gains_from_seen_rows
from stackit.assess.significance import standard_error
from stackit.ensemble.levels import Levels
from stackit.results.oof import OutOfFold

__all__ = ["Evidence"]

EPSILON = 1e-6
# Fewer rows, or distinct losses, are not compared.
MIN_DISTINCT = 30
# Expected losses are borne out where new rows are not this many standard errors worse.
TRUSTED_Z = 2.0
# An estimator that lowers the loss of the prior by less than this share claims nothing.
MIN_CLAIM = 0.01
# The share of the variance of predictions that depends on a column before they count as reading it.
MIN_DEPENDENCE = 0.04


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence against the estimators of a run.

    Parameters
    ----------
    run : OutOfFold, fitted stack or fitted levels
        The run.
    oof : OutOfFold
        Its out-of-fold predictions.
    X_test : table with m rows
        New rows.
    truth : (m,) or (m, n_outputs) array or None
        Their labels as codes, or numbers.
    X : table with n rows, or None
        The training table.
    leakage : Leakage
        The leaks of the training table.
    """

    run: Any
    oof: OutOfFold
    X_test: Any
    truth: npt.NDArray[Any] | None
    X: Any
    leakage: Leakage

    def of(self, name: str) -> dict[str, Any]:
        """Return an estimator's row of the alarm's table, with the strongest reason for an alarm."""
        row, z_values, losses = self._compare_losses(name)
        if self._gains is not None:
            row["reversal"] = self._z_of_reversal(name)
            z_values["reversal"] = self._combine(row["reversal"], z_values.pop("overconfident"), losses)
        row["duplicates"] = self._z_of_duplicates(losses)
        if np.isfinite(row["duplicates"]):
            z_values["duplicates"] = row["duplicates"]
        reason = max(z_values, key=lambda each: z_values[each])
        p_value = len(z_values) * stats.norm.sf(max(z_values.values()))
        has_claim = float(losses.mean()) + TRUSTED_Z * self._error(losses) < self._prior_loss
        if has_claim and self._depends_on_encoded(name):
            reason = "encoded"
        return row | {"p_value": float(min(1.0, p_value)), "reason": reason}

    @cached_property
    def _tables(self) -> Sequence[Any]:
        """For each split the table of new rows that its estimators see."""
        return self._tables_of(self.X_test)

    @cached_property
    def _shuffled(self) -> Sequence[Any] | None:
        """The same with encoded columns shuffled; None where there are none."""
        if not self.leakage.positions:
            return None
        order = np.random.default_rng(0).permutation(num_samples(self.X_test))
        return self._tables_of(_shuffle(self.X_test, self.leakage.positions, order))

    @cached_property
    def _gains(self) -> dict[str, Floats] | None:
        if not isinstance(self.run, Levels) or self.X is None:
            return None
        return gains_from_seen_rows(self.run, self.X)

    def _tables_of(self, X_test: Any) -> Sequence[Any]:
        if isinstance(self.run, Levels):
            return self.run.top_.fold_tables(X_test)
        return [X_test] * len(self.oof.folds.splits)

    def _compare_losses(self, name: str) -> tuple[dict[str, Any], dict[str, float], Floats]:
        """Compare losses of held-out and new rows: expected ones, and with labels measured ones."""
        oof, truth, result = self.oof, self.truth, self.oof[name]
        codes = oof.target.codes.reshape(len(oof.target.y), -1)
        share = 1 / sum(len(rows) for _, rows in oof.folds.splits)
        # By whether the losses are measured with labels.
        held = {False: np.zeros(oof.folds.n_samples), True: np.zeros(oof.folds.n_samples)}
        new = {False: np.zeros(num_samples(self._tables[0])), True: np.zeros(num_samples(self._tables[0]))}
        latest = dict[tuple[int, int], Floats]()
        for at, (_, rows) in enumerate(oof.folds.splits):
            calibrated = calibrate_on_other_folds(oof, name, at)
            estimator = result.fold_estimators[at]
            key = id(estimator), id(self._tables[at])
            if key not in latest:  # the same object in all folds (a frozen estimator) predicts once
                place = oof.folds.labels[at]
                latest = {key: result.spec.predict_readonly(estimator, self._tables[at], place)}
            for measured in held:
                held[measured][rows] += calibrated.losses(
                    result.held_out[at], codes[rows] if measured else None
                )
                if truth is not None or not measured:
                    losses = calibrated.losses(latest[key], truth if measured else None)
                    new[measured] += losses * len(rows) * share
        covered = np.flatnonzero(oof.coverage)
        # Rows count equally on both sides: those of X_test have no weights.
        means = {measured: each[covered] / oof.coverage[covered] for measured, each in held.items()}
        row = self._compared(means[False], new[False])
        z_values = {"overconfident": row["z"]}
        if truth is not None:
            row = self._compared(means[True], new[True])
            z_values["measured"] = row["z"]
        varies = min(len(np.unique(each.round(9))) for each in (means[False], new[False])) > MIN_DISTINCT
        row["trusted"] = max(z_values.values()) < TRUSTED_Z and (varies or truth is not None)
        return row | {"reversal": float("nan")}, z_values, means[True]

    def _compared(self, held: Floats, new: Floats) -> dict[str, Any]:
        claimed, difference = float(held.mean()), float(new.mean() - held.mean())
        error = float(np.hypot(self._error(held), standard_error(new)))
        return {
            "claimed": claimed,
            "expected": float(new.mean()),
            "difference": difference,
            "standard_error": error,
            "z": 0.0 if error <= EPSILON * max(1.0, abs(claimed)) else difference / error,
        }

    def _combine(self, reversal: float, overconfident: float, losses: Floats) -> float:
        """Return both z values as one; 0 where nothing is claimed, or nothing is inverted.

        New rows see averages of the level below, which held-out rows do not, so that overconfidence alone
        proves little about a higher level.
        """
        if reversal < 0 or losses.mean() > (1 - MIN_CLAIM) * self._prior_loss:
            return 0.0
        return float((reversal + overconfident) / np.sqrt(2))

    def _z_of_reversal(self, name: str) -> float:
        """Return by how many standard errors rows are predicted worse once the level below has seen them."""
        assert self._gains is not None
        gains = self._gains[name]
        error = self._error(gains)
        return -float(gains.mean()) / error if error > EPSILON * np.abs(gains).max(initial=1e-3) else 0.0

    @cached_property
    def _prior_loss(self) -> float:
        """The loss of predicting the shares of classes, or the mean."""
        target = self.oof.target
        if not target.is_classification:
            return float(target.codes.reshape(len(target.y), -1).var(axis=0).sum())
        shares = np.bincount(target.codes, minlength=len(target.classes)) / len(target.codes)
        return float(stats.entropy(shares))

    def _z_of_duplicates(self, losses: Floats) -> float:
        """Return by how many standard errors rows with a duplicate are better; NaN if there are too few."""
        if self.leakage.has_duplicate is None or self.leakage.row_codes is None:
            return float("nan")
        covered = np.flatnonzero(self.oof.coverage)
        has_duplicate = self.leakage.has_duplicate[covered]
        if min(has_duplicate.sum(), (~has_duplicate).sum()) < MIN_DISTINCT:
            return float("nan")
        own, others = losses[has_duplicate], losses[~has_duplicate]
        codes = self.leakage.row_codes[covered][has_duplicate]
        error = float(np.hypot(standard_error(own, codes), standard_error(others)))
        return float(others.mean() - own.mean()) / error if error > EPSILON else 0.0

    def _depends_on_encoded(self, name: str) -> bool:
        """Whether predictions of new rows change when encoded columns are shuffled."""
        if self._shuffled is None:
            return False
        spec, estimator = self.oof[name].spec, self.oof[name].fold_estimators[0]
        known, other = (
            spec.predict_readonly(estimator, tables[0]) for tables in (self._tables, self._shuffled)
        )
        variance = 2 * known.var(axis=0).sum()
        return bool(((known - other) ** 2).mean(axis=0).sum() > MIN_DEPENDENCE * variance)

    def _error(self, values: Floats) -> float:
        groups = self.oof.folds.constraints.groups
        return standard_error(values, None if groups is None else groups[np.flatnonzero(self.oof.coverage)])


def _shuffle(X: Any, positions: tuple[int, ...], order: Rows) -> Any:
    """Return a table with the rows of some columns in another order."""
    if isinstance(X, pd.DataFrame):
        changed = X.copy()
        for at in positions:
            changed.isetitem(at, X.iloc[order, at].to_numpy())
        return changed
    table = np.array(X)
    table[:, list(positions)] = table[order][:, list(positions)]
    return table
