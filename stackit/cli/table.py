"""Read and check the columns of a table that the options of a command name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackit.cli.errors import CommandError, ExitCode, exit_on_error, print_warnings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnOptions", "TableColumns", "read_columns"]

# A column of whole numbers with more distinct values than this is a quantity, not classes.
MAX_CLASSES = 20


@dataclass(frozen=True)
class ColumnOptions:
    """The columns that the options name; None for an option that was not passed."""

    target: str
    id: str | None = None
    groups: str | None = None
    time: str | None = None

    @property
    def by_option(self) -> dict[str, str]:
        """The options that were passed, and the columns that they name."""
        named = {"--target": self.target, "--id": self.id, "--groups": self.groups, "--time": self.time}
        return {option: column for option, column in named.items() if column is not None}


@dataclass(frozen=True)
class TableColumns:
    """The columns that the folds are made from."""

    ids: Any
    target: pd.Series[Any]
    groups: pd.Series[Any] | None
    time: pd.Series[Any] | None

    @property
    def has_classes(self) -> bool:
        """Whether the target holds classes: not numbers, or few whole numbers that recur."""
        from pandas.api import types

        if not types.is_numeric_dtype(self.target) or types.is_bool_dtype(self.target):
            return True
        if (self.target % 1 != 0).any():
            return False
        return self.target.nunique() <= min(MAX_CLASSES, len(self.target) // 2)


def read_columns(path: Path, options: ColumnOptions) -> TableColumns:
    """Read the columns that the options name, and check them."""
    from stackit.files import check_ids
    from stackit.folds.constraints import times_of
    from stackit.tables import read_table

    with exit_on_error(ExitCode.DATA), print_warnings():
        table = read_table(path, id=options.id)
    _check_names(path, options, [str(name) for name in table])
    with exit_on_error(ExitCode.DATA):
        ids = check_ids(
            table.index if options.id is None else table[options.id], None, f"Ids in {options.id}"
        )
        _check_filled(options, table, ids)
        time = None if options.time is None else times_of(table[options.time], f"{options.time}, the time,")
    groups = None if options.groups is None else table[options.groups]
    return TableColumns(ids, table[options.target], groups, time)


def _check_names(path: Path, options: ColumnOptions, header: list[str]) -> None:
    """Raise if the table lacks a column that an option names; suggest a similar name."""
    unknown = {option: name for option, name in options.by_option.items() if name not in header}
    if not unknown:
        return
    got = ", ".join(f"{option}={name}" for option, name in unknown.items())
    similar = [difflib.get_close_matches(name, header, n=1, cutoff=0.5) for name in unknown.values()]
    meant = " and ".join(found[0] for found in similar if found)
    shown = ", ".join(header[:20]) + (f", and {len(header) - 20} more" if len(header) > 20 else "")
    advice = f"Did you mean {meant}?" if meant else f"Its columns are {shown}."
    text = f"{' and '.join(unknown)} must be in the table {path}; got {got}. {advice}"
    raise CommandError(ExitCode.USAGE, text)


def _check_filled(options: ColumnOptions, table: pd.DataFrame, ids: Any) -> None:
    """Raise if a target, group or time is missing."""
    import numpy as np

    from stackit.validation import format_list, invalid_value

    for option, column in options.by_option.items():
        missing = np.flatnonzero(table[column].replace([np.inf, -np.inf], np.nan).isna())
        if option != "--id" and len(missing):
            raise invalid_value(
                f"{column}, the {option[2:].removesuffix('s')},",
                "without missing or infinite values",
                f"{len(missing)} of them (ids {format_list(ids[missing])})",
                "Drop or fill these rows; empty cells, NA, None and null are read as missing",
            )
