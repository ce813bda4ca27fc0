"""The steps of a pipeline before the last, fitted on one fold, and the tables that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sklearn.pipeline import Pipeline

from stackit.arrays import num_samples
from stackit.batched_fits.pipelines import is_separable
from stackit.estimators.label_encoding.wrappers import LabelEncodedClassifier

__all__ = ["FoldTables", "Preparation", "pipeline_in", "prepare", "prepare_nested", "set_first_steps"]


@dataclass(frozen=True, eq=False)
class FoldTables:
    """The training and held-out rows of a fold, and the validation and test rows where there are any."""

    train: Any
    held_out: Any = None
    validation: Any = None
    test: Any = None

    @property
    def n_bytes(self) -> int:
        """The bytes of all tables."""
        return sum(map(_n_bytes, (self.train, self.held_out, self.validation, self.test)))

    def each(self, change: Callable[[Any], Any]) -> FoldTables:
        """Return all tables, each changed by a function."""
        tables = (self.train, self.held_out, self.validation, self.test)
        return FoldTables(*(None if table is None else change(table) for table in tables))

    def transformed(self, train: Any, transform: Callable[[Any], Any]) -> FoldTables:
        """Return the transformed tables, given that of the training rows."""
        others = FoldTables(None, self.held_out, self.validation, self.test).each(transform)
        return replace(others, train=train)


@dataclass(frozen=True, eq=False)
class Preparation:
    """The fitted steps of a pipeline before the last, and the tables that they have made."""

    steps: list[Any]
    tables: FoldTables


def prepare(pipeline: Any, tables: FoldTables, y: Any) -> Preparation:
    """Fit the steps of a pipeline before the last in place, as its own fit and predict do."""
    front = pipeline[:-1]
    train = front.fit_transform(tables.train, y)
    return Preparation([step for _, step in front.steps], tables.transformed(train, front.transform))


def prepare_nested(pipeline: Any, tables: FoldTables, y: Any) -> tuple[Any, FoldTables]:
    """Fit the steps before the last of a prepared pipeline's last step, as long as that is a pipeline too.

    Return the innermost pipeline, and the tables for its last step.
    """
    while is_separable(pipeline.steps[-1][1]):
        pipeline = pipeline.steps[-1][1]
        tables = prepare(pipeline, tables, y).tables
    return pipeline, tables


def pipeline_in(estimator: Any) -> Pipeline | None:
    """Return a pipeline, also one that a wrapper encodes labels for; None for any other estimator."""
    bare = estimator.estimator if isinstance(estimator, LabelEncodedClassifier) else estimator
    return bare if type(bare) is Pipeline else None


def set_first_steps(estimator: Any, steps: list[Any]) -> None:
    """Replace the steps of a pipeline before the last, in place; leave any other estimator as it is."""
    pipeline = pipeline_in(estimator)
    if pipeline is not None:
        pipeline.steps[:-1] = [(name, step) for (name, _), step in zip(pipeline.steps, steps, strict=False)]


def _n_bytes(table: Any) -> int:
    if hasattr(table, "memory_usage"):
        return int(table.memory_usage(index=False).sum())
    return int(getattr(table, "nbytes", 0)) or (0 if table is None else 64 * num_samples(table))
