"""The report as Markdown: all that the page shows, with tables in place of charts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stackit.report.blocks import Block, Cell, Chart, Notes, Section, Table, Text, Tiles
from stackit.report.sections import contents

__all__ = ["to_markdown"]

SPECIAL = re.compile(r"[\\`*_{}\[\]<>|!&~$#]")


def to_markdown(summary: dict[str, Any]) -> str:
    """Return the Markdown of a summary; names and values from the data are escaped.

    Parameters
    ----------
    summary : dict
        What `summarize` returned, or its JSON.

    Returns
    -------
    str
    """
    lines = [f"# {escape(summary['name'])}: stacking report", ""]
    for section in contents(summary):
        lines += [f"## {escape(section.title)}", ""]
        for text in _blocks(section):
            lines += [text, ""]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Return text with a backslash before what Markdown or HTML would read as markup.

    Examples
    --------
    >>> print(escape("<b>a|b_c</b>"))
    \\<b\\>a\\|b\\_c\\</b\\>
    """
    return SPECIAL.sub(r"\\\g<0>", text)


def _blocks(section: Section) -> Iterator[str]:
    for block in section.blocks:
        text = _block(block)
        if text:
            yield text


def _block(block: Block) -> str:
    if isinstance(block, Text):
        badge = "" if block.badge is None else f"**{escape(block.badge.text)}**: "
        return badge + escape(block.text)
    if isinstance(block, Notes):
        return "\n".join(f"- {escape(text)}" for text in block.texts)
    if isinstance(block, Tiles):
        return "\n".join(_line(tile.name, tile.value, tile.remark) for tile in block.tiles)
    if isinstance(block, Chart):
        return f"**{escape(block.title)}.** {escape(block.alt)}\n\n{_table(block.numbers)}"
    return _table(block)


def _line(name: str, value: str, remark: str) -> str:
    return f"- {escape(name)}: **{escape(value)}**" + (f" ({escape(remark)})" if remark else "")


def _table(table: Table) -> str:
    titles = [column.title + (f" ({column.remark})" if column.remark else "") for column in table.columns]
    lines = [
        f"*{escape(table.caption)}*",
        "",
        _row(map(escape, titles)),
        _row("---:" if column.is_number else "---" for column in table.columns),
        *(_row(map(_cell, row)) for row in table.rows),
    ]
    return "\n".join(lines)


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    badge = "" if cell.badge is None else f"**{escape(cell.badge.text)}** "
    remark = f" ({escape(cell.remark)})" if cell.remark else ""
    return badge + escape(cell.text) + remark
