"""What several checks need of the evidence, computed once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.assess.area_under_curve import area_contributions
from stackit.assess.losses import LOSSES, loss_name, metric_name, row_losses
from stackit.assess.significance import PairedTest, paired_folds, paired_rows
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import Scoring, score_predictions
from stackit.report.checks.table_facts import TableFacts
from stackit.report.evidence import Evidence
from stackit.target import Target

__all__ = ["MEAN", "PRIOR", "STACK", "Facts"]

AREAS = ("roc_auc", "roc_auc_ovr")
STACK, MEAN, PRIOR = "the stack", "the plain average", "the prior"


class Facts:
    """What several checks need of the evidence, computed once and only where it is needed.

    Losses and predictions are those of `rows`, the rows that the stack and all members predict.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._losses: dict[str, Floats | None] = {}
        self._scores: dict[str, Floats] = {}

    @property
    def target(self) -> Target:
        """The target of all rows."""
        return self.evidence.target

    @property
    def classify(self) -> bool:
        """Whether classes are predicted."""
        return self.evidence.is_classification

    @cached_property
    def rows(self) -> Rows:
        """The rows that the stack and all members predict, by finite numbers."""
        known = np.ones(len(self.target.y), dtype=bool)
        for prediction in [*self.evidence.members.values(), self.evidence.stack]:
            known &= np.isfinite(prediction.reshape(len(known), -1)).all(axis=1)
        return np.flatnonzero(known)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names of the members."""
        return tuple(self.evidence.members)

    @property
    def metric(self) -> Scoring:
        """The metric as a scorer or its name."""
        return self.evidence.scoring if self.evidence.scorer is None else self.evidence.scorer

    @cached_property
    def loss_metric(self) -> str | None:
        """The name of the metric where it is a mean of row losses (or its root), else None."""
        return metric_name(self.metric, self.target)

    @property
    def loss_name(self) -> str:
        """The metric's loss in words, or the metric's name."""
        return loss_name(self.metric, self.target) if self.loss_metric else self.evidence.scoring

    @cached_property
    def table(self) -> TableFacts | None:
        """The columns of the training and test table; None without a training table."""
        evidence = self.evidence
        if evidence.X is None or not evidence.X.shape[1]:
            return None
        return TableFacts(evidence.X, evidence.X_test, evidence.columns)

    @cached_property
    def splits(self) -> Sequence[tuple[Rows, Rows]]:
        """The (train, held_out) rows of the folds of the first repeat; none without folds."""
        folds = self.evidence.folds
        if folds is None:
            return ()
        pairs = zip(folds.labels, folds.splits, strict=True)
        return [split for (repeat, _), split in pairs if repeat == 0]

    @cached_property
    def groups(self) -> Rows | None:
        """The groups of the rows as numbers, from the evidence or from the folds."""
        given, folds = self.evidence.groups, self.evidence.folds
        if given is None and folds is not None:
            given = folds.constraints.groups
        return None if given is None else np.unique(np.asarray(given), return_inverse=True)[1].ravel()

    @property
    def predictions(self) -> dict[str, Floats]:
        """The predictions of all rows by name: those of the members, the stack, the average, the prior."""
        return {**self.evidence.members, STACK: self.evidence.stack, MEAN: self._mean, PRIOR: self._prior}

    def is_probability(self, name: str) -> bool:
        """Whether a prediction holds probabilities, and not only the order of decisions, or labels."""
        return self.classify and self.evidence.kinds.get(name, "probability") == "probability"

    def losses(self, name: str) -> Floats | None:
        """Return the row losses of a prediction by the metric; None where these do not exist.

        An area under the ROC curve is a mean over rows too: of their contributions, here with a minus.
        """
        if name not in self._losses:
            if self.loss_metric is None:
                self._losses[name] = self._area_losses(name) if self._is_area else None
            else:
                exist = self.is_probability(name) or not LOSSES[self.loss_metric][2]
                self._losses[name] = self._row_losses(name, self.loss_metric) if exist else None
        return self._losses[name]

    def squared_losses(self, name: str) -> Floats:
        """Return the squared error per row: of numbers, or of the probabilities of the classes."""
        metric = "neg_brier_score" if self.classify else "neg_mean_squared_error"
        found = self._row_losses(name, metric)
        assert found is not None
        return found

    def scores(self, name: str) -> Floats:
        """Return the metric of a prediction in each fold, higher is better; NaN where there is none."""
        if name not in self._scores:
            prediction = self.predictions[name].reshape(len(self.target.y), -1)
            self._scores[name] = np.array([self._score(prediction, held) for _, held in self.splits])
        return self._scores[name]

    def mean_loss(self, name: str) -> float:
        """Return a mean that is lower for a better prediction: of row losses, or of negative scores."""
        losses = self.losses(name)
        if losses is not None:
            return float(np.average(losses, weights=self.weights_of_rows))
        if self.loss_metric is not None or not self.splits:
            return float("nan")
        known = self.scores(name)[~np.isnan(self.scores(name))]
        return -float(known.mean()) if len(known) else float("nan")

    def compare(self, ours: str, theirs: str) -> PairedTest:
        """Return a paired test, by rows or by folds; its difference is positive where the first is better."""
        own, other = self.losses(ours), self.losses(theirs)
        if own is not None and other is not None:
            groups = None if self.groups is None else self.groups[self.rows]
            return paired_rows(other - own, self.weights_of_rows, groups)
        differences = self.scores(ours) - self.scores(theirs)
        known = differences[~np.isnan(differences)]
        if not len(known):
            nan = float("nan")
            return PairedTest(nan, nan, nan, nan, nan, 0, "no test")
        return paired_folds(known, float(np.mean([len(held) / len(train) for train, held in self.splits])))

    @cached_property
    def judged(self) -> tuple[str, ...]:
        """The members that the metric can judge."""
        return tuple(name for name in self.members if np.isfinite(self.mean_loss(name)))

    @cached_property
    def best(self) -> str | None:
        """The member with the best metric; None where none can be judged."""
        return min(self.judged, key=self.mean_loss) if self.judged else None

    @cached_property
    def weights_of_rows(self) -> Floats | None:
        """The sample weights of `rows`."""
        weights = self.evidence.sample_weight
        return None if weights is None else np.asarray(weights, dtype=np.float64)[self.rows]

    @cached_property
    def _mean(self) -> Floats:
        """The plain average of the members that predict probabilities or numbers."""
        kinds = self.evidence.kinds
        found = [
            prediction
            for name, prediction in self.evidence.members.items()
            if kinds.get(name, "probability") in ("probability", "number")
        ]
        return np.asarray(np.mean(found, axis=0)) if found else np.full_like(self.evidence.stack, np.nan)

    @cached_property
    def _prior(self) -> Floats:
        """The shares of the classes; of numbers the mean, or the median for absolute errors."""
        n, weights = len(self.target.y), self.evidence.sample_weight
        if self.classify:
            counts = np.bincount(self.target.codes, weights, len(self.target.classes))
            return np.tile(counts / counts.sum(), (n, 1))
        is_absolute = "absolute" in self.evidence.scoring
        middle = np.median(self.target.y) if is_absolute else np.average(self.target.y, weights=weights)
        return np.full(n, float(middle))

    def _row_losses(self, name: str, metric: str | None) -> Floats | None:
        prediction = self.predictions[name].reshape(len(self.target.y), -1)[self.rows]
        losses = row_losses(self.target, self.rows, prediction, self._spec, metric)
        return losses if losses is not None and np.isfinite(losses).all() else None

    @property
    def _is_area(self) -> bool:
        is_pair = self.target.kind == "binary" or self.metric == "roc_auc_ovr"
        return isinstance(self.metric, str) and self.metric in AREAS and is_pair

    def _area_losses(self, name: str) -> Floats | None:
        """Return row losses with differences that have the mean and variance of those of areas (DeLong)."""
        prediction, found = self.predictions[name], np.full(len(self.target.y), np.nan)
        weights = self.evidence.sample_weight
        weights = np.ones(len(found)) if weights is None else np.asarray(weights, dtype=np.float64)
        for _, held_out in self.splits:
            rows = held_out[np.isin(held_out, self.rows)]
            found[rows] = -area_contributions(prediction[rows], self.target.codes[rows], weights[rows])
        return found[self.rows] if np.isfinite(found[self.rows]).all() else None

    def _score(self, prediction: Floats, held_out: Rows) -> float:
        """Return the metric of some rows; NaN where the scorer refuses them."""
        rows = held_out[np.isin(held_out, self.rows)]
        weights = self.evidence.sample_weight
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return score_predictions(
                    self.target, rows, prediction[rows], self._spec, self.metric, weights
                )
        except Exception:  # noqa: BLE001 - a scorer may be any function of the user's
            return float("nan")

    @cached_property
    def _spec(self) -> Any:
        return PredictionSpec.of("prediction", self.target.type)
