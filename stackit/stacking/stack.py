"""What stacks have in common: fit the base level, then the final estimator on its predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import (
    TransformerMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, Tags, check_consistent_length, indexable
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from stackit.check import (
    check_estimators,
    check_rows,
    fault,
    listed,
    n_rows,
    routing_enabled,
    take,
    visual_block,
)
from stackit.data import Data
from stackit.folds import Folds, as_folds, make_folds
from stackit.oof import OnError, Settings, cross_fit, seed_from
from stackit.result import OutOfFold
from stackit.routing import FitParams, fit_params_of
from stackit.stacking.named import NamedMembers
from stackit.stacking.passthrough import check_no_common_names, side_by_side
from stackit.stopping import EarlyStopping, Plan
from stackit.store import Store
from stackit.target import Target
from stackit.task import fit_estimator, seed_of, set_seeds

__all__ = ["FINAL", "Stack", "if_final_can"]

FINAL = "final_estimator"


def if_final_can(method: str) -> Any:
    """Make a method available when the final estimator has it."""

    def check(self: Any) -> bool:
        # Not `or`: an ensemble that is not fitted has no length, and so no truth.
        finals = (getattr(self, "final_estimator_", None), self.final_estimator)
        known = [final for final in finals if final is not None]
        return hasattr(known[0] if known else self._default_final(), method)

    return available_if(check)


class Stack(TransformerMixin, NamedMembers, ABC):  # type: ignore[misc]
    """What the classifier and the regressor have in common."""

    # Weights and groups are passed on, not used up here; only groups are this estimator's own wish.
    __metadata_request__fit = {"sample_weight": UNUSED, "groups": True}  # noqa: RUF012 - read by scikit-learn

    final_estimator: Any
    cv: Any
    stack_method: str = "auto"
    n_jobs: int | None
    passthrough: bool
    refit: bool
    on_error: OnError
    early_stopping: EarlyStopping
    random_state: Any
    verbose: int
    store: Store | None
    oof_: OutOfFold

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, **fit_params: Any) -> Stack:
        """Fit the base estimators out of fold, and the final estimator on their predictions.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix with n rows
            Passed to the base estimators as it is.
        y : (n,) or (n, n_outputs) array-like
            The target.
        sample_weight : (n,) array-like, optional
            Reaches every estimator that takes weights; a warning names the others.
        groups : (n,) array-like, optional
            Reaches the splitter, and nested stacks and searches.
        **fit_params : dict
            Routed to those who asked for them, when scikit-learn's metadata routing is switched on.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, groups, fit_params)

    def transform(self, X: Any) -> Any:
        """Return the base estimators' predictions for new rows.

        They are the average over the fold estimators (or, with ``refit=True``, those of the estimators
        refitted on all rows). For the training rows they would be in-sample: use `fit_transform` or
        ``oof_.meta_train`` there.

        Parameters
        ----------
        X : array-like with m rows
            New rows.

        Returns
        -------
        (m, k) or, with passthrough, (m, k + n_features) array, sparse matrix or data frame
        """
        check_is_fitted(self)
        return self._table(X)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, and return the out-of-fold predictions of the training rows.

        It is not ``fit(X, y).transform(X)``, whose predictions would be in-sample. Rows that no fold
        holds out are NaN.

        Parameters
        ----------
        X, y, **fit_params
            As in `fit`.

        Returns
        -------
        (n, k) or, with passthrough, (n, k + n_features) array, sparse matrix or data frame
        """
        self.fit(X, y, **fit_params)
        return self._with_passthrough(self.oof_.meta_train, X)

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
        return self.final_estimator_.predict(self._table(X), **predict_params)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns of `transform`: ``<estimator>`` or ``<estimator>__<class>``.

        Parameters
        ----------
        input_features : (n_features,) array-like of str, optional
            The names of the columns of X, where they are passed through.

        Returns
        -------
        (k,) or (k + n_features,) array of str
        """
        check_is_fitted(self)
        names = list(self.oof_.meta_train.columns)
        if self.passthrough:
            own = getattr(self, "feature_names_in_", [f"x{at}" for at in range(self.n_features_in_)])
            given = own if input_features is None else input_features
            if len(given) != self.n_features_in_ or (
                hasattr(self, "feature_names_in_") and list(given) != list(own)
            ):
                raise fault(
                    "input_features", "equal to feature_names_in_", f"{listed(given)}", f"Pass {listed(own)}"
                )
            names += list(given)
        return np.asarray(names, dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return who gets what, when scikit-learn's metadata routing is switched on.

        Returns
        -------
        MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        for name, estimator in self._kept():
            router.add(**{name: estimator}, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        both = MethodMapping().add(caller="fit", callee="fit").add(caller="predict", callee="predict")
        router.add(**{FINAL: self._final_estimator()}, method_mapping=both)
        if self.cv != "prefit" and not isinstance(self.cv, Folds):
            split = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=check_cv(self.cv), method_mapping=split)
        return router

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        fit_params: dict[str, Any] | None = None,
        X_test: Any = None,
    ) -> Stack:
        """Fit; rows of `X_test` are predicted by each fold's estimators as they are fitted."""
        check_estimators(self._undropped(), reserved=[FINAL, *self.get_params(deep=False)])
        target = self._read_target(y)
        self._check_kinds()
        X = self._check_X(X, reset=True)
        check_consistent_length(X, target.y)
        sample_weight = check_rows(sample_weight, "sample_weight", len(target.y), np.float64)
        groups = check_rows(groups, "groups", len(target.y))
        members = self._members()
        if self.passthrough:
            check_no_common_names(dict(members), X)
        final = self._final_estimator()
        folds = self._folds(X, target, groups)
        params = self._route(members, final, sample_weight, groups, fit_params or {})
        seed = seed_from(self.random_state)
        settings = Settings(
            self.stack_method,
            self.n_jobs,
            self.on_error,
            seed,
            self.verbose,
            refit=self.refit,
            store=self.store,
            early_stopping=self.early_stopping,
        )
        data = Data(X, target, X_test, sample_weight)
        self.oof_ = cross_fit(members, data, folds=folds, fit_params=params, settings=settings)
        self._publish(target)
        set_seeds(final, seed_of(seed, FINAL, 0, 0))
        table = self._with_passthrough(self.oof_.meta_train, X)
        self.final_estimator_ = self._fit_final(final, table, target, params, seed)
        return self

    def _fit_final(
        self, final: Any, table: Any, target: Target, params: dict[str, FitParams], seed: int | None
    ) -> Any:
        """Fit on the covered rows; one that stops early watches some of them."""
        covered = np.flatnonzero(self.oof_.coverage)
        plan = Plan([(FINAL, final)], self.oof_.folds, target, params)
        rows, watched = plan.split(FINAL, covered, np.array([], dtype=np.intp), (-1, -1), seed)
        plan.warn()
        shown = None if watched is None else (take(table, watched), watched)
        return fit_estimator(final, take(table, rows), target, rows, params[FINAL], shown)

    @abstractmethod
    def _default_final(self) -> Any:
        """Return the final estimator of a stack that was given none."""

    @abstractmethod
    def _read_target(self, y: Any) -> Target:
        """Return what y is to such a stack."""

    def _undropped(self) -> Any:
        """What was given as `estimators`, without those that are 'drop'."""
        if not isinstance(self.estimators, list | tuple) or not self.estimators:
            return self.estimators
        pairs = self.estimators
        kept = [pair for pair in pairs if not (isinstance(pair, list | tuple) and _dropped(pair[-1]))]
        if not kept:
            raise fault(
                "estimators", "at least one that is not 'drop'", "all dropped", "Keep at least one estimator"
            )
        return kept

    def _kept(self) -> list[tuple[str, Any]]:
        """The base estimators without the dropped ones."""
        return [(name, estimator) for name, estimator in self._named() if not _dropped(estimator)]

    def _members(self) -> list[tuple[str, Any]]:
        """The base estimators without the dropped ones; prefit ones are frozen."""
        members = self._kept()
        if isinstance(self.cv, str) and self.cv == "prefit":
            for _, estimator in members:
                check_is_fitted(estimator)
            return [(name, FrozenEstimator(estimator)) for name, estimator in members]
        return members

    def _final_estimator(self) -> Any:
        final = self._default_final() if self.final_estimator is None else clone(self.final_estimator)
        right = is_classifier if is_classifier(self) else is_regressor
        if not right(final):
            kind = "classifier" if is_classifier(self) else "regressor"
            raise fault(FINAL, f"a {kind}", f"final_estimator={final!r}", f"Pass a {kind} or a combiner")
        return final

    def _check_kinds(self) -> None:
        """A regressor's base estimators predict numbers; a classifier's may do either."""
        wrong = [name for name, estimator in self._kept() if is_classifier(estimator)]
        if wrong and not is_classifier(self):
            raise fault(
                "Base estimators of a regressor",
                "regressors",
                f"classifiers {wrong}",
                "Use StackingClassifier",
            )

    def _folds(self, X: Any, target: Target, groups: Any) -> Folds:
        if isinstance(self.cv, str) and self.cv == "prefit":
            # Frozen estimators answer the same in any fold: two make each row held out once.
            return make_folds(range(n_rows(X)), scheme="kfold", n_splits=2)
        return as_folds(self.cv, X, target, groups)

    def _route(
        self,
        members: list[tuple[str, Any]],
        final: Any,
        sample_weight: Any,
        groups: Any,
        fit_params: dict[str, Any],
    ) -> dict[str, FitParams]:
        """Return what each fit gets, by scikit-learn's metadata routing where it is on."""
        if not routing_enabled():
            if fit_params:
                raise TypeError(
                    f"fit of {type(self).__name__} takes X, y, sample_weight and groups; got "
                    f"{listed(fit_params)}. Switch scikit-learn's metadata routing on to pass them."
                )
            return dict(fit_params_of([*members, (FINAL, final)], sample_weight, groups))
        given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
        given = {name: values for name, values in given.items() if values is not None}
        routed = process_routing(self, "fit", **given)
        return {name: routed[name]["fit"] for name in [*dict(members), FINAL]}

    def _publish(self, target: Target) -> None:
        """Set the fitted attributes that scikit-learn's stacks have."""
        fitted = self.oof_.refitted or self.oof_.fold_estimators
        self.estimators_ = list(fitted.values())
        self.named_estimators_ = Bunch(**{name: fitted.get(name, "drop") for name, _ in self._named()})
        self.stack_method_ = [response.method for response in self.oof_.responses.values()]
        if target.is_classification:
            many = target.kind == "multilabel"
            self.classes_ = [target.classes for _ in target.outputs] if many else target.classes

    def _check_X(self, X: Any, reset: bool) -> Any:
        """Check names and number of columns; the base estimators check the rest."""
        (X,) = indexable(X)
        if not reset and isinstance(X, np.ndarray) and X.ndim == 1 and hasattr(self, "n_features_in_"):
            raise fault(
                "X",
                f"a table of {self.n_features_in_} columns",
                "one dimension",
                "Reshape your data: X.reshape(1, -1) makes it one row",
            )
        validate_data(self, X=X, reset=reset, skip_check_array=True)
        return X

    def _predict_meta(self, X: Any) -> pd.DataFrame:
        return self.oof_.transform_refitted(X) if self.refit else self.oof_.transform(X)

    def _table(self, X: Any) -> Any:
        """What the final estimator predicts from; without set_output's container."""
        X = self._check_X(X, reset=False)
        return self._with_passthrough(self._predict_meta(X), X)

    def _with_passthrough(self, meta: pd.DataFrame, X: Any) -> Any:
        return side_by_side(meta, X) if self.passthrough else meta.to_numpy()

    def _sk_visual_block_(self) -> Any:
        names = [name for name, _ in self.estimators]
        final = self._default_final() if self.final_estimator is None else self.final_estimator
        base = visual_block("parallel", [estimator for _, estimator in self.estimators], names)
        return visual_block("serial", [base, visual_block("parallel", [final], [FINAL])])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        known = [est.__sklearn_tags__() for _, est in self._named() if hasattr(est, "__sklearn_tags__")]
        if known:
            tags.input_tags.allow_nan = all(tag.input_tags.allow_nan for tag in known)
            tags.input_tags.sparse = all(tag.input_tags.sparse for tag in known)
        return tags


def _dropped(estimator: Any) -> bool:
    return isinstance(estimator, str) and estimator == "drop"
