"""The finished tasks of a run in its store: the key of each, looked up before the run and kept after it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property

from sklearn import get_config

from stackit.engine.task import Task, TaskResult
from stackit.engine.training_data import TrainingData
from stackit.store.fingerprint import Descriptions, IndescribableError
from stackit.store.memory import NoStore, Store
from stackit.store.record import Key, Stored
from stackit.store.versions import version_of
from stackit.validation import format_list, warn

__all__ = ["StoreSession"]

FORMAT = "stackit key 3"
PACKAGES = ("stackit", "sklearn", "numpy", "scipy", "pandas", "copyreg")
CONFIG = ("transform_output", "enable_metadata_routing", "array_api_dispatch")


class StoreSession:
    """The finished tasks of a run: looked up in its store before it, and kept there as they come in.

    `labels` are the (repeat, fold) of each split. A store that cannot be used costs no results: one warning
    says what cannot be kept, and the run continues. Estimators that cannot be fingerprinted are named in
    another, and are fitted each time.
    """

    def __init__(self, store: Store | None, data: TrainingData, labels: tuple[tuple[int, int], ...]) -> None:
        self.store = NoStore() if store is None else store
        self.labels = labels
        self.keys: dict[tuple[str, int], Key] = {}
        self._key_maker = None if isinstance(self.store, NoStore) else _KeyMaker(data, labels)
        self._has_warned = False

    def register(self, tasks: Iterable[Task]) -> None:
        """Make the keys of tasks; a later task of the same name and split replaces an earlier one."""
        if self._key_maker is None:
            return
        reasons: dict[str, str] = {}
        for task in tasks:
            if task.split < 0:
                continue
            self.keys.pop((task.name, task.split), None)
            try:
                self.keys[task.name, task.split] = self._key_maker.key_of(task)
            except IndescribableError as error:
                reasons[task.name] = str(error)
        if reasons:
            texts = [f"{name} ({reason})" for name, reason in reasons.items()]
            warn(
                "The store identifies fits by parameters, data and code, which is not possible for "
                f"{format_list(texts)}. They are not stored, and fitted each time: use plain values and "
                "plain functions."
            )

    def find(self, task: Task) -> TaskResult | None:
        """Return the stored result of a task, or None; with its estimator only where the store has it."""
        key = self.keys.get((task.name, task.split))
        kept = self._get(key) if key else None
        if kept is None or len(kept.held_out) != len(task.held_out):
            return None
        return TaskResult(
            task.name,
            task.split,
            kept.estimator,
            kept.held_out,
            kept.test if key and key.test else None,
            float(kept.metadata.get("seconds", 0.0)),
            shared=bool(kept.metadata.get("shared", False)),
            stored=True,
        )

    def keep(self, result: TaskResult) -> None:
        """Store a result, unless the task failed or predicts labels in place of probabilities."""
        key = self.keys.get((result.name, result.split))
        if key is None or result.error is not None or result.held_out is None or result.labels:
            return
        repeat, fold = self.labels[result.split]
        metadata = {"estimator": result.name, "repeat": repeat, "fold": fold, "seconds": result.seconds}
        metadata["shared"] = result.shared
        try:
            self.store.put(key, Stored(result.held_out, result.test, metadata, result.estimator))
        except OSError as error:
            self._warn_once(error)

    def _get(self, key: Key) -> Stored | None:
        try:
            return self.store.get(key)
        except OSError as error:
            self._warn_once(error)
            return None

    def _warn_once(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            warn(
                f"The store {self.store!r} cannot be read or written: {error}. The run continues, and what "
                "cannot be kept is fitted again next time: free some space, or choose another folder."
            )


class _KeyMaker:
    """Makes the keys of tasks; the tables are read for the first one."""

    def __init__(self, data: TrainingData, labels: tuple[tuple[int, int], ...]) -> None:
        self.data, self.labels, self.texts = data, labels, Descriptions()

    def key_of(self, task: Task) -> Key:
        """Return the key of a task; an `IndescribableError` says why there is none."""
        shared, test = self._of_tables
        if not isinstance(shared, str):
            raise shared
        return Key(_digest(shared, *_task_texts(task, self.labels, self.texts)), test)

    @cached_property
    def _of_tables(self) -> tuple[str | IndescribableError, str]:
        data, texts = self.data, self.texts
        try:
            shared = _digest(FORMAT, _environment(), texts.of(data.X), _target_text(data, texts))
            return shared, "" if data.X_test is None else _digest(texts.of(data.X_test))[:32]
        except IndescribableError as error:
            return IndescribableError(f"its data hold {error}"), ""


def _environment() -> str:
    config = get_config()
    return f"{[version_of(package) for package in PACKAGES]} {[config.get(name) for name in CONFIG]}"


def _target_text(data: TrainingData, texts: Descriptions) -> str:
    target = data.target
    return f"{target.kind} {texts.of(target.classes)} {texts.of(target.y)}"


def _task_texts(task: Task, labels: tuple[tuple[int, int], ...], texts: Descriptions) -> list[str]:
    params = sorted(task.fit_params.items())
    return [
        texts.of(task.estimator),
        texts.of(task.train),
        texts.of(task.held_out),
        f"{task.spec.method} {task.spec.kind}",
        *(f"{name} {texts.of(values)}" for name, values in params),
        *(() if task.validation_rows is None else (f"watched {texts.of(task.validation_rows)}",)),
        _seed_text(task, labels),
    ]


def _seed_text(task: Task, labels: tuple[tuple[int, int], ...]) -> str:
    """Return the seed of a task that draws random numbers; without one, its name, repeat and fold."""
    if not task.traits.seeds.are_open:
        return "no seed"
    return f"seed {task.seed}" if task.seed is not None else f"{task.name} {labels[task.split]}"


def _digest(*texts: str) -> str:
    state = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()
