"""Stacking: one level of base estimators under a final estimator, as in scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import get_config
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from stackit.arrays.frames import in_library, library_of
from stackit.engine.training_data import TrainingData
from stackit.ensemble.ensemble import StackedEnsemble
from stackit.ensemble.final import FINAL, FinalClassifierMixin, FinalRegressorMixin, is_combiner
from stackit.ensemble.fitted import AnyFitted
from stackit.ensemble.level import Level
from stackit.ensemble.params import NamedMembers
from stackit.ensemble.passthrough import select_columns, side_by_side
from stackit.estimators.estimator_type import is_classifier
from stackit.estimators.named_estimators import NamedEstimators
from stackit.folds import Folds, make_folds
from stackit.validation import format_list

__all__ = ["Stacking", "StackingClassifier", "StackingRegressor"]


@dataclass(eq=False, repr=False)
class Stacking(StackedEnsemble, NamedMembers):
    """An ensemble of one level; 'drop' and ``cv="prefit"`` are resolved here."""

    _fallback_to_folds = False

    estimators: NamedEstimators
    final_estimator: Any = None

    def resolve_levels(self) -> list[Level]:
        """Return the one level, without dropped estimators."""
        return [Level(self._members())]

    def routed_members(self, levels: Sequence[Level]) -> list[tuple[str, Any]]:
        """Return the estimators by their names."""
        return levels[0].members

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns of `transform`: ``<estimator>`` or ``<estimator>__<class>``.

        Parameters
        ----------
        input_features : (n_features,) array-like of str, optional
            The names of the columns of X, where they are passed through.

        Returns
        -------
        (k,) or (k + n_passed_through,) array of str
        """
        names = super().get_feature_names_out()
        if self._passed_columns is False:
            return names
        known = getattr(self, "feature_names_in_", None)
        own = [f"x{at}" for at in range(self.n_features_in_)] if known is None else list(known)
        given = own if input_features is None else list(input_features)
        if len(given) != len(own) or (known is not None and given != own):
            raise ValueError(
                f"input_features must be equal to feature_names_in_; got {format_list(given)}. Pass "
                f"{format_list(own)}."
            )
        passed = select_columns(self._passed_columns, pd.DataFrame(columns=given))
        return np.asarray([*names, *passed.columns], dtype=object)

    def _levels_to_fit(self) -> list[Level]:
        self._check_members([FINAL, *self.get_params(deep=False)], is_classifier(self))
        if not self._is_prefit:
            return self.resolve_levels()
        for _, estimator in self._members():
            check_is_fitted(estimator)
        return [Level([(name, FrozenEstimator(estimator)) for name, estimator in self._members()])]

    @property
    def _is_prefit(self) -> bool:
        return isinstance(self.cv, str) and self.cv == "prefit"

    def _shared_folds(self, data: TrainingData) -> Folds:
        if self._is_prefit:
            # Frozen estimators predict the same in any fold: with two, each row is held out once.
            return make_folds(range(len(data.target.y)), scheme="kfold", n_splits=2)
        return super()._shared_folds(data)

    def _not_refitted(self) -> set[str]:
        # As in scikit-learn, all are refitted, except where a combiner has set weights to zero.
        return self._zero_weight() if is_combiner(self.final_estimator_) else set()

    def _as_output(self, meta: pd.DataFrame, X: Any) -> Any:
        if self._passed_columns is False:
            return meta.to_numpy(copy=True)
        table = side_by_side(meta, select_columns(self._passed_columns, X))
        wanted = getattr(self, "_sklearn_output_config", {}).get(
            "transform", get_config()["transform_output"]
        )
        return in_library(table, library_of(X)) if wanted == "default" else table  # scikit-learn converts it

    def _publish(self, fitted: list[AnyFitted]) -> list[AnyFitted]:
        """Set the fitted attributes, also those of scikit-learn's stacks."""
        super()._publish(fitted)
        refitted = self.oof_.refitted
        estimators: dict[str, Any] = {
            name: self.oof_[name].refitted if refitted else self.oof_[name].fold_estimators
            for name in refitted or self.oof_
        }
        if self._is_prefit:  # those that were passed, as in scikit-learn, without the frozen wrapper
            given = dict(self._members())
            estimators = {name: given[name] for name in estimators}
        self.estimators_ = list(estimators.values())
        self.named_estimators_ = Bunch(**{name: estimators.get(name, "drop") for name, _ in self._pairs()})
        self.stack_method_ = [result.spec.method for result in self.oof_.values()]
        return fitted


