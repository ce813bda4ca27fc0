"""What a fit says while it works: a line at the start and at the end, and live progress on standard error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from stackit.presets.scheduler.clock import Clock
from stackit.tables.column import Column
from stackit.validation import format_list

__all__ = ["Reporter", "columns_in_words"]


def columns_in_words(records: Sequence[Column]) -> str:
    """Return how many columns there are of each kind, and which are left out."""
    counts = Counter(one.kind for one in records if not one.is_left_out)
    text = "columns: " + ", ".join(f"{n} {kind}" for kind, n in counts.most_common())
    gone = [f"{one.name} ({one.kind})" for one in records if one.is_left_out]
    return f"{text}; left out: {format_list(gone)}" if gone else text


class Reporter:
    """Writes lines and one line of live progress to standard error; nothing with `verbose` 0."""

    def __init__(self, clock: Clock, verbose: int) -> None:
        self.clock, self.score = clock, math.nan
        self._console: Any = None
        self._progress: Any = None
        self._job: Any = None
        self._what = ""
        self._running: Counter[str] = Counter()  # the folds of each member that are fitted now
        if verbose:
            self._open()

    def say(self, line: str) -> None:
        """Write a line."""
        if self._console is not None:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    @property
    def text(self) -> str:
        """What is done, which members are fitted now, the score so far and the seconds left."""
        running = [name for name, n_folds in self._running.items() if n_folds > 0]
        now = f", fitting {format_list(running)}" if running else ""
        score = "" if math.isnan(self.score) else f", score {self.score:.5g}"
        left = f", {max(0.0, self.clock.left()):.0f} s left" if self.clock.is_limited else ""
        return f"{self._what}{now}{score}{left}"

    def phase(self, what: str, total: int) -> None:
        """Show that so many fits are next."""
        self._what = what
        self._running.clear()
        if self._progress is not None:
            self._progress.reset(self._job, total=total, description=self.text)

    def begin(self, name: str, splits: Sequence[int]) -> None:
        """Show that a member is fitted on some splits now."""
        self._running[name] += len(splits)
        self._show(0)

    def advance(self, name: str) -> None:
        """Show that a fit of a member is done."""
        self._running[name] -= 1
        self._show(1)

    def close(self) -> None:
        """Remove the live progress."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # Refreshed when fits begin and end, since no processes can be forked while a refreshing thread runs.
        self._progress = Progress(*columns, console=self._console, auto_refresh=False, transient=True)
        self._job = self._progress.add_task("", total=None)
        self._progress.start()

    def _show(self, n_done: int) -> None:
        if self._progress is not None:
            self._progress.update(self._job, advance=n_done, description=self.text, refresh=True)
