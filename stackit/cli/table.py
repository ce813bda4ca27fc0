"""The columns of a table that a command asks for, read and checked."""

from __future__ import annotations

import difflib
import gzip
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackit.cli.errors import CommandError, ExitCode, exit_on_error

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnNames", "TableRows", "read_rows"]

# A whole number of more values than this is taken for a quantity, not for classes.
MOST_CLASSES = 20
BROKEN = (ValueError, EOFError, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
OTHER_SEPARATORS = (";", "\t", "|")


@dataclass(frozen=True)
class ColumnNames:
    """Which columns the options name.

    Parameters
    ----------
    target, id, group, time : str or None
        The names; None where the option was not given.
    """

    target: str
    id: str | None = None
    group: str | None = None
    time: str | None = None

    @property
    def by_option(self) -> dict[str, str]:
        """The options that were given, and the columns they name."""
        named = {"--target": self.target, "--id": self.id, "--group": self.group, "--time": self.time}
        return {option: column for option, column in named.items() if column is not None}


@dataclass(frozen=True)
class TableRows:
    """The columns that the folds are made from."""

    ids: Any
    target: pd.Series[Any]
    group: pd.Series[Any] | None
    time: pd.Series[Any] | None

    @property
    def has_classes(self) -> bool:
        """Whether the target holds classes: no number, or a whole number of few values that recur."""
        from pandas.api import types

        if not types.is_numeric_dtype(self.target) or types.is_bool_dtype(self.target):
            return True
        if (self.target % 1 != 0).any():
            return False
        return self.target.nunique() <= min(MOST_CLASSES, len(self.target) // 2)


def read_rows(path: Path, columns: ColumnNames) -> TableRows:
    """Read the columns that are asked for, and check them."""
    with exit_on_error(ExitCode.DATA):
        names = _column_names(path)
        if not set(columns.by_option.values()) <= set(names):
            _check_separator(path, names)
    _check_columns(path, columns, names)
    with exit_on_error(ExitCode.DATA):
        table = _read(path, columns)
        ids = _ids(columns, table)
        _check_filled(path, columns, table, ids)
        time = None if columns.time is None else _time(columns.time, table)
    group = None if columns.group is None else table[columns.group]
    return TableRows(ids, table[columns.target], group, time)


def _is_parquet(path: Path) -> bool:
    return path.suffix in (".parquet", ".pq")


def _column_names(path: Path) -> list[str]:
    import pandas as pd

    from stackit.validation import import_optional

    with _naming(path):
        if _is_parquet(path):
            parquet = import_optional("pyarrow.parquet", "parquet")
            return list(parquet.read_schema(path).names)
        return [str(name) for name in pd.read_csv(path, nrows=0).columns]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into an error that names it and says what to do."""
    import pandas as pd

    from stackit.validation import invalid_value

    name = str(path)
    try:
        yield
    except pd.errors.EmptyDataError as error:
        raise invalid_value(
            name, "a table with a header", "an empty file", "Pass the training table"
        ) from error
    except UnicodeDecodeError as error:
        advice = "Convert it, from Latin-1 as an example: iconv -f latin1 -t utf-8 OLD.csv > NEW.csv"
        raise invalid_value(name, "text in UTF-8", "another encoding", advice) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise invalid_value(
            name,
            "a table with as many cells in each row as in the header",
            f"error={_first_line(error)}",
            "Put cells that hold a comma in quotes, and close each quote",
        ) from error
    except BROKEN as error:
        advice = "Check that its suffix says how it is packed, and that it is whole"
        raise invalid_value(
            name, "a table that can be read", f"error={_first_line(error)}", advice
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


def _check_separator(path: Path, names: list[str]) -> None:
    """Raise when a header has more of another separator than of commas."""
    from stackit.validation import invalid_value

    header = ",".join(names)
    for separator in OTHER_SEPARATORS:
        if header.count(separator) > header.count(","):
            raise invalid_value(
                str(path),
                "a table with cells apart by ','",
                f"a header that seems to be separated by {separator!r}",
                f"Convert it in Python: pandas.read_csv({str(path)!r}, sep={separator!r}, dtype=str)"
                ".to_csv('NEW.csv', index=False)",
            )


def _check_columns(path: Path, columns: ColumnNames, names: list[str]) -> None:
    unknown = {option: name for option, name in columns.by_option.items() if name not in names}
    if not unknown:
        return
    got = ", ".join(f"{option}={name}" for option, name in unknown.items())
    near = [difflib.get_close_matches(name, names, n=1, cutoff=0.5) for name in unknown.values()]
    meant = " and ".join(found[0] for found in near if found)
    shown = ", ".join(names[:20]) + (f", and {len(names) - 20} more" if len(names) > 20 else "")
    advice = f"Did you mean {meant}?" if meant else f"Its columns are {shown}."
    text = f"{' and '.join(unknown)} must be in the table {path}; got {got}. {advice}"
    raise CommandError(ExitCode.USAGE, text)


def _read(path: Path, columns: ColumnNames) -> pd.DataFrame:
    import pandas as pd

    from stackit.validation import import_optional

    names = list(dict.fromkeys(columns.by_option.values()))
    if _is_parquet(path):
        with _naming(path):
            parquet = import_optional("pyarrow.parquet", "parquet")
            frame: pd.DataFrame = parquet.read_table(path, columns=names).to_pandas()
            return frame
    # As text an id keeps its leading zeros, and a large one all of its digits.
    kept = {} if columns.id is None else {columns.id: str}
    with _naming(path), warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # With usecols, rows of more cells than the header has would pass, read from the wrong columns.
        return pd.read_csv(path, dtype=kept, low_memory=False, index_col=False)[names]


def _ids(columns: ColumnNames, table: pd.DataFrame) -> Any:
    from stackit.validation import format_list, invalid_value

    if columns.id is None:
        return range(len(table))
    ids = table[columns.id]
    if ids.isna().any():
        rows = format_list(ids.index[ids.isna()])
        got = f"{int(ids.isna().sum())} missing (rows {rows})"
        raise invalid_value(f"Ids in {columns.id}", "without missing values", got, "Fill them")
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        got = f"{len(repeated)} repeated ({format_list(repeated)})"
        raise invalid_value(
            f"Ids in {columns.id}", "unique", got, "Drop the duplicates, or name another column"
        )
    return ids


def _check_filled(path: Path, columns: ColumnNames, table: pd.DataFrame, ids: Any) -> None:
    """Raise when the target, a group or a time is missing somewhere."""
    import numpy as np

    from stackit.validation import format_list, invalid_value

    if len(table) == 0:
        raise invalid_value(str(path), "a table with rows", "n_rows=0", "Pass the training table")
    named = columns.by_option
    for option in ("--target", "--group", "--time"):
        if option not in named:
            continue
        missing = np.flatnonzero(table[named[option]].replace([np.inf, -np.inf], np.nan).isna())
        if len(missing):
            shown = format_list(np.asarray(ids)[missing])
            raise invalid_value(
                f"{named[option]}, the {option[2:]},",
                "without missing or infinite values",
                f"{len(missing)} of them (ids {shown})",
                "Drop or fill these rows; empty cells, NA, None and null are read as missing",
            )


def _time(name: str, table: pd.DataFrame) -> pd.Series[Any]:
    """Return times that sort as time does."""
    from stackit.folds.constraints import times_of

    return times_of(table[name], f"{name}, the time,")
