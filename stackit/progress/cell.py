"""Progress as the output of a notebook's cell: a bar with a line of text, replaced in place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from stackit.notebook import LiveCell
from stackit.progress.board import ProgressBoard
from stackit.progress.events import ProgressEvent

__all__ = ["CellStatus", "bar_in_cell"]

Display = Callable[..., Any]


@contextmanager
def bar_in_cell(total: int, what: str, display: Display | None = None) -> Iterator[Callable[[str], None]]:
    """Show a bar of `total` steps from the first to the last; its last state stays below the cell."""
    cell, started, n_done, latest = LiveCell(display), time.monotonic(), 0, ""

    def draw() -> tuple[str, str]:
        seconds = time.monotonic() - started
        return _bar(n_done, total, f"{what}{latest}, {seconds:.1f} s")

    def advance(name: str) -> None:
        nonlocal n_done, latest
        n_done, latest = n_done + 1, f": {name}"
        cell.show(draw)

    try:
        yield advance
    finally:
        latest = ""
        if n_done:
            cell.show(draw, last=True)


class CellStatus:
    """An observer that shows the notes of a run, and below them a bar and a line for as long as it lasts."""

    def __init__(self, display: Display | None = None) -> None:
        self.board = ProgressBoard()
        self._cell, self._is_over = LiveCell(display), False

    def __call__(self, event: ProgressEvent) -> None:
        """Show an event."""
        self.board.update(event)
        self._cell.show(self._draw, last=event.kind == "note")

    def close(self) -> None:
        """Leave the notes alone."""
        self._is_over = True
        self._cell.show(self._draw, last=True)

    def _draw(self) -> tuple[str, str]:
        board = self.board
        html, text = _bar(board.n_done, board.n_fits, board.text)
        is_idle = self._is_over or not board.n_fits
        page = [f"<p>{escape(note)}</p>" for note in board.notes] + ([] if is_idle else [html])
        return "".join(page), "\n".join(board.notes if is_idle else [*board.notes, text])


def _bar(n_done: int, total: int, text: str) -> tuple[str, str]:
    """Return a bar with a line of text, as HTML and as text."""
    line = f"{n_done}/{total} {text}"
    bar = f'<progress value="{n_done}" max="{total}" aria-label="progress"></progress>'
    return f'<p style="font-family: monospace">{bar} {escape(line)}</p>', line
