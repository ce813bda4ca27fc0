"""HTML and SVG elements: whatever is not markup already is escaped."""

from __future__ import annotations

import html
from typing import Any

__all__ = ["Markup", "element", "join"]

EMPTY = {"meta", "br", "hr", "input", "circle", "line", "path", "rect"}
Child = Any


class Markup(str):
    """Text that is HTML already; only `element` and `join` make it."""


def element(tag: str, *children: Child, **attributes: Any) -> Markup:
    """Return an element with its children and attributes, all escaped.

    In names of attributes "_" stands for "-", and one at the end is dropped: ``class_="wide"``. True is an
    attribute without a value; None and False are left out.

    Examples
    --------
    >>> element("td", "<b>", class_="wide", aria_label='"', hidden=True)
    '<td class="wide" aria-label="&quot;" hidden>&lt;b&gt;</td>'
    """
    opening = tag
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        opening += f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
    if tag in EMPTY:
        return Markup(f"<{opening}>" if tag in ("meta", "br", "hr", "input") else f"<{opening}/>")
    return Markup(f"<{opening}>{join(children)}</{tag}>")


def join(children: Any) -> Markup:
    """Return children one after the other; None is left out."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def _escaped(child: Any) -> str:
    return child if isinstance(child, Markup) else html.escape(str(child), quote=False)
