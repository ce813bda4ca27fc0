"""What the presets for classes and for numbers have in common: fit within a time limit, and its results."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from stackit.arrays import Floats
from stackit.assess.suspicion import warn_of_suspects
from stackit.engine.memory import memory_limit
from stackit.engine.run_config import RunConfig, seed_from
from stackit.engine.training_data import TrainingData
from stackit.ensemble.saving import SavingMixin
from stackit.estimators.callbacks import CallbackSupportMixin, FitCallbacks
from stackit.estimators.scoring import Scoring, scorer_of
from stackit.notebook import EstimatorDisplayMixin, Section
from stackit.persistence.container import save_ensemble
from stackit.presets.blend.blend import Blend
from stackit.presets.blend.blended_members import BlendedMembers
from stackit.presets.leaderboard import leaderboard, leaderboard_rows, left_out_row
from stackit.presets.members.shape import TableShape
from stackit.presets.portfolio import PRESETS, left_out, portfolio
from stackit.presets.scheduler.blends import Blends
from stackit.presets.scheduler.checkpoint import Checkpoint
from stackit.presets.scheduler.clock import Clock
from stackit.presets.scheduler.member_record import MemberRecord
from stackit.presets.scheduler.plan import Plan
from stackit.presets.scheduler.reporter import Reporter, columns_in_words
from stackit.presets.scheduler.scheduler import Scheduler
from stackit.presets.scheduler.scout_facts import ScoutFacts
from stackit.presets.scheduler.scouts import Scouts
from stackit.presets.scoring_check import check_scoring
from stackit.presets.sections import tabular_sections
from stackit.progress import observer_for
from stackit.results.oof import OutOfFold
from stackit.store import Store
from stackit.tables import TableReader, detect_scoring, detect_task
from stackit.validation import invalid_value, is_number

__all__ = ["TabularStack"]

N_REPEATS = ((1_000, 3), (3_000, 2))  # below so many rows, "best" deals them into folds so often
REPEATS_IN_TIME = 2  # where a time limit leaves time, and the rows are more


class TabularStack(EstimatorDisplayMixin, CallbackSupportMixin, SavingMixin):  # type: ignore[misc]
    """What the presets for classes and for numbers have in common."""

    def __init__(  # noqa: PLR0913 - the options of a preset, all but two by keyword
        self,
        preset: str = "best",
        time_limit: float | None = None,
        scoring: Scoring = None,
        cv: Any = None,
        categories: Any = None,
        n_jobs: int | None = -1,
        random_state: Any = 0,
        store: Store | None = None,
        verbose: int = 1,
    ) -> None:
        self.preset = preset
        self.time_limit = time_limit
        self.scoring = scoring
        self.cv = cv
        self.categories = categories
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.store = store
        self.verbose = verbose

    def fit(self, X: Any, y: Any, groups: Any = None, sample_weight: Any = None, X_test: Any = None) -> Self:
        """Train the members of the preset and their blend within the time limit.

        Parameters
        ----------
        X : data frame, array or list of n rows
            Raw columns: numbers, strings, categories, booleans, dates, text, with gaps.
        y : (n,) array-like
            The target.
        groups : (n,) array-like, optional
            Rows of a group are held out together.
        sample_weight : (n,) array-like, optional
            The weights of the rows, in fits and in scores.
        X_test : like X, with m rows, optional
            New rows: each fit predicts them as soon as it is done, for ``test_members_``. A store keeps these
            predictions too.

        Returns
        -------
        self

        Raises
        ------
        TimeoutError
            When not one member can be fitted once within the time limit.
        ValueError
            When the table, the target or a parameter cannot be used.
        """
        clock = Clock(self.time_limit)
        self._check_parameters()
        with FitCallbacks.of(self, X, y, sample_weight) as callbacks, observer_for(self.verbose) as observer:
            plan = self._plan(X, y, groups, sample_weight, X_test, clock, callbacks)
            reporter = Reporter(clock, observer)
            self._train(plan, reporter)
            self._say_result(reporter)
        return self

    def predict_blend(self, X: Any) -> Floats:
        """Return the blend of the members for raw rows: (m, n_classes) probabilities or (m,) numbers."""
        check_is_fitted(self)
        return self._members.predict(self._reader.transform(X))

    @property
    def columns_(self) -> pd.DataFrame:
        """One row per raw column: its kind, and why it is left out."""
        check_is_fitted(self)
        table: pd.DataFrame = self._reader.columns_
        return table

    @property
    def leaderboard_(self) -> pd.DataFrame:
        """One row per member, the best first: score, standard error, weight, seconds, why it was left out."""
        check_is_fitted(self)
        return leaderboard(self._rows)

    @property
    def blend_(self) -> Blend:
        """How the members are blended: the combiner, its weights and its cross-fitted score."""
        check_is_fitted(self)
        return self._members.blend

    @property
    def oof_(self) -> OutOfFold:
        """The out-of-fold predictions of the members."""
        check_is_fitted(self)
        return self._members.runs[0]

    @property
    def oof_members_(self) -> dict[str, Floats]:
        """The out-of-fold predictions of the members as they are blended: calibrated, averaged over repeats.

        They are (n, n_classes), or (n,) for regression; NaN in rows that no fold holds out.
        """
        check_is_fitted(self)
        members = self._members
        return {name: members.on_all_rows(oof) for name, oof in members.oof.items()}

    @property
    def oof_blend_(self) -> Floats:
        """The out-of-fold predictions of the blend, which is cross-fitted, in the form of `oof_members_`."""
        check_is_fitted(self)
        return self._members.on_all_rows(self._members.blend.oof)

    @property
    def test_members_(self) -> dict[str, Floats] | None:
        """The predictions of `X_test` by the members, like `oof_members_`; None without `X_test`."""
        check_is_fitted(self)
        found = self._members.test()
        return None if found is None else self._flat(found)

    def predict_members(self, X: Any, names: Collection[str] | None = None) -> dict[str, Floats]:
        """Return the predictions of members, as they are blended.

        Parameters
        ----------
        X : data frame, array or list of m rows
            Raw columns.
        names : collection of str, optional
            The members, of those in `oof_members_`. Default: those that the blend uses; a stack that was
            loaded has no others.

        Returns
        -------
        dict of str to (m, n_classes) array, or (m,) for regression
        """
        check_is_fitted(self)
        return self._flat(self._members.predict_members(self._reader.transform(X), names))

    def _flat(self, predictions: dict[str, Floats]) -> dict[str, Floats]:
        """Return predictions of numbers as (n,) arrays, and those of classes as they are."""
        is_flat = self._target_type.kind == "regression"
        return {name: table.reshape(len(table)) if is_flat else table for name, table in predictions.items()}

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of predictions of new rows, by the metric that the stack was trained for.

        Parameters
        ----------
        X : data frame, array or list of m rows
            Raw columns.
        y : (m,) array-like
            The target.
        sample_weight : (m,) array-like, optional
            The weights of the rows.

        Returns
        -------
        float
            Higher is better, as in scikit-learn.
        """
        check_is_fitted(self)
        scorer = scorer_of(self._scoring, self._target_type)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(scorer(self, X, y, **weights))

    def without_times(self) -> Self:
        """Return a copy that does not say how long its fits took: those of equal runs are equal."""
        check_is_fitted(self)
        copy = self.__copy__()
        copy.seconds_, copy._members = math.nan, self._members.without_times()
        copy._rows = [{**row, "seconds": None} for row in self._rows]
        return copy

    def state_for_prediction(self) -> dict[str, Any]:
        """Return the attributes that predict new rows, without tables of the training rows."""
        state = dict(vars(self))
        if "_members" in state:
            state["_members"] = self._members.for_prediction()
        return state

    def display_sections(self) -> list[Section]:
        """Return what notebooks show below the diagram: leaderboard, folds, columns; nothing before fit."""
        if not self.__sklearn_is_fitted__():
            return []
        title = f"{self._scoring_name} {self.score_:.5g} (standard error {self.blend_.sem:.2g})"
        return tabular_sections(title, self.leaderboard_, self.blend_, self.oof_, self.columns_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_members")

    def _plan(
        self,
        X: Any,
        y: Any,
        groups: Any,
        sample_weight: Any,
        X_test: Any,
        clock: Clock,
        callbacks: FitCallbacks,
    ) -> Plan:
        """Read the table and the target, and set the fitted attributes that they alone decide."""
        reader = TableReader(self.categories)
        frame = reader.fit_transform(X)
        classify = isinstance(self, ClassifierMixin)
        task = detect_task(y, len(frame), "classification" if classify else "regression")
        tested = None if X_test is None else reader.transform(X_test)
        data = TrainingData.of(frame, y, sample_weight, groups, tested, classify=classify)
        target = data.target
        validate_data(self, X=X, reset=True, skip_check_array=True)
        self._reader, self._target_type = reader, target.type
        self._scoring = detect_scoring(self.scoring, task.kind)
        check_scoring(self._scoring, target, data.sample_weight)
        warn_of_suspects(frame, target, reader.records_)
        self._detected = task.sentence.replace(f"scored by {task.scoring}", f"scored by {self._scoring_name}")
        if classify:
            self.classes_ = target.classes
        config = RunConfig(
            n_jobs=self.n_jobs,
            on_error="skip",
            seed=seed_from(self.random_state),
            scoring=self._scoring,
            store=self.store,
            callbacks=callbacks,
        )
        shape = TableShape.of(data.X, len(target.classes), memory_limit())
        return Plan(data, shape, self.cv, config, clock, self._n_repeats(shape.n_rows))

    def _n_repeats(self, n_rows: int) -> int:
        """Return how often the rows are dealt into folds at most: more often where there is time for it."""
        if self.preset != "best":
            return 1
        few = next((n for below, n in N_REPEATS if n_rows < below), 1)
        return few if self.time_limit is None else max(few, REPEATS_IN_TIME)

    def _train(self, plan: Plan, reporter: Reporter) -> None:
        plan.on_start = reporter.begin
        records = [MemberRecord(member) for member in portfolio(self.preset, plan.shape)]
        reporter.say(
            f"{self._detected} {plan.shape.n_rows} rows; {columns_in_words(self._reader.records_)}; "
            f"{len(plan.folds.splits)} folds; {len(records)} members."
        )
        reporter.members([record.name for record in records], len(plan.folds.splits))
        for name, reason in left_out(self.preset, plan.shape).items():
            reporter.leave_out(name, reason)
        facts = ScoutFacts.of_run(self.store, plan.data, plan.folds)
        checkpoint = Checkpoint(
            self.store, plan.clock, lambda best, path: self._save_with(best, records, path)
        )
        blends = Blends(plan, records, checkpoint, reporter)
        scouts = Scouts(plan, facts, reporter, blends.keep_scouts)
        try:
            self._members = Scheduler(plan, records, scouts, blends, reporter).run()
        finally:
            checkpoint.close()
        self._rows = leaderboard_rows(records, self._members) + [
            left_out_row(name, reason) for name, reason in left_out(self.preset, plan.shape).items()
        ]
        self.score_ = self._members.blend.score

    def _say_result(self, reporter: Reporter) -> None:
        self.seconds_ = reporter.clock.spent()
        used = f"{len(self._members.used)} of {len(self._rows)} members"
        reporter.say(
            f"{self._scoring_name} {self.score_:.5g} (standard error {self.blend_.sem:.2g}) in "
            f"{self.seconds_:.1f} s; {used}, blended by: {self.blend_.name}."
        )

    def _save_with(self, members: BlendedMembers, records: list[MemberRecord], path: Path) -> None:
        """Write a stack with these members to a file."""
        stack = self.__copy__()
        stack._members, stack._rows = members, leaderboard_rows(records, members)
        stack.score_, stack.seconds_ = members.blend.score, float("nan")
        save_ensemble(stack, path)

    def _check_parameters(self) -> None:
        if not isinstance(self.preset, str) or self.preset not in PRESETS:
            raise invalid_value(
                "preset", f"one of {', '.join(PRESETS)}", f"preset={self.preset!r}", "Pass 'best'"
            )
        limit = self.time_limit
        if limit is not None and not (is_number(limit) and limit > 0):
            raise invalid_value(
                "time_limit", "a number of seconds above 0, or None", f"time_limit={limit!r}", "Pass 120"
            )

    @property
    def _scoring_name(self) -> str:
        return self._scoring if isinstance(self._scoring, str) else "a scorer of yours"
