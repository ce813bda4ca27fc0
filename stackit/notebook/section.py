"""A titled table as HTML that can be folded away; all text is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

__all__ = ["Section", "sections_to_html"]

MOST_ROWS = 60
# Colors are those of the page around, or see-through, so that they suit light and dark pages alike. Sizes and
# lines are those of scikit-learn's tables of parameters.
STYLE = """
.stackit-view { font-family: monospace; }
.stackit-view summary { padding: .5rem; cursor: pointer; }
.stackit-view p { margin: .25rem .5rem; }
.stackit-view div { max-width: 100%; overflow-x: auto; }
.stackit-view table { border-collapse: collapse; margin: 0 .5rem .5rem; }
.stackit-view :is(td, th) { border: 1px solid rgba(106, 105, 104, .232); padding: .25rem .5rem;
  text-align: left; vertical-align: top; font-weight: normal; }
.stackit-view thead th { font-weight: bold; }
.stackit-view td.stackit-number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.stackit-view tbody tr:nth-child(even) { background-color: rgba(128, 128, 128, .08); }
"""


@dataclass(frozen=True)
class Section:
    """A title, a table under it, and notes under the table.

    Parameters
    ----------
    title : str
        One line, which is seen when the section is closed too.
    columns : sequence of str
        The head of the table; without columns there is no table.
    rows : sequence of sequences
        Numbers and texts; the first is the name of the row. None and NaN are empty cells.
    notes : sequence of str
        Sentences below the table.
    is_open : bool
        Whether the table is seen at first.
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    notes: Sequence[str] = ()
    is_open: bool = True

    def to_html(self) -> str:
        """Return the section as HTML; the first 60 rows of a longer table, and how many are left out."""
        more = len(self.rows) - MOST_ROWS
        notes = [*self.notes, f"{more} more rows are not shown."] if more > 0 else self.notes
        below = "".join(f"<p>{escape(note)}</p>" for note in notes)
        state = " open" if self.is_open else ""
        return f"<details{state}><summary>{escape(self.title)}</summary>{self._table()}{below}</details>"

    def _table(self) -> str:
        if not self.columns:
            return ""
        head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in self.columns)
        body = "".join(_row(row) for row in self.rows[:MOST_ROWS])
        return f"<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def sections_to_html(sections: Sequence[Section]) -> str:
    """Return sections as one piece of HTML with its style, without scripts and without names of its own."""
    body = "".join(section.to_html() for section in sections)
    return f'<style>{STYLE}</style><div class="stackit-view">{body}</div>'


def _row(cells: Sequence[Any]) -> str:
    name, *others = cells
    return f'<tr><th scope="row">{escape(_text(name))}</th>{"".join(map(_cell, others))}</tr>'


def _cell(value: Any) -> str:
    kind = ' class="stackit-number"' if _is_number(value) else ""
    return f"<td{kind}>{escape(_text(value))}</td>"


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:.5g}"
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
