"""The final estimator of a stack: which it is, what it learns from, and how it is asked."""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.utils import assert_all_finite, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from stackit.arrays import num_samples
from stackit.arrays.isolation import call_isolated, inspect_reader, own_values, rows_for
from stackit.arrays.schema import TableSchema
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.engine.task import fit_estimator, inspect_estimator, seed_of
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.early_stopping import EarlyStoppingPlan
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.prediction import Kind, PredictionSpec, prediction_spec
from stackit.estimators.sample_weight import rescale_weights
from stackit.estimators.traits import is_classifier, is_regressor
from stackit.persistence import load_ensemble, save_ensemble
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import keeps_rows
from stackit.target import Target
from stackit.validation import invalid_value

__all__ = [
    "FINAL",
    "FinalClassifier",
    "FinalEstimatorMixin",
    "FinalRegressor",
    "check_weighs_members",
    "if_final_can",
    "is_combiner",
]

FINAL = "final_estimator"


def if_final_can(method: str) -> Any:
    """Make a method available when the final estimator has it."""

    def check(self: Any) -> bool:
        # Not `or`: an ensemble that is not fitted has no length, and so no truth.
        finals = (getattr(self, "final_estimator_", None), self.final_estimator)
        known = [final for final in finals if final is not None]
        getattr(known[0] if known else self._default_final(), method)  # its AttributeError says who lacks it
        return True

    return available_if(check)


def is_combiner(estimator: Any) -> bool:
    """Whether an estimator is of `stackit.combine`: it reads meta-features by the names of estimators."""
    return isinstance(estimator, CombinerClassifier | CombinerRegressor)


def check_weighs_members(reader: Any, passthrough: Any) -> None:
    """Raise where a combiner would take columns of X for predictions.

    One that was given weights does with them what they say.

    Parameters
    ----------
    reader : estimator
        Any; it learns from meta-features.
    passthrough : bool or list of columns
        What it sees of X beside them.

    Raises
    ------
    ValueError
        When it is a combiner that sees some of X and was not told what to weigh.

    Examples
    --------
    >>> from stackit.combine import MeanRegressor
    >>> check_weighs_members(MeanRegressor({"forest": 1, "age": 0}), passthrough=True)
    >>> check_weighs_members(MeanRegressor(), passthrough=True)
    Traceback (most recent call last):
        ...
    ValueError: A combiner must be without columns of X, which it would average; got MeanRegressor() ...
    """
    inner = reader
    while getattr(inner, "combiner", None) is not None:
        inner = inner.combiner
    seen = np.ndim(passthrough) > 0 or bool(passthrough)
    if seen and is_combiner(reader) and getattr(inner, "weights", None) is None:
        raise invalid_value(
            "A combiner",
            "without columns of X, which it would average",
            f"{reader!r} with passthrough={passthrough!r}",
            "Pass passthrough=False, or another estimator that may learn from them",
        )


