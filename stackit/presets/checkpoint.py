"""The stack in its store: saved after each new blend, so that a killed run leaves one that predicts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from stackit.presets.blended_members import BlendedMembers
from stackit.presets.clock import Clock
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.store import DiskStore

__all__ = ["Checkpoint"]

FILE = "stack.stackit"
MOST = 0.03  # of the time so far, for all saving


class Checkpoint:
    """Saves the stack into the folder of a `DiskStore`, as often as that costs little; else does nothing.

    `save` writes a stack with these members to a path. Fold estimators that a store has only predictions of
    are not fitted again for it: then the file of the earlier run stays.
    """

    def __init__(self, store: Any, clock: Clock, save: Callable[[BlendedMembers, Path], object]) -> None:
        self.path = store.path / FILE if isinstance(store, DiskStore) else None
        self.clock, self.save = clock, save
        self._spent = self._longest = 0.0

    def keep(self, members: BlendedMembers) -> None:
        """Save the stack, if there is a folder and saving takes a small part of the time."""
        is_due = not self._spent or self._spent + self._longest <= MOST * self.clock.spent()
        if self.path is None or not is_due or _lacks_fits(members):
            return
        started = self.clock.spent()
        with suppress(OSError, ImportError, ValueError):  # the fit goes on without a file
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.save(members, self.path)
        took = self.clock.spent() - started
        self._spent, self._longest = self._spent + took, max(self._longest, took)


def _lacks_fits(members: BlendedMembers) -> bool:
    """Whether fold estimators would have to be fitted again to be saved."""
    results = [run[name] for run in members.runs for name in members.used if name in run]
    lazy = [one.fold_estimators for one in results if isinstance(one.fold_estimators, LazyFoldEstimators)]
    return any(estimators.n_missing for estimators in lazy)
