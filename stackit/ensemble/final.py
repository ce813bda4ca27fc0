"""The final estimator of an ensemble: which it is, how it is fitted, and its predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from stackit.arrays import num_samples
from stackit.arrays.isolation import call_isolated, inspect_reader, own_values, rows_for
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor
from stackit.engine.fit import fit_estimator
from stackit.ensemble.passthrough import Passthrough, level_features
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.early_stopping import EarlyStoppingPlan
from stackit.estimators.estimator_type import is_classifier, is_regressor
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.prediction import PredictionKind, PredictionSpec, prediction_spec
from stackit.estimators.sample_weight import rescale_weights
from stackit.estimators.seeds import seed_of
from stackit.estimators.traits import inspect_estimator
from stackit.results.oof import OutOfFold
from stackit.target import Target

__all__ = [
    "FINAL",
    "FinalClassifierMixin",
    "FinalEstimatorMixin",
    "FinalRegressorMixin",
    "check_weighs_members",
    "if_final_has",
    "is_combiner",
]

FINAL = "final_estimator"


def if_final_has(method: str) -> Any:
    """Make a method available when the final estimator has it."""

    def check(self: Any) -> bool:
        # Not `or`: an ensemble that is not fitted has no length, and so no truth value.
        finals = (getattr(self, "final_estimator_", None), self.final_estimator)
        known = [final for final in finals if final is not None]
        getattr(known[0] if known else self._default_final(), method)  # its AttributeError names the method
        return True

    return available_if(check)


def is_combiner(estimator: Any) -> bool:
    """Whether an estimator is of `stackit.combine`: it finds meta-features by the names of estimators."""
    return isinstance(estimator, CombinerClassifier | CombinerRegressor)


def check_weighs_members(estimator: Any, passthrough: Any) -> None:
    """Raise where a combiner without given weights would average columns of X as if they were predictions."""
    inner = estimator
    while getattr(inner, "combiner", None) is not None:
        inner = inner.combiner
    sees_X = np.ndim(passthrough) > 0 or bool(passthrough)
    if sees_X and is_combiner(estimator) and getattr(inner, "weights", None) is None:
        raise ValueError(
            f"{estimator!r} with passthrough={passthrough!r} would average columns of X as if they were "
            "predictions. Pass passthrough=False, give the combiner weights, or use another estimator."
        )


class FinalEstimatorMixin(ABC):
    """The final estimator of an ensemble; subclasses make the table that it learns from."""

    final_estimator: Any
    final_estimator_: Any
    passthrough: Any
    refit: bool
    oof_: OutOfFold

    @if_final_has("predict")  # type: ignore[untyped-decorator]
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
        table = self._features_of_new(X)
        raw = self._call_final("predict", table, **predict_params)
        if predict_params and isinstance(raw, tuple):
            return (self._checked(raw[0], table), *raw[1:])
        if predict_params and np.size(raw) != num_samples(table) * max(1, len(self.oof_.target.outputs)):
            return raw
        return self._checked(raw, table)

    def new_final_estimator(self) -> Any:
        """Return an unfitted copy of the final estimator, or the default one, checked."""
        given = self.final_estimator
        final = self._default_final() if given is None else unfitted_copy(given)
        is_right = is_classifier if is_classifier(self) else is_regressor
        if not is_right(final, FINAL):
            kind = "classifier" if is_classifier(self) else "regressor"
            raise ValueError(f"final_estimator={final!r} must be a {kind}. Pass a {kind} or a combiner.")
        check_weighs_members(final, self.passthrough)
        return final

    def final_features(self, meta: pd.DataFrame, X: Any, final: Any = None) -> Any:
        """Return the table that the final estimator learns or predicts from.

        Parameters
        ----------
        meta : (n, k) data frame
            Meta-features of the last level; combiners see their names.
        X : array-like with n rows
            The features; columns that are passed through are appended.
        final : estimator, optional
            The final estimator; None is the fitted one.
        """
        named = is_combiner(self.final_estimator_ if final is None else final)
        return level_features(self._passed_columns, meta, X, named)

    @property
    def rescales_weights(self) -> bool:
        """Whether the final estimator is the default one, fitted with weights of mean 1.

        It must not depend on the unit of weights. With ``refit=True`` it gets them as they are, so that
        predictions are those of scikit-learn's stack.
        """
        return self.final_estimator is None and not self.refit

    @property
    def _passed_columns(self) -> Passthrough:
        is_flag = isinstance(self.passthrough, np.bool_)
        passthrough: Passthrough = bool(self.passthrough) if is_flag else self.passthrough
        return passthrough

    @abstractmethod
    def _features_of_new(self, X: Any) -> Any:
        """Return the table that the final estimator predicts new rows from."""

    @abstractmethod
    def _default_final(self) -> Any:
        """Return the final estimator of an ensemble that was given none."""

    @abstractmethod
    def _check_weights(self, X: Any = None) -> None:
        """Raise where a combiner, also one of an ensemble inside, has weights of unknown estimators.

        Without X, those that see columns of X are not checked.
        """

    def _fit_final(self, final: Any, table: Any, target: Target, params: FitParams, seed: int | None) -> None:
        """Fit on the covered rows; some of them are the validation set of one that stops early."""
        covered = np.flatnonzero(self.oof_.coverage)
        plan = EarlyStoppingPlan([(FINAL, final)], self.oof_.folds, target, {FINAL: params})
        rows, validation = plan.split(FINAL, covered, np.array([], dtype=np.intp), (-1, -1), seed)
        plan.warn()
        traits = inspect_estimator(final)
        reader = traits.reader
        shown = None if validation is None else (rows_for(reader, table, validation), validation)
        if self.rescales_weights and "sample_weight" in params:
            params = {**params, "sample_weight": rescale_weights(params["sample_weight"], rows)}
        own = params if reader.is_trusted_library else own_values(params)
        with traits.seeds.drawing(seed_of(seed, FINAL, 0, 0)):
            features = rows_for(reader, table, rows)
            self.final_estimator_ = fit_estimator(final, features, target, rows, own, shown)

    def _call_final(self, method: str, table: Any, **params: Any) -> Any:
        """Return what a method of the final estimator returns for a table, which it cannot change."""
        final = self.final_estimator_
        return call_isolated(lambda own: getattr(final, method)(own, **params), table, inspect_reader(final))

    def _checked(self, raw: Any, table: Any) -> Any:
        """Return predictions in the form of the target, or raise."""
        kind: PredictionKind = "label" if self.oof_.target.is_classification else "number"
        return PredictionSpec(FINAL, "predict", kind, self.oof_.target.type).labels_or_numbers(
            raw, num_samples(table)
        )


class FinalClassifierMixin(FinalEstimatorMixin):
    """The final classifier of an ensemble."""

    @if_final_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like with m rows
            New rows.

        Returns
        -------
        (m, n_classes) array, or a list of one such array per output for multilabel targets
        """
        check_is_fitted(self)
        return self._scores_of_classes("predict_proba", X)

    @if_final_has("decision_function")  # type: ignore[untyped-decorator]
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
        decisions = self._scores_of_classes("decision_function", X)
        return decisions[:, 0] if self.oof_.target.kind == "binary" else decisions

    def _scores_of_classes(self, method: str, X: Any) -> Any:
        """Return what a method of the final estimator returns, checked, in the order of all classes."""
        final, target, table = self.final_estimator_, self.oof_.target, self._features_of_new(X)
        spec = prediction_spec(FINAL, final, method, target)
        raw = self._call_final(method, table)
        aligned = spec.align_classes(final, raw, num_samples(table))
        # For several labels scikit-learn has a table of both classes for each.
        return raw if target.kind == "multilabel" else aligned

    def _default_final(self) -> Any:
        return LogisticRegression()


class FinalRegressorMixin(FinalEstimatorMixin):
    """The final regressor of an ensemble."""

    def _default_final(self) -> Any:
        return RidgeCV()
