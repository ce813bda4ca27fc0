"""The state of a run, built from its events: members by folds, with what runs now and what is left."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from stackit.progress.events import ProgressEvent

__all__ = ["FoldCell", "MemberRow", "ProgressBoard"]


@dataclass
class FoldCell:
    """One member on one fold of one repeat."""

    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    score: float = math.nan
    seconds: float = math.nan
    from_store: bool = False


@dataclass
class MemberRow:
    """One member: its folds, by repeat and split, and why it is left out."""

    name: str
    cells: dict[tuple[int, int], FoldCell] = field(default_factory=dict)
    reason: str = ""
    n_sampled: int = 0  # fits on samples that run now

    @property
    def state(self) -> Literal["waiting", "running", "done", "left out"]:
        """What the member does now; "done" where all folds that it was given are finished."""
        states = {cell.state for cell in self.cells.values()}
        if self.reason:
            return "left out"
        if "running" in states or self.n_sampled:
            return "running"
        return "done" if states == {"done"} else "waiting"

    @property
    def score(self) -> float:
        """The mean score of the folds that are done; NaN where there are none."""
        found = [cell.score for cell in self.cells.values() if not math.isnan(cell.score)]
        return sum(found) / len(found) if found else math.nan

    @property
    def seconds(self) -> float:
        """The seconds of all fits that are done, those from a store as they were then."""
        return sum(cell.seconds for cell in self.cells.values() if not math.isnan(cell.seconds))


class ProgressBoard:
    """Members by folds as they are now; `update` is an observer for `stackit.progress.observe`.

    It draws nothing: the table of the command line and the view in notebooks are drawn from it.

    Attributes
    ----------
    members : dict of str to MemberRow
        The members by name, in the order of the portfolio.
    n_splits : int
        The folds of one repeat.
    stage : str
        What is done now.
    score, n_blended : float, int
        The last blend's score, NaN before the first one, and how many blends there were.
    elapsed, remaining : float
        Seconds since the run began, and until it is expected to end, NaN where that is not known.
    notes : list of str
        The sentences so far.

    Examples
    --------
    >>> board = ProgressBoard()
    >>> board.update(ProgressEvent(kind="members", members=("linear",), n_splits=2))
    >>> board.update(ProgressEvent(kind="start", member="linear", splits=(0,)))
    >>> board.members["linear"].state, board.running
    ('running', ['linear'])
    >>> board.update(ProgressEvent(kind="finish", member="linear", splits=(0,), seconds=1.5, score=0.9))
    >>> board.members["linear"].score, board.n_done, board.n_fits
    (0.9, 1, 2)
    """

    def __init__(self) -> None:
        self.members: dict[str, MemberRow] = {}
        self.n_splits = 0
        self.stage = ""
        self.score = math.nan
        self.n_blended = 0
        self.elapsed = 0.0
        self.remaining = math.nan
        self.notes: list[str] = []

    @property
    def running(self) -> list[str]:
        """The members that are fitted now."""
        return [name for name, row in self.members.items() if row.state == "running"]

    @property
    def n_fits(self) -> int:
        """The fits of all members that are not left out, as far as they are planned."""
        return sum(len(row.cells) for row in self.members.values() if not row.reason)

    @property
    def n_done(self) -> int:
        """Those of the fits that are done."""
        rows = [row for row in self.members.values() if not row.reason]
        return sum(cell.state == "done" for row in rows for cell in row.cells.values())

    @property
    def n_from_store(self) -> int:
        """The fits that came out of a store."""
        return sum(cell.from_store for row in self.members.values() for cell in row.cells.values())

    @property
    def n_repeats(self) -> int:
        """The repeats so far."""
        return 1 + max((repeat for row in self.members.values() for repeat, _ in row.cells), default=0)

    @property
    def text(self) -> str:
        """What is done now, the members that are fitted, the score so far and the seconds left."""
        running = self.running
        more = f", and {len(running) - 5} more" if len(running) > 5 else ""
        now = f", fitting {', '.join(running[:5])}{more}" if running else ""
        score = "" if math.isnan(self.score) else f", score {self.score:.5g}"
        left = "" if math.isnan(self.remaining) else f", {self.remaining:.0f} s left"
        return f"{self.stage}{now}{score}{left}"

    def update(self, event: ProgressEvent) -> None:
        """Take in an event."""
        self.elapsed, self.remaining = event.elapsed, event.remaining
        if event.kind == "note":
            self.notes.append(event.text)
        elif event.kind == "blend":
            self.score, self.n_blended = event.score, self.n_blended + 1
        elif event.kind == "leave out":
            self._row(event.member).reason = event.text
        elif event.kind in ("members", "stage"):
            self._plan(event)
        elif event.sampled:
            row = self._row(event.member)
            row.n_sampled = len(event.splits) if event.kind == "start" else 0
        else:
            self._fit(event)

    def _row(self, name: str) -> MemberRow:
        return self.members.setdefault(name, MemberRow(name))

    def _plan(self, event: ProgressEvent) -> None:
        """Take in the members of a run or of a stage, with the folds that they are to be fitted on."""
        self.n_splits = event.n_splits or self.n_splits
        self.stage = event.text or self.stage
        self._forget_stopped()
        for name in event.members:
            row = self._row(name)
            row.reason = ""
            for split in range(event.n_splits):
                row.cells.setdefault((event.repeat, split), FoldCell())

    def _forget_stopped(self) -> None:
        """Let fits that were stopped before they ended wait again."""
        for row in self.members.values():
            row.n_sampled = 0
            for cell in row.cells.values():
                cell.state = "waiting" if cell.state == "running" else cell.state

    def _fit(self, event: ProgressEvent) -> None:
        """Take in a fit that starts or ends."""
        row = self._row(event.member)
        for split in event.splits:
            cell = row.cells.setdefault((event.repeat, split), FoldCell())
            if event.kind == "start":
                cell.state = "running"
            else:
                cell.state = "failed" if event.error else "done"
                cell.score, cell.seconds, cell.from_store = event.score, event.seconds, event.from_store
