"""Cross-fitted scores of blends, and the standard errors of their differences."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats, Rows
from stackit.assess.area_under_curve import area_contributions
from stackit.assess.losses import metric_name, row_losses
from stackit.assess.significance import paired_rows
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import Scoring, score_predictions
from stackit.target import Target

__all__ = ["HeldOutMetric"]

ROOTS = ("neg_root_mean_squared_error", "neg_root_mean_squared_log_error")
AREAS = ("roc_auc", "roc_auc_ovr")


@dataclass(frozen=True, eq=False)
class HeldOutMetric:
    """Scores predictions of held-out rows by a metric.

    A score is the weighted mean of *contributions*: of rows for metrics that are means of row losses, roots
    of such means, or areas under the ROC curve (by their influence functions), and of folds for all other
    metrics. The differences of the contributions of two predictions give the standard error of the difference
    of scores.

    Parameters
    ----------
    target : Target
        The target.
    parts : list of arrays
        The rows that each fold holds out.
    scoring : str, callable or None
        A scikit-learn scorer.
    weights : (n,) array
        Weights of the rows.
    groups : (n,) array or None
        Rows of a group are not independent.
    """

    target: Target
    parts: tuple[Rows, ...]
    scoring: Scoring
    weights: Floats
    groups: Any = None

    @property
    def by_rows(self) -> bool:
        """Whether the contributions are rows."""
        return self._is_area or metric_name(self.scoring, self.target) is not None

    def contributions(self, prediction: Floats) -> Floats:
        """Return the (n,) contributions of rows or (n_folds,) of folds; NaN where the prediction is."""
        known = np.asarray(~np.isnan(prediction).any(axis=1))
        parts = [part[known[part]] for part in self.parts]
        if not self.by_rows:
            return np.array([self._score_fold(part, prediction) for part in parts])
        found, rows = np.full(len(prediction), np.nan), np.concatenate(parts)
        if self._is_area:
            for part in parts:
                found[part] = area_contributions(
                    prediction[part], self.target.codes[part], self.weights[part]
                )
        elif len(rows):
            found[rows] = self._row_scores(rows, prediction[rows])
        return found

    def estimate(self, contributions: Floats) -> tuple[float, float]:
        """Return the score and its standard error; minus infinity where there is no score."""
        return self.compare(contributions, np.zeros_like(contributions))

    def compare(self, first: Floats, second: Floats) -> tuple[float, float]:
        """Return how much better the first is than the second, and the standard error."""
        known = ~np.isnan(first) & ~np.isnan(second) & (self._weights_of_contributions > 0)
        if not known.any():
            return -np.inf, np.inf
        with np.errstate(invalid="ignore"):
            difference = first[known] - second[known]
        if not np.isfinite(difference).all():
            return float(np.mean(first[known])) if np.isinf(first[known]).any() else np.inf, np.inf
        groups = self.groups[known] if self.by_rows and self.groups is not None else None
        test = paired_rows(difference, self._weights_of_contributions[known], groups)
        return test.difference, test.standard_error

    def inside(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which contributions are these rows, or folds of these rows alone."""
        found = np.zeros(len(self.target.y), dtype=bool)
        found[rows] = True
        return found if self.by_rows else np.array([found[part].all() for part in self.parts])

    def over(self, contributions: Floats, rows: Rows) -> Floats:
        """Return the k scores of (k, n_contributions) over some rows, or over the folds inside them."""
        weights = np.where(self.inside(rows) & ~np.isnan(contributions), self._weights_of_contributions, 0.0)
        total = weights.sum(axis=1)
        sums = np.where(weights > 0, contributions * weights, 0.0).sum(axis=1)
        return np.asarray(np.divide(sums, total, out=np.full(len(contributions), -np.inf), where=total > 0))

    @property
    def _weights_of_contributions(self) -> Floats:
        if self.by_rows:
            return self.weights
        return np.array([self.weights[part].sum() for part in self.parts])

    @property
    def _is_area(self) -> bool:
        is_pair = self.target.kind == "binary" or self.scoring == "roc_auc_ovr"
        return isinstance(self.scoring, str) and self.scoring in AREAS and is_pair

    @property
    def _spec(self) -> PredictionSpec:
        return PredictionSpec.of("blend", self.target.type)

    def _row_scores(self, rows: Rows, prediction: Floats) -> Floats:
        losses = row_losses(self.target, rows, prediction, self._spec, self.scoring)
        assert losses is not None
        name = metric_name(self.scoring, self.target)
        if name == "r2":
            return 1 - losses
        if name == "accuracy":
            return 1 - losses
        if name not in ROOTS:
            return -losses
        mean = float(self.weights[rows] @ losses / self.weights[rows].sum())
        root = np.sqrt(mean)
        # The root is linear in the losses up to second order: their mean is the root, their spread its error.
        return -(root + (losses - mean) / (2 * root)) if 0 < root < np.inf else -np.sqrt(losses)

    def _score_fold(self, rows: Rows, prediction: Floats) -> float:
        """Return the score of a fold; NaN where the metric rejects it, as some do with one class."""
        if not len(rows) or not self.weights[rows].any():
            return float("nan")
        weights = None if (self.weights == 1).all() else self.weights
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # metrics warn of folds without a class, for each candidate
            try:
                return score_predictions(
                    self.target, rows, prediction[rows], self._spec, self.scoring, weights
                )
            except ValueError:
                return float("nan")
