"""The difference between the average of fold estimators and one refitted on all rows, on new rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from stackit.arrays.frames import index_of
from stackit.arrays.isolation import own_copy
from stackit.ensemble import StackingClassifier, StackingRegressor
from stackit.ensemble.levels import Levels
from stackit.ensemble.stacking import Stacking
from stackit.estimators.estimator_type import classifiers_among
from stackit.estimators.named_estimators import AnyEstimators, check_estimators, name_estimators
from stackit.validation import format_list

__all__ = ["AverageOrRefit", "average_or_refit"]

# Relative differences of standard deviations below this, and of predictions below twice this, are small.
CLOSE = 0.1


@dataclass(frozen=True, eq=False, repr=False)
class AverageOrRefit:
    """Two sets of predictions of new rows.

    Attributes
    ----------
    table : data frame
        One row per meta-feature: the `shift` of the refitted estimator's mean against the average's; the
        spread (standard deviation) of the predictions of new rows by a single fold estimator, by the average
        and by the refitted estimator; the `distance` of the two (root of the mean squared difference), all in
        units of y or of probability; their `correlation`.
    final : dict of str to float
        For a stack, the same distance of its final predictions (`distance`), and `changed`, the share of
        labels that differ. Empty without a stack's final estimator.
    average, refitted : data frame
        The (m, k) predictions themselves.
    """

    table: pd.DataFrame
    final: dict[str, float]
    average: pd.DataFrame
    refitted: pd.DataFrame

    def __repr__(self) -> str:
        return self.summary()

    @property
    def shrunk(self) -> list[str]:
        """Columns with a smaller spread than the final estimator learned from, less so after a refit."""
        known = self.table["spread_single"]
        loss = (1 - self.table["spread_average"] / known).where(known > 0, 0.0)
        missed = (1 - self.table["spread_refit"] / known).abs().where(known > 0, 0.0)
        return list(self.table.index[(loss > CLOSE) & (missed < loss)])

    @property
    def advice(self) -> str:
        """Which of the two to use, in one sentence."""
        spread = self.table["spread_average"].where(self.table["spread_average"] > 0, 1.0)
        apart = self.table["distance"] / spread
        far = list(self.table.index[apart > 2 * CLOSE])
        if not far:
            return (
                f"The two are alike (at most {apart.max():.2g} of a spread apart): keep the average, which "
                "costs one fit per estimator less."
            )
        if self.shrunk:
            return (
                f"Averaging folds shrinks {format_list(self.shrunk)} to "
                f"{self._kept(self.shrunk):.0%} of the spread that the final estimator has learned from, and "
                "refitting does so less: compare refit=True by nested_score before you choose."
            )
        return (
            f"The two differ ({format_list(far)}), and the average has the spread of single fold estimators: "
            "keep it, since it is what was scored."
        )

    def summary(self) -> str:
        """Return advice and table as text."""
        table = self.table.to_string(float_format=lambda value: f"{value:.4g}")
        ends = "".join(f"\nfinal {name}: {value:.4g}" for name, value in self.final.items())
        return f"{self.advice}\n{table}{ends}"

    def _kept(self, names: list[str]) -> float:
        some = self.table.loc[names]
        return float((some["spread_average"] / some["spread_single"]).min())


def average_or_refit(
    run: Stacking | AnyEstimators,
    X_test: Any,
    X: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    groups: Any = None,
) -> AverageOrRefit:
    """Predict new rows by the average of the fold estimators and by estimators refitted on all rows.

    The final estimator has learned from predictions of single estimators that were trained on K - 1 of K
    folds. An average of K is smoother than that (the spread of unstable estimators shrinks); an estimator
    fitted on all rows keeps its scale and is a little better, but has not been scored. Shift and spread of
    the two show how much they differ; labels are not needed.

    Parameters
    ----------
    run : StackingClassifier, StackingRegressor, list of (str, estimator), dict, or estimator
        A stack that was fitted with ``refit=True`` has both already; another one, or a list of base
        estimators, is fitted here. Of levels pass the estimators of one, with the table that it sees.
    X_test : array-like with m rows
        New rows.
    X, y : training table and target, optional
        Needed unless the run has both fits.
    sample_weight, groups : (n,) array-like, optional
        Passed to fit.

    Returns
    -------
    AverageOrRefit
        With `table` and `advice`.

    Raises
    ------
    ValueError
        When there is something to fit and no X and y; when `run` is neither stack nor list: a refit of levels
        changes the tables of all levels above, so compare them by `nested_score`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> estimators = [("ridge", Ridge(0.1)), ("tree", DecisionTreeRegressor(random_state=0))]
    >>> both = average_or_refit(estimators, X[300:], X[:300], y[:300])
    >>> both.table[["spread_single", "spread_average", "spread_refit"]].round(0).T
    column          ridge  tree
    spread_single    53.0  83.0
    spread_average   53.0  68.0
    spread_refit     54.0  87.0
    >>> both.shrunk
    ['tree']
    """
    stack, final = _fitted(run, X, y, sample_weight, groups)
    oof = stack.oof_
    X_test = oof.conform(X_test, "X_test")
    singles = {
        name: [
            result.spec.predict_readonly(each, X_test, place)
            for each, place in zip(result.fold_estimators, oof.folds.labels, strict=True)
        ]
        for name, result in oof.items()
    }
    means = {name: np.mean(tables, axis=0) for name, tables in singles.items()}
    average, refitted = oof.to_frame(means, index_of(X_test)), oof.transform_refitted(X_test)
    spreads = [
        np.mean([oof[name].spec.columns(table).std(axis=0) for table in tables], axis=0)
        for name, tables in singles.items()
    ]
    return AverageOrRefit(
        _table(np.concatenate(spreads), average, refitted),
        _final(stack, average, refitted, X_test) if final else {},
        average,
        refitted,
    )


def _fitted(run: Any, X: Any, y: Any, sample_weight: Any, groups: Any) -> tuple[Stacking, bool]:
    """Return a stack with both kinds of fits, and whether its final estimator is the caller's."""
    if isinstance(run, Stacking):
        if run.refit and hasattr(run, "oof_"):
            return run, True
        stack = clone(run).set_params(refit=True)
    elif isinstance(run, Levels):
        raise ValueError(
            f"A {type(run).__name__} has no single refit to compare. Pass a stack, or the estimators of one "
            "level and the table that they see, or score levels by nested_score."
        )
    else:
        run = name_estimators(run)
        check_estimators(run)
        kind = StackingClassifier if classifiers_among(run) else StackingRegressor
        stack = kind(run, refit=True, random_state=0)
    if X is None or y is None:
        raise ValueError("Without X and y there is nothing to refit on. Pass X_test, X and y.")
    return stack.fit(X, y, sample_weight=sample_weight, groups=groups), isinstance(run, Stacking)


