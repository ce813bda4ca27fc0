"""What ensembles of several levels have in common: fit the levels, then the final estimator on the last."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin
from sklearn.model_selection import check_cv
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from stackit.engine.run_config import OnError, RunConfig, seed_from
from stackit.engine.task import seed_of, set_seeds
from stackit.engine.training_data import TrainingData
from stackit.ensemble.final import FINAL, FinalEstimatorMixin, is_combiner
from stackit.ensemble.fit import check_cover, fit_levels
from stackit.ensemble.fitted import for_prediction
from stackit.ensemble.level import Level, check_nested, count_fits, levels_in
from stackit.ensemble.level_columns import Passthrough, check_columns, level_features, select_columns
from stackit.ensemble.level_inputs import LevelInputs
from stackit.ensemble.level_params import NumberedLevels
from stackit.ensemble.metadata_routing import add_final, route_fit_params, router_of
from stackit.ensemble.passthrough import check_no_common_names
from stackit.ensemble.refit import refit_levels
from stackit.ensemble.validate_weights import reweighed, validate_weights
from stackit.ensemble.zero_weights import unused_estimators
from stackit.estimators.copies import warn_of_lost_parameters
from stackit.estimators.early_stopping import EarlyStopping, check_reach
from stackit.estimators.named_estimators import visual_block
from stackit.estimators.sample_weight import warn_of_scale
from stackit.estimators.traits import is_classifier, tags_of
from stackit.folds import Folds
from stackit.results.oof import OutOfFold
from stackit.store import Store
from stackit.target import Target

__all__ = ["Levels"]


class Levels(FinalEstimatorMixin, TransformerMixin, NumberedLevels):  # type: ignore[misc]
    """What the classifier and the regressor have in common."""

    # Weights and groups are passed on, not used up here; only groups are this estimator's own wish.
    __metadata_request__fit = {"sample_weight": UNUSED, "groups": True}  # noqa: RUF012 - read by scikit-learn

    levels: Any
    cv: Any
    stack_method: str = "auto"
    n_jobs: int | None
    passthrough: Passthrough
    refit: bool
    on_error: OnError
    early_stopping: EarlyStopping
    random_state: Any
    verbose: int
    store: Store | None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, **fit_params: Any) -> Self:
        """Fit the levels from the lowest to the highest, and the final estimator on the highest.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix with n rows
            Seen by the first level, and by those with `passthrough`.
        y : (n,) or (n, n_outputs) array-like
            The target.
        sample_weight : (n,) array-like, optional
            Reaches every estimator of every level that takes weights; a warning names the others.
        groups : (n,) array-like, optional
            Reaches the splitter of every level, and nested stacks and searches.
        **fit_params : dict
            Routed to those of all levels who asked for them, when scikit-learn's metadata routing is switched
            on; values of n rows are cut to the rows that each is fitted on.

        Returns
        -------
        self
        """
        levels = levels_in(self.levels)
        for number, level in enumerate(levels, start=1):
            level.check(number, is_classifier(self))
        check_nested(levels)
        X = self._check_X(X, reset=True)
        data = TrainingData.of(X, y, sample_weight, groups, classify=is_classifier(self))
        X, target, sample_weight = data.X, data.target, data.sample_weight
        for passthrough in (self.passthrough, *(level.passthrough for level in levels)):
            check_columns(passthrough, X)
        self._check_names(levels, target, X)
        final = self._final_estimator()
        self._check_weights(X)
        shared = data.resolve_folds(self.cv)
        known = shared.constraints.groups
        folds = [shared if one.cv is None else data.resolve_folds(one.cv, known) for one in levels]
        check_cover(levels, folds)
        given = sample_weight, data.groups, fit_params, known
        *params, of_final = self._fit_params(levels, final, *given)
        of_level = zip(levels, params, strict=True)
        for members, given in [
            *((one.members, each) for one, each in of_level),
            ([(FINAL, final)], {FINAL: of_final}),
        ]:
            check_reach(members, given)
        settings = self._settings()
        set_seeds(final, seed_of(settings.seed, FINAL, 0, 0))
        all_rows, no_rows = np.arange(len(target.y)), np.array([], dtype=np.intp)
        warn_of_lost_parameters([*self._all_members(levels), (FINAL, self.final_estimator)])
        ground = LevelInputs(X, all_rows, no_rows, target, sample_weight, folds, params)
        fitted = fit_levels(levels, ground, settings)
        self.levels_ = [one.oof for one in fitted]
        final = reweighed(final, [name for name, _ in levels[-1].members], self.oof_)
        table = level_features(self.passthrough, self.oof_.meta_train, X, is_combiner(final))
        self.final_estimator_ = self._fit_final(final, table, target, {FINAL: of_final}, settings.seed)
        fitted = refit_levels(levels, fitted, ground, settings, self._unread())
        self.top_, self.levels_ = fitted[-1], [one.oof for one in fitted]
        self._publish_classes(target)
        return self

    @property
    def oof_(self) -> OutOfFold:
        """The out-of-fold predictions of the last level."""
        return self.levels_[-1]

    def transform(self, X: Any) -> Any:
        """Return the last level's predictions for new rows.

        They are averages over the fold estimators at each level, or those of the estimators refitted on all
        rows where these were (``refit=True``; one that nobody reads was not). For the training rows they
        would be in-sample: use `fit_transform` or ``oof_.meta_train`` there.

        Parameters
        ----------
        X : array-like with m rows
            New rows.

        Returns
        -------
        (m, k) array
        """
        check_is_fitted(self)
        return self.top_.transform(self._check_X(X, reset=False)).to_numpy(copy=True)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, and return the last level's out-of-fold predictions of the training rows.

        It is not ``fit(X, y).transform(X)``, whose predictions would be in-sample. Rows that no fold
        holds out are NaN.

        Parameters
        ----------
        X, y, **fit_params
            As in `fit`.

        Returns
        -------
        (n, k) array
        """
        return self.fit(X, y, **fit_params).oof_.meta_train.to_numpy(copy=True)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns of `transform`: ``<estimator>`` or ``<estimator>__<class>``.

        Parameters
        ----------
        input_features : ignored
            For scikit-learn.

        Returns
        -------
        (k,) array of str
        """
        check_is_fitted(self)
        return np.asarray(self.oof_.column_names, dtype=object)

    def count_fits(self, n_splits: int = 5) -> list[int]:
        """Return how many fits of base estimators each level takes, with so many folds for all levels.

        Parameters
        ----------
        n_splits : int
            The number of folds.

        Returns
        -------
        list of int
            From the first level to the last; nested levels multiply what is below them. With ``refit=True``
            it is what they take at most: whom nobody reads is not refitted.
        """
        return count_fits(levels_in(self.levels), n_splits, self.refit)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return who gets what, when scikit-learn's metadata routing is switched on.

        Returns
        -------
        MetadataRouter
        """
        router = router_of(self)
        for name, estimator in self._all_members(levels_in(self.levels)):
            router.add(**{name: estimator}, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        add_final(router, FINAL, self._final_estimator())
        if not isinstance(self.cv, Folds):
            split = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=check_cv(self.cv), method_mapping=split)
        return router

    def state_for_prediction(self) -> dict[str, Any]:
        """Return the attributes with which new rows are predicted, without tables of the training rows."""
        if not hasattr(self, "top_"):
            return dict(vars(self))
        memo: dict[int, Any] = {}
        return vars(self) | {
            "top_": for_prediction(self.top_, memo),
            "levels_": [for_prediction(oof, memo) for oof in self.levels_],
        }

    @property
    def _last(self) -> OutOfFold:
        return self.levels_[-1]

    def _final_table(self, X: Any) -> Any:
        X = self._check_X(X, reset=False)
        unread = self._unread()
        if unread:
            self._check_finite(X)
        meta = self.top_.transform(X, unread)
        return level_features(self.passthrough, meta, X, is_combiner(self.final_estimator_))

    def _unread(self) -> set[str]:
        """The estimators of the last level to which the final one gives no weight."""
        return unused_estimators(self.final_estimator_, self.oof_)

    def _settings(self) -> RunConfig:
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

    def _fit_params(
        self, levels: list[Level], final: Any, sample_weight: Any, groups: Any, *others: Any
    ) -> list[Any]:
        """Return for each level what its estimators' fits get, and last what the final one's gets."""
        members = self._all_members(levels)
        params = route_fit_params(self, [*members, (FINAL, final)], sample_weight, groups, *others)
        concerned = members if self._scales_weights else [*members, (FINAL, final)]
        warn_of_scale(concerned, params, sample_weight)
        of_levels: list[Any] = [
            {name: params[f"level_{number}__{name}"] for name, _ in level.members}
            for number, level in enumerate(levels, start=1)
        ]
        return [*of_levels, params[FINAL]]

    def _check_weights(self, X: Any = None) -> None:
        levels = levels_in(self.levels)
        readers = [
            *((level.members, level.passthrough) for level in levels),
            ([(FINAL, self.final_estimator)], self.passthrough),
        ]
        below: list[str] | None = None
        for members, passthrough in readers:
            for _, reader in members:
                if below is None or (X is None and passthrough is not False):
                    validate_weights(reader)
                else:
                    passed = None if passthrough is False else select_columns(passthrough, X)
                    validate_weights(reader, below, passed)
            below = [name for name, _ in members]

    def _check_names(self, levels: list[Level], target: Target, X: Any) -> None:
        """Raise where a column of X that is passed through is called as a meta-feature beside it."""
        passed = [*(level.passthrough for level in levels[1:]), self.passthrough]
        for level, passthrough in zip(levels, passed, strict=True):
            if passthrough is not False:
                seen = select_columns(passthrough, X)
                check_no_common_names(level.members, self.stack_method, target, seen)

    def _sk_visual_block_(self) -> Any:
        blocks = [
            visual_block(
                "parallel", [estimator for _, estimator in level.members], [n for n, _ in level.members]
            )
            for level in levels_in(self.levels)
        ]
        final = self._default_final() if self.final_estimator is None else self.final_estimator
        return visual_block("serial", [*blocks, visual_block("parallel", [final], [FINAL])])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        first = next(iter(self._named_levels().values()), None)
        members = [] if first is None else first.members
        known = [own for _, one in members if (own := tags_of(one)) is not None]
        if known:
            tags.input_tags.allow_nan = all(tag.input_tags.allow_nan for tag in known)
            tags.input_tags.sparse = all(tag.input_tags.sparse for tag in known)
        return tags
