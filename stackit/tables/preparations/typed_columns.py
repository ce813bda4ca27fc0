"""The columns of a typed frame by what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from stackit.tables.typed_names import is_gap_column

__all__ = ["TypedColumns"]


@dataclass(frozen=True)
class TypedColumns:
    """The names of the columns of a typed frame, by what they hold; from their dtypes alone."""

    numbers: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: Any) -> TypedColumns:
        """Return the columns of a typed frame; raise a TypeError for another table."""
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(
                f"A preparation needs the typed frame of a TableReader; got {type(frame).__name__}. Pass "
                "TableReader().fit_transform(X)."
            )
        found: dict[str, list[str]] = {"numbers": [], "gaps": [], "categories": [], "dates": [], "texts": []}
        for name, dtype in frame.dtypes.items():
            found[_part_of(frame, str(name), dtype)].append(str(name))
        return cls(**{part: tuple(names) for part, names in found.items()})

    def by_levels(self, frame: pd.DataFrame, most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the categories of at most so many levels, and those of more."""
        sizes = {name: len(frame[name].cat.categories) for name in self.categories}
        few = tuple(name for name, size in sizes.items() if size <= most)
        return few, tuple(name for name in sizes if name not in few)


def _part_of(frame: pd.DataFrame, name: str, dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        return "categories"
    if is_gap_column(frame, name):
        return "gaps"
    if pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    return "dates" if pd.api.types.is_datetime64_dtype(dtype) else "texts"
