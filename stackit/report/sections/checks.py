"""The numbered checks: issues and tips first, what passed in one line."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Badge, Block, Cell, Column, Section, Table, Text
from stackit.report.text import count_text

__all__ = ["checks"]

BADGES = {
    "issue": Badge("issue", "bad"),
    "tip": Badge("tip", "tip"),
    "passed": Badge("passed", "good"),
    "not applicable": Badge("not applicable", "neutral"),
    "ignored": Badge("ignored", "neutral"),
}


def checks(summary: dict[str, Any]) -> Section | None:
    """Return a table of what was found, and one of the rest."""
    results = summary["checks"]
    if not results:
        return None
    found = [one for status in ("issue", "tip") for one in results if one["status"] == status]
    rest = [one for one in results if one["status"] not in ("issue", "tip")]
    n_issues = sum(one["status"] == "issue" for one in found)
    tips = count_text(len(found) - n_issues, "tip")
    text = f"{count_text(n_issues, 'issue')} and {tips} in {len(results)} checks."
    blocks: list[Block] = [Text(text)]
    if found:
        columns = [Column("Check"), Column("What was found, and what to do")]
        rows = [[_name(one), Cell(one["sentence"], remark=_remedy(one))] for one in found]
        blocks.append(Table("Found", columns, rows))
    if rest:
        columns = [Column("Check"), Column("Outcome")]
        blocks.append(
            Table(
                "Passed, not applicable or ignored",
                columns,
                [[_name(one), Cell(one["sentence"])] for one in rest],
                is_folded=True,
            )
        )
    return Section("checks", "Checks", blocks)


def _remedy(one: dict[str, Any]) -> str:
    return f"{one['remedy']} See {one['docs_url']}."


def _name(one: dict[str, Any]) -> Cell:
    return Cell(f"{one['code']} {one['title']}", badge=BADGES[one["status"]])