@dataclass(eq=False, repr=False)
class StackingClassifier(ClassifierMixin, FinalClassifierMixin, Stacking):  # type: ignore[misc]
    """Stack of classifiers: a final classifier learns from out-of-fold predictions of base estimators.

    A drop-in replacement for scikit-learn's, which also takes groups, ordered and repeated folds, keeps
    the out-of-fold predictions, and by default predicts with the average of the fold estimators.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The base estimators; 'drop' leaves one out.
    final_estimator : classifier, optional
        Learns from the (n, k) out-of-fold predictions: any classifier, a combiner of `stackit.combine`,
        or another stack. Default: LogisticRegression.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs, "prefit" or None
        How rows are held out. None is 5 stratified folds; with `groups`, group folds. Repeats are averaged
        per row before the final estimator learns. "prefit" takes the base estimators as they are: fit the
        stack on rows that they have not seen.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        The method of the base classifiers that predicts; "auto" takes the first that each has.
    n_jobs : int, optional
        How many fits run at once; None is 1, -1 is one per core.
    passthrough : bool or list of columns
        The columns of X that the final estimator sees too: none, all, or these (names of a data frame, or
        positions). Data frames keep the types of their columns.
    verbose : int
        1 shows a progress bar.
    refit : bool
        False predicts with the average of the K fold estimators: K fits each. True refits each on all
        rows, K + 1 fits, and predicts as scikit-learn's stack does for the same cv and seeds. Estimators to
        which a combiner gives the weight 0 are not refitted, and never predict in `predict`.
    on_error : {"raise", "skip"}
        What happens when a base estimator fails: stop, or leave it out with a warning.
    early_stopping : {"training", "held_out"}
        The validation set of base estimators that stop early: some of the fold's training part, or the
        held-out rows, which makes scores optimistic; see `stackit.out_of_fold`.
    random_state : int, RandomState or None
        Seeds each estimator the ``random_state`` of which is None, with a seed per fold.
    store : DiskStore, MemoryStore or None
        Where finished fits of the base level are kept: what the store has is not fitted again, so that
        another final estimator costs only its own fit. A `DiskStore` keeps out-of-fold predictions and not,
        without pickle, fitted estimators: fold estimators of stored predictions are fitted again when the
        first new rows are predicted (or the stack is pickled), and not before; with ``refit=True`` the fit
        on all rows is done each time. A `MemoryStore` keeps the fold estimators too.

    Attributes
    ----------
    oof_ : OutOfFold
        The out-of-fold predictions of the base level, with scores and coverage.
    classes_ : (n_classes,) array
        The classes.
    estimators_ : list
        For each base estimator the list of its fold estimators; with ``refit=True`` the refitted one, and
        with ``cv="prefit"`` the one that was given.
    named_estimators_ : Bunch
        The same by name.
    final_estimator_ : classifier
        The fitted final estimator.
    stack_method_ : list of str
        The method of each base estimator that predicts.
    n_features_in_, feature_names_in_
        The columns of X.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2), 241-259.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from stackit import StackingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> stack = StackingClassifier([("bayes", GaussianNB()), ("knn", KNeighborsClassifier())])
    >>> stack.fit(X, y).predict(X[:2]).tolist()
    [0, 0]
    >>> stack.oof_.meta_train.shape
    (150, 6)
    """

    stack_method: str = field(default="auto", kw_only=True)  # type: ignore[misc]


class StackingRegressor(RegressorMixin, FinalRegressorMixin, Stacking):  # type: ignore[misc]
    """Stack of regressors: a final regressor learns from out-of-fold predictions of base estimators.

    A drop-in replacement for scikit-learn's, which also takes several outputs, groups, ordered and
    repeated folds, keeps the out-of-fold predictions, and by default predicts with the average of the fold
    estimators.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The base estimators; 'drop' leaves one out.
    final_estimator : regressor, optional
        Learns from the (n, k) out-of-fold predictions: any regressor, a combiner of `stackit.combine`,
        or another stack. Default: RidgeCV.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs, "prefit" or None
        How rows are held out. None is 5 folds; with `groups`, group folds. "prefit" takes the base
        estimators as they are: fit the stack on rows that they have not seen.
    n_jobs, passthrough, verbose, refit, on_error, early_stopping, random_state, store
        As in `StackingClassifier`.

    Attributes
    ----------
    oof_, estimators_, named_estimators_, stack_method_, n_features_in_, feature_names_in_
        As in `StackingClassifier`.
    final_estimator_ : regressor
        The fitted final estimator.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from stackit import StackingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> stack = StackingRegressor([("ols", LinearRegression()), ("knn", KNeighborsRegressor(20))])
    >>> stack.fit(X, y).oof_.summary["whole"].round(2).to_dict()
    {'ols': 0.5, 'knn': 0.46}
    """
