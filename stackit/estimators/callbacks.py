"""scikit-learn's callbacks, called while an ensemble is fitted; before scikit-learn 1.9 there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for the mixin of scikit-learn 1.9, without callbacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


__all__ = [
    "CALLBACK_ATTRIBUTES",
    "NO_CALLBACKS",
    "CallbackSupportMixin",
    "FitCallbacks",
    "FitTasks",
    "has_callbacks",
    "with_callbacks",
]

# Where scikit-learn keeps callbacks, and what they know of a fit, on an estimator.
CALLBACK_ATTRIBUTES = frozenset(
    {"_callback_fit_ctx", "_parent_callback_ctx", "_skl_callbacks", "_skl_callbacks_to_teardown"}
)


@with_callbacks  # type: ignore[untyped-decorator]
def _tear_down(estimator: Any) -> None:
    """Tear callbacks down, as scikit-learn does after such a method.

    It is no decorator of fit: warnings name the first line outside stackit, which would be the decorator's.
    """


def has_callbacks(estimator: Any) -> bool:
    """Whether callbacks are registered on an estimator, or on one inside it."""
    parts = estimator.get_params(deep=True).values() if hasattr(estimator, "get_params") else ()
    return any(hasattr(one, "_skl_callbacks") for one in (estimator, *parts))


@dataclass(frozen=True, eq=False)
class FitCallbacks:
    """Calls the callbacks of an estimator for its steps: levels with a task per fit, and the final estimator.

    They are called in the process of the ensemble, wherever its fits run. The order is that in which fits are
    done, so that the tasks of a level are not sequential.

    Parameters
    ----------
    estimator : estimator
        The ensemble that is fitted.
    context : sklearn.callback.CallbackContext, optional
        That of its fit; without one nothing is called.
    level : int
        The level that is fitted, counted from 1.
    """

    estimator: Any = None
    context: Any = None
    level: int = 1

    @classmethod
    @contextmanager
    def of(
        cls, estimator: Any, X: Any, y: Any, sample_weight: Any = None, n_steps: int | None = None
    ) -> Iterator[FitCallbacks]:
        """Yield the callbacks of an estimator while it is fitted; `n_steps` is None where it is not known."""
        if not hasattr(estimator, "_skl_callbacks"):
            yield NO_CALLBACKS
            return
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        try:
            context = estimator._init_callback_context(max_subtasks=n_steps)
            context.call_on_fit_task_begin(**data)
            yield cls(estimator, context)
            context.call_on_fit_task_end(**data)
        finally:
            _tear_down(estimator)

    def of_level(self, level: int) -> FitCallbacks:
        """Return the same for the fits of a level."""
        return replace(self, level=level)

    @contextmanager
    def step(self, name: str, n_tasks: int | None) -> Iterator[FitTasks]:
        """Yield the tasks of a step for as long as it lasts."""
        if self.context is None:
            yield FitTasks()
            return
        context = self.context.subcontext(f"{name}-{self.level}", None, n_tasks, sequential_subtasks=False)
        context.call_on_fit_task_begin(estimator=self.estimator)
        yield FitTasks(self.estimator, context)
        context.call_on_fit_task_end(estimator=self.estimator)

    @contextmanager
    def final(self, final: Any, X: Any, y: Any) -> Iterator[None]:
        """Pass the callbacks on to the final estimator while it is fitted, if it supports them."""
        if self.context is None:
            yield
            return
        context = self.context.subcontext("fit-final-estimator")
        if not hasattr(final, "set_callbacks"):
            yield from self._task(context, X, y)
            return
        with context.propagate_callback_context(final):
            yield from self._task(context, X, y)

    def _task(self, context: Any, X: Any, y: Any) -> Iterator[None]:
        context.call_on_fit_task_begin(estimator=self.estimator, X=X, y=y)
        yield
        context.call_on_fit_task_end(estimator=self.estimator, X=X, y=y)


class FitTasks:
    """The fits of a step: each begins once, and ends when its result is there."""

    def __init__(self, estimator: Any = None, context: Any = None) -> None:
        self._estimator, self._context = estimator, context
        self._tasks: dict[tuple[str, int], Any] = {}

    def begin(self, name: str, split: int) -> None:
        """Call the callbacks before the fit of an estimator on a split, unless it has begun before."""
        if self._context is None or (name, split) in self._tasks:
            return
        place = "all-rows" if split < 0 else f"split-{split}"
        task = self._context.subcontext(f"fit-{name}-{place}", len(self._tasks))
        self._tasks[name, split] = task
        task.call_on_fit_task_begin(estimator=self._estimator)

    def end(self, name: str, split: int) -> None:
        """Call the callbacks after the fit of an estimator on a split."""
        if self._context is not None:
            self.begin(name, split)
            self._tasks[name, split].call_on_fit_task_end(estimator=self._estimator)


NO_CALLBACKS = FitCallbacks()