class FinalEstimatorMixin(ABC):
    """The half of an ensemble that ends in a final estimator; the other half makes its table."""

    final_estimator: Any
    final_estimator_: Any
    n_features_in_: int
    passthrough: Any
    refit: bool
    _schema: TableSchema

    @if_final_can("predict")  # type: ignore[untyped-decorator]
    def predict(self, X: Any, **predict_params: Any) -> Any:
        """Predict the target.

        Parameters
        ----------
        X : array-like with m rows
            New rows.
        **predict_params : dict
            Passed to the final estimator's predict, such as ``return_std=True``.

        Returns
        -------
        (m,) or (m, n_outputs) array
        """
        check_is_fitted(self)
        return self._predict_from(self._final_table(X), **predict_params)

    def _predict_from(self, table: Any, **predict_params: Any) -> Any:
        """Let the final estimator predict, and check it; predict_params may want more than predictions."""
        raw = self._raw("predict", table, **predict_params)
        if predict_params and isinstance(raw, tuple):
            return (self._checked(raw[0], table), *raw[1:])
        if predict_params and np.size(raw) != num_samples(table) * max(1, len(self._last.target.outputs)):
            return raw
        return self._checked(raw, table)

    def _checked(self, raw: Any, table: Any) -> Any:
        kind: Kind = "label" if self._last.target.is_classification else "number"
        return PredictionSpec(FINAL, "predict", kind, self._last.target.type).final(raw, num_samples(table))

    def save(self, path: str | os.PathLike[str], *, oof: bool = False) -> Path:
        """Write the fitted ensemble into one file that needs no pickle to be read.

        It holds all that predicts. Only where `oof` says so it also holds y, the folds and the out-of-fold
        tables, of which each row of the training table has its part; without them ``oof_`` of the ensemble
        that is loaded says that they were left out. Never in it are the store, caches, splitters given as
        ``cv``, the groups and times of folds, and the training table. scikit-learn's parts are written by
        skops (``pip install 'stackit[secure]'``), nets as safetensors, wherever they stand: in pipelines,
        calibrations, searches or any wrapper. Of `CNNCodes` it holds the pretrained network, if its
        architecture is a published one; of `PrecomputedClassifier` the predictions by id.

        Parameters
        ----------
        path : path
            The file; it is written whole or not at all.
        oof : bool, default=False
            Whether y, folds and out-of-fold predictions are kept too.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        ValueError
            When some part cannot be written without pickle, such as a lambda; says where it stands.
        """
        check_is_fitted(self)
        return save_ensemble(self, path, with_rows=oof)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, trusted: Iterable[str] = ()) -> Self:
        """Read a fitted ensemble that `save` wrote.

        Parameters
        ----------
        path : path
            The file.
        trusted : iterable of str
            Types, by the full names that the error gives, that may be made besides those of stackit and
            those that skops trusts. Most of scikit-learn is among these, but not trees
            (``"sklearn.tree._tree.Tree"``) and neighbours: a forged file of one could crash the process.

        Returns
        -------
        ensemble
            It predicts what the one that was saved predicts.

        Raises
        ------
        ValueError
            When the file is of something else, or holds a type that is not trusted; it is named.
        """
        ensemble: Self = load_ensemble(cls, path, trusted)
        return ensemble

    @abstractmethod
    def state_for_prediction(self) -> dict[str, Any]:
        """Return the attributes with which new rows are predicted, without tables of the training rows."""

    def __getstate__(self) -> dict[str, Any]:
        """Be pickled without tables of the training rows; a copy in this process has them."""
        return dict(vars(self)) if keeps_rows() else self.state_for_prediction()

    def __copy__(self) -> Self:
        own = type(self).__new__(type(self))
        vars(own).update(vars(self))
        return own

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        own = memo[id(self)] = type(self).__new__(type(self))
        vars(own).update(copy.deepcopy(vars(self), memo))
        return own

    @property
    @abstractmethod
    def _last(self) -> OutOfFold:
        """The out-of-fold predictions that the final estimator learns from."""

    @abstractmethod
    def _final_table(self, X: Any) -> Any:
        """Return what the final estimator predicts new rows from."""

    @abstractmethod
    def _default_final(self) -> Any:
        """Return the final estimator of an ensemble that was given none."""

    def _final_estimator(self) -> Any:
        given = self.final_estimator
        final = self._default_final() if given is None else unfitted_copy(given)
        right = is_classifier if is_classifier(self) else is_regressor
        if not right(final, FINAL):
            kind = "classifier" if is_classifier(self) else "regressor"
            raise invalid_value(
                FINAL, f"a {kind}", f"final_estimator={final!r}", f"Pass a {kind} or a combiner"
            )
        check_weighs_members(final, self.passthrough)
        return final

    @abstractmethod
    def _check_weights(self, X: Any = None) -> None:
        """Raise where a combiner, also of an ensemble inside, was given weights of others than it will see.

        Without X those that see some of it are passed over.
        """

    def _raw(self, method: str, table: Any, **params: Any) -> Any:
        """Return what a method of the final estimator returns for a table, which it cannot change."""
        final = self.final_estimator_
        return call_isolated(lambda own: getattr(final, method)(own, **params), table, inspect_reader(final))

    def _fit_final(
        self, final: Any, table: Any, target: Target, params: dict[str, FitParams], seed: int | None
    ) -> Any:
        """Fit on the covered rows; one that stops early watches some of them."""
        covered = np.flatnonzero(self._last.coverage)
        plan = EarlyStoppingPlan([(FINAL, final)], self._last.folds, target, params)
        rows, watched = plan.split(FINAL, covered, np.array([], dtype=np.intp), (-1, -1), seed)
        plan.warn()
        habits, given = inspect_estimator(final), params[FINAL]
        reader = habits.reader
        shown = None if watched is None else (rows_for(reader, table, watched), watched)
        if self._scales_weights and "sample_weight" in given:
            given = {**given, "sample_weight": rescale_weights(given["sample_weight"], rows)}
        own = given if reader.is_trusted_library else own_values(given)
        with habits.seeds.drawing(seed_of(seed, FINAL, 0, 0)):
            return fit_estimator(final, rows_for(reader, table, rows), target, rows, own, shown)

    @property
    def _scales_weights(self) -> bool:
        """Whether the final estimator is the default one, which must not depend on the unit of weights.

        With ``refit=True`` it gets them as they are: then predictions are those of scikit-learn's stack.
        """
        return self.final_estimator is None and not self.refit

    def _publish_classes(self, target: Target) -> None:
        if target.is_classification:
            many = target.kind == "multilabel"
            self.classes_ = [target.classes for _ in target.outputs] if many else target.classes

    def _check_X(self, X: Any, reset: bool) -> Any:
        """Record the columns of the training table, or check those of new rows against it."""
        (X,) = indexable(X)
        if not reset:
            return self._schema.conform(X, "X", type(self).__name__)
        validate_data(self, X=X, reset=True, skip_check_array=True)
        self._schema = TableSchema.of(X)
        allows = self.__sklearn_tags__().input_tags.allow_nan  # type: ignore[attr-defined]
        self._refuses_gaps = not allows and _is_finite(X)
        return X

    def _check_finite(self, X: Any) -> None:
        """Refuse what an estimator would that is not asked, for no one reads what it says."""
        if self._refuses_gaps and not _is_finite(X):
            assert_all_finite(X, input_name="X")


