"""What all combiners share: meta-features read as one block an estimator, and scikit-learn's face."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from stackit.arrays import Floats
from stackit.combine.columns import check_blocks
from stackit.combine.members import are_probabilities, cut, kinds_in, members_of, scores_of
from stackit.combine.sigmoid import calibrated_out_of_fold, fit_sigmoids, probabilities_of
from stackit.estimators.sample_weight import check_sample_weight, rescale_weights
from stackit.target import classification_target
from stackit.validation import invalid_value

__all__ = ["Blocks", "CombinerClassifier", "CombinerRegressor"]

Blocks = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float64]


class CombinerClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A combiner of class probabilities; subclasses say how to learn and how to blend.

    With two classes each column of X is one estimator's probability of the second class; with more, each
    estimator has a column a class, in the order of the sorted classes, as in ``OutOfFold.meta_train``.
    Class positions (``stack_method="predict"``) of all estimators are taken as votes. What is no probability
    becomes one by Platt's calibration (`stackit.combine.sigmoid`): decision values, pairwise ones, labels
    beside probabilities, and numbers of regressors. What is learned from is calibrated by five folds, each
    row by sigmoids that have not seen its label; new rows by those of all rows. What columns are is told by
    their values (a column with numbers outside [0, 1], or rows that do not add up to 1) and by the names and
    kinds that ``OutOfFold.meta_train`` gives them. Rows of NaN alone, which no fold has held out, are not
    learned from.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The sorted classes.
    from_labels_ : bool
        Whether the columns are class positions.
    kinds_ : list of str
        What each estimator's columns are: "probability", or what is calibrated: "decision", "pairwise",
        "label" or "number".
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
            Weights; a weight of 2 is the row twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When there is one class only, no weight above zero or one below, not a whole number of estimators,
            or a row with NaN in some columns; when names of columns (``<estimator>__<class>``) say that they
            stand in another order.
        """
        kinds = kinds_in(X)
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        target, rows = classification_target(y), _covered(X)
        X, weights = X[rows], _weights(sample_weight, len(X), rows)
        self.classes_ = target.classes
        names = getattr(self, "feature_names_in_", None)
        members = members_of(X, names, target.labels, kinds)
        self.kinds_, self._widths = [kind for kind, _ in members], [width for _, width in members]
        self.from_labels_ = len(self.classes_) > 2 and {*self.kinds_} == {"label"}
        one_hot = np.eye(len(self.classes_))[target.codes[rows]]
        self._learn(self._calibrated_blocks(X, one_hot, weights), one_hot, weights)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
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

    def _probabilities(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        """Return the blend of blocks as probabilities; a row of zeros alone makes all classes as likely."""
        blended = self._blend(blocks).clip(min=0.0)
        total = blended.sum(axis=1, keepdims=True)
        even = np.full_like(blended, 1 / len(self.classes_))
        return np.asarray(np.divide(blended, total, out=even, where=total > 0))

    def _calibrated_blocks(self, X: Floats, one_hot: Floats, weights: Weights) -> Blocks:
        """Fit the sigmoids, and return the probabilities to learn from: of each row by the other folds."""
        self._sigmoids: list[Floats | None] = [None] * len(self.kinds_)
        odd = [at for at, kind in enumerate(self.kinds_) if kind != "probability"]
        if not self._calibrates or not odd or {*self.kinds_} == {"label"}:
            return self._as_they_are(X)
        tables = self._scores(X)
        for at in odd:
            self._sigmoids[at] = fit_sigmoids(tables[at], one_hot, weights)
            tables[at] = calibrated_out_of_fold(tables[at], one_hot, weights)
        return self._side_by_side(tables)

    def _blocks(self, X: Floats) -> Blocks:
        """Return the (n, n_estimators, n_classes) probabilities of new rows."""
        if self._calibrates:
            self._check_probabilities(X)
        if all(sigmoids is None for sigmoids in self._sigmoids):
            return self._as_they_are(X)
        pairs = zip(self._scores(X), self._sigmoids, strict=True)
        return self._side_by_side(
            [table if sigmoids is None else probabilities_of(table, sigmoids) for table, sigmoids in pairs]
        )

    def _check_probabilities(self, X: Floats) -> None:
        """Raise where columns that were probabilities in fit are none."""
        likely = are_probabilities(X, self._widths)
        for at, (kind, is_likely) in enumerate(zip(self.kinds_, likely, strict=True)):
            if kind == "probability" and not is_likely:
                table = np.split(X, np.cumsum(self._widths)[:-1], axis=1)[at]
                raise invalid_value(
                    f"Columns of {self._member_names()[at]!r}",
                    "probabilities, as they were in fit",
                    f"values from {table.min():.3g} to {table.max():.3g}",
                    "Pass what predict_proba of the same estimator gives",
                )

    def _as_they_are(self, X: Floats) -> Blocks:
        n_classes = len(self.classes_)
        if n_classes == 2:
            return np.stack([1 - X, X], axis=2)
        if {*self._widths} == {n_classes}:
            return X.reshape(len(X), -1, n_classes)
        return self._side_by_side(self._scores(X))

    def _scores(self, X: Floats) -> list[Floats]:
        """Return for each estimator the table of its decision values, or probabilities."""
        tables = np.split(X, np.cumsum(self._widths)[:-1], axis=1)
        pairs = zip(self.kinds_, tables, strict=True)
        return [scores_of(kind, table, len(self.classes_)) for kind, table in pairs]

    def _side_by_side(self, tables: list[Floats]) -> Blocks:
        if len(self.classes_) == 2:
            tables = [np.hstack([1 - each, each]) if each.shape[1] == 1 else each for each in tables]
        return np.stack(tables, axis=1)

    def _member_names(self) -> list[str]:
        """Return the names of the estimators, as the columns that were learned from have them."""
        columns = getattr(self, "feature_names_in_", None)
        starts = np.r_[0, np.cumsum(self._widths)[:-1]]
        return [
            f"x{at}" if columns is None else columns[start].split("__")[0] for at, start in enumerate(starts)
        ]

    @abstractmethod
    def _learn(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> None:
        """Learn from (n, n_estimators, n_classes) blocks and the (n, n_classes) one-hot target."""

    @abstractmethod
    def _blend(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        """Return the (m, n_classes) blend of blocks."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # it weighs predictions; raw features are no predictions
        return tags


class CombinerRegressor(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A combiner of predicted numbers; subclasses say how to learn and how to blend.

    Each estimator has one column of X, or one an output, as in ``OutOfFold.meta_train``. Rows of NaN alone,
    which no fold has held out, are not learned from.

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
            Weights; a weight of 2 is the row twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When the columns are not a whole number of estimators, there is no weight above zero or one below,
            or a row has NaN in some columns; when names of columns (``<estimator>__<output>``) say that they
            stand in another order.
        """
        shape = np.asarray(y).shape
        several = len(shape) == 2 and shape[1] > 1
        X, y = validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=True, multi_output=several
        )
        target, rows = np.asarray(y, dtype=np.float64).reshape(len(X), -1), _covered(X)
        self.n_outputs_ = target.shape[1]
        weights = _weights(sample_weight, len(X), rows)
        blocks = cut(X[rows], self.n_outputs_, "output", "outputs")
        check_blocks(getattr(self, "feature_names_in_", None), self.n_outputs_)
        self._learn(blocks, target[rows], weights)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
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
        blended = self._blend(cut(X, self.n_outputs_, "output", "outputs"))
        return blended[:, 0] if self.n_outputs_ == 1 else blended

    @abstractmethod
    def _learn(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> None:
        """Learn from (n, n_estimators, n_outputs) blocks and the (n, n_outputs) target."""

    @abstractmethod
    def _blend(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        """Return the (m, n_outputs) blend of blocks."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # it weighs predictions; raw features are no predictions
        return tags


def _covered(X: npt.NDArray[np.float64]) -> npt.NDArray[np.intp] | slice:
    """Return the rows that some fold has held out: those that are not NaN in all columns."""
    if not np.isnan(X).any():
        return slice(None)
    n_missing = np.isnan(X).sum(axis=1)
    partly = np.flatnonzero((n_missing > 0) & (n_missing < X.shape[1]))
    covered, n_bare = np.flatnonzero(n_missing == 0), int((n_missing == X.shape[1]).sum())
    if len(partly) or not len(covered):
        raise invalid_value(
            "X",
            "without NaN in the rows that are held out, and held out in some row",
            f"NaN in some columns of {len(partly)} rows, in all columns of {n_bare}",
            "Give all estimators the same folds; a row of NaN alone is left out",
        )
    return covered


def _weights(sample_weight: Any, n: int, rows: npt.NDArray[np.intp] | slice) -> Weights:
    """Return one weight per covered row, with the mean 1: combiners do not depend on their unit."""
    checked = check_sample_weight(sample_weight, n)
    if checked is None:
        return np.ones(n)[rows]
    weights = checked[rows]
    if not weights.any():
        raise invalid_value(
            "sample_weight",
            "above zero in some row that is held out",
            "only zero weights",
            "Pass other weights",
        )
    return rescale_weights(weights)
