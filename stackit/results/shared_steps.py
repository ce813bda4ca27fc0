"""Pipelines with fitted steps in common: these transform new rows once for all of them."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from stackit.arrays.frames import is_foreign_frame
from stackit.arrays.isolation import call_isolated, inspect_reader, own_copy
from stackit.estimators.label_encoding.wrappers import LabelEncodedClassifier

__all__ = ["SharedSteps"]

MOST_BYTES = 1 << 28  # of transformed rows that are kept

Steps = tuple[int, ...]


class SharedSteps:
    """What the steps before the last make of new rows, where several fitted pipelines have the same steps.

    Parameters
    ----------
    X : table with m rows
        The new rows.
    estimators : iterable of fitted estimators
        Those that predict the rows, each once.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.preprocessing import StandardScaler
    >>> scaler = StandardScaler().fit([[1.0], [3.0]])
    >>> models = [Ridge(alpha).fit([[-1.0], [1.0]], [1, 3]) for alpha in (1, 2)]
    >>> pipelines = [Pipeline([("scale", scaler), ("ridge", model)]) for model in models]
    >>> shared = SharedSteps([[2.0]], pipelines)
    >>> for pipeline in pipelines:
    ...     estimator, table, _ = shared.predictor(pipeline)
    ...     print(estimator.named_steps["scale"], table, estimator.predict(table))
    passthrough [[0.]] [2.]
    passthrough [[0.]] [2.]
    """

    def __init__(self, X: Any, estimators: Iterable[Any]) -> None:
        self.X = X
        # Frames of other libraries reach some estimators as pandas frames.
        estimators = () if is_foreign_frame(X) else estimators
        self._n_left = Counter(steps for one in estimators if (steps := _steps_of(one)) is not None)
        self._tables: dict[Steps, Any] = {}

    def predictor(self, estimator: Any) -> tuple[Any, Any, bool]:
        """Return an estimator that predicts as the given one, its table, and whether it may change that."""
        steps = _steps_of(estimator)
        if steps is None or steps not in self._n_left:
            return estimator, self.X, False
        self._n_left[steps] -= 1
        table = self._tables.get(steps)
        if table is None and self._n_left[steps] > 0:
            table = self._transformed(estimator)
        if table is None:
            return estimator, self.X, False
        if self._n_left[steps] > 0 and self._n_bytes(table) + self._n_kept_bytes() <= MOST_BYTES:
            self._tables[steps] = table
        else:
            self._tables.pop(steps, None)
        is_trusted = inspect_reader(estimator).is_trusted_library
        return _without_first_steps(estimator), table if is_trusted else _copied(table), not is_trusted

    def _transformed(self, estimator: Any) -> Any:
        """Return the rows as the steps before the last transform them."""
        pipeline: Any = _pipeline_in(estimator)
        if not inspect_reader(pipeline).is_trusted_library:
            return pipeline[:-1].transform(own_copy(self.X))
        return call_isolated(pipeline[:-1].transform, self.X, inspect_reader(pipeline))

    def _n_kept_bytes(self) -> int:
        return sum(map(self._n_bytes, self._tables.values()))

    @staticmethod
    def _n_bytes(table: Any) -> int:
        if hasattr(table, "memory_usage"):
            return int(table.memory_usage(index=False).sum())
        return int(getattr(table, "nbytes", MOST_BYTES))


def _copied(table: Any) -> Any:
    """Return a copy with the numbers in the same order in memory, on which the last digits of sums depend."""
    return pickle.loads(pickle.dumps(table)) if isinstance(table, pd.DataFrame) else own_copy(table)


def _pipeline_in(estimator: Any) -> Pipeline | None:
    bare = estimator.estimator if isinstance(estimator, LabelEncodedClassifier) else estimator
    return bare if type(bare) is Pipeline and len(bare.steps) > 1 else None


def _steps_of(estimator: Any) -> Steps | None:
    pipeline = _pipeline_in(estimator)
    return None if pipeline is None else tuple(id(step) for _, step in pipeline.steps[:-1])


def _without_first_steps(estimator: Any) -> Any:
    """Return a shallow copy that predicts rows which the steps before the last have transformed."""
    shown = copy.copy(estimator)
    if isinstance(estimator, LabelEncodedClassifier):
        shown.estimator = _without_first_steps(estimator.estimator)
    else:
        shown.steps = [*((name, "passthrough") for name, _ in estimator.steps[:-1]), estimator.steps[-1]]
    return shown
