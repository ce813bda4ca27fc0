"""Estimators that look up predictions made elsewhere, row by row, by id."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from stackit.arrays import Floats
from stackit.estimators.prediction_checks import SUM_TOLERANCE
from stackit.precomputed.read import read_predictions
from stackit.precomputed.table import Predictions, ids_in
from stackit.validation import invalid_value

__all__ = ["Precomputed", "PrecomputedClassifier", "PrecomputedRegressor"]


class Precomputed(BaseEstimator):  # type: ignore[misc]
    """The base of both estimators.

    Parameters
    ----------
    predictions : Predictions
        The table of predictions, read by `load`.
    """

    # fit accepts sample_weight and ignores it, so that no warning names this estimator.
    __metadata_request__fit = {"sample_weight": UNUSED}  # noqa: RUF012 - read by scikit-learn

    predictions: Predictions

    def check_ids(self, X: Any) -> None:
        """Raise unless this has predictions and X has ids by which to find them.

        Raises
        ------
        ValueError
            If `predictions` is not a `Predictions`, or X has no such column or index.
        """
        if not isinstance(self.predictions, Predictions):
            raise invalid_value(
                "predictions",
                "a table of predictions by id",
                f"predictions={self.predictions!r:.60}",
                f"Create the estimator with {type(self).__name__}.load",
            )
        ids_in(X, self.predictions.id)

    def _values_of(self, X: Any) -> Floats:
        check_is_fitted(self)
        return self.predictions.values_of(X)


class PrecomputedClassifier(ClassifierMixin, Precomputed):  # type: ignore[misc]
    """A classifier that was trained elsewhere: it looks up predictions by id instead of learning.

    It enters a stack like any estimator. The predictions for training rows must be out-of-fold (each by a
    model that was not trained on the row), preferably with the folds of the stack. `load` creates one from
    files or tables, and checks them.

    Parameters
    ----------
    predictions : Predictions
        The table of predictions, read by `load`.
    classes : (n_classes,) array-like, optional
        The classes of the whole y, in their order; default: those that fit sees. `out_of_fold` and stacks
        fill it in.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The classes.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from stackit import PrecomputedClassifier, out_of_fold
    >>> X = pd.DataFrame({"age": [22, 38, 26, 35]}, index=pd.Index([1, 2, 3, 4], name="PassengerId"))
    >>> table = pd.DataFrame({"PassengerId": [4, 3, 2, 1], "survived": [0.9, 0.2, 0.8, 0.4]})
    >>> cnn = PrecomputedClassifier.load(table)
    >>> cnn
    PrecomputedClassifier(predictions=Predictions('the out-of-fold table', 4 rows out of fold, 0 test rows))
    >>> oof = out_of_fold([("cnn", cnn)], X, [0, 1, 0, 1], cv=2, n_jobs=1)
    >>> oof.meta_train["cnn"].tolist()
    [0.4, 0.8, 0.2, 0.9]
    """

    def __init__(self, predictions: Predictions, classes: Any = None) -> None:
        self.predictions = predictions
        self.classes = classes

    @classmethod
    def load(
        cls,
        train: Any,
        test: Any = None,
        *,
        id: str | None = None,
        ids: Any = None,
        test_ids: Any = None,
        estimator: str | None = None,
        folds: Any = None,
        values: Literal["probability", "decision"] | None = None,
    ) -> Self:
        """Read the predictions of a classifier that was trained elsewhere.

        There is one column per class in any order, named ``<class>`` or ``<estimator>__<class>`` (without
        names, as in ``.npy`` files, in the order of the sorted classes), or, for two classes, one column
        for the positive class. Rows are found by id: their order does not matter, and further rows are
        ignored.

        Parameters
        ----------
        train : path, (n, n_columns) data frame or array
            Out-of-fold predictions of the training rows. A CSV file has a column of ids; a ``.npy`` file or
            an array needs `ids`. Rows in which all predictions are missing are dropped.
        test : like train, with m rows, optional
            Predictions of the test rows; without them, only training rows can be predicted.
        id : str, optional
            The name of the ids in the tables, and in X as index or column; default: the first column, or
            the name of `ids`.
        ids, test_ids : (n,), (m,) array-like, optional
            The ids of the rows of arrays, in their order.
        estimator : str, optional
            The estimator to read, if a file holds several, as those of `stackit.save_predictions` may.
        folds : Folds or path of a folds file, optional
            The folds that the predictions were made with: a stack with other folds warns. `Folds` must be
            those of the stack's rows. Default: those that `save_predictions` wrote next to the file;
            without these, nothing is compared.
        values : {"probability", "decision"}, optional
            What the numbers are; default: what the metadata next to the file say, or else probabilities.

        Returns
        -------
        PrecomputedClassifier

        Raises
        ------
        ValueError
            If ids are missing, repeated, or in both train and test; if the tables' columns differ; if
            numbers are missing, infinite, or not probabilities.
        FileNotFoundError
            If a file does not exist.
        """
        if values not in (None, "probability", "decision"):
            raise invalid_value(
                "values", "'probability' or 'decision'", f"{values=}", "Pass values='decision'"
            )
        names = {"id": id, "ids": ids, "test_ids": test_ids, "estimator": estimator}
        return cls(read_predictions(train, test, **names, folds=folds, kind=values))

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PrecomputedClassifier:
        """Match the columns of the predictions with the classes; nothing else is learned.

        Parameters
        ----------
        X : data frame with n rows
            With the ids as index or as a column.
        y : (n,) array-like
            The labels.
        sample_weight : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has no ids, or the columns of the predictions are not those of the classes.
        """
        self.check_ids(X)
        classes = np.unique(np.asarray(y) if self.classes is None else np.asarray(self.classes))
        self._columns = self.predictions.columns_of(classes)
        self.classes_ = classes
        return self

    @available_if(lambda self: _kind_of(self) == "probability")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Return the (n, n_classes) probabilities of the rows of X, found by id."""
        values = self._values_of(X)
        if self._columns is None:
            return np.column_stack([1 - values[:, 0], values[:, 0]])
        # Predictions that were rounded to two digits may not add up to 1 as closely as the engine requires.
        totals = values.sum(axis=1, keepdims=True)
        values = np.where(abs(totals - 1) > SUM_TOLERANCE, values / totals, values)
        return values[:, self._columns]

    @available_if(lambda self: _kind_of(self) == "decision")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Floats:
        """Return the (n,) or (n, n_classes) decision values of the rows of X, found by id."""
        values = self._values_of(X)
        return values[:, 0] if self._columns is None else values[:, self._columns]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the (n,) labels of the rows of X, found by id."""
        values = self._values_of(X)
        if self._columns is None:
            threshold = 0.5 if self.predictions.kind == "probability" else 0.0
            codes = (values[:, 0] > threshold).astype(np.intp)
        else:
            codes = values[:, self._columns].argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels


class PrecomputedRegressor(RegressorMixin, Precomputed):  # type: ignore[misc]
    """A regressor that was trained elsewhere: it looks up predictions by id instead of learning.

    It works like `PrecomputedClassifier`, with one column of numbers.

    Parameters
    ----------
    predictions : Predictions
        The table of predictions, read by `load`.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"floors": [3, 5]}, index=pd.Index([1, 2], name="Id"))
    >>> table = pd.DataFrame({"Id": [2, 1, 3], "net": [2.5, 1.5, 4.5]})
    >>> PrecomputedRegressor.load(table).fit(X, [1, 2]).predict(X).tolist()
    [1.5, 2.5]
    """

    def __init__(self, predictions: Predictions) -> None:
        self.predictions = predictions

    @classmethod
    def load(
        cls,
        train: Any,
        test: Any = None,
        *,
        id: str | None = None,
        ids: Any = None,
        test_ids: Any = None,
        estimator: str | None = None,
        folds: Any = None,
    ) -> Self:
        """Read the predictions of a regressor that was trained elsewhere.

        Parameters
        ----------
        train, test, id, ids, test_ids, estimator, folds
            As in `PrecomputedClassifier.load`, with one column of numbers.

        Returns
        -------
        PrecomputedRegressor

        Raises
        ------
        ValueError
            If ids are missing, repeated, or in both train and test; if there is not exactly one column, of
            finite numbers.
        FileNotFoundError
            If a file does not exist.
        """
        names = {"id": id, "ids": ids, "test_ids": test_ids, "estimator": estimator}
        predictions = read_predictions(train, test, **names, folds=folds, kind="number")
        if predictions.values.shape[1] != 1:
            raise invalid_value(
                f"Columns of {predictions.name}",
                "one of numbers",
                f"{predictions.values.shape[1]} columns",
                "Pass estimator='its name', or load one PrecomputedRegressor per column",
            )
        return cls(predictions)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PrecomputedRegressor:
        """Check that X has ids; nothing is learned.

        Parameters
        ----------
        X : data frame with n rows
            With the ids as index or as a column.
        y, sample_weight : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has no ids.
        """
        self.check_ids(X)
        self.is_fitted_ = True
        return self

    def predict(self, X: Any) -> Floats:
        """Return the (n,) numbers of the rows of X, found by id."""
        return self._values_of(X)[:, 0]


def _kind_of(classifier: PrecomputedClassifier) -> str | None:
    return getattr(classifier.predictions, "kind", None)
