"""Estimators that do not learn: they look up what was predicted elsewhere, row by row, by id."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from stackit.estimators.prediction_checks import SUM_TOLERANCE
from stackit.precomputed.read import Source, read_predictions
from stackit.precomputed.table import Kind, Predictions, Values, ids_in
from stackit.validation import invalid_value

__all__ = ["Precomputed", "PrecomputedClassifier", "PrecomputedRegressor"]


class Precomputed(BaseEstimator):  # type: ignore[misc]
    """What both kinds have in common."""

    # Weights are taken, so that nobody is warned of them, and asked for from nobody: nothing is weighed.
    __metadata_request__fit = {"sample_weight": UNUSED}  # noqa: RUF012 - read by scikit-learn

    predictions: Predictions

    def _read(self, X: Any) -> Values:
        check_is_fitted(self)
        return self.predictions.of_rows(X)

    def _check_fit(self, X: Any) -> None:
        if not isinstance(self.predictions, Predictions):
            raise invalid_value(
                "predictions",
                "a table of predictions by id",
                f"predictions={self.predictions!r:.60}",
                f"Make the estimator by {type(self).__name__}.load",
            )
        ids_in(X, self.predictions.id)


class PrecomputedClassifier(ClassifierMixin, Precomputed):  # type: ignore[misc]
    """A classifier trained elsewhere, by its predictions: it learns nothing, and looks rows up by id.

    It enters a stack beside estimators that are trained. For training rows the predictions must be
    out-of-fold (each by a model that has not seen the row), and best with the folds of the stack.
    `load` makes one from files or tables, checked.

    Parameters
    ----------
    predictions : Predictions
        What `load` read.
    classes : (n_classes,) array-like, optional
        The classes of the whole y, in their order; left out, those that fit sees. In `out_of_fold` and in
        stacks it is filled in.

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
    >>> given = PrecomputedClassifier.load(table)
    >>> given
    PrecomputedClassifier(predictions=Predictions('the out-of-fold table', 4 rows out of fold, 0 test rows))
    >>> oof = out_of_fold([("cnn", given)], X, [0, 1, 0, 1], cv=2, n_jobs=1)
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

        Columns are one a class in any order, named ``<class>`` or ``<estimator>__<class>`` (without names,
        as in ``.npy`` files, they are in the order of the sorted classes), or, for two classes, one column
        for the positive class. Rows are found by id: their order does not matter, and rows of other ids do
        no harm.

        Parameters
        ----------
        train : path, (n, n_columns) data frame or array
            Out-of-fold predictions of the training rows. A CSV file has an id column; a ``.npy`` file or an
            array goes with `ids`. Rows that are empty count as not there.
        test : like train, with m rows, optional
            Predictions of the test rows; without them, only training rows can be predicted.
        id : str, optional
            The name of the ids in the tables, and in X as index or column; default: the first column, or
            the name of `ids`.
        ids, test_ids : (n,), (m,) array-like, optional
            The ids of the rows of arrays, in their order.
        estimator : str, optional
            Which estimator's columns to take, of a file of several (`stackit.save_predictions` writes such).
        folds : Folds or path of a folds file, optional
            The folds that the predictions were made with: a warning says when a stack has others. `Folds`
            are about the rows of the stack's X. Left out, what `save_predictions` wrote beside the file
            counts, and without that, nothing is compared.
        values : {"probability", "decision"}, optional
            What the numbers are; default: what the file beside it says, or else probabilities, which are
            checked to be such.

        Returns
        -------
        PrecomputedClassifier

        Raises
        ------
        ValueError
            When ids are missing, repeated, or common to train and test; when the tables' columns differ;
            when numbers are missing, infinite, or no probabilities.
        FileNotFoundError
            When there is no such file.
        """
        if values not in (None, "probability", "decision"):
            raise invalid_value(
                "values", "'probability' or 'decision'", f"{values=}", "Pass values='decision'"
            )
        sources = Source(train, ids, "out-of-fold"), Source(test, test_ids, "test")
        return cls(read_predictions(*sources, id=id, estimator=estimator, folds=folds, kind=values))

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PrecomputedClassifier:
        """Learn nothing but which classes there are; weights are taken, and change nothing.

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
            When X has no ids, or the columns of the predictions are not those of the classes.
        """
        self._check_fit(X)
        classes = np.unique(np.asarray(y) if self.classes is None else np.asarray(self.classes))
        self._order = self.predictions.order_of(classes)
        self.classes_ = classes
        return self

    @available_if(lambda self: _kind_of(self) == "probability")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Values:
        """Return the (n, n_classes) probabilities of the rows of X, found by id."""
        values = self._read(X)
        if self._order is None:
            return np.column_stack([1 - values[:, 0], values[:, 0]])
        # Rounded to two digits, rows may be further from 1 than probabilities may be.
        totals = values.sum(axis=1, keepdims=True)
        values = np.where(abs(totals - 1) > SUM_TOLERANCE, values / totals, values)
        return values[:, self._order]

    @available_if(lambda self: _kind_of(self) == "decision")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Values:
        """Return the (n,) or (n, n_classes) decision values of the rows of X, found by id."""
        values = self._read(X)
        return values[:, 0] if self._order is None else values[:, self._order]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the (n,) labels of the rows of X, found by id."""
        values = self._read(X)
        if self._order is None:
            middle = 0.5 if self.predictions.kind == "probability" else 0.0
            codes = (values[:, 0] > middle).astype(np.intp)
        else:
            codes = values[:, self._order].argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels


class PrecomputedRegressor(RegressorMixin, Precomputed):  # type: ignore[misc]
    """A regressor trained elsewhere, by its predictions: it learns nothing, and looks rows up by id.

    As `PrecomputedClassifier`, for one column of numbers.

    Parameters
    ----------
    predictions : Predictions
        What `load` read.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"rooms": [3, 5]}, index=pd.Index([1, 2], name="Id"))
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
            When ids are missing, repeated, or common to train and test; when there is not one column of
            finite numbers.
        FileNotFoundError
            When there is no such file.
        """
        sources = Source(train, ids, "out-of-fold"), Source(test, test_ids, "test")
        read = read_predictions(*sources, id=id, estimator=estimator, folds=folds, kind="number")
        if read.values.shape[1] != 1:
            raise invalid_value(
                f"Columns of {read.name}",
                "one of numbers",
                f"{read.values.shape[1]} columns",
                "Pass estimator='its name', or one PrecomputedRegressor a column",
            )
        return cls(read)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PrecomputedRegressor:
        """Learn nothing; weights are taken, and change nothing.

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
            When X has no ids.
        """
        self._check_fit(X)
        self.is_fitted_ = True
        return self

    def predict(self, X: Any) -> Values:
        """Return the (n,) numbers of the rows of X, found by id."""
        return self._read(X)[:, 0]


def _kind_of(given: PrecomputedClassifier) -> Kind | None:
    return getattr(given.predictions, "kind", None)
