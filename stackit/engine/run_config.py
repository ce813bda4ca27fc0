"""How a run works, apart from its data: on how many cores, from which seed, and after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from stackit.estimators.callbacks import NO_CALLBACKS, FitCallbacks
from stackit.estimators.early_stopping import EarlyStopping
from stackit.estimators.scoring import Scoring
from stackit.store import Store
from stackit.validation import invalid_value, is_whole

__all__ = ["OnError", "RunConfig", "seed_from"]

OnError = Literal["raise", "skip"]


@dataclass(frozen=True)
class RunConfig:
    """The arguments of `out_of_fold` that do not depend on the data."""

    stack_method: str = "auto"
    n_jobs: int | None = None
    on_error: OnError = "raise"
    seed: int | None = None  # all seeds of tasks are derived from it
    verbose: int = 0
    refit: bool = False  # whether levels that do not say otherwise are refitted on all rows
    return_estimator: bool = True
    scoring: Scoring = None
    store: Store | None = None
    early_stopping: EarlyStopping = "training"
    callbacks: FitCallbacks = NO_CALLBACKS  # of the ensemble that is fitted

    def __post_init__(self) -> None:
        if self.n_jobs is not None and (not is_whole(self.n_jobs) or self.n_jobs == 0):
            raise invalid_value(
                "n_jobs", "an integer other than 0, or None", f"n_jobs={self.n_jobs!r}", "Pass n_jobs=-1"
            )
        if self.on_error not in ("raise", "skip"):
            raise ValueError(
                f"on_error must be 'raise' or 'skip'; got on_error={self.on_error!r}. Pass on_error='raise'."
            )
        if self.store is not None and not isinstance(self.store, Store):
            raise ValueError(
                "store must be None or a store with the methods get and put; got "
                f"store={self.store!r}. Pass store=DiskStore('runs/name')."
            )


def seed_from(random_state: Any) -> int | None:
    """Return the number that all seeds are derived from: an int itself, the next draw of a RandomState."""
    if random_state is None or isinstance(random_state, int | np.integer):
        return None if random_state is None else int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
