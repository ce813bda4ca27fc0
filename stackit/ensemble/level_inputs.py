"""What levels stand on: which rows there are, and the table that each level makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Rows, num_samples, safe_index
from stackit.engine.training_data import TrainingData
from stackit.ensemble.final import is_combiner
from stackit.ensemble.level import Level
from stackit.ensemble.level_columns import level_features, select_columns
from stackit.estimators.metadata_routing import FitParams, index_fit_params
from stackit.folds import Folds
from stackit.folds.subset import reindex
from stackit.target import Target

__all__ = ["LevelInputs", "data_of", "wants_names"]


@dataclass(frozen=True, eq=False)
class LevelInputs:
    """What all levels stand on: the whole table, or inside a fold of a nested level, some of its rows.

    Parameters
    ----------
    whole : array-like
        The features of all rows of the ensemble.
    rows : (n,) array of int
        Which of them there are to learn from.
    test_rows : (m,) array of int
        Which of them are to be predicted besides: those that the folds around hold out.
    target : Target
        The target of the n rows.
    sample_weight : (n,) array or None
        Their weights, for scores.
    folds : list of Folds
        Those of each level, of n rows.
    fit_params : list of dict of dict
        For each level, what its estimators' fits get besides X and y.
    """

    whole: Any
    rows: Rows
    test_rows: Rows
    target: Target
    sample_weight: npt.NDArray[np.float64] | None
    folds: Sequence[Folds]
    fit_params: Sequence[Mapping[str, FitParams]]

    @cached_property
    def X(self) -> Any:
        """The features of the n rows."""
        return self.whole if len(self.rows) == num_samples(self.whole) else safe_index(self.whole, self.rows)

    @cached_property
    def X_test(self) -> Any:
        """The features of the m rows; None where there are none."""
        return safe_index(self.whole, self.test_rows) if len(self.test_rows) else None

    def inside(self, rows: Rows, held_out: Rows, n_levels: int) -> LevelInputs:
        """Return what the first levels stand on inside a training part; classes stay those of the whole y."""
        n = len(self.target.y)
        return LevelInputs(
            self.whole,
            self.rows[rows],
            np.r_[self.rows[held_out], self.test_rows],
            replace(self.target, y=self.target.y[rows], codes=self.target.codes[rows]),
            None if self.sample_weight is None else self.sample_weight[rows],
            [inner for folds in self.folds[:n_levels] if (inner := reindex(folds, rows)) is not None],
            [
                {name: index_fit_params(params, rows, n) for name, params in of_level.items()}
                for of_level in self.fit_params[:n_levels]
            ],
        )


def data_of(level: Level, meta: Any, meta_test: Any, ground: LevelInputs) -> TrainingData:
    """Return the tables of a level, of the rows to learn from and of those that are predicted besides."""

    def seen(meta: pd.DataFrame | None, X: Any) -> Any:
        if X is None or meta is None:
            return None if X is None else select_columns(level.passthrough, X)
        return level_features(level.passthrough, meta, X, wants_names(level))

    return TrainingData(
        seen(meta, ground.X),
        ground.target,
        seen(meta_test, ground.X_test),
        sample_weight=ground.sample_weight,
    )


def wants_names(level: Level) -> bool:
    """Whether a table should keep the names of meta-features: some estimators fail at names of classes."""
    return any(is_combiner(estimator) for _, estimator in level.members)
