"""The rows that levels are fitted on, and the table that each level sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Rows, num_samples, safe_index
from stackit.engine.training_data import TrainingData
from stackit.ensemble.final import is_combiner
from stackit.ensemble.level import Level
from stackit.ensemble.passthrough import level_features, select_columns
from stackit.estimators.metadata_routing import FitParams, index_fit_params
from stackit.folds import Folds
from stackit.folds.subset import reindex
from stackit.target import Target

__all__ = ["LevelInputs", "data_of", "keeps_names"]

NO_ROWS: Rows = np.array([], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class LevelInputs:
    """The inputs of all levels: the whole table, or some of its rows inside a fold of a nested level.

    Parameters
    ----------
    whole : array-like
        The features of all rows of the ensemble.
    rows : (n,) array of int
        The rows of `whole` to learn from.
    target : Target
        The target of the n rows.
    sample_weight : (n,) array or None
        Their weights, for scores.
    folds : list of Folds
        The folds of each level, of n rows.
    fit_params : list of dict of dict
        For each level, the fit parameters of its estimators.
    test_rows : (m,) array of int
        The rows of `whole` that the levels predict too: those that the folds around hold out.
    test_table : array-like with m rows, optional
        Other rows that a single level predicts.
    """

    whole: Any
    rows: Rows
    target: Target
    sample_weight: npt.NDArray[np.float64] | None
    folds: Sequence[Folds]
    fit_params: Sequence[Mapping[str, FitParams]]
    test_rows: Rows = field(default_factory=NO_ROWS.copy)
    test_table: Any = None

    @cached_property
    def X(self) -> Any:
        """The features of the n rows."""
        return self.whole if len(self.rows) == num_samples(self.whole) else safe_index(self.whole, self.rows)

    @cached_property
    def X_test(self) -> Any:
        """The features of the m rows; None where there are none."""
        return safe_index(self.whole, self.test_rows) if len(self.test_rows) else self.test_table

    def inside(self, rows: Rows, held_out: Rows, n_levels: int) -> LevelInputs:
        """Return the inputs of the first levels inside a training part; classes stay those of the whole y."""
        n = len(self.target.y)
        return LevelInputs(
            self.whole,
            self.rows[rows],
            replace(self.target, y=self.target.y[rows], codes=self.target.codes[rows]),
            None if self.sample_weight is None else self.sample_weight[rows],
            [inner for folds in self.folds[:n_levels] if (inner := reindex(folds, rows)) is not None],
            [
                {name: index_fit_params(params, rows, n) for name, params in of_level.items()}
                for of_level in self.fit_params[:n_levels]
            ],
            np.r_[self.rows[held_out], self.test_rows],
        )


def data_of(level: Level, meta: Any, meta_test: Any, inputs: LevelInputs) -> TrainingData:
    """Return the training and test table of a level, given the meta-features of the level below, if any."""

    def features(meta: pd.DataFrame | None, X: Any) -> Any:
        if X is None or meta is None:
            return None if X is None else select_columns(level.passthrough, X)
        return level_features(level.passthrough, meta, X, keeps_names(level))

    return TrainingData(
        features(meta, inputs.X),
        inputs.target,
        features(meta_test, inputs.X_test),
        sample_weight=inputs.sample_weight,
    )


def keeps_names(level: Level) -> bool:
    """Whether meta-features keep their names, which combiners need; some others fail on class names."""
    return any(is_combiner(estimator) for _, estimator in level.members)
