"""How a run works, apart from its data: on how many cores, from which seed, and after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from stackit.estimators.early_stopping import EarlyStopping
from stackit.estimators.scoring import Scoring
from stackit.store import Store
from stackit.validation import invalid_value

__all__ = ["OnError", "RunConfig", "seed_from"]

OnError = Literal["raise", "skip"]


@dataclass(frozen=True)
class RunConfig:
    """How `cross_fit` works, apart from the data.

    Parameters
    ----------
    stack_method, n_jobs, on_error, verbose
        As in `out_of_fold`.
    seed : int or None
        Where the tasks' seeds come from.
    refit : bool
        Whether each estimator is fitted on all rows too.
    return_estimator : bool
        Whether fold estimators are kept.
    scoring : str, callable or None
        How the result is scored.
    store : Store or None
        Where finished tasks are kept.
    early_stopping : {"training", "held_out"}
        Which rows estimators that stop early watch.
    """

    stack_method: str = "auto"
    n_jobs: int | None = None
    on_error: OnError = "raise"
    seed: int | None = None
    verbose: int = 0
    refit: bool = False
    return_estimator: bool = True
    scoring: Scoring = None
    store: Store | None = None
    early_stopping: EarlyStopping = "training"

    def __post_init__(self) -> None:
        if self.on_error not in ("raise", "skip"):
            raise invalid_value(
                "on_error", "'raise' or 'skip'", f"on_error={self.on_error!r}", "Pass on_error='raise'"
            )
        if self.store is not None and not isinstance(self.store, Store):
            raise invalid_value(
                "store",
                "None or a store with get and put",
                f"store={self.store!r}",
                "Pass store=DiskStore('runs/name')",
            )


def seed_from(random_state: Any) -> int | None:
    """Return the one number that all seeds come from: an int stays, a RandomState gives its next."""
    if random_state is None or isinstance(random_state, int | np.integer):
        return None if random_state is None else int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
