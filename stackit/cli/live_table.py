"""The progress of a run: a live table of members by folds on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from stackit.cli.output import console, plain_text, print_message
from stackit.cli.run_clock import RunClock
from stackit.progress.board import FoldCell, MemberRow, ProgressBoard
from stackit.progress.duration import format_duration
from stackit.progress.events import ProgressEvent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["LiveTable", "PlainLines", "ProgressView", "foot_of", "progress_of_run"]

PAUSE = 0.1  # seconds between two drawings of the table
LINE_PAUSE = 10.0  # seconds between two lines of a log
SIGNS = {"waiting": "·", "running": "▸", "done": "✓", "failed": "✗"}
ASCII_SIGNS = {"waiting": ".", "running": ">", "done": "#", "failed": "x"}
FROM_STORE, ASCII_FROM_STORE = "↺", "="
STYLES = {"waiting": "dim", "running": "yellow", "done": "green", "failed": "red"}
MOST_SIGNS = 24  # folds of all repeats; more are counted
AROUND = 9  # lines of a terminal that are not members: title, head, what runs, foot, prompt


class ProgressView(Protocol):
    """An observer that knows the state of the run."""

    board: ProgressBoard

    def __call__(self, event: ProgressEvent) -> None:
        """Show an event."""

    def close(self) -> None:
        """Leave the last state there."""


@contextmanager
def progress_of_run(*, quiet: bool) -> Iterator[ProgressView]:
    """Yield an observer that shows a run on standard error while the context lasts."""
    if quiet:
        yield Silence()
        return
    view = _table_on_terminal() if sys.stderr.isatty() else PlainLines()
    try:
        yield view
    finally:
        view.close()


def _table_on_terminal() -> ProgressView:
    """Return a table that a process of its own draws; where none can be forked, one drawn at each event."""
    from stackit.engine.fork_safety import may_fork

    if may_fork():
        from stackit.cli.screen import Screen

        return Screen(sys.stderr)
    return LiveTable(console(sys.stderr))


class LiveTable:
    """An observer that draws members by folds, and below them the score of the blend and the time left.

    It is drawn when something happens and at each `tick`, and by no thread: processes with threads cannot be
    forked.

    Attributes
    ----------
    board : ProgressBoard
        The state of the run.
    is_stopping : bool
        Whether the run was interrupted and has not ended yet.
    """

    def __init__(self, shown_on: Console) -> None:
        self.board = ProgressBoard()
        self.is_stopping = False
        self._clock = RunClock()
        self._console = shown_on
        self._live: Any = None
        self._next = 0.0
        can_show = not shown_on.options.ascii_only
        self._signs = SIGNS if can_show else ASCII_SIGNS
        self._from_store = FROM_STORE if can_show else ASCII_FROM_STORE

    def __call__(self, event: ProgressEvent) -> None:
        """Show an event."""
        self.board.update(event)
        self._clock.take(event, self.board)
        if event.kind == "note":
            self._console.print(plain_text(event.text), soft_wrap=True)
        elif time.monotonic() >= self._next:
            self._draw()

    def tick(self) -> None:
        """Draw the time that has passed since the last event, unless there is no table yet."""
        if self._live is not None:
            self._clock.set(self.board)
            self._draw()

    def close(self) -> None:
        """Draw the table for the last time and leave it there."""
        if self._live is not None:
            self._clock.set(self.board)
            self._clock.forget()
            self.board.remaining = math.nan
            self._draw()
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        from rich.live import Live

        self._next = time.monotonic() + PAUSE
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        self._live.update(self.render(), refresh=True)

    def render(self) -> RenderableType:
        """Return the table, as many members as there are lines for, and the lines below it."""
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("member", no_wrap=True, overflow="ellipsis", min_width=6)
        table.add_column("folds", no_wrap=True)
        table.add_column("score", justify="right", no_wrap=True)
        table.add_column("seconds", justify="right", no_wrap=True)
        shown, hidden = self._members_shown()
        for row in shown:
            score = "" if math.isnan(row.score) else f"{row.score:.5g}"
            seconds = f"{row.seconds:.1f}" if row.seconds else ""
            table.add_row(Text(plain_text(row.name)), self._cells(row), score, seconds)
        now = "stopping" if self.is_stopping else self._clock.text
        lines = [(hidden, "dim"), (now, STYLES["running"]), (foot_of(self.board), "")]
        return Group(table, *(Text(plain_text(text), style=style) for text, style in lines if text))

    def _members_shown(self) -> tuple[list[MemberRow], str]:
        """Return the members that there are lines for, those that wait last, and what is not shown."""
        rows = [row for row in self.board.members.values() if row.state != "left out"]
        left_out = len(self.board.members) - len(rows)
        most = max(3, self._console.size.height - AROUND)
        hidden = [f"{len(rows) - most} more members"] if len(rows) > most else []
        urgent = sorted(rows, key=lambda row: row.state == "waiting")[:most]
        hidden += [f"{left_out} left out"] if left_out else []
        return [row for row in rows if row in urgent], ", ".join(hidden)

    def _cells(self, row: MemberRow) -> Any:
        """Return a sign per fold; repeats are parted by a space."""
        from rich.text import Text

        if len(row.cells) > MOST_SIGNS:
            return f"{sum(cell.state == 'done' for cell in row.cells.values())}/{len(row.cells)}"
        text, before = Text(), 0
        for (repeat, _), cell in sorted(row.cells.items()):
            text.append(" " if repeat != before else "")
            before = repeat
            text.append(self._sign(cell), style=STYLES[cell.state])
        if row.n_sampled:
            text.append(f" {self._signs['running']} sample", style=STYLES["running"])
        return text

    def _sign(self, cell: FoldCell) -> str:
        is_kept = cell.from_store and cell.state == "done"
        return self._from_store if is_kept else self._signs[cell.state]


class Silence:
    """A view that shows nothing."""

    def __init__(self) -> None:
        self.board = ProgressBoard()

    def __call__(self, event: ProgressEvent) -> None:
        """Take in an event."""
        self.board.update(event)

    def close(self) -> None:
        """Do nothing."""


def foot_of(board: ProgressBoard) -> str:
    """Return the lines below the table: fits done, from the store, the blend's score, the time left."""
    parts = [f"{board.n_done} of {board.n_fits} fits"]
    if board.n_from_store:
        parts.append(f"{board.n_from_store} from the store")
    if not math.isnan(board.score):
        parts.append(f"blend {board.score:.5g}")
    parts.append(f"{format_duration(board.elapsed)} so far")
    if not math.isnan(board.remaining):
        ends = time.strftime("%H:%M:%S", time.localtime(time.time() + board.remaining))
        parts.append(f"{format_duration(board.remaining)} left, until {ends}")
    return ", ".join(parts)


