"""One line of live progress on standard error, for runs in scripts and terminals; notebooks have a bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stackit.notebook import in_notebook
from stackit.progress.board import ProgressBoard
from stackit.progress.cell import CellStatus
from stackit.progress.events import Observer, ProgressEvent, current_observer

__all__ = ["StatusLine", "observer_for"]


@contextmanager
def observer_for(verbose: int) -> Iterator[Observer | None]:
    """Yield the observer of a run: that of the context, else a `StatusLine`; None with `verbose` 0.

    A notebook has a `CellStatus` instead of the line.
    """
    observer = current_observer()
    if observer is not None or not verbose:
        yield observer
        return
    line = CellStatus() if in_notebook() else StatusLine()
    try:
        yield line
    finally:
        line.close()


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
            description=_without_markup(board.text),
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
