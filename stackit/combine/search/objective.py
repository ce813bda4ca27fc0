"""What metric-driven searches ask: how good the blend would be after a step toward each estimator."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.combine.combiner import Blocks
from stackit.combine.search.metrics import FAST, Metric, ScorerMetric
from stackit.target import Target
from stackit.validation import invalid_value

__all__ = ["SQUARED", "BlendObjective", "Objective", "Squared", "objective_of"]

Places = npt.NDArray[np.intp]
SQUARED = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error")
CHUNK = 2**19  # numbers of candidate blends that are looked at together: about what a cache holds


class Objective(Protocol):
    """A metric of blends of fixed estimators; higher is better."""

    shares: Floats

    @property
    def refusal(self) -> ValueError | None:
        """Why a blend was refused, if any was."""

    def start(self, shares: Floats) -> None:
        """Make the blend by `shares` the one that steps start from."""

    def move(self, place: int, step: float) -> None:
        """Take a step toward an estimator, or away from it."""

    def after(self, places: Places, steps: Floats) -> Floats:
        """Return the score of ``(1 - step) * blend + step * estimator`` for each place and its step."""


class BlendObjective:
    """An objective of any metric: the blend of now is kept, and candidates differ from it by one estimator.

    Parameters
    ----------
    table : (n_estimators, n, width) array
        The predictions.
    metric : callable
        From (n_candidates, n, width) blends to scores.
    """

    def __init__(self, table: Floats, metric: Metric) -> None:
        self.table, self.metric = table, metric
        self.start(np.eye(len(table))[0])

    @property
    def refusal(self) -> ValueError | None:
        """Why a blend was refused, if any was."""
        return self.metric.refusal if isinstance(self.metric, ScorerMetric) else None

    def start(self, shares: Floats) -> None:
        """Make the blend by `shares` the one that steps start from."""
        self.shares = shares
        self.blend = np.tensordot(shares, self.table, axes=1)

    def move(self, place: int, step: float) -> None:
        """Take a step toward an estimator, or away from it."""
        self.shares = _moved(self.shares, place, step)
        self.blend = (1 - step) * self.blend + step * self.table[place]

    def after(self, places: Places, steps: Floats) -> Floats:
        """Return the score of ``(1 - step) * blend + step * estimator`` for each place and its step."""
        at_once = max(1, CHUNK // self.blend.size)
        scores = [
            self._some(places[first : first + at_once], steps[first : first + at_once])
            for first in range(0, len(places), at_once)
        ]
        return _settled(np.concatenate(scores))

    def _some(self, places: Places, steps: Floats) -> Floats:
        step = steps[:, np.newaxis, np.newaxis]
        blends = self.table[places]
        blends *= step
        blends += (1 - step) * self.blend
        return self.metric(blends)


class Squared:
    """The objective of squared errors, from the products of the estimators' errors alone.

    Parameters
    ----------
    errors : (n_estimators, n, n_outputs) array
        Predictions less the target.
    weights : (n,) array
        The weights of the rows.
    root : bool
        Whether the root of the mean square of each output is averaged, or the mean square itself.
    best : float
        The score without any error.
    """

    refusal = None

    def __init__(self, errors: Floats, weights: Floats, root: bool, best: float = 0.0) -> None:
        share = weights / weights.sum()
        self.root, self.best = root, best
        scaled = errors * np.sqrt(share)[:, np.newaxis]
        self.products = np.stack([one @ one.T for one in scaled.transpose(2, 0, 1)])
        self.shares = np.full(len(errors), 1 / len(errors))

    def start(self, shares: Floats) -> None:
        """Make the blend by `shares` the one that steps start from."""
        self.shares = shares

    def move(self, place: int, step: float) -> None:
        """Take a step toward an estimator, or away from it."""
        self.shares = _moved(self.shares, place, step)

    def after(self, places: Places, steps: Floats) -> Floats:
        """Return the score of ``(1 - step) * blend + step * estimator`` for each place and its step."""
        across = self.products @ self.shares
        own = (across @ self.shares)[:, np.newaxis]
        alone = np.diagonal(self.products, axis1=1, axis2=2)[:, places]
        stay = 1 - steps
        squares = stay**2 * own + 2 * stay * steps * across[:, places] + steps**2 * alone
        squares = squares.clip(min=0)
        return _settled(self.best - (np.sqrt(squares) if self.root else squares).mean(axis=0))


def _settled(scores: Floats) -> Floats:
    """Return scores to 12 digits: what rounding leaves, as of other weights, must not part equals."""
    largest = np.abs(scores[np.isfinite(scores)]).max(initial=0.0)
    unit = 10.0 ** (np.ceil(np.log10(largest)) - 12) if largest > 1e-200 else 1.0
    return np.asarray(np.round(scores / unit) * unit) if largest > 0 else scores


def _moved(shares: Floats, place: int, step: float) -> Floats:
    moved = (1 - step) * shares
    moved[place] += step
    return moved


def objective_of(scoring: Any, blocks: Blocks, target: Target, weights: Floats) -> Objective:
    """Return the objective of a scikit-learn scorer: of the common ones fast, of others by calling it.

    Parameters
    ----------
    scoring : str, callable or None
        A scikit-learn scorer or its name; None is accuracy for classes and R2 for numbers.
    blocks : (n, n_estimators, width) array
        The predictions, of classes probabilities.
    target : Target
        What is predicted, of these rows.
    weights : (n,) array
        The weights of the rows.

    Raises
    ------
    ValueError
        When there is no scorer of that name, or it is not for several classes.
    """
    if scoring is None:
        scoring = "accuracy" if target.is_classification else "r2"
    if scoring == "roc_auc" and target.kind == "multiclass":
        classes = f"scoring='roc_auc' with {len(target.classes)} classes"
        raise invalid_value("scoring", "a metric of several classes", classes, "Pass scoring='roc_auc_ovr'")
    table = np.ascontiguousarray(blocks.transpose(1, 0, 2))
    if not target.is_classification and scoring in SQUARED:
        squared = _squared(scoring, table, target.y.reshape(len(blocks), -1), weights)
        if squared is not None:
            return squared
    make = FAST.get((scoring, target.kind)) if isinstance(scoring, str) else None
    if make is None:
        return BlendObjective(table, ScorerMetric(scoring, target, weights))
    if target.kind == "binary":
        table = np.ascontiguousarray(table[:, :, 1:])
    return BlendObjective(table, make(target.codes, weights))


def _squared(scoring: str, table: Floats, truth: Floats, weights: Floats) -> Squared | None:
    """Return the objective of squared errors; R2 has none where the target does not vary."""
    if scoring != "r2":
        return Squared(table - truth, weights, scoring == "neg_root_mean_squared_error")
    mean = np.average(truth, axis=0, weights=weights)
    spread = np.sqrt(np.average((truth - mean) ** 2, axis=0, weights=weights))
    return Squared((table - truth) / spread, weights, root=False, best=1.0) if spread.all() else None
