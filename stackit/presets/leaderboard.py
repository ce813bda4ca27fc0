"""The leaderboard: one row per member, with its score, its seconds, its weight, or why it was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stackit.presets.blend.blended_members import BlendedMembers
from stackit.presets.scheduler.member_record import MemberRecord

__all__ = ["leaderboard", "leaderboard_rows", "left_out_row"]

COLUMNS = ["member", "family", "score", "sem", "weight", "seconds", "fits", "rounds", "calibrated", "status"]


def leaderboard_rows(records: Sequence[MemberRecord], best: BlendedMembers) -> list[dict[str, Any]]:
    """Return the rows of a leaderboard as plain values."""
    return [_row(record, best) for record in records]


def left_out_row(name: str, reason: str) -> dict[str, Any]:
    """Return the row of a member that does not suit the table."""
    empty = dict.fromkeys(COLUMNS)
    return {**empty, "member": name, "weight": 0.0, "fits": 0, "status": f"left out: {reason}"}


def leaderboard(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return the leaderboard, the best member first and those left out last."""
    table = pd.DataFrame(rows, columns=COLUMNS).set_index("member")
    return table.sort_values("score", ascending=False, na_position="last", kind="stable")


def _row(record: MemberRecord, best: BlendedMembers) -> dict[str, Any]:
    score, sem = best.scores.get(record.name, (None, None))
    seconds = [*record.seconds] + ([record.scout.seconds] if record.scout is not None else [])
    return {
        "member": record.name,
        "family": record.member.family,
        "score": score,
        "sem": sem,
        "weight": best.blend.weights.get(record.name, 0.0),
        "seconds": round(sum(seconds), 3),
        "fits": len(seconds),
        "rounds": record.n_rounds,
        "calibrated": record.name in best.calibrators,
        "status": _status(record, best),
    }


def _status(record: MemberRecord, best: BlendedMembers) -> str:
    if record.name in best.used:
        return "used"
    if record.name in best.scores:
        return "finished, and the blend is no better with it"
    return f"left out: {record.left_out or 'not all of its folds were finished in time'}"
