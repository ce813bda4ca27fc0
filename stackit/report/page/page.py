"""The page: all sections of a report in one HTML file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

from stackit.report.blocks import Section
from stackit.report.page.elements import show_block
from stackit.report.page.markup import Markup, element, join
from stackit.report.sections import contents
from stackit.report.text import count_text

__all__ = ["to_html"]

DOCTYPE = Markup("<!DOCTYPE html>\n")


def to_html(summary: dict[str, Any]) -> str:
    """Return the page of a summary: one HTML document with its styles and its script.

    Its policy forbids all requests, and all scripts but its own.

    Parameters
    ----------
    summary : dict
        What `summarize` returned, or its JSON.

    Returns
    -------
    str
    """
    sections, script = contents(summary), _file("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="stackit"),
        element("title", f"{summary['name']}: stacking report"),
        element("style", _file("style.css")),
    )
    body = element(
        "body",
        element("a", "Skip to the report", href="#verdict", class_="skip"),
        _header(summary),
        element("div", _navigation(sections), element("main", *map(_section, sections)), class_="columns"),
        element("footer", element("p", "Made by stackit. This page loads nothing from anywhere.")),
        element("script", script),
    )
    return str(join([DOCTYPE, element("html", head, body, lang="en"), "\n"]))


def _file(name: str) -> Markup:
    """Return a style or script of the package as it is."""
    return Markup(resources.files("stackit.report.page").joinpath(name).read_text(encoding="utf-8"))


def _header(summary: dict[str, Any]) -> Markup:
    data = summary["data"]
    kinds = {"binary": "two classes", "multiclass": "several classes", "regression": "numbers"}
    facts = [
        f"prediction of {kinds[data['task']]}",
        count_text(data["n_rows"], "row"),
        *([] if data["n_columns"] is None else [count_text(data["n_columns"], "column")]),
        count_text(data["n_members"], "member"),
        data["metric"]["label"],
    ]
    themes = [
        element("button", name.capitalize(), type="button", data_theme=name, aria_pressed=pressed)
        for name, pressed in (("auto", "true"), ("light", "false"), ("dark", "false"))
    ]
    return element(
        "header",
        element(
            "div",
            element("p", "Stacking report", class_="kicker"),
            element("h1", summary["name"]),
            element("p", " · ".join(facts), class_="facts"),
        ),
        element(
            "div",
            element("div", *themes, role="group", aria_label="Colors", class_="buttons"),
            element("button", "Open all tables", type="button", id="unfold", aria_pressed="false"),
            class_="controls",
            hidden=True,
        ),
    )


def _navigation(sections: list[Section]) -> Markup:
    links = [element("li", element("a", one.title, href=f"#{one.key}")) for one in sections]
    return element("nav", element("ul", *links), aria_label="Sections")


def _section(section: Section) -> Markup:
    title = f"{section.key}-title"
    blocks = [show_block(block) for block in section.blocks]
    heading = element("h2", section.title, id=title)
    return element("section", heading, *blocks, id=section.key, aria_labelledby=title)
