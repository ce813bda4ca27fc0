"""Read a table from a file that no one has prepared."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stackit.arrays import FilePath
from stackit.files import explain_read_errors
from stackit.tables.file_content import Content, read_content
from stackit.tables.separators import Layout, check_names, check_rows, find_layout
from stackit.tables.written_numbers import CODE_IN_TEXT, numbers_of_digits, numbers_of_texts
from stackit.validation import format_list, import_optional, warn

__all__ = ["read_table"]

# Not "None": it may be a level. Among numbers, it is read as a gap.
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "NaT")
INDEX_NAME = re.compile(r"Unnamed: 0(?:\.\d+)?|__index_level_0__")
STYLES = {"0,1": "decimal commas", "1,000": "commas between thousands", "1.000": "dots between thousands"}
MOST_EXACT = 2.0**53  # up to which a float keeps whole numbers


def read_table(path: FilePath, *, id: str | None = None) -> pd.DataFrame:
    """Read a table from a file of any common format, and say what was done for that.

    A text may have commas, semicolons, tabs or ``|`` between its cells, decimal commas, commas or dots
    between thousands, any line ends, empty last lines and a byte-order mark. It may be UTF-8, UTF-16 or of an
    encoding of Windows, and compressed (zip, gz, bz2, xz). Parquet and Feather are read too. The content
    decides, not the suffix. Digits that a number would not keep, such as "007", stay text. Blank cells, NA,
    NaN and null are missing; None is missing among numbers, and else a level.

    Parameters
    ----------
    path : path
        The file.
    id : str, optional
        The column of ids: its cells are text, exactly as they are written.

    Returns
    -------
    DataFrame of shape (n, n_columns)
        The rows of the table, numbered from 0. An index that pandas wrote as the first column, without a name
        or as "Unnamed: 0", is left out, unless it is the `id`.

    Raises
    ------
    ValueError
        If the file is empty or no table, or has no rows, repeated names of columns, or lines with more or
        fewer cells than names. One sentence names the file, the line where it can, and what to do.
    OSError
        If the file does not exist, or is a folder, a pipe or a device.

    Warns
    -----
    UserWarning
        What was done that another reader would not do.

    Examples
    --------
    >>> import pathlib, tempfile, warnings
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "train.csv"
    >>> _ = path.write_text("id;price;code\\n1;2,5;007\\n2;1.200,0;010\\n")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     table = read_table(path, id="id")
    >>> table
      id   price code
    0  1     2.5  007
    1  2  1200.0  010
    >>> print(str(caught[0].message).partition("train.csv ")[2])
    is read with ';' between cells and with decimal commas in price.
    """
    file = Path(path)
    content = read_content(file)
    frame, notes = (_of_text if content.kind == "text" else _of_columns)(file, content, id)
    frame, left_out = _without_index(frame, id)
    if not frame.shape[1] or not len(frame):
        what = "no columns" if len(frame) else "names of columns and no rows"
        raise ValueError(f"{path} has {what}. Pass a table with rows and columns.")
    notes += left_out
    if notes:
        last = notes.pop()
        warn(f"{path} is read {', '.join(notes)}{' and ' if notes else ''}{last}.")
    return frame


def _of_text(path: Path, content: Content, id: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of a text, and what was done for it."""
    layout = find_layout(content.data)
    check_names(path, layout.names)
    notes = [] if content.encoding == "UTF-8" else [f"as {content.encoding}"]
    if layout.separator != ",":
        notes.append(
            "with tabs between cells"
            if layout.separator == "\t"
            else f"with {layout.separator!r} between cells"
        )
    frame = _parse(path, content.data, layout, id)
    if layout.names[1:] and frame.iloc[:, -1].hasnans:  # what pandas makes of a short line
        check_rows(path, content.data, layout)
    columns, styles = numbers_of_texts(frame, layout.separator == ";", id)
    has_decimal_commas = "0,1" in styles.values()
    suspects = _suspects(frame, bool(CODE_IN_TEXT.search(content.data)), has_decimal_commas, id)
    texts = _parse(path, content.data, layout, id, usecols=suspects, dtype=str) if suspects else frame[[]]
    for name, column in texts.items():
        as_written = numbers_of_digits(column, has_decimal_commas)
        if as_written is not None:
            columns[str(name)] = as_written
            styles |= {} if as_written.dtype.kind != "f" else {str(name): "1.000"}
    for style, words in STYLES.items():
        if named := [name for name, one in styles.items() if one == style]:
            notes.append(f"with {words} in {format_list(named)}")
    for name, values in columns.items():
        frame[name] = values
    frame, left_out = _without_blanks(frame, layout)
    return frame, notes + left_out


