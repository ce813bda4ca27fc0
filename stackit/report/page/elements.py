"""The blocks of a section as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from stackit.report.blocks import Badge, Block, Cell, Chart, Column, Notes, Table, Text, Tiles
from stackit.report.charts import Strip
from stackit.report.page.drawing import draw_chart, draw_strip, legend
from stackit.report.page.markup import Markup, element, join

__all__ = ["show_block"]


def show_block(block: Block) -> Markup:
    """Return a block as HTML."""
    if isinstance(block, Text):
        return _text(block)
    if isinstance(block, Notes):
        return element("ul", *(element("li", text) for text in block.texts), class_="notes")
    if isinstance(block, Tiles):
        return _tiles(block)
    if isinstance(block, Chart):
        return _chart(block)
    return _folded(block) if block.is_folded else _table(block)


def _text(text: Text) -> Markup:
    badge = None if text.badge is None else _badge(text.badge)
    if not text.is_large:
        return element("p", badge, text.text)
    tone = "neutral" if text.badge is None else text.badge.tone
    drawn = None if text.strip is None else _interval(text.strip)
    return element("div", element("p", badge, text.text), drawn, class_=f"sentence {tone}")


def _interval(strip: Strip) -> Markup:
    """Return an interval next to 0, with a word for each side."""
    sides = element("small", element("span", "← worse"), element("span", "better →"))
    return element("div", draw_strip(strip), sides, class_="interval", aria_hidden="true")


def _badge(badge: Badge) -> Markup:
    return element("span", badge.text, class_=f"badge {badge.tone}")


def _tiles(tiles: Tiles) -> Markup:
    items = [
        element(
            "div",
            element("dt", tile.name),
            element("dd", element("b", tile.value), element("small", tile.remark) if tile.remark else None),
        )
        for tile in tiles.tiles
    ]
    return element("dl", *items, class_="tiles")


def _chart(chart: Chart) -> Markup:
    numbers = element("details", element("summary", "Numbers"), _table(chart.numbers))
    lines = [one for one in chart.chart.series if one.kind == "line"]
    caption = element("figcaption", element("b", chart.title), ". ", chart.alt)
    return element("figure", caption, legend(lines), draw_chart(chart.chart, chart.alt), numbers)


def _folded(table: Table) -> Markup:
    return element("details", element("summary", table.caption), _table(table))


def _table(table: Table) -> Markup:
    n_left_out = sum(role == "left out" for role in table.roles)
    toggle = None
    if n_left_out:
        box = element("input", type="checkbox", class_="toggle-left-out", checked=True)
        toggle = element("label", box, f" Show the {n_left_out} left out", class_="toggle", hidden=True)
    head = element("tr", *(_header(column, table) for column in table.columns))
    roles: list[str | None] = [*table.roles] if table.roles else [None] * len(table.rows)
    body = [_row(row, table, role) for row, role in zip(table.rows, roles, strict=True)]
    is_wide = any(cell.strip is not None for row in table.rows for cell in row) or len(table.columns) > 5
    kinds = {"sortable": table.is_sortable, "dense": table.is_dense, "wide": is_wide and not table.is_dense}
    inner = element(
        "table",
        element("thead", head),
        element("tbody", *body),
        class_=" ".join(name for name, is_so in kinds.items() if is_so) or None,
        aria_label=table.caption,
    )
    caption = element("p", table.caption, class_="caption", aria_hidden="true")
    scroll = element("div", inner, class_="scroll", role="region", aria_label=table.caption, tabindex="0")
    return element("div", caption, toggle, scroll, class_="table")


def _header(column: Column, table: Table) -> Markup:
    kind = "number" if column.is_number else None
    if table.is_sortable:
        button = element("button", column.title, type="button", disabled=True)
        return element("th", button, scope="col", class_=kind, aria_sort="none")
    remark = element("small", column.remark) if column.remark and not table.is_dense else None
    title = column.remark if column.remark and table.is_dense else None
    return element("th", column.title, remark, scope="col", class_=kind, title=title)


def _row(row: Sequence[Cell], table: Table, role: str | None) -> Markup:
    cells = [
        _cell(cell, column, at) for at, (cell, column) in enumerate(zip(row, table.columns, strict=True))
    ]
    return element("tr", *cells, class_=None if role is None else f"role-{role.replace(' ', '-')}")


def _cell(cell: Cell, column: Column, at: int) -> Markup:
    classes = ["number"] if column.is_number else []
    style = None
    if cell.heat is not None:
        classes.append("hot" if cell.heat >= 0 else "cold")
        style = f"--heat:{abs(cell.heat):.2f}"
    badge = None if cell.badge is None else _badge(cell.badge)
    content: Markup | str = cell.text
    if cell.remark:
        content = join([cell.text, element("small", cell.remark)])
    if cell.strip is not None:
        strip = draw_strip(cell.strip, cell.text if cell.is_drawn else None)
        value = None if cell.is_drawn else element("span", content, class_="value")
        content = element("div", strip, value, class_="drawn")
    key = None if cell.key is None or isinstance(cell.key, str) else f"{cell.key:.10g}"
    attributes = {"class_": " ".join(classes) or None, "style": style, "data_key": key}
    if at == 0:
        return element("th", badge, content, scope="row", **attributes)
    return element("td", content, badge, **attributes)
