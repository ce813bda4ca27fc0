"""The time of a run between two events: seconds so far, seconds left, and how long members are fitted."""

from __future__ import annotations

import time

from stackit.progress.board import ProgressBoard
from stackit.progress.duration import format_duration
from stackit.progress.events import ProgressEvent

__all__ = ["RunClock"]

MOST = 4  # members that are named


class RunClock:
    """Knows since when each member is fitted, and lets the times of a board go on between events."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._elapsed = 0.0
        self._remaining = 0.0
        self._since: dict[str, float] = {}

    @property
    def text(self) -> str:
        """The members that are fitted now, and for how long."""
        now = time.monotonic()
        named = [f"{name} ({format_duration(now - at)})" for name, at in list(self._since.items())[:MOST]]
        more = f", and {len(self._since) - MOST} more" if len(self._since) > MOST else ""
        return f"fitting {', '.join(named)}{more}" if named else ""

    def take(self, event: ProgressEvent, board: ProgressBoard) -> None:
        """Take in an event that the board has taken in."""
        self._at, self._elapsed, self._remaining = time.monotonic(), event.elapsed, event.remaining
        self._since = {name: self._since.get(name, self._at) for name in board.running}
        if event.kind == "start":  # of a fold after another one
            self._since[event.member] = self._at

    def set(self, board: ProgressBoard) -> None:
        """Set the times of a board to this moment."""
        passed = time.monotonic() - self._at
        board.elapsed = self._elapsed + passed
        left = self._remaining - passed
        board.remaining = 0.0 if left < 0 else left  # and not `max`, which makes a 0 of NaN

    def forget(self) -> None:
        """Let no member be fitted any more."""
        self._since = {}
