"""The objective of a search: the score of the blend after a step toward each estimator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.combine.search.metrics import FAST, Metric, ScorerMetric
from stackit.target import Target

__all__ = ["SQUARED", "BlendObjective", "Objective", "SquaredErrors", "objective_of"]

SQUARED = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error")
CHUNK = 2**19  # numbers of candidate blends that are scored together: about what a cache holds


class Objective(ABC):
    """A metric of blends of fixed estimators; higher is better.

    ``weights`` (n_estimators,) are those of the blend that steps start from. ``error`` says why the metric
    rejected a blend, if it did.
    """

    weights: Floats
    error: ValueError | None = None

    def start(self, weights: Floats) -> None:
        """Set the weights of the blend that steps start from."""
        self.weights = weights

    def move(self, place: int, step: float) -> None:
        """Take a step toward an estimator, or away from it."""
        self.weights = (1 - step) * self.weights
        self.weights[place] += step

    @abstractmethod
    def score_steps(self, places: Rows, steps: Floats) -> Floats:
        """Return the score of ``(1 - step) * blend + step * estimator`` for each place and its step."""


class BlendObjective(Objective):
    """An objective for any metric: the blend is kept, and candidates differ from it by one estimator.

    The (n_estimators, n, width) table holds the predictions; the metric scores (n_candidates, n, width)
    blends.
    """

    def __init__(self, table: Floats, metric: Metric) -> None:
        self.table, self.metric = table, metric
        self.start(np.eye(len(table))[0])

    def start(self, weights: Floats) -> None:
        """Set the weights of the blend that steps start from."""
        super().start(weights)
        self.blend = np.tensordot(weights, self.table, axes=1)

    def move(self, place: int, step: float) -> None:
        """Take a step toward an estimator, or away from it."""
        super().move(place, step)
        self.blend = (1 - step) * self.blend + step * self.table[place]

    def score_steps(self, places: Rows, steps: Floats) -> Floats:
        """Return the score of ``(1 - step) * blend + step * estimator`` for each place and its step."""
        size = max(1, CHUNK // self.blend.size)
        scores = [
            self._score(places[first : first + size], steps[first : first + size])
            for first in range(0, len(places), size)
        ]
        return _rounded(np.concatenate(scores))

    def _score(self, places: Rows, steps: Floats) -> Floats:
        step = steps[:, np.newaxis, np.newaxis]
        blends = self.table[places]
        blends *= step
        blends += (1 - step) * self.blend
        scores = self.metric(blends)
        self.error = getattr(self.metric, "error", None)
        return scores


class SquaredErrors(Objective):
    """An objective of squared errors, from the products of the estimators' errors.

    The (n_estimators, n, n_outputs) errors are predictions less the target. With `root`, the roots of the
    mean squares of the outputs are averaged, otherwise the mean squares. `best` is the score without errors.
    """

    def __init__(self, errors: Floats, sample_weight: Floats, root: bool, best: float = 0.0) -> None:
        self.root, self.best = root, best
        scaled = errors * np.sqrt(sample_weight / sample_weight.sum())[:, np.newaxis]
        self.products = np.stack([one @ one.T for one in scaled.transpose(2, 0, 1)])
        self.weights = np.full(len(errors), 1 / len(errors))

    def score_steps(self, places: Rows, steps: Floats) -> Floats:
        """Return the score of ``(1 - step) * blend + step * estimator`` for each place and its step."""
        across = self.products @ self.weights
        own = (across @ self.weights)[:, np.newaxis]
        alone = np.diagonal(self.products, axis1=1, axis2=2)[:, places]
        stay = 1 - steps
        squares = stay**2 * own + 2 * stay * steps * across[:, places] + steps**2 * alone
        squares = squares.clip(min=0)
        return _rounded(self.best - (np.sqrt(squares) if self.root else squares).mean(axis=0))


def _rounded(scores: Floats) -> Floats:
    """Return scores to 12 digits, so that rounding errors do not order equal scores."""
    largest = np.abs(scores[np.isfinite(scores)]).max(initial=0.0)
    unit = 10.0 ** (np.ceil(np.log10(largest)) - 12) if largest > 1e-200 else 1.0
    return np.asarray(np.round(scores / unit) * unit) if largest > 0 else scores


def objective_of(scoring: Any, blocks: Floats, target: Target, sample_weight: Floats) -> Objective:
    """Return the objective of a scikit-learn scorer: a fast one for common metrics, else one that calls it.

    The (n, n_estimators, width) blocks are the predictions, for classes probabilities. A `scoring` of None is
    accuracy for classes and R2 for numbers. Raises where there is no such scorer, or it cannot score several
    classes.
    """
    if scoring is None:
        scoring = "accuracy" if target.is_classification else "r2"
    if scoring == "roc_auc" and target.kind == "multiclass":
        raise ValueError(
            f"scoring='roc_auc' is for two classes, but there are {len(target.classes)}. Pass "
            "scoring='roc_auc_ovr'."
        )
    table = np.ascontiguousarray(blocks.transpose(1, 0, 2))
    if not target.is_classification and scoring in SQUARED:
        squared = _squared_errors(scoring, table, target.y.reshape(len(blocks), -1), sample_weight)
        if squared is not None:
            return squared
    make = FAST.get((scoring, target.kind)) if isinstance(scoring, str) else None
    if make is None:
        return BlendObjective(table, ScorerMetric(scoring, target, sample_weight))
    if target.kind == "binary":
        table = np.ascontiguousarray(table[:, :, 1:])
    return BlendObjective(table, make(target.codes, sample_weight))


def _squared_errors(
    scoring: str, table: Floats, truth: Floats, sample_weight: Floats
) -> SquaredErrors | None:
    """Return the objective of squared errors; None for R2 where the target does not vary."""
    if scoring != "r2":
        return SquaredErrors(table - truth, sample_weight, scoring == "neg_root_mean_squared_error")
    mean = np.average(truth, axis=0, weights=sample_weight)
    scale = np.sqrt(np.average((truth - mean) ** 2, axis=0, weights=sample_weight))
    return (
        SquaredErrors((table - truth) / scale, sample_weight, root=False, best=1.0) if scale.all() else None
    )
