"""A transformer that adds generated columns to a prepared frame, chosen on the rows it is fitted on."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.multiclass import type_of_target

from stackit.arrays import Floats
from stackit.tables.feature_generation.arithmetic import best_operations, computed
from stackit.tables.feature_generation.group_means import group_means, with_group_means
from stackit.tables.feature_generation.rank_correlation import rank_correlation, target_parts
from stackit.tables.preparations.target_means import TargetKind, TargetMeans

__all__ = ["GeneratedFeatures"]

MOST_LEVELS = 20_000  # of a pair of categories
N_PAIRED = 6  # categories that take part in pairs
N_GROUPED, N_GROUPS = 4, 5  # numbers that are averaged, and the categories by which they are
SMOOTH = 10.0


class GeneratedFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Add arithmetic of numbers, target means of categories and pairs, and means of numbers by category.

    The input is the frame of a `NativePreparation`; the new columns follow its own. The numbers with the
    largest rank correlation with the target are added, subtracted, multiplied and divided in pairs, and
    results that say more of the target than the better of their two numbers are kept. Categories and pairs of
    categories become means of the target, shrunken by ten rows towards the mean of all: those of the rows
    that are fitted are cross-fitted, so that no row's own label is in its columns. For this, use
    `fit_transform`, as pipelines do: `transform` of the training rows is not cross-fitted.

    Parameters
    ----------
    target : {"auto", "classes", "numbers"}
        What the target is; "auto" takes whole numbers as classes, so pass "numbers" for regression.
    max_numbers : int
        How many numbers take part in arithmetic.
    max_arithmetic : int
        How many results of arithmetic are kept.
    max_encodings : int
        How many columns of target means are made at most; with more than two classes each category has one
        column per class.
    random_state : int or None
        The seed of the folds of the target means. With a number, all members of an ensemble can share one
        table.

    References
    ----------
    The kinds of columns follow those of AutoGluon 1.6 ("TabPrep"). Micci-Barreca, D. (2001). A preprocessing
    scheme for high-cardinality categorical attributes. SIGKDD Explorations 3.

    Examples
    --------
    >>> frame = pd.DataFrame({"east": [-1.0, 2.0, -2.0, 1.0], "north": [-1.0, 1.0, 2.0, -2.0]})
    >>> made = GeneratedFeatures(max_arithmetic=1).fit(frame, [1, 1, 0, 0])
    >>> made.operations_, made.transform(frame)["generated_0"].tolist()
    ([('east', '*', 'north')], [1.0, 2.0, -4.0, -2.0])
    """

    def __init__(
        self,
        target: TargetKind = "auto",
        max_numbers: int = 12,
        max_arithmetic: int = 60,
        max_encodings: int = 60,
        random_state: int | None = 0,
    ) -> None:
        self.target = target
        self.max_numbers = max_numbers
        self.max_arithmetic = max_arithmetic
        self.max_encodings = max_encodings
        self.random_state = random_state

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        """Choose the columns, and return the (n_samples, n_features) frame with cross-fitted target means."""
        self._choose(X, y)
        means = self.means_.fit_transform(self._encoded(X), y) if self.encoded_ else None
        return self._frame(X, means)

    def fit(self, X: pd.DataFrame, y: Any = None) -> GeneratedFeatures:
        """Choose the columns by an (n_samples, n_columns) prepared frame and the (n_samples,) target.

        Raises
        ------
        ValueError
            When y is None.
        """
        self._choose(X, y)
        if self.encoded_:
            self.means_.fit(self._encoded(X), y)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the (n_samples, n_features) frame of new rows."""
        return self._frame(X, self.means_.transform(self._encoded(X)) if self.encoded_ else None)

    def _choose(self, X: pd.DataFrame, y: Any) -> None:
        """Choose operations, encoded categories and groups by the training rows."""
        if y is None:
            raise ValueError("Generated columns are chosen by the target: pass fit(X, y).")
        labels = np.asarray(y)
        is_classes = _is_classes(labels, self.target)
        parts = target_parts(labels, is_classes)
        numbers = _ordered_numbers(X, parts)
        chosen = {name: _values(X, name) for name in [*numbers][: self.max_numbers]}
        self.operations_ = best_operations(chosen, numbers, parts, self.max_arithmetic)
        categories = _ordered_categories(X, labels, parts, is_classes)
        n_outputs = parts.shape[1] if is_classes else 1
        self.encoded_ = _encodings(X, categories, self.max_encodings // n_outputs)
        self.means_ = TargetMeans(self.target, self.random_state, smooth=SMOOTH)
        self.groups_ = {
            (number, category): group_means(_values(X, number), X[category])
            for number in [*numbers][:N_GROUPED]
            for category in categories[:N_GROUPS]
        }

    def _encoded(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the categories and pairs of categories that are encoded."""
        parts = {" and ".join(names): _joined(X, names) for names in self.encoded_}
        return pd.DataFrame(parts, index=X.index, copy=False)

    def _frame(self, X: pd.DataFrame, means: Floats | None) -> pd.DataFrame:
        columns: list[Any] = [computed(X, operation) for operation in self.operations_]
        columns += [] if means is None else [*means.T]
        for (number, category), of_levels in self.groups_.items():
            columns += with_group_means(_values(X, number), X[category], of_levels)
        new = {f"generated_{at}": column for at, column in enumerate(columns)}
        return pd.concat([X, pd.DataFrame(new, index=X.index, copy=False)], axis=1)