def _parse(path: Path, data: bytes, layout: Layout, id: str | None, **options: Any) -> pd.DataFrame:
    """Return the rows of a text under distinct names."""
    names = _distinct_names(layout.names)
    options = {"dtype": {id: str} if id in names else None, **options}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table: pd.DataFrame = pd.read_csv(
                io.BytesIO(data),
                sep=layout.separator,
                header=0,
                names=names,
                skiprows=layout.n_skipped,
                skipinitialspace=layout.is_spaced,
                na_values={name: [""] if name == id else MISSING for name in names},
                keep_default_na=False,
                index_col=False,
                low_memory=False,
                **options,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        last = check_rows(path, data, layout)
        raise ValueError(f"{path} has a quote in line {last} that is not closed. Close it.") from error
    return table


def _suspects(frame: pd.DataFrame, has_codes: bool, has_decimal_commas: bool, id: str | None) -> list[str]:
    """Return the columns read as numbers that may be codes, too long, or have dots between thousands."""
    return [
        str(name)
        for name, column in frame.items()
        if name != id
        and (
            (has_codes and _is_whole(column))
            or (has_decimal_commas and column.dtype.kind == "f")
            or _is_too_long(column)
        )
    ]


def _is_whole(column: pd.Series[Any]) -> bool:
    is_float = column.dtype.kind == "f"
    return column.dtype.kind in "iu" or (is_float and bool((column.dropna() % 1 == 0).all()))


def _is_too_long(column: pd.Series[Any]) -> bool:
    """Whether a column has whole numbers with more digits than a float keeps, as floats or as objects."""
    if column.dtype.kind == "f":
        return bool(column.abs().max() >= MOST_EXACT)
    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "integer"


def _without_blanks(frame: pd.DataFrame, layout: Layout) -> tuple[pd.DataFrame, list[str]]:
    """Return a table without the blank columns that have no name, and without blank rows at its end."""
    blank = [
        name
        for name, written in zip(frame, layout.names, strict=True)
        if not written and frame[name].isna().all()
    ]
    notes = [f"without {_count(len(blank), 'blank column')}"] if blank else []
    frame = frame.drop(columns=blank)
    n = len(frame)
    while n and frame.iloc[n - 1].isna().all():
        n -= 1
    if n < len(frame):
        notes.append(f"without {_count(len(frame) - n, 'blank row')} at its end")
    return frame.iloc[:n], notes


def _of_columns(path: Path, content: Content, id: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of a Parquet or Feather file, its index among the columns if it has a name."""
    module = import_optional(f"pyarrow.{content.kind}", "parquet")
    with explain_read_errors(str(path)):
        table = module.read_table(io.BytesIO(content.data))
    check_names(path, table.column_names)
    frame: pd.DataFrame = table.to_pandas()
    has_name = frame.index.name is not None and frame.index.name not in frame
    frame = frame.reset_index(drop=not has_name).rename(columns=str)
    if id in frame:
        frame[id] = frame[id].convert_dtypes().map(str, na_action="ignore").astype(object)
    return frame, []


def _distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names of columns, and for those without one the name that pandas gives them."""
    found = []
    for at, name in enumerate(names):
        own = name or f"Unnamed: {at}"
        while not name and (own in names or own in found):
            own += ".1"
        found.append(own)
    return found


def _without_index(frame: pd.DataFrame, id: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Return a table without the index that pandas wrote as its first column, once or several times."""
    n = 0
    for name, values in frame.items():
        if name == id or not INDEX_NAME.fullmatch(str(name)):
            break
        if values.dtype.kind != "i" or not values.is_unique:
            break
        n += 1
    columns = "first column, an index" if n == 1 else f"first {n} columns, indices"
    return frame.iloc[:, n:], [f"without its {columns}"] if n else []


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n > 1)}"
