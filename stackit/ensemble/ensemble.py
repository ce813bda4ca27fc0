"""An ensemble of levels under a final estimator: what stacking and several levels have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils import Tags, assert_all_finite, indexable
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter
from sklearn.utils.validation import check_is_fitted, validate_data

from stackit.arrays import Floats
from stackit.arrays.frames import index_of
from stackit.arrays.schema import TableSchema
from stackit.engine.run_config import OnError, RunConfig, seed_from
from stackit.engine.training_data import TrainingData
from stackit.ensemble.final import FINAL, FinalEstimatorMixin
from stackit.ensemble.fit import check_cover, fit_levels
from stackit.ensemble.fitted import AnyFitted, for_prediction
from stackit.ensemble.level import Level
from stackit.ensemble.level_inputs import LevelInputs
from stackit.ensemble.metadata_routing import route_fit_params, router_of
from stackit.ensemble.params import NestedParams
from stackit.ensemble.passthrough import Passthrough, check_passthrough
from stackit.ensemble.refit import refit_levels
from stackit.ensemble.saving import SavingMixin
from stackit.ensemble.sections import ensemble_sections
from stackit.ensemble.validate_weights import validate_level_weights, without_failed
from stackit.ensemble.zero_weights import unused_estimators
from stackit.estimators.callbacks import CallbackSupportMixin, FitCallbacks
from stackit.estimators.copies import unfitted_copy, warn_of_lost_parameters
from stackit.estimators.early_stopping import EarlyStopping, check_reach
from stackit.estimators.estimator_type import is_classifier, tags_of
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.named_estimators import visual_block
from stackit.estimators.sample_weight import warn_of_scale
from stackit.estimators.seeds import seed_of
from stackit.estimators.traits import set_seeds
from stackit.folds import Folds
from stackit.notebook import EstimatorDisplayMixin, Section
from stackit.results.oof import OutOfFold
from stackit.store import Store

__all__ = ["StackedEnsemble"]


@dataclass(eq=False, repr=False)
class StackedEnsemble(
    EstimatorDisplayMixin,
    SavingMixin,
    FinalEstimatorMixin,
    CallbackSupportMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    NestedParams,
):
    """Levels of estimators, each on the out-of-fold predictions of the one below, and a final estimator.

    Subclasses return the levels; stacking is the case of one level. Their parameters are dataclass fields,
    of which scikit-learn sees the signature of ``__init__``.
    """

    _: KW_ONLY
    cv: Any = None
    n_jobs: int | None = None
    passthrough: Passthrough = False
    verbose: int = 0
    refit: bool = False
    on_error: OnError = "raise"
    early_stopping: EarlyStopping = "training"
    random_state: Any = None
    store: Store | None = None

    stack_method: ClassVar[str] = "auto"
    # Weights and groups are passed on; only the splitter of the ensemble itself uses groups.
    __metadata_request__fit: ClassVar[Any] = {"sample_weight": UNUSED, "groups": True}
    # What happens to an estimator that cannot be refitted, with on_error="skip".
    _fallback_to_folds: ClassVar[bool] = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, **fit_params: Any) -> Self:
        """Fit the levels out of fold from the first to the last, and the final estimator on the last.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix with n rows
            Seen by the estimators of the first level as it is, and by those with `passthrough`.
        y : (n,) or (n, n_outputs) array-like
            The target.
        sample_weight : (n,) array-like, optional
            Passed to every estimator that accepts weights; a warning names the others.
        groups : (n,) array-like, optional
            Passed to the splitter of every level, and to stacks and searches inside.
        **fit_params : dict
            Routed to the estimators that request them, when scikit-learn's metadata routing is enabled;
            values of n rows are cut to the rows of each fit.

        Returns
        -------
        self
        """
        self._fit(X, y, sample_weight, groups, fit_params)
        return self

    def fit_with_test(
        self, X: Any, y: Any, X_test: Any, sample_weight: Any = None, groups: Any = None
    ) -> tuple[dict[str, Floats], Any]:
        """Fit, and return predictions of test rows: by each estimator of the last level, and their table.

        The fold estimators of a single level predict the test rows as they are fitted, so that a store keeps
        these predictions too.

        Parameters
        ----------
        X, y, sample_weight, groups
            As in `fit`.
        X_test : array-like with m rows
            The test rows.

        Returns
        -------
        dict of str to (m, width) array, and the table that the final estimator predicts from
        """
        levels = self.resolve_levels()
        at_once = len(levels) == 1 and not (self.refit if levels[0].refit is None else levels[0].refit)
        self._fit(X, y, sample_weight, groups, X_test=X_test if at_once else None)
        if at_once:
            predictions = {name: one.test for name, one in self.oof_.items() if one.test is not None}
        else:
            predictions = self.top_.predict(X_test)
        meta = self.oof_.to_frame(predictions, index_of(X_test))
        return predictions, self.final_features(meta, X_test)

    def transform(self, X: Any) -> Any:
        """Return the last level's predictions of new rows.

        They are the average over the fold estimators, or the predictions of the estimators refitted on all
        rows (``refit=True``; estimators with zero weight may not be). For the training rows they would be
        in-sample: use `fit_transform` or ``oof_.meta_train`` there.

        Parameters
        ----------
        X : array-like with m rows
            New rows.

        Returns
        -------
        (m, k) array; a stack with `passthrough` appends the columns of X
        """
        check_is_fitted(self)
        X = self.conform(X)
        return self._as_output(self.top_.transform(X), X)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, and return the last level's out-of-fold predictions of the training rows.

        It is not ``fit(X, y).transform(X)``, which would be in-sample. Rows that no fold holds out are NaN.

        Parameters
        ----------
        X, y, **fit_params
            As in `fit`.

        Returns
        -------
        (n, k) array; a stack with `passthrough` appends the columns of X
        """
        self.fit(X, y, **fit_params)
        return self._as_output(self.oof_.meta_features, X)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns of `transform`: ``<estimator>`` or ``<estimator>__<class>``.

        Parameters
        ----------
        input_features : (n_features,) array-like of str, optional
            The names of the columns of X, where a stack passes them through; else ignored.

        Returns
        -------
        (k,) or (k + n_passed_through,) array of str
        """
        check_is_fitted(self)
        return np.asarray(self.oof_.column_names, dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the requests of all estimators, for scikit-learn's metadata routing.

        Returns
        -------
        MetadataRouter
        """
        return router_of(self, self.routed_members(self.resolve_levels()), self.new_final_estimator())

    @property
    def oof_(self) -> OutOfFold:  # type: ignore[override]
        """The out-of-fold predictions of the last level."""
        return self.top_.oof

    @property
    def levels_(self) -> list[OutOfFold]:
        """The out-of-fold predictions of all levels, from the first to the last."""
        return [*self._oof_below, self.top_.oof]

    def conform(self, X: Any) -> Any:
        """Return new rows as the fitted ensemble reads them, checked against the columns of X."""
        (X,) = indexable(X)
        return self._schema.conform(X, "X", type(self).__name__)

    def state_for_prediction(self) -> dict[str, Any]:
        """Return the attributes that predict new rows, without tables of the training rows."""
        if not hasattr(self, "top_"):
            return dict(vars(self))
        memo: dict[int, Any] = {}
        return vars(self) | {
            "top_": for_prediction(self.top_, memo),
            "_oof_below": [for_prediction(oof, memo) for oof in self._oof_below],
        }

    def display_sections(self) -> list[Section]:
        """Return what notebooks show below the diagram: the levels, once they are fitted."""
        return ensemble_sections(self.levels_, self.final_estimator_) if hasattr(self, "top_") else []

    @abstractmethod
    def resolve_levels(self) -> list[Level]:
        """Return the levels, without dropped estimators."""

    @abstractmethod
    def routed_members(self, levels: Sequence[Level]) -> list[tuple[str, Any]]:
        """Return the estimators of all levels by the names that metadata routing and warnings use."""

    @abstractmethod
    def _levels_to_fit(self) -> list[Level]:
        """Return the levels as they are fitted; raise where their estimators are not usable."""

    @abstractmethod
    def _as_output(self, meta: pd.DataFrame, X: Any) -> Any:
        """Return meta-features of the last level as `transform` does."""

    def _shared_folds(self, data: TrainingData) -> Folds:
        """Return the folds of the levels that have none of their own."""
        return data.resolve_folds(self.cv)

    def _zero_weight(self) -> set[str]:
        """The estimators of the last level that the final estimator does not use."""
        return unused_estimators(self.final_estimator_, self.oof_)

    def _not_refitted(self) -> set[str]:
        """The estimators of the last level that need no refit."""
        return self._zero_weight()

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        fit_params: dict[str, Any] | None = None,
        X_test: Any = None,
    ) -> None:
        """Fit on a table that is checked here, and call the callbacks of the ensemble."""
        levels = self._levels_to_fit()
        data = TrainingData.of(X, y, sample_weight, groups, classify=is_classifier(self))
        with FitCallbacks.of(self, X, y, data.sample_weight, self._n_steps(levels)) as callbacks:
            self._fit_levels(levels, data, fit_params or {}, X_test, callbacks)

    def _fit_levels(
        self,
        levels: list[Level],
        data: TrainingData,
        fit_params: dict[str, Any],
        X_test: Any,
        callbacks: FitCallbacks,
    ) -> None:
        """Fit the levels, then the final estimator, and last the refits of estimators that it uses."""
        self._record_columns(data)
        check_passthrough(levels, self._passed_columns, self.stack_method, data.target, data.X)
        final = self.new_final_estimator()
        self._check_weights(data.X)
        shared = self._shared_folds(data)
        known_groups = shared.constraints.groups
        folds = [shared if one.cv is None else data.resolve_folds(one.cv, known_groups) for one in levels]
        check_cover(levels, folds)
        params, of_final = self._route(levels, final, data, fit_params, known_groups)
        config = replace(self._config(), callbacks=callbacks)
        set_seeds(final, seed_of(config.seed, FINAL, 0, 0))
        warn_of_lost_parameters([*self.routed_members(levels), (FINAL, self.final_estimator)])
        rows = np.arange(len(data.target.y))
        inputs = LevelInputs(data.X, rows, data.target, data.sample_weight, folds, params, test_table=X_test)
        fitted = self._publish(fit_levels(levels, inputs, config))
        names = [name for name, _ in levels[-1].members]
        while True:
            own = without_failed(unfitted_copy(final), names, self.oof_)
            table = self.final_features(self.oof_.meta_features, data.X, own)
            with callbacks.final(own, table, data.target.y):
                self._fit_final(own, table, data.target, of_final, config.seed)
            n_left, unused = len(self.oof_), self._not_refitted()
            fitted = self._publish(
                refit_levels(levels, fitted, inputs, config, unused, self._fallback_to_folds)
            )
            if len(self.oof_) == n_left:  # else some could not be refitted: learn from the others
                return

    def _n_steps(self, levels: Sequence[Level]) -> int | None:
        """Return how many steps a fit has for its callbacks; None where some may be repeated."""
        n_refitted = sum(level.is_refitted(self._config()) for level in levels)
        is_known = not any(level.nested for level in levels[1:]) and not (
            n_refitted and self.on_error == "skip"
        )
        return len(levels) + 1 + n_refitted if is_known else None

    def _publish(self, fitted: list[AnyFitted]) -> list[AnyFitted]:
        """Set the fitted attributes that depend on the levels."""
        self.top_, self._oof_below = fitted[-1], [one.oof for one in fitted[:-1]]
        target = self.oof_.target
        if target.is_classification:
            several = target.kind == "multilabel"
            self.classes_ = [target.classes for _ in target.outputs] if several else target.classes
        return fitted

    def _features_of_new(self, X: Any) -> Any:
        X = self.conform(X)
        unused = self._zero_weight()
        if unused and self._rejects_nan and not _is_finite(X):  # as the estimators that are skipped would
            assert_all_finite(X, input_name="X")
        return self.final_features(self.top_.transform(X, unused), X)

    def _record_columns(self, data: TrainingData) -> None:
        """Record the columns of the training table."""
        validate_data(self, X=data.X, reset=True, skip_check_array=True)
        self._schema: TableSchema = data.schema
        self._rejects_nan = not self.__sklearn_tags__().input_tags.allow_nan and _is_finite(data.X)

    def _config(self) -> RunConfig:
        return RunConfig(
            self.stack_method,
            self.n_jobs,
            self.on_error,
            seed_from(self.random_state),
            self.verbose,
            refit=self.refit,
            store=self.store,
            early_stopping=self.early_stopping,
        )

    def _route(
        self,
        levels: Sequence[Level],
        final: Any,
        data: TrainingData,
        fit_params: dict[str, Any],
        known_groups: Any,
    ) -> tuple[list[dict[str, FitParams]], FitParams]:
        """Return the fit parameters of the estimators of each level, and those of the final estimator."""
        members = self.routed_members(levels)
        named = [*members, (FINAL, final)]
        params = route_fit_params(self, named, data.sample_weight, data.groups, fit_params, known_groups)
        warn_of_scale(members if self.rescales_weights else named, params, data.sample_weight)
        check_reach(named, params)
        in_order = iter([params[name] for name, _ in members])
        return [{name: next(in_order) for name, _ in level.members} for level in levels], params[FINAL]

    def _check_weights(self, X: Any = None) -> None:
        validate_level_weights(self.resolve_levels(), self.final_estimator, self._passed_columns, X)

    def _sk_visual_block_(self) -> Any:
        final = self._default_final() if self.final_estimator is None else self.final_estimator
        stages = [*(level.estimators for level in self.resolve_levels()), [(FINAL, final)]]
        blocks = [
            visual_block("parallel", [one for _, one in stage], [name for name, _ in stage])
            for stage in stages
        ]
        return visual_block("serial", blocks)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        try:
            first = self.resolve_levels()[0].members
        except ValueError:  # malformed: fit says so
            first = []
        known = [own for _, one in first if (own := tags_of(one)) is not None]
        if known:
            tags.input_tags.allow_nan = all(tag.input_tags.allow_nan for tag in known)
            tags.input_tags.sparse = all(tag.input_tags.sparse for tag in known)
        return tags


def _is_finite(X: Any) -> bool:
    """Whether X is an array of finite numbers; pipelines may accept anything in other tables."""
    if not isinstance(X, np.ndarray) or X.dtype.kind != "f":
        return False
    with np.errstate(all="ignore"):  # a sum takes no memory; only where it overflows all are looked at
        return bool(np.isfinite(X.sum()) or np.isfinite(X).all())
