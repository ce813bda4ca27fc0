"""What notebooks show of a fitted preset: its leaderboard, its folds, and how raw columns are read."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from stackit.notebook import Section
from stackit.presets.blend.blend import Blend
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import Placeholder

__all__ = ["tabular_sections"]

SHOWN = ["family", "score", "sem", "weight", "seconds", "fits", "status"]


def tabular_sections(
    title: str, leaderboard: pd.DataFrame, blend: Blend, oof: OutOfFold, columns: pd.DataFrame
) -> list[Section]:
    """Return the leaderboard, and, closed at first, the folds and the raw columns."""
    n_used = int((leaderboard["status"] == "used").sum())
    score = f"{title}: {n_used} of {len(leaderboard)} members, blended by {blend.name}"
    found = [_table(score, leaderboard[SHOWN])]
    if not isinstance(oof.folds, Placeholder):
        found += [replace(one, is_open=False) for one in oof.folds.display_sections()]
    return [*found, replace(_table(f"{len(columns)} raw columns", columns), is_open=False)]


def _table(title: str, frame: pd.DataFrame) -> Section:
    """Return a data frame as a section; its index comes first."""
    rows = [[name, *values] for name, *values in frame.itertuples(name=None)]
    return Section(title, [str(frame.index.name), *frame.columns], rows)
