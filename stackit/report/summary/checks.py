"""The results of the numbered checks, as plain text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from stackit.report.checks import run_checks
from stackit.report.evidence import Evidence
from stackit.report.text import clean

__all__ = ["checks"]

LONGEST = 600


def checks(evidence: Evidence, ignore: Collection[str]) -> list[dict[str, Any]]:
    """Return one dict per numbered check, in the order of their codes; `ignore` leaves some out."""
    return [
        {key: clean(value, LONGEST) for key, value in result.to_dict().items()}
        for result in run_checks(evidence, ignore)
    ]
