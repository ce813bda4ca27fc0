"""The scores of the members, the plain average and the stack on the rows that all of them predict."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.assess.losses import LOSSES, loss_name, metric_name, row_losses
from stackit.assess.significance import PairedTest, paired_folds, paired_rows
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import score_predictions
from stackit.presets.blend.cross_fitting import held_out_rows, row_weights
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.report.evidence import Evidence
from stackit.report.metric import Metric

__all__ = ["AVERAGE", "STACK", "Scores"]

STACK, AVERAGE = "stack", "plain average"
OF_WHOLE_FOLDS = ("r2", "neg_root_mean_squared_error", "neg_root_mean_squared_log_error")


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of the members, of their plain average and of the stack, all on the same rows."""

    evidence: Evidence

    @cached_property
    def metric(self) -> Metric:
        """The metric in words."""
        return Metric(self.evidence.scoring)

    @cached_property
    def predictions(self) -> dict[str, Floats]:
        """The (n, width) predictions of the members, the plain average and the stack by their names."""
        n = len(self.evidence.y)
        found = {name: table.reshape(n, -1) for name, table in self.evidence.members.items()}
        if len(found) > 1:
            found[self.average] = np.mean([*found.values()], axis=0)
        return {**found, self.stack: self.evidence.stack.reshape(n, -1)}

    @cached_property
    def stack(self) -> str:
        """The name of the stack, other than that of any member."""
        return _free(STACK, self.evidence.members)

    @cached_property
    def average(self) -> str:
        """The name of the plain average, other than that of any member."""
        return _free(AVERAGE, self.evidence.members)

    @cached_property
    def names(self) -> list[str]:
        """The members, the best first, those without a score last."""
        known = {name: self.estimate(name)[0] for name in self.evidence.members}
        return sorted(known, key=lambda name: -known[name] if np.isfinite(known[name]) else np.inf)

    @cached_property
    def best(self) -> str | None:
        """The best member; None where no member has a score."""
        return next((name for name in self.names if np.isfinite(self.estimate(name)[0])), None)

    @cached_property
    def weights(self) -> Floats:
        """The (n,) weights of the rows, of mean 1."""
        return row_weights(self.evidence.sample_weight, len(self.evidence.y))

    @cached_property
    def parts(self) -> tuple[Rows, ...]:
        """The rows that each fold of the first repeat holds out, of those that all members predict."""
        evidence = self.evidence
        if evidence.folds is None:
            return (evidence.rows,)
        return tuple(part for part in held_out_rows(evidence.folds, evidence.rows) if len(part))

    @cached_property
    def held_out_metric(self) -> HeldOutMetric:
        """The metric as a mean over rows or folds."""
        evidence = self.evidence
        return HeldOutMetric(evidence.target, self.parts, self._scoring, self.weights, groups=evidence.groups)

    def contributions(self, name: str) -> Floats:
        """Return the contributions of rows or folds to a score; NaN where the metric does not apply."""
        known: dict[str, Floats] = self._contributions
        if name not in known:
            needs = LOSSES.get(self.evidence.scoring, ("", None, False))[2]
            prediction = self.predictions[name]
            if needs and self.evidence.kinds.get(name, "probability") != "probability":
                prediction = np.full_like(prediction, np.nan)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                known[name] = self.held_out_metric.contributions(prediction)
        return known[name]

    def estimate(self, name: str) -> tuple[float, float]:
        """Return the score and its standard error, by scikit-learn's sign; NaN where there is none."""
        if name not in self._estimates:
            with np.errstate(all="ignore"):
                found = self.held_out_metric.estimate(self.contributions(name))
            self._estimates[name] = found if np.isfinite(found[0]) else (float("nan"), float("nan"))
        return self._estimates[name]

    def compare(self, first: str, second: str) -> PairedTest:
        """Test whether the first is better than the second on the same rows."""
        metric = self.held_out_metric
        difference = self.contributions(first) - self.contributions(second)
        known = np.isfinite(difference)
        if not metric.by_rows:
            ratio = 1 / max(len(self.parts) - 1, 1)
            return paired_folds(difference[known], ratio) if known.any() else _no_test()
        known &= self.weights > 0
        if not known.any() or np.isinf(difference[self.evidence.rows]).any():
            return _no_test()
        weights = None if self.evidence.sample_weight is None else self.weights[known]
        groups = self.evidence.groups
        return paired_rows(difference[known], weights, None if groups is None else groups[known])

    def by_fold(self, name: str) -> list[float]:
        """Return the score on the rows of each fold; NaN where the metric does not apply."""
        contributions = self.contributions(name)
        if not self.held_out_metric.by_rows:
            return [float(each) for each in contributions]
        if metric_name(self._scoring, self.evidence.target) in OF_WHOLE_FOLDS:
            return [self._score(name, part) for part in self.parts]
        return [float(np.average(contributions[part], weights=self.weights[part])) for part in self.parts]

    def losses(self, name: str) -> tuple[str, Floats]:
        """Return the name of a loss per row, and the (n,) losses: of the metric, or a usual one."""
        evidence, scoring = self.evidence, self._scoring
        if metric_name(scoring, evidence.target) in (None, "accuracy"):
            scoring = "neg_log_loss" if evidence.is_classification else "neg_mean_squared_error"
        losses = np.full(len(evidence.y), np.nan)
        found = row_losses(
            evidence.target, evidence.rows, self.predictions[name][evidence.rows], self._spec, scoring
        )
        losses[evidence.rows] = found
        return loss_name(scoring, evidence.target), losses

    @cached_property
    def _contributions(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def _estimates(self) -> dict[str, tuple[float, float]]:
        return {}

    @property
    def _scoring(self) -> object:
        return self.evidence.scoring if self.evidence.scorer is None else self.evidence.scorer

    @property
    def _spec(self) -> PredictionSpec:
        return PredictionSpec.of(STACK, self.evidence.target.type)

    def _score(self, name: str, rows: Rows) -> float:
        prediction = self.predictions[name][rows]
        weights = None if self.evidence.sample_weight is None else self.weights
        try:
            return score_predictions(
                self.evidence.target, rows, prediction, self._spec, self._scoring, weights
            )
        except ValueError:
            return float("nan")


def _free(name: str, taken: object) -> str:
    while name in taken:  # type: ignore[operator]
        name = f"the {name}"
    return name


def _no_test() -> PairedTest:
    nan = float("nan")
    return PairedTest(nan, nan, nan, nan, nan, 0, "no test")
