"""The steps of a pipeline before the last, fitted on one fold, and the tables that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stackit.arrays import num_samples
from stackit.batched_fits.pipelines import is_separable

__all__ = ["FoldTables", "Preparation", "prepare", "prepare_nested"]


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

    def transformed(self, train: Any, transform: Callable[[Any], Any]) -> FoldTables:
        """Return the transformed tables, given that of the training rows."""
        others = (self.held_out, self.validation, self.test)
        return FoldTables(train, *(None if table is None else transform(table) for table in others))


@dataclass(frozen=True, eq=False)
class Preparation:
    """The fitted steps of a pipeline before the last, and the tables that they have made."""

    steps: list[tuple[str, Any]]
    tables: FoldTables


def prepare(pipeline: Any, tables: FoldTables, y: Any) -> Preparation:
    """Fit the steps of a pipeline before the last in place, as its own fit and predict do."""
    front = pipeline[:-1]
    train = front.fit_transform(tables.train, y)
    return Preparation(front.steps, tables.transformed(train, front.transform))


def prepare_nested(pipeline: Any, tables: FoldTables, y: Any) -> tuple[Any, FoldTables]:
    """Fit the steps before the last of a prepared pipeline's last step, as long as that is a pipeline too.

    Return the innermost pipeline, and the tables for its last step.
    """
    while is_separable(pipeline.steps[-1][1]):
        pipeline = pipeline.steps[-1][1]
        tables = prepare(pipeline, tables, y).tables
    return pipeline, tables


def _n_bytes(table: Any) -> int:
    if hasattr(table, "memory_usage"):
        return int(table.memory_usage(index=False).sum())
    return int(getattr(table, "nbytes", 0)) or (0 if table is None else 64 * num_samples(table))
