"""The base classes of combiners: fit and predict by meta-features, one block of columns per estimator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from stackit.arrays import Floats
from stackit.combine.columns import (
    are_probabilities,
    as_blocks,
    check_order,
    columns_of,
    estimator_names,
    kinds_in,
    scores_of,
)
from stackit.combine.probabilities import normalize_rows
from stackit.combine.sigmoid import calibrated_out_of_fold, fit_sigmoids, probabilities_of
from stackit.estimators.sample_weight import check_sample_weight, rescale_weights
from stackit.target import classification_target

__all__ = ["CombinerClassifier", "CombinerRegressor"]


class CombinerClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A combiner of class probabilities; subclasses say how to learn and how to blend.

    With two classes each column of X is one estimator's probability of the second class; with more, each
    estimator has one column per class, in the order of the sorted classes, as in ``OutOfFold.meta_train``.
    If all columns are class positions (``stack_method="predict"``), they are votes. Other columns that are
    not probabilities (decision values, pairwise ones, labels next to probabilities, numbers of regressors)
    become probabilities by Platt's calibration (`stackit.combine.sigmoid`). In fit it is cross-fitted with
    five folds, so that no row is calibrated by its own label; new rows get the sigmoids of all rows. The
    kind of a column follows from its values (numbers outside [0, 1], or rows that do not sum to 1) and from
    the names and kinds that ``OutOfFold.meta_train`` stores. Rows with NaN in all columns, which no fold has
    held out, are skipped.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The sorted classes.
    from_labels_ : bool
        Whether the columns are class positions.
    kinds_ : list of str
        What each estimator's columns are: "probability", or one of the calibrated kinds, "decision",
        "pairwise", "label" and "number".
    n_features_in_ : int
        The number of columns.
    """

    _calibrates = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from out-of-fold probabilities.

        Parameters
        ----------
        X : (n, n_estimators) array for two classes, else (n, n_estimators * n_classes)
            Out-of-fold probabilities.
        y : (n,) array-like
            Labels.
        sample_weight : (n,) array-like, optional
            Weights of the rows; a weight of 2 counts as the row twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When there is only one class, no weight above zero or one below, not a whole number of estimators,
            or a row with NaN in some columns; when names of columns (``<estimator>__<class>``) show that they
            are in another order.
        """
        kinds = kinds_in(X)
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        target, rows = classification_target(y), _covered(X)
        X, weights = X[rows], _weights(sample_weight, len(X), rows)
        self.classes_ = target.classes
        names = getattr(self, "feature_names_in_", None)
        columns = columns_of(X, names, target.labels, kinds)
        self.kinds_, self._widths = [kind for kind, _ in columns], [width for _, width in columns]
        self.from_labels_ = len(self.classes_) > 2 and {*self.kinds_} == {"label"}
        one_hot = np.eye(len(self.classes_))[target.codes[rows]]
        self._learn(self._calibrated_blocks(X, one_hot, weights), one_hot, weights)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the blended probabilities.

        Parameters
        ----------
        X : (m, n_features_in_) array
            Probabilities, in columns as in fit.

        Returns
        -------
        (m, n_classes) array
            Rows sum to 1.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._probabilities(self._blocks(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the class of the largest blended probability.

        Parameters
        ----------
        X : (m, n_features_in_) array
            Probabilities, in columns as in fit.

        Returns
        -------
        (m,) array of labels
        """
        winner = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[winner])

    def _probabilities(self, blocks: Floats) -> Floats:
        """Return the blend of blocks as probabilities."""
        return normalize_rows(self._blend(blocks).clip(min=0.0))

    def _calibrated_blocks(self, X: Floats, one_hot: Floats, weights: Floats) -> Floats:
        """Fit the sigmoids, and return out-of-fold calibrated probabilities to learn from."""
        self._sigmoids: list[Floats | None] = [None] * len(self.kinds_)
        uncalibrated = [at for at, kind in enumerate(self.kinds_) if kind != "probability"]
        if not self._calibrates or not uncalibrated or {*self.kinds_} == {"label"}:
            return self._uncalibrated(X)
        tables = self._scores(X)
        for at in uncalibrated:
            self._sigmoids[at] = fit_sigmoids(tables[at], one_hot, weights)
            tables[at] = calibrated_out_of_fold(tables[at], one_hot, weights)
        return self._stacked(tables)

    def _blocks(self, X: Floats) -> Floats:
        """Return the (n, n_estimators, n_classes) probabilities of new rows."""
        if self._calibrates:
            self._check_probabilities(X)
        if all(sigmoids is None for sigmoids in self._sigmoids):
            return self._uncalibrated(X)
        pairs = zip(self._scores(X), self._sigmoids, strict=True)
        return self._stacked(
            [table if sigmoids is None else probabilities_of(table, sigmoids) for table, sigmoids in pairs]
        )

    def _check_probabilities(self, X: Floats) -> None:
        """Raise where columns that were probabilities in fit no longer are."""
        likely = are_probabilities(X, self._widths)
        for at, (kind, is_likely) in enumerate(zip(self.kinds_, likely, strict=True)):
            if kind == "probability" and not is_likely:
                table = np.split(X, np.cumsum(self._widths)[:-1], axis=1)[at]
                name = estimator_names(getattr(self, "feature_names_in_", None), self._widths)[at]
                raise ValueError(
                    f"Columns of {name!r} were probabilities in fit, but now have values "
                    f"from {table.min():.3g} to {table.max():.3g}. Pass predict_proba of the same estimator."
                )

    def _uncalibrated(self, X: Floats) -> Floats:
        n_classes = len(self.classes_)
        if n_classes == 2:
            return np.stack([1 - X, X], axis=2)
        if {*self._widths} == {n_classes}:
            return X.reshape(len(X), -1, n_classes)
        return self._stacked(self._scores(X))

    def _scores(self, X: Floats) -> list[Floats]:
        """Return the table of decision values, or probabilities, of each estimator."""
        tables = np.split(X, np.cumsum(self._widths)[:-1], axis=1)
        pairs = zip(self.kinds_, tables, strict=True)
        return [scores_of(kind, table, len(self.classes_)) for kind, table in pairs]

    def _stacked(self, tables: list[Floats]) -> Floats:
        if len(self.classes_) == 2:
            tables = [np.hstack([1 - each, each]) if each.shape[1] == 1 else each for each in tables]
        return np.stack(tables, axis=1)

    @abstractmethod
    def _learn(self, blocks: Floats, target: Floats, weights: Floats) -> None:
        """Learn from (n, n_estimators, n_classes) blocks and the (n, n_classes) one-hot target."""

    @abstractmethod
    def _blend(self, blocks: Floats) -> Floats:
        """Return the (m, n_classes) blend of blocks."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # scikit-learn's checks pass raw features, not predictions
        return tags


class CombinerRegressor(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A combiner of predicted numbers; subclasses say how to learn and how to blend.

    Each estimator has one column of X per output, as in ``OutOfFold.meta_train``. Rows with NaN in all
    columns, which no fold has held out, are skipped.

    Attributes
    ----------
    n_outputs_ : int
        The number of outputs.
    n_features_in_ : int
        The number of columns.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from out-of-fold predictions.

        Parameters
        ----------
        X : (n, n_estimators * n_outputs) array
            Out-of-fold predictions.
        y : (n,) or (n, n_outputs) array-like
            The true numbers.
        sample_weight : (n,) array-like, optional
            Weights of the rows; a weight of 2 counts as the row twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When the columns are not a whole number of estimators, there is no weight above zero or one below,
            or a row has NaN in some columns; when names of columns (``<estimator>__<output>``) show that they
            are in another order.
        """
        shape = np.asarray(y).shape
        several = len(shape) == 2 and shape[1] > 1
        X, y = validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=True, multi_output=several
        )
        target, rows = np.asarray(y, dtype=np.float64).reshape(len(X), -1), _covered(X)
        self.n_outputs_ = target.shape[1]
        weights = _weights(sample_weight, len(X), rows)
        blocks = as_blocks(X[rows], self.n_outputs_, "output", "outputs")
        check_order(getattr(self, "feature_names_in_", None), self.n_outputs_)
        self._learn(blocks, target[rows], weights)
        return self

    def predict(self, X: Any) -> Floats:
        """Return the blended predictions.

        Parameters
        ----------
        X : (m, n_features_in_) array
            Predictions, in columns as in fit.

        Returns
        -------
        (m,) or (m, n_outputs) array
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        blended = self._blend(as_blocks(X, self.n_outputs_, "output", "outputs"))
        return blended[:, 0] if self.n_outputs_ == 1 else blended

    @abstractmethod
    def _learn(self, blocks: Floats, target: Floats, weights: Floats) -> None:
        """Learn from (n, n_estimators, n_outputs) blocks and the (n, n_outputs) target."""

    @abstractmethod
    def _blend(self, blocks: Floats) -> Floats:
        """Return the (m, n_outputs) blend of blocks."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # scikit-learn's checks pass raw features, not predictions
        return tags


def _covered(X: Floats) -> npt.NDArray[np.intp] | slice:
    """Return the rows that some fold has held out: those without NaN."""
    if not np.isnan(X).any():
        return slice(None)
    n_missing = np.isnan(X).sum(axis=1)
    n_partial = int(((n_missing > 0) & (n_missing < X.shape[1])).sum())
    if n_partial:
        raise ValueError(
            f"X has NaN in some columns of {n_partial} rows. Use the same folds for all estimators: then a "
            "row that no fold has held out has NaN in all columns, and is skipped."
        )
    covered = np.flatnonzero(n_missing == 0)
    if not len(covered):
        raise ValueError("X has NaN in all columns of all rows: there is no row that a fold has held out.")
    return covered


def _weights(sample_weight: Any, n: int, rows: npt.NDArray[np.intp] | slice) -> Floats:
    """Return the weights of the covered rows, rescaled so that combiners do not depend on their unit."""
    checked = check_sample_weight(sample_weight, n)
    if checked is None:
        return np.ones(n)[rows]
    weights = checked[rows]
    if not weights.any():
        raise ValueError("sample_weight must be above zero in some row that is held out, but all are zero.")
    return rescale_weights(weights)
