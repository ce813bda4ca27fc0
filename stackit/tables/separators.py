"""The separator and the names of a table as text, and the first of its lines that is no row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from stackit.validation import format_list

__all__ = ["Layout", "check_names", "check_rows", "find_layout"]

SEPARATORS = ",;\t|"
SAMPLE = 100_000  # characters that are looked at; csv takes no longer cell than 131 072
ROWS = 100


@dataclass(frozen=True)
class Layout:
    """How a table is written: the separator, the names of columns, and the lines above these."""

    separator: str
    names: tuple[str, ...]
    n_skipped: int = 0
    is_spaced: bool = False  # after each separator


def find_layout(data: bytes) -> Layout:
    """Return how a text is laid out: the separator that cuts the most rows into as many cells as names."""
    text = data[:SAMPLE].decode(errors="ignore")
    start = text.lstrip("\r\n")
    n_skipped = 0
    if start[:4].lower() == "sep=" and len(start) > 4:  # a line that Excel writes and reads
        separators, n_skipped = start[4], 1
        start = start.partition("\n")[2]
    else:
        separators = SEPARATORS
    records = {one: _records(start, one, len(data) > SAMPLE) for one in separators}
    separator = max(separators, key=lambda one: _agreement(records[one]))
    header = records[separator][0] if records[separator] else [start.splitlines()[0]]
    spaced = len(header) > 1 and all(name.startswith(" ") for name in header[1:])
    return Layout(separator, tuple(name.strip() for name in header), n_skipped, spaced)


def _records(text: str, separator: str, is_cut: bool) -> list[list[str]]:
    """Return the first records of a text, without blank lines and without one that is cut off."""
    found: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        for record in islice((one for one in reader if one), ROWS + 1):
            found.append(record)
    except csv.Error:
        return found
    return found[:-1] if is_cut and 1 < len(found) <= ROWS else found


def _agreement(records: list[list[str]]) -> tuple[float, int]:
    """Return the share of rows with as many cells as names, and the number of these; 0 for one name."""
    width = len(records[0]) if records else 0
    if width < 2:
        return 0.0, 0
    rows = records[1:] or records
    return sum(len(row) == width for row in rows) / len(rows), width


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise a ValueError where names of columns repeat."""
    repeated = [name for name, n in Counter(names).items() if name and n > 1]
    if repeated:
        raise ValueError(
            f"{path} has several columns named {format_list(map(repr, repeated))}. Rename them in the file; "
            "if its first line is not one of names, add one."
        )


def check_rows(path: Path, data: bytes, layout: Layout) -> int:
    """Return the number of the line where the last row begins.

    Raise a ValueError that names the first line with more or fewer cells than there are names.
    """
    width, line = len(layout.names), 1
    for line, record in _numbered_records(data, layout):
        if len(record) != width:
            cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
            raise ValueError(
                f"Line {line} of {path} has {cells} ({format_list(record, 3)}), and the line of "
                f"names has {width}. Correct this line: put cells that hold {layout.separator!r} in quotes, "
                "and close each quote."
            )
    return line


def _numbered_records(data: bytes, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not blank, with the number of the line where each begins."""
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    reader = csv.reader(lines, delimiter=layout.separator, skipinitialspace=layout.is_spaced)
    line = 1
    with suppress(csv.Error):  # a cell that is longer than csv takes
        for record in reader:
            if record and line > layout.n_skipped:
                yield line, record
            line = reader.line_num + 1