def _is_finite(X: Any) -> bool:
    """Whether X is an array of finite numbers; of other tables pipelines may take what numbers do not say."""
    if not isinstance(X, np.ndarray) or X.dtype.kind != "f":
        return False
    with np.errstate(all="ignore"):  # a sum takes no memory; one that overflows says nothing
        return bool(np.isfinite(X.sum()) or np.isfinite(X).all())


class FinalClassifier(FinalEstimatorMixin):
    """The half of an ensemble that ends in a final classifier."""

    @if_final_can("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like with m rows
            New rows.

        Returns
        -------
        (m, n_classes) array, or a list of one such array an output for multilabel targets
        """
        check_is_fitted(self)
        return self._ask_final("predict_proba", self._final_table(X))

    @if_final_can("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Return the final estimator's decision values.

        Parameters
        ----------
        X : array-like with m rows
            New rows.

        Returns
        -------
        (m,), (m, n_classes) or (m, n_classes * (n_classes - 1) / 2) array
        """
        check_is_fitted(self)
        decisions = self._ask_final("decision_function", self._final_table(X))
        return decisions[:, 0] if self._last.target.kind == "binary" else decisions

    def _ask_final(self, method: str, table: Any) -> Any:
        """Return what the final estimator says, checked, in the order of all classes."""
        final = self.final_estimator_
        response = prediction_spec(FINAL, final, method, self._last.target)
        raw = self._raw(method, table)
        answer = response.align_classes(final, raw, num_samples(table))
        # Of several labels scikit-learn has a table of both classes for each.
        return raw if self._last.target.kind == "multilabel" else answer

    def _default_final(self) -> Any:
        return LogisticRegression()


class FinalRegressor(FinalEstimatorMixin):
    """The half of an ensemble that ends in a final regressor."""

    def _default_final(self) -> Any:
        return RidgeCV()