def _table(single: npt.NDArray[Any], average: pd.DataFrame, refitted: pd.DataFrame) -> pd.DataFrame:
    difference = refitted - average
    table = pd.DataFrame(
        {
            "shift": difference.mean(),
            "spread_single": single,
            "spread_average": average.std(ddof=0),
            "spread_refit": refitted.std(ddof=0),
            "distance": np.sqrt((difference**2).mean()),
            "correlation": _correlations(average.to_numpy(), refitted.to_numpy()),
        }
    )
    return table.rename_axis("column")


def _correlations(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the correlation of each column with its counterpart; NaN where one does not vary."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    scale = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.asarray(np.divide((a * b).sum(axis=0), scale, out=np.full(a.shape[1], np.nan), where=scale > 0))


def _final(stack: Stacking, average: pd.DataFrame, refitted: pd.DataFrame, X_test: Any) -> dict[str, float]:
    final = stack.final_estimator_
    tables = [stack.final_features(meta, X_test) for meta in (average, refitted)]
    method = "predict_proba" if hasattr(final, "predict_proba") else "predict"
    found: dict[str, float] = {}
    labels = [final.predict(own_copy(table)) for table in tables]
    if stack.oof_.target.is_classification:
        found["changed"] = float((labels[0] != labels[1]).mean())
    if method == "predict_proba" or not stack.oof_.target.is_classification:
        one, other = (
            np.asarray(getattr(final, method)(own_copy(table)), dtype=np.float64) for table in tables
        )
        found["distance"] = float(np.sqrt(((one - other) ** 2).mean()))
    return found
