"""What searches by a metric are timed on, and what is timed: stackit and hillclimbers."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from stackit.combine import GreedyClassifier, HillClimbClassifier, MeanClassifier

PRECISION = 0.01


@dataclass(frozen=True)
class SearchWorkload:
    """Out-of-fold probabilities of so many estimators, of two classes, and who searches through them."""

    n_estimators: int
    n: int
    contenders: tuple[str, ...]
    rounds: int

    def table(self) -> tuple[Any, Any]:
        """Return (n, n_estimators) probabilities that share much of their noise, and the labels."""
        rng = np.random.default_rng(0)
        truth, shared = rng.normal(size=self.n), rng.normal(size=self.n)
        y = (truth + rng.normal(size=self.n) > 0).astype(int)
        good = np.linspace(0.4, 1.2, self.n_estimators)
        columns = [one * truth + 0.6 * shared + 0.8 * rng.normal(size=self.n) for one in good]
        return 1 / (1 + np.exp(-np.column_stack(columns))), y


def hill_climb(X: Any, y: Any) -> Any:
    """Climb as stackit does, with steps as fine as those of the others at the end."""
    return HillClimbClassifier("roc_auc", precision=PRECISION).fit(X, y).predict_proba(X)[:, 1]


def greedy(X: Any, y: Any) -> Any:
    """Select with replacement, 50 times."""
    return GreedyClassifier("roc_auc").fit(X, y).predict_proba(X)[:, 1]


def mean(X: Any, y: Any) -> Any:
    """Search for nothing."""
    return MeanClassifier().fit(X, y).predict_proba(X)[:, 1]


def hillclimbers(X: Any, y: Any) -> Any:
    """Let the package do it."""
    import pandas as pd
    from hillclimbers import climb_hill, partial

    columns = [f"e{at}" for at in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=columns)
    with contextlib.redirect_stdout(io.StringIO()):
        return climb_hill(
            pd.DataFrame({"y": y}),
            frame,
            frame[:1],
            "y",
            "maximize",
            partial(roc_auc_score),
            negative_weights=True,
            precision=PRECISION,
            plot_hill=False,
            return_oof_preds=True,
        )[1]


CONTENDERS = {
    "stackit": hill_climb,
    "stackit, greedy": greedy,
    "mean": mean,
    "hillclimbers": hillclimbers,
}
WORKS = {
    "10 estimators × 50 000 rows": SearchWorkload(10, 50_000, tuple(CONTENDERS), rounds=3),
    "500 estimators × 100 000 rows": SearchWorkload(
        500, 100_000, ("stackit", "stackit, greedy", "mean"), rounds=1
    ),
}