class PlainLines:
    """An observer that writes a line when a member is done, a blend is better or some seconds have passed."""

    def __init__(self) -> None:
        self.board = ProgressBoard()
        self._done: set[str] = set()
        self._next = time.monotonic() + LINE_PAUSE

    def __call__(self, event: ProgressEvent) -> None:
        """Write the lines of an event, if it has any."""
        self.board.update(event)
        row = self.board.members.get(event.member)
        if event.kind == "note":
            print_message(event.text)
        elif event.kind == "leave out":
            print_message(f"{event.member} is left out: {event.text}")
        elif row is not None and row.state == "done" and self._is_new(row):
            print_message(f"{row.name}: score {row.score:.5g}, {row.seconds:.1f} s; {foot_of(self.board)}")
        elif time.monotonic() >= self._next:
            running = self.board.running
            now = f"fitting {', '.join(running)}; " if running else ""
            print_message(f"{now}{foot_of(self.board)}")
        else:
            return
        self._next = time.monotonic() + LINE_PAUSE

    def close(self) -> None:
        """Do nothing: lines stay."""

    def _is_new(self, row: MemberRow) -> bool:
        """Whether a member is done on more folds than when its last line was written."""
        key = f"{row.name} {len(row.cells)}"
        is_new = key not in self._done
        self._done.add(key)
        return is_new
