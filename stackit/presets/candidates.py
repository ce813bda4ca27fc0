"""The combiners that a blend is chosen from, from simple to rich."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.combine import (
    ConvexRegressor,
    GreedyClassifier,
    GreedyRegressor,
    LogisticClassifier,
    MeanClassifier,
    MeanRegressor,
)
from stackit.presets.judge import Judge
from stackit.presets.meta_table import MetaTable

__all__ = ["Candidate", "Candidates"]

MOST_FAMILIES = 4
MIN_ROWS_TO_WEIGH = 500  # below, the rows cannot tell weights from the plain mean
GREEDY_STEPS = 25


@dataclass(frozen=True, eq=False)
class Candidate:
    """A way to blend: its name, and the combiner that it fits on some rows."""

    name: str
    fit: Callable[[Rows], Any]


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates for a table of members."""

    table: MetaTable
    families: Mapping[str, str]
    judge: Judge

    def line_up(self) -> list[Candidate]:
        """Return the candidates, the simplest first."""
        single = Candidate("best member", lambda rows: self._mean(rows, 1))
        if len(self.table.names) == 1:
            return [single]
        few = Candidate("mean of families", lambda rows: self._mean(rows, MOST_FAMILIES))
        if len(self.table.covered) < MIN_ROWS_TO_WEIGH:
            return [few, single]
        return [few, single, *(self._weighing(name, combiner) for name, combiner in self._weighed().items())]

    def _weighed(self) -> dict[str, Any]:
        """Return the combiners that weigh all members."""
        if not self.table.target_type.is_classification:
            return {"greedy": GreedyRegressor(n_steps=GREEDY_STEPS), "convex": ConvexRegressor()}
        return {"greedy": GreedyClassifier(n_steps=GREEDY_STEPS), "logistic": LogisticClassifier()}

    def _weighing(self, name: str, combiner: Any) -> Candidate:
        return Candidate(name, lambda rows: self._fit(combiner, rows))

    def _fit(self, combiner: Any, rows: Rows) -> Any:
        return self.table.fit(combiner, self.judge.target.codes, rows, self.judge.weights)

    def _mean(self, rows: Rows, most: int) -> Any:
        """Return the fitted plain mean of the best members on some rows, one per family."""
        weights = np.zeros(len(self.table.names))
        weights[self._best_places(rows, most)] = 1.0
        is_classes = self.table.target_type.is_classification
        return self._fit(MeanClassifier(weights) if is_classes else MeanRegressor(weights), rows)

    def _best_places(self, rows: Rows, most: int) -> list[int]:
        best_of = dict[str, int]()
        for place in np.argsort(-self.judge.over(self._pieces, rows), kind="stable"):
            name = self.table.names[place]
            best_of.setdefault(self.families.get(name, name), int(place))
        return [*best_of.values()][:most]

    @cached_property
    def _pieces(self) -> Floats:
        """The (n_members, n_pieces) pieces of the members' own scores."""
        return np.stack([self.judge.pieces(block) for block in self.table.blocks.transpose(1, 0, 2)])
