"""The rounds of scouts, kept next to the results of a store, which holds no fitted estimators."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from stackit.engine.training_data import TrainingData
from stackit.files import atomic_write
from stackit.folds import Folds
from stackit.store import DiskStore
from stackit.store.fingerprint import Descriptions, IndescribableError

__all__ = ["ScoutFacts"]

FILE = "scouts.json"
Rounds = dict[str, dict[str, int]]  # by member and split


class ScoutFacts:
    """The rounds of each scout, in a file of the store's folder; without a `DiskStore`, in memory.

    `key` identifies the data: facts of other data in the same folder are kept apart.
    """

    def __init__(self, store: Any, key: str) -> None:
        self.path: Path | None = store.path / FILE if isinstance(store, DiskStore) else None
        self.key = key
        self._rounds: Rounds = self._read().get(key, {})

    @classmethod
    def of_run(cls, store: Any, data: TrainingData, folds: Folds) -> ScoutFacts:
        """Return the facts of a table, its target, its weights and its folds."""
        if not isinstance(store, DiskStore):
            return cls(store, "")
        try:
            content = Descriptions().of((data.X, data.target.y, data.sample_weight))
        except IndescribableError:  # the store keeps no fits of such data either
            content = ""
        digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        return cls(store, f"{folds.digest} {digest[:16]}")

    def rounds_of(self, name: str, split: int) -> int | None:
        """Return the rounds that an earlier run found for a member on a split, or None."""
        return self._rounds.get(name, {}).get(str(split))

    def keep(self, name: str, split: int, rounds: int) -> None:
        """Keep the rounds of a member's scout on a split."""
        if self.rounds_of(name, split) == rounds:
            return
        self._rounds.setdefault(name, {})[str(split)] = rounds
        if self.path is not None:
            with suppress(OSError):  # a store that cannot be written costs no results; the engine warns of it
                self.path.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(self.path, json.dumps({**self._read(), self.key: self._rounds}, indent=1) + "\n")

    def _read(self) -> dict[str, Rounds]:
        if self.path is None or not self.path.exists():
            return {}
        try:
            found: dict[str, Rounds] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
