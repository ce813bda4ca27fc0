"""The scores fold by fold."""

from __future__ import annotations

from typing import Any

from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["fold_scores"]


def fold_scores(scores: Scores) -> dict[str, Any] | None:
    """Return the score of each member, the plain average and the stack in each fold of the first repeat."""
    if len(scores.parts) < 2:
        return None
    first = [name for name in (scores.stack, scores.average) if name in scores.predictions]
    by_name = {name: scores.by_fold(name) for name in [*first, *scores.names]}
    ours = by_name[scores.stack]
    best = scores.best
    theirs = None if best is None else by_name[best]
    won = None if theirs is None else sum(a > b for a, b in zip(ours, theirs, strict=True))
    return {
        "n_rows": [len(part) for part in scores.parts],
        "n_folds_won": won,
        "best_member": None if best is None else clean(best),
        "scores": [{"name": clean(name), "folds": folds} for name, folds in by_name.items()],
    }
