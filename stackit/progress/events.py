"""What happens in a run, event by event, and the observer that is called with each one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Observer", "ProgressEvent", "current_observer", "observe"]

EventKind = Literal["note", "members", "stage", "start", "finish", "leave out", "blend"]


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """One thing that happened in a run; fields that do not concern its kind keep their defaults.

    Parameters
    ----------
    kind : str
        - "note": `text` is a sentence for the reader.
        - "members": `members` are to be fitted on `n_splits` folds.
        - "stage": `text` names what comes next, `members` those that take part, `repeat` their folds.
        - "start": the fit of `member` on `splits` begins.
        - "finish": the fit of `member` on `splits` (one) is done, by `seconds`, with the `score` of the rows
          held out; `from_store` where it was kept from an earlier run; `error` where it failed.
        - "leave out": `member` will not be fitted; `text` says why.
        - "blend": the members that are finished are blended, with the cross-fitted `score`.
    elapsed : float
        Seconds since the run began.
    remaining : float
        Seconds until the run is expected to end; NaN where that is not known.
    score : float
        By scikit-learn's rule: higher is better. NaN where there is none.
    sampled : bool
        Whether the fit is a trial on some of the rows, which is no fold of the result.

    Examples
    --------
    >>> ProgressEvent(kind="start", member="linear", splits=(0, 1)).to_dict()
    {'kind': 'start', 'elapsed': 0.0, 'member': 'linear', 'splits': [0, 1]}
    """

    kind: EventKind
    elapsed: float = 0.0
    remaining: float = math.nan
    text: str = ""
    members: tuple[str, ...] = ()
    member: str = ""
    repeat: int = 0
    splits: tuple[int, ...] = ()
    n_splits: int = 0
    seconds: float = math.nan
    score: float = math.nan
    from_store: bool = False
    sampled: bool = False
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, as plain values for JSON."""
        found: dict[str, Any] = {"kind": self.kind, "elapsed": round(self.elapsed, 3)}
        for name, value in vars(self).items():
            if name in found or not value or (isinstance(value, float) and math.isnan(value)):
                continue
            found[name] = list(value) if isinstance(value, tuple) else value
        return found


Observer = Callable[[ProgressEvent], object]

_OBSERVER: ContextVar[Observer | None] = ContextVar("stackit_observer", default=None)


@contextmanager
def observe(observer: Observer | None) -> Iterator[None]:
    """Call `observer` with each event of the runs inside the context; None calls nothing.

    A run that is observed shows no progress itself. The observer is called in the process of the run, one
    call at a time; an error that it raises ends the run. It must start no threads, since processes with
    threads cannot be forked.

    Parameters
    ----------
    observer : callable or None
        Called with a `ProgressEvent`, such as the `update` of a `ProgressBoard`.

    Examples
    --------
    >>> import pandas as pd
    >>> from stackit import TabularStackRegressor
    >>> table, kinds = pd.DataFrame({"x": range(40)}), []
    >>> with observe(lambda event: kinds.append(event.kind)):
    ...     stack = TabularStackRegressor("quick", cv=2, n_jobs=1).fit(table, table["x"])
    >>> sorted(set(kinds))
    ['blend', 'finish', 'members', 'note', 'stage', 'start']
    """
    token = _OBSERVER.set(observer)
    try:
        yield
    finally:
        _OBSERVER.reset(token)


def current_observer() -> Observer | None:
    """Return the observer of the context, or None."""
    return _OBSERVER.get()
