"""The diversity of the members: correlation of their errors, and the score without each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.assess.repeats import oof_of
from stackit.assess.subsets import SubsetScores
from stackit.estimators.scoring import PrecomputedEstimator, Scoring
from stackit.results.oof import OutOfFold

__all__ = ["Diversity", "diversity"]


@dataclass(frozen=True, eq=False, repr=False)
class Diversity:
    """The diversity of the members of a run.

    Attributes
    ----------
    correlation : data frame
        The (k, k) correlation of out-of-fold errors.
    table : data frame
        One row per estimator: `alone`, the score of a combiner of it only; `without`, that of all others;
        `gain`, what it adds to them; `nearest` and `correlation`, the estimator with the most similar errors.
    score : float
        The score of all members, by the same cross-fitted combiner.
    """

    correlation: pd.DataFrame
    table: pd.DataFrame
    score: float

    def __repr__(self) -> str:
        return self.summary()

    @property
    def idle(self) -> list[str]:
        """The estimators that can be left out without lowering the score."""
        return list(self.table.index[self.table["gain"] <= 0])

    def summary(self) -> str:
        """Return score and table as text."""
        idle = f" Not lower without {', '.join(self.idle)} (one at a time)." if self.idle else ""
        table = self.table.to_string(float_format=lambda value: f"{value:.4g}")
        return f"All together score {self.score:.4f}.{idle}\n{table}"


def diversity(
    run: Any, combiner: Any = None, *, scoring: Scoring = None, n_jobs: int | None = 1
) -> Diversity:
    """Measure how different the errors of members are, and what a combiner loses without each.

    The error of a row is y less the prediction; for classes, 1 less the probability of the right class and 0
    less those of the others (votes count as probabilities, decision values as labels). Rows are weighted by
    the weights of the run.

    Parameters
    ----------
    run : OutOfFold or fitted stack
        What is assessed.
    combiner : estimator, optional
        Blends the members; it is cross-fitted. Default: the plain mean, where there is one.
    scoring : str, callable or None
        A scikit-learn scorer; None is that of the run.
    n_jobs : int or None
        How many fits run at once.

    Returns
    -------
    Diversity
        With `correlation` and `table`.

    Raises
    ------
    ValueError
        When there are fewer than two estimators; when they have no mean and no combiner is given.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression, Ridge
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from stackit import diversity, out_of_fold
    >>> X, y = load_diabetes(return_X_y=True)
    >>> members = [("linear", LinearRegression()), ("ridge", Ridge(0.1)), ("knn", KNeighborsRegressor(20))]
    >>> oof = out_of_fold(members, X, y, cv=5, n_jobs=1)
    >>> diversity(oof).correlation.round(2)
            linear  ridge   knn
    linear    1.00   0.99  0.92
    ridge     0.99   1.00  0.94
    knn       0.92   0.94  1.00
    """
    oof = oof_of(run)
    names = list(oof)
    if len(names) < 2:
        raise ValueError(f"Diversity needs at least two estimators; the run has {names}. Add another.")
    correlation = _correlation(oof)
    everyone = frozenset(range(len(names)))
    subsets = [everyone, *(everyone - {at} for at in everyone), *(frozenset({at}) for at in everyone)]
    values = SubsetScores(run, combiner, scoring, n_jobs)
    scores = values.of(subsets)
    others = correlation.mask(np.eye(len(names), dtype=bool))
    table = pd.DataFrame(
        {
            "alone": [scores[frozenset({at})] for at in range(len(names))],
            "without": [scores[everyone - {at}] for at in range(len(names))],
            "gain": [scores[everyone] - scores[everyone - {at}] for at in range(len(names))],
            "nearest": [others[name].fillna(-np.inf).idxmax() for name in names],
            "correlation": others.max().to_numpy(),
        },
        index=pd.Index(names, name="estimator"),
    )
    return Diversity(correlation, table, scores[everyone])


def _correlation(oof: OutOfFold) -> pd.DataFrame:
    errors = np.column_stack([_errors(oof, name) for name in oof])
    rows = np.flatnonzero(oof.coverage)
    weights = np.ones(len(rows)) if oof.sample_weight is None else np.asarray(oof.sample_weight)[rows]
    each = np.repeat(weights / weights.sum(), len(errors) // len(rows))
    errors = (errors - each @ errors / each.sum()) * np.sqrt(each)[:, np.newaxis]
    scale = np.sqrt((errors**2).sum(axis=0))
    scale = np.where(scale > 0, scale, np.nan)
    names = list(oof)
    return pd.DataFrame(errors.T @ errors / np.outer(scale, scale), index=names, columns=names)


def _errors(oof: OutOfFold, name: str) -> npt.NDArray[np.float64]:
    """Return the errors of covered rows, flattened over classes or outputs."""
    rows = np.flatnonzero(oof.coverage)
    prediction, spec = oof.average(name)[rows], oof[name].spec
    if not oof.target.is_classification:
        return np.asarray(oof.target.y.reshape(len(oof.target.y), -1)[rows] - prediction).ravel()
    classes = np.arange(len(oof.target.classes))
    if spec.kind not in ("probability", "label"):
        labels = PrecomputedEstimator(spec).predict(prediction)
        prediction = (labels[:, np.newaxis] == oof.target.classes).astype(np.float64)
    return np.asarray((oof.target.codes[rows, np.newaxis] == classes) - prediction).ravel()
