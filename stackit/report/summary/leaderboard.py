"""The leaderboard: members, plain average and stack with scores, spread, weights and seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["leaderboard"]

CELLS = (
    "family",
    "score",
    "sem",
    "fold_std",
    "weight",
    "seconds",
    "rounds",
    "calibrated",
    "kind",
    "optimistic",
)


def leaderboard(scores: Scores) -> list[dict[str, Any]]:
    """Return one row per member, the stack and the plain average, the best first, those left out last."""
    names = [scores.stack, *([scores.average] if scores.average in scores.predictions else []), *scores.names]
    rows = [_row(scores, name) for name in names]
    rows.sort(key=lambda row: -row["score"] if np.isfinite(row["score"]) else np.inf)
    members, failures = scores.evidence.members, scores.evidence.failures
    seconds = scores.evidence.seconds
    left_out = [(name, why) for name, why in failures.items() if name not in members]
    return [*rows, *(_left_out(name, why, seconds.get(name)) for name, why in left_out)]


def _row(scores: Scores, name: str) -> dict[str, Any]:
    evidence = scores.evidence
    folds = np.array(scores.by_fold(name))
    score, sem = scores.estimate(name)
    is_member = name in evidence.members
    board = evidence.leaderboard
    own = board.loc[name] if is_member and name in board.index else pd.Series(dtype=object)
    return {
        "name": clean(name),
        "role": "member" if is_member else "stack" if name == scores.stack else "average",
        "family": _text(own.get("family")),
        "score": score,
        "sem": sem,
        "fold_std": float(folds.std(ddof=1)) if len(folds) > 1 else float("nan"),
        "weight": evidence.weights.get(name) if is_member else None,
        "seconds": _seconds(scores, name),
        "rounds": _number(own.get("rounds")),
        "calibrated": bool(own["calibrated"]) if "calibrated" in own and is_member else None,
        "kind": evidence.kinds.get(name),
        "optimistic": evidence.optimistic.get(name if is_member else "stack")
        if name != scores.average
        else None,
        "status": _text(own.get("status")) or ("" if is_member else "blend"),
    }


def _seconds(scores: Scores, name: str) -> float | None:
    seconds = scores.evidence.seconds
    if name in scores.evidence.members:
        return seconds.get(name)
    return sum(seconds.values()) if name == scores.stack and seconds else None


def _left_out(name: str, reason: str, seconds: float | None) -> dict[str, Any]:
    empty = dict.fromkeys(CELLS) | {"seconds": seconds}
    return {"name": clean(name), "role": "left out", **empty, "status": f"left out: {clean(reason, 200)}"}


def _text(value: Any) -> str | None:
    return clean(value, 200) if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
