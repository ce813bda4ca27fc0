"""A submission as it is written: its cells as text, and the places of these in the file."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from stackit.arrays import FilePath
from stackit.files import read_csv
from stackit.tables.file_content import read_content

__all__ = ["WrittenTable", "read_written", "written_as"]

CELL = re.compile(r'(?:"(?:[^"]|"")*"|[^,\n])*(?:,|$)')


@dataclass(frozen=True, eq=False)
class WrittenTable:
    """The cells of a table as text, with the text that they are read from.

    `encoding` is that of the file; `has_mark` says whether it begins with a byte-order mark.
    """

    table: pd.DataFrame
    text: str
    encoding: str = "UTF-8"
    has_mark: bool = False

    @cached_property
    def blank_lines(self) -> list[int]:
        """The numbers of the lines that hold nothing."""
        if not re.search(r"(?:^|\n)[ \t]*\r?\n", self.text):
            return []
        reader = csv.reader(io.StringIO(self.text, newline=""))
        return [reader.line_num for record in reader if not any(map(str.strip, record)) and len(record) < 2]

    def place(self, row: int, column: int) -> str:
        """Return where a cell begins, as Kaggle writes it: "(Line 2, Column 5)", in characters.

        The names are row -1. Empty where lines and rows are not the same.
        """
        if len(self._lines) != len(self.table) + 1:
            return ""
        starts = [match.start() for match in CELL.finditer(self._lines[row + 1])]
        return f"(Line {row + 2}, Column {starts[column] + 1})" if column < len(starts) else ""

    @cached_property
    def _lines(self) -> list[str]:
        return [line.rstrip("\r") for line in self.text.rstrip("\r\n").split("\n")]


def read_written(source: FilePath | pd.DataFrame) -> WrittenTable:
    """Read a table with all cells as text; a data frame is read as the CSV file that it would become."""
    if isinstance(source, pd.DataFrame):
        return written_as(source.to_csv(index=False), "the data frame")
    content = read_content(Path(source))
    if content.kind != "text":
        raise ValueError(f"{source} is a {content.kind.title()} file. Write the table as CSV.")
    read = written_as(content.data.decode(), Path(source).name)
    return WrittenTable(read.table, read.text, content.encoding, content.has_mark)


def written_as(text: str, name: str) -> WrittenTable:
    """Return the table that a text is."""
    return WrittenTable(read_csv(io.StringIO(text), name), text)
