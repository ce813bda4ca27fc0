"""What a fit says while it works: events for an observer, such as a line on standard error."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from stackit.engine.fold_run import FoldRun
from stackit.engine.task import TaskResult
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import score_predictions
from stackit.presets.scheduler.clock import Clock
from stackit.progress import ProgressEvent
from stackit.progress.events import Observer
from stackit.results.repeated_warnings import record_warnings
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
    """Makes the events of a fit, with the seconds spent and left; without an observer it does nothing.

    `expected_end` is when the fit is expected to end, in seconds since its start. `repeat` and `sampled` are
    those of the fits that run now.
    """

    def __init__(self, clock: Clock, observer: Observer | None) -> None:
        self.clock, self.observer = clock, observer
        self.expected_end = math.inf
        self._repeat, self._sampled = 0, False
        self._lock = threading.Lock()  # fits may be started by another thread

    def say(self, line: str) -> None:
        """Report a sentence."""
        self._emit(kind="note", text=line)

    def members(self, names: Sequence[str], n_splits: int) -> None:
        """Report the members that are to be fitted, and the folds."""
        self._emit(kind="members", members=tuple(names), n_splits=n_splits)

    def stage(
        self, text: str, names: Sequence[str], n_splits: int = 0, repeat: int = 0, sampled: bool = False
    ) -> None:
        """Report what comes next: these members, on all folds of a repeat unless `n_splits` is 0."""
        self._repeat, self._sampled = repeat, sampled
        self._emit(kind="stage", text=text, members=tuple(names), n_splits=n_splits, repeat=repeat)

    def begin(self, name: str, splits: Sequence[int]) -> None:
        """Report that a member is fitted on some splits now."""
        self._emit(
            kind="start", member=name, splits=tuple(splits), repeat=self._repeat, sampled=self._sampled
        )

    def finish(self, result: TaskResult, run: FoldRun) -> None:
        """Report that a fit is done, with the score of the rows that it held out."""
        if self.observer is None:
            return
        self._emit(
            kind="finish",
            member=result.name,
            splits=(result.split,),
            repeat=self._repeat,
            sampled=self._sampled,
            seconds=result.seconds + result.predict_seconds,
            score=_score(result, run),
            from_store=result.stored,
            error="" if result.error is None else str(result.error) or type(result.error).__name__,
        )

    def leave_out(self, name: str, reason: str | None) -> None:
        """Report why a member is left out; None reports nothing."""
        if reason is not None:
            self._emit(kind="leave out", member=name, text=reason)

    def blended(self, score: float) -> None:
        """Report the score of a blend."""
        self._emit(kind="blend", score=score)

    def _emit(self, **fields: Any) -> None:
        if self.observer is None:
            return
        event = ProgressEvent(elapsed=self.clock.spent(), remaining=self._remaining(), **fields)
        with self._lock:
            self.observer(event)

    def _remaining(self) -> float:
        """Return the seconds left; NaN where there is no limit, and the fit takes longer than expected."""
        expected, limit = self.expected_end - self.clock.spent(), max(0.0, self.clock.left())
        left = min(expected, limit) if expected > 0 else limit
        return left if math.isfinite(left) else math.nan


def _score(result: TaskResult, run: FoldRun) -> float:
    """Return the score of the rows that a fit held out; NaN where they cannot be scored."""
    if result.error is not None or result.held_out is None or result.labels or result.split < 0:
        return math.nan
    target, (_, rows) = run.data.target, run.folds.splits[result.split]
    spec = PredictionSpec.of(result.name, target.type)
    try:
        with record_warnings():
            return score_predictions(
                target, rows, result.held_out, spec, run.config.scoring, run.data.sample_weight
            )
    except (AttributeError, TypeError, ValueError):
        return math.nan