def _is_classes(y: Any, target: TargetKind) -> bool:
    return target == "classes" or (target == "auto" and type_of_target(y) in ("binary", "multiclass"))


def _values(X: pd.DataFrame, name: str) -> Floats:
    return X[name].to_numpy(np.float64)


def _ordered_numbers(X: pd.DataFrame, parts: Floats) -> dict[str, float]:
    """Return the numbers of three values or more with their correlations, the strongest first."""
    names = [str(name) for name in X if pd.api.types.is_numeric_dtype(X[name]) and X[name].nunique() > 2]
    if not names:
        return {}
    found = rank_correlation(X[names].to_numpy(np.float64), parts)
    order = np.argsort(-found, kind="stable")
    return {names[at]: float(found[at]) for at in order}


def _ordered_categories(X: pd.DataFrame, y: Any, parts: Floats, is_classes: bool) -> list[str]:
    """Return the categories, the one with the most telling cross-fitted target means first."""
    names = [str(name) for name in X if isinstance(X[name].dtype, pd.CategoricalDtype)]
    if not names:
        return []
    share = [_explained(X[name], parts) for name in names]
    return [names[at] for at in np.argsort(-np.array(share), kind="stable")]


def _explained(categories: pd.Series[Any], parts: Floats) -> float:
    """Return the share of the target's variance between the levels, less what chance explains."""
    codes = categories.cat.codes.to_numpy(np.intp) + 1
    counts = np.bincount(codes)
    sums = np.column_stack([np.bincount(codes, part) for part in parts.T])
    between = (sums**2 / np.maximum(counts, 1)[:, np.newaxis]).sum(axis=0) / len(codes)
    return float(between.max() - (np.count_nonzero(counts) - 1) / max(len(codes) - 1, 1))


def _encodings(X: pd.DataFrame, categories: list[str], most: int) -> list[tuple[str, ...]]:
    """Return the categories of three levels or more, and pairs of the most telling ones, up to a number."""
    sizes = {name: len(X[name].cat.categories) for name in categories}
    single = [(name,) for name in categories if sizes[name] > 2]
    pairs = [
        pair
        for pair in combinations(categories[:N_PAIRED], 2)
        if sizes[pair[0]] * sizes[pair[1]] <= MOST_LEVELS
    ]
    half = max(1, most // 2)
    return [*single[: max(half, most - len(pairs))], *pairs][:most]


def _joined(X: pd.DataFrame, names: tuple[str, ...]) -> Any:
    """Return a category, or a pair of categories as one, in which a gap is a level."""
    if len(names) == 1:
        return X[names[0]]
    left, right = (X[name].cat for name in names)
    width = len(right.categories) + 1
    codes = (left.codes.to_numpy(np.intp) + 1) * width + right.codes.to_numpy(np.intp) + 1
    return pd.Categorical.from_codes(codes, categories=pd.RangeIndex((len(left.categories) + 1) * width))
