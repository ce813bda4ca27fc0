"""The stack in its store: saved after new blends, so that a killed run leaves one that predicts."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from stackit.engine.fork_safety import may_fork
from stackit.presets.blend.blended_members import BlendedMembers
from stackit.presets.scheduler.clock import Clock
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.store import DiskStore

__all__ = ["Checkpoint"]

FILE = "stack.stackit"
MOST = 0.03  # of the time so far, for all saving where it cannot be done in a process of its own
EARLY = 0.05  # of the time limit: what is lost before is not worth saving
EARLY_SECONDS = 10.0  # the same where there is no limit


class Checkpoint:
    """Saves the stack into the folder of a `DiskStore`, while the run goes on; without one it does nothing.

    `save` writes a stack with these members to a path. Early in a run, nothing is saved. It works in a forked
    process, one at a time; where none can be forked, in this one, as long as that costs little. Fold
    estimators of which a store has only predictions are not fitted again for it: then the file of the earlier
    run stays.
    """

    def __init__(self, store: Any, clock: Clock, save: Callable[[BlendedMembers, Path], object]) -> None:
        self.path = store.path / FILE if isinstance(store, DiskStore) else None
        self.clock, self.save = clock, save
        self._process: Any = None
        self._spent = self._longest = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the run has taken long enough for a stack to be saved."""
        early = EARLY * self.clock.limit if self.clock.is_limited else EARLY_SECONDS
        return self.path is not None and self.clock.spent() > early

    def keep(self, members: BlendedMembers) -> None:
        """Save the stack, unless it is early or the one before is still being saved."""
        if not self.is_due or _lacks_fits(members):
            return
        if may_fork():
            if self._process is None or not self._process.is_alive():
                self._process = multiprocessing.get_context("fork").Process(
                    target=self._save_in_child, args=(members,), daemon=True
                )
                self._process.start()
        elif self._spent + self._longest <= MOST * self.clock.spent():
            started = self.clock.spent()
            self._save(members)
            took = self.clock.spent() - started
            self._spent, self._longest = self._spent + took, max(self._longest, took)

    def close(self) -> None:
        """Wait for the last saving as long as there is time, and end it."""
        if self._process is not None:
            self._process.join(max(0.0, self.clock.left()) if self.clock.is_limited else None)
            self._process.kill()
            self._process.join()

    def _save_in_child(self, members: BlendedMembers) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.nice(5)  # the members are more urgent
        self._save(members)

    def _save(self, members: BlendedMembers) -> None:
        assert self.path is not None
        with suppress(OSError, ImportError, ValueError):  # the fit goes on without a file
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.save(members, self.path)


def _lacks_fits(members: BlendedMembers) -> bool:
    """Whether fold estimators would have to be fitted again to be saved."""
    results = [run[name] for run in members.runs for name in members.used if name in run]
    lazy = [one.fold_estimators for one in results if isinstance(one.fold_estimators, LazyFoldEstimators)]
    return any(estimators.n_missing for estimators in lazy)
