"""All sections of a report, in their order."""

from __future__ import annotations

from typing import Any

from stackit.report.blocks import Section
from stackit.report.sections.about import about
from stackit.report.sections.calibration import calibration
from stackit.report.sections.checks import checks
from stackit.report.sections.diversity import diversity
from stackit.report.sections.errors import errors
from stackit.report.sections.folds import folds
from stackit.report.sections.leaderboard import leaderboard
from stackit.report.sections.learning_curves import learning_curves
from stackit.report.sections.members import members
from stackit.report.sections.ranking import ranking
from stackit.report.sections.regions import regions
from stackit.report.sections.shift import shift
from stackit.report.sections.time_spent import time_spent
from stackit.report.sections.verdict import verdict

__all__ = ["contents"]

SECTIONS = (
    verdict,
    checks,
    leaderboard,
    folds,
    members,
    diversity,
    ranking,
    calibration,
    errors,
    regions,
    shift,
    learning_curves,
    time_spent,
    about,
)


def contents(summary: dict[str, Any]) -> list[Section]:
    """Return the sections that apply to a summary."""
    return [section for make in SECTIONS if (section := make(summary)) is not None]
