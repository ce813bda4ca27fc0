"""What stacks have in common: fit the base level, then the final estimator on its predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, Tags
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from stackit.arrays import num_samples
from stackit.engine.cross_fit import cross_fit, refit
from stackit.engine.run_config import OnError, RunConfig, seed_from
from stackit.engine.task import seed_of, set_seeds
from stackit.engine.training_data import TrainingData
from stackit.ensemble.final import FINAL, FinalEstimatorMixin, is_combiner
from stackit.ensemble.metadata_routing import add_final, route_fit_params, router_of
from stackit.ensemble.params import NamedMembers
from stackit.ensemble.passthrough import check_no_common_names, side_by_side
from stackit.ensemble.validate_weights import reweighed, validate_weights
from stackit.ensemble.zero_weights import unused_estimators
from stackit.estimators.copies import unfitted_copy, warn_of_lost_parameters
from stackit.estimators.early_stopping import EarlyStopping, check_reach
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.named_estimators import check_estimators, visual_block
from stackit.estimators.sample_weight import warn_of_scale
from stackit.estimators.traits import is_classifier, tags_of
from stackit.folds import Folds, make_folds
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import without_rows
from stackit.store import Store
from stackit.target import Target
from stackit.validation import format_list, invalid_value

__all__ = ["Stack"]


class Stack(FinalEstimatorMixin, TransformerMixin, NamedMembers):  # type: ignore[misc]
    """What the classifier and the regressor have in common."""

    # Weights and groups are passed on, not used up here; only groups are this estimator's own wish.
    __metadata_request__fit = {"sample_weight": UNUSED, "groups": True}  # noqa: RUF012 - read by scikit-learn

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
        refitted on all rows, if they were: one to which a combiner gives the weight 0 was not). For the
        training rows they would be in-sample: use `fit_transform` or ``oof_.meta_train`` there.

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
        names = self.oof_.column_names
        if self.passthrough:
            own = getattr(self, "feature_names_in_", [f"x{at}" for at in range(self.n_features_in_)])
            given = own if input_features is None else input_features
            if len(given) != self.n_features_in_ or (
                hasattr(self, "feature_names_in_") and list(given) != list(own)
            ):
                raise invalid_value(
                    "input_features",
                    "equal to feature_names_in_",
                    f"{format_list(given)}",
                    f"Pass {format_list(own)}",
                )
            names += list(given)
        return np.asarray(names, dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return who gets what, when scikit-learn's metadata routing is switched on.

        Returns
        -------
        MetadataRouter
        """
        router = router_of(self)
        for name, estimator in self._kept():
            router.add(**{name: estimator}, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        add_final(router, FINAL, self._final_estimator())
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
        self._check_kinds(is_classifier(self))
        X = self._check_X(X, reset=True)
        data = TrainingData.of(X, y, sample_weight, groups, X_test, classify=is_classifier(self))
        X, target, sample_weight = data.X, data.target, data.sample_weight
        members = self._members()
        if self.passthrough:
            check_no_common_names(members, self.stack_method, target, X)
        final = self._final_estimator()
        self._check_weights(X)
        folds = self._folds(data)
        named = [*members, (FINAL, final)]
        params = route_fit_params(
            self, named, sample_weight, data.groups, fit_params or {}, folds.constraints.groups
        )
        warn_of_scale(members if self._scales_weights else named, params, sample_weight)
        check_reach(named, params)
        settings = RunConfig(
            self.stack_method,
            self.n_jobs,
            self.on_error,
            seed_from(self.random_state),
            self.verbose,
            # What a combiner leaves out is known once it has learned: the others are refitted then.
            refit=self.refit and not is_combiner(final),
            store=self.store,
            early_stopping=self.early_stopping,
        )
        set_seeds(final, seed_of(settings.seed, FINAL, 0, 0))
        warn_of_lost_parameters([*members, (FINAL, self.final_estimator)])
        self.oof_ = cross_fit(members, data, folds=folds, fit_params=params, settings=settings)
        self._fit_on_top(final, data, params, settings)
        if self.refit and is_combiner(final):
            self._refit_those_read(members, final, data, params, settings)
        self._publish(target)
        return self

    def _fit_on_top(
        self, final: Any, data: TrainingData, params: dict[str, FitParams], settings: RunConfig
    ) -> None:
        final = reweighed(final, [name for name, _ in self._kept()], self.oof_)
        meta = self.oof_.meta_train
        table = self._input_of_final(final, meta, data.X)
        self.final_estimator_ = self._fit_final(final, table, data.target, params, settings.seed)

    def _refit_those_read(
        self,
        members: list[tuple[str, Any]],
        final: Any,
        data: TrainingData,
        params: dict[str, FitParams],
        settings: RunConfig,
    ) -> None:
        """Refit what the combiner reads; where such a fit fails and is skipped, it learns from the others."""
        while True:
            unread = self._unread()
            wanted = [
                (name, estimator)
                for name, estimator in members
                if name in self.oof_ and name not in {*unread, *self.oof_.refitted}
            ]
            n_before = len(self.oof_)
            if wanted:
                self.oof_ = refit(self.oof_, wanted, data, fit_params=params, settings=settings)
            if len(self.oof_) == n_before:
                return
            self._fit_on_top(unfitted_copy(final), data, params, settings)

    def _unread(self) -> set[str]:
        """The base estimators to which the final one gives no weight."""
        return unused_estimators(self.final_estimator_, self.oof_)

    def _check_weights(self, X: Any = None) -> None:
        members = self._kept()
        for _, estimator in members:
            validate_weights(estimator)
        seen = None if X is None and self.passthrough else dict(members)
        validate_weights(self.final_estimator, seen, X if self.passthrough else None)

    def _members(self) -> list[tuple[str, Any]]:
        """The base estimators without the dropped ones; prefit ones are frozen."""
        members = self._kept()
        if self._is_prefit():
            for _, estimator in members:
                check_is_fitted(estimator)
            return [(name, FrozenEstimator(estimator)) for name, estimator in members]
        return members

    def _is_prefit(self) -> bool:
        return isinstance(self.cv, str) and self.cv == "prefit"

    def _folds(self, data: TrainingData) -> Folds:
        if self._is_prefit():
            # Frozen estimators answer the same in any fold: two make each row held out once.
            return make_folds(range(num_samples(data.X)), scheme="kfold", n_splits=2)
        return data.resolve_folds(self.cv)

    def _publish(self, target: Target) -> None:
        """Set the fitted attributes that scikit-learn's stacks have."""
        refitted = self.oof_.refitted
        fitted: dict[str, Any] = {
            name: self.oof_[name].refitted if refitted else self.oof_[name].fold_estimators
            for name in refitted or self.oof_
        }
        if self._is_prefit():  # themselves, as in scikit-learn, and not what keeps them frozen
            given = dict(self._kept())
            fitted = {name: given[name] for name in fitted}
        self.estimators_ = list(fitted.values())
        self.named_estimators_ = Bunch(**{name: fitted.get(name, "drop") for name, _ in self._named()})
        self.stack_method_ = [result.spec.method for result in self.oof_.values()]
        self._publish_classes(target)

    def state_for_prediction(self) -> dict[str, Any]:
        """Return the attributes with which new rows are predicted, without tables of the training rows."""
        known = {"oof_": without_rows(self.oof_)} if hasattr(self, "oof_") else {}
        return vars(self) | known

    @property
    def _last(self) -> OutOfFold:
        return self.oof_

    def _predict_meta(self, X: Any, skip: set[str]) -> pd.DataFrame:
        ask = self.oof_.transform_refitted if self.refit else self.oof_.transform
        return ask(X, skip)

    def _table(self, X: Any) -> Any:
        """What `transform` returns; without set_output's container."""
        X = self._check_X(X, reset=False)
        return self._with_passthrough(self._predict_meta(X, set()), X)

    def _final_table(self, X: Any) -> Any:
        X = self._check_X(X, reset=False)
        unread = self._unread()
        if unread:
            self._check_finite(X)
        meta = self._predict_meta(X, unread)
        return self._input_of_final(self.final_estimator_, meta, X)

    def _input_of_final(self, final: Any, meta: pd.DataFrame, X: Any) -> Any:
        """Return what a final estimator learns or predicts from; combiners know estimators by their names."""
        if self.passthrough:
            return side_by_side(meta, X, safe=not is_combiner(final))
        return meta if is_combiner(final) else meta.to_numpy()

    def _with_passthrough(self, meta: pd.DataFrame, X: Any) -> Any:
        return side_by_side(meta, X) if self.passthrough else meta.to_numpy(copy=True)

    def _sk_visual_block_(self) -> Any:
        names = [name for name, _ in self.estimators]
        final = self._default_final() if self.final_estimator is None else self.final_estimator
        base = visual_block("parallel", [estimator for _, estimator in self.estimators], names)
        return visual_block("serial", [base, visual_block("parallel", [final], [FINAL])])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        known = [own for _, est in self._named() if (own := tags_of(est)) is not None]
        if known:
            tags.input_tags.allow_nan = all(tag.input_tags.allow_nan for tag in known)
            tags.input_tags.sparse = all(tag.input_tags.sparse for tag in known)
        return tags
