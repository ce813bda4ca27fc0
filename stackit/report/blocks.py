"""What sections consist of: texts, figures, tables and charts, the same for HTML and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from stackit.report.charts.line_chart import LineChart
from stackit.report.charts.strip import Strip

__all__ = ["Badge", "Block", "Cell", "Chart", "Column", "Notes", "Section", "Table", "Text", "Tile", "Tiles"]


@dataclass(frozen=True)
class Badge:
    """A word for an outcome, with its tone."""

    text: str
    tone: Literal["good", "bad", "neutral", "tip"]


@dataclass(frozen=True)
class Text:
    """A paragraph, with a badge before it where it is an outcome."""

    text: str
    badge: Badge | None = None
    strip: Strip | None = None
    is_large: bool = False


@dataclass(frozen=True)
class Notes:
    """Remarks in small print."""

    texts: Sequence[str]


@dataclass(frozen=True)
class Tile:
    """A figure with its name, and a remark."""

    name: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Tiles:
    """Figures next to each other."""

    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the number or text to sort by, and what is drawn with it.

    Parameters
    ----------
    text : str
        What is written.
    key : float, str or None
        What the column is sorted by; None sorts last.
    strip : Strip or None
        Drawn before the text, or instead of it where `is_drawn`.
    heat : float or None
        How dark the cell is, from -1 (the other color) to 1.
    remark : str
        Small print under the text.
    badge : Badge or None
        Written instead of the text.
    """

    text: str
    key: float | str | None = None
    strip: Strip | None = None
    heat: float | None = None
    remark: str = ""
    badge: Badge | None = None
    is_drawn: bool = False


@dataclass(frozen=True)
class Column:
    """A column: its title, whether it holds numbers, and a remark."""

    title: str
    is_number: bool = False
    remark: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption; rows have a name in their first cell.

    Parameters
    ----------
    caption : str
        What the table shows.
    columns : list of Column
        The columns.
    rows : list of list of Cell
        The rows.
    is_sortable : bool
        Whether headers are buttons that sort.
    roles : list of str
        One per row: "member", "stack", "average" or "left out"; empty where rows are no members.
    is_dense : bool
        Whether the table is a matrix of numbers.
    is_folded : bool
        Whether the page shows it only when it is opened.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    is_sortable: bool = False
    roles: Sequence[str] = ()
    is_dense: bool = False
    is_folded: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart with a title, a sentence instead of it, and its numbers as a table."""

    title: str
    alt: str
    chart: LineChart
    numbers: Table


Block = Text | Notes | Tiles | Table | Chart


@dataclass(frozen=True)
class Section:
    """A section of a report."""

    key: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)
