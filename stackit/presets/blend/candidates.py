"""The combiners that a blend is chosen from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.assess.losses import metric_name
from stackit.combine import (
    ConvexClassifier,
    ConvexRegressor,
    GreedyRegressor,
    LogisticClassifier,
    MeanClassifier,
    MeanRegressor,
)
from stackit.combine.search.objective import SQUARED
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.presets.blend.meta_table import MetaTable

__all__ = ["BEST_MEMBER", "MEAN_OF_FAMILIES", "Candidate", "Candidates"]

BEST_MEMBER, MEAN_OF_FAMILIES = "best member", "mean of families"
MOST_FAMILIES = 4
MIN_ROWS_TO_WEIGH = 500  # below, the rows cannot tell weights from the plain mean
GREEDY_STEPS = 25
# C of the logistic candidate per row: its weights have a standard deviation of 0.17 around 1 / k.
STRENGTH = 0.03


@dataclass(frozen=True, eq=False)
class Candidate:
    """A way to blend: its name, and the combiner to fit on some rows."""

    name: str
    table: MetaTable
    metric: HeldOutMetric
    make: Callable[[Rows], Any]

    def fit(self, rows: Rows) -> Any:
        """Return the combiner, fitted on some rows."""
        return self.fit_combiner(self.make(rows), rows)

    def fit_combiner(self, combiner: Any, rows: Rows) -> Any:
        """Return a copy of another combiner, fitted on some rows."""
        return self.table.fit(combiner, self.metric.target.codes, rows, self.metric.weights)


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates for a table of members."""

    table: MetaTable
    families: Mapping[str, str]
    metric: HeldOutMetric

    def line_up(self) -> list[Candidate]:
        """Return the candidates, in the order in which they are preferred."""
        makes: dict[str, Callable[[Rows], Any]] = {}
        if len(self.table.names) > 1:
            if len(self.table.covered) >= MIN_ROWS_TO_WEIGH:
                makes |= self._weighing()
            makes[MEAN_OF_FAMILIES] = lambda rows: self._mean(rows, MOST_FAMILIES)
        makes[BEST_MEMBER] = lambda rows: self._mean(rows, 1)
        return [Candidate(name, self.table, self.metric, make) for name, make in makes.items()]

    def _weighing(self) -> dict[str, Callable[[Rows], Any]]:
        """Return the combiners that weigh all members."""
        if self.table.target_type.is_classification:
            return {"logistic": self._logistic, "convex": lambda _: ConvexClassifier()}
        scoring = self.metric.scoring
        if (metric_name(scoring, self.metric.target) or scoring) in SQUARED:
            return {"convex": lambda _: ConvexRegressor()}
        greedy = GreedyRegressor(scoring, n_steps=GREEDY_STEPS)
        return {"greedy": lambda _: greedy, "convex": lambda _: ConvexRegressor()}

    def _logistic(self, rows: Rows) -> LogisticClassifier:
        # A forest's 0 is no more certain than its rows: unclipped, it would outweigh all other members.
        n = max(2.0, float(self.metric.weights[rows].sum()))
        return LogisticClassifier(C=STRENGTH * n, clip=0.5 / n, nonnegative=True)

    def _mean(self, rows: Rows, most: int) -> Any:
        """Return the plain mean of the best members on some rows, one per family."""
        weights = np.zeros(len(self.table.names))
        weights[self._best_places(rows, most)] = 1.0
        is_classes = self.table.target_type.is_classification
        return MeanClassifier(weights) if is_classes else MeanRegressor(weights)

    def _best_places(self, rows: Rows, most: int) -> list[int]:
        best_of = dict[str, int]()
        for place in np.argsort(-self.metric.over(self._contributions, rows), kind="stable"):
            name = self.table.names[place]
            best_of.setdefault(self.families.get(name, name), int(place))
        return [*best_of.values()][:most]

    @cached_property
    def _contributions(self) -> Floats:
        """The (n_members, n_contributions) contributions of the members' own scores."""
        return np.stack([self.metric.contributions(block) for block in self.table.blocks.transpose(1, 0, 2)])
