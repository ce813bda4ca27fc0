"""One line of live progress on standard error, for runs in scripts and terminals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stackit.progress.board import ProgressBoard
from stackit.progress.events import Observer, ProgressEvent, current_observer

__all__ = ["StatusLine", "observer_for", "status_text"]


@contextmanager
def observer_for(verbose: int) -> Iterator[Observer | None]:
    """Yield the observer of a run: that of the context, else a `StatusLine`; None with `verbose` 0."""
    observer = current_observer()
    if observer is not None or not verbose:
        yield observer
        return
    line = StatusLine()
    try:
        yield line
    finally:
        line.close()


def status_text(board: ProgressBoard) -> str:
    """Return what is done now, the members that are fitted, the score so far and the seconds left."""
    running = board.running
    more = f", and {len(running) - 5} more" if len(running) > 5 else ""
    now = f", fitting {', '.join(running[:5])}{more}" if running else ""
    score = "" if math.isnan(board.score) else f", score {board.score:.5g}"
    left = "" if math.isnan(board.remaining) else f", {board.remaining:.0f} s left"
    return f"{board.stage}{now}{score}{left}"


class StatusLine:
    """An observer that writes notes as lines, and below them one line that follows the run."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.board = ProgressBoard()
        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # Refreshed at each event, since no processes can be forked while a refreshing thread runs.
        self._progress = Progress(*columns, console=self._console, auto_refresh=False, transient=True)
        self._job: Any = self._progress.add_task("", total=None)
        self._is_shown = False

    def __call__(self, event: ProgressEvent) -> None:
        """Show an event."""
        self.board.update(event)
        if event.kind == "note":
            self.close()
            self._console.print(event.text, highlight=False, markup=False, soft_wrap=True)
            return
        if not self._is_shown:
            self._progress.start()
            self._is_shown = True
        board = self.board
        self._progress.update(
            self._job,
            completed=board.n_done,
            total=board.n_fits,
            description=_without_markup(status_text(board)),
            refresh=True,
        )

    def close(self) -> None:
        """Remove the line."""
        if self._is_shown:
            self._progress.stop()
            self._is_shown = False


def _without_markup(text: str) -> str:
    from rich.markup import escape

    return escape(text)
