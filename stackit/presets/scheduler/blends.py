"""The blends of a run: refreshed as members are finished, timed, and kept in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stackit.engine.fold_run import FoldRun
from stackit.engine.task import TaskResult
from stackit.estimators.prediction import PredictionSpec
from stackit.presets.blend.blended_members import BlendedMembers, Calibrations, blend_members
from stackit.presets.scheduler.checkpoint import Checkpoint
from stackit.presets.scheduler.member_record import MemberRecord
from stackit.presets.scheduler.plan import Plan
from stackit.presets.scheduler.reporter import Reporter
from stackit.results.estimator_result import EstimatorResult
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.results.oof import OutOfFold

__all__ = ["Blends"]

SPARE = 0.15  # seconds at the end, besides the blend
CAUTION = 1.3
FEWEST_TIMED = 3  # members of a blend from which its seconds say what more of them will take
FIXED, SECONDS_PER_CELL = 0.3, 1.5e-6  # of a blend before one has been timed, per row, class and member
MOST_AT_THE_END = 0.1  # of the time limit, for the last blend; more members than fit into it are left out
MOST_FOR_BLENDS = 0.05  # of the time since the last blend: what refreshing it may cost


class Blends:
    """The last blend of a run in `best`, and what the next one will cost."""

    def __init__(
        self, plan: Plan, records: Sequence[MemberRecord], checkpoint: Checkpoint, reporter: Reporter
    ) -> None:
        self.plan, self.records, self.checkpoint, self.reporter = plan, records, checkpoint, reporter
        self.best: BlendedMembers | None = None
        self._members: tuple[tuple[str, ...], ...] = ()  # those of each repeat that are blended
        self._seconds = self._last = 0.0
        self._n_timed = 0
        self._has_kept_scouts = False
        self._calibrations: Calibrations = {}

    def reserve(self, n_more: int) -> float:
        """Return the seconds to keep for the last blend, with so many more members than the one before."""
        if not self.plan.clock.is_limited:
            return 0.0
        n_known = len(self._members[0]) if self._members else 0
        return min(SPARE + CAUTION * self._cost(n_known + n_more), MOST_AT_THE_END * self.plan.clock.limit)

    def _cost(self, n_members: int) -> float:
        """Return the seconds that a blend of so many members is expected to take."""
        if self._n_timed >= FEWEST_TIMED:
            return self._seconds * n_members / self._n_timed
        target = self.plan.data.target
        return FIXED + SECONDS_PER_CELL * len(target.codes) * max(1, len(target.classes)) * n_members

    def _most_members(self, n_members: int) -> int:
        """Return how many members can be blended in the seconds that are left."""
        left = self.plan.clock.left(SPARE)
        return next((n for n in range(n_members, 1, -1) if self._cost(n) <= left), 1)

    def refresh_if_cheap(self) -> None:
        """Blend again, unless that will take too much of the time since the last blend."""
        finished = self.plan.run(0).result()
        since = self.plan.clock.spent() - self._last
        if self.best is None or (finished and self._cost(len(finished)) <= MOST_FOR_BLENDS * since):
            self.refresh()

    def refresh(self) -> None:
        """Blend all members that are finished, if there are new ones."""
        runs = [oof for run in self.plan.runs if (oof := run.result()) is not None]
        members = tuple(tuple(oof) for oof in runs)
        if not runs or members == self._members:
            return
        started, most = self.plan.clock.spent(), self._most_members(len(members[0]))
        self.best = self._blend([self._in_order(oof) for oof in runs], self._calibrations, most)
        self._members, self._last = members, self.plan.clock.spent()
        self._seconds, self._n_timed = self._last - started, min(most, len(members[0]))
        self.reporter.blended(self.best.blend.score)
        self.checkpoint.keep(self.best)

    def of_scouts(self) -> BlendedMembers:
        """Return the blend of the scouts, by the rows of the one fold that they held out."""
        run, _ = self.plan.scout_run
        results = {
            record.name: EstimatorResult(
                PredictionSpec.of(record.name, run.data.target.type),
                [scout.held_out],
                _estimators_of(scout, run),
                [scout.seconds],
            )
            for record in self.records
            if (scout := record.scout) is not None and scout.held_out is not None
        }
        oof = OutOfFold(
            folds=replace(run.folds, splits=run.folds.splits[:1]),
            target=run.data.target,
            results=results,
            sample_weight=run.data.sample_weight,
            scoring=self.plan.config.scoring,
        )
        return self._blend([oof])

    def keep_scouts(self) -> None:
        """Save a blend of the scouts, once early in the run: if it is killed, there is something to load."""
        if self.checkpoint.is_due and not self._has_kept_scouts:
            self._has_kept_scouts = True
            self.checkpoint.keep(self.of_scouts())

    def _in_order(self, oof: OutOfFold) -> OutOfFold:
        """Return the members in the order of the portfolio: results do not depend on what was first."""
        return replace(oof, results={one.name: oof[one.name] for one in self.records if one.name in oof})

    def _blend(
        self, runs: list[OutOfFold], calibrations: Calibrations | None = None, most: int | None = None
    ) -> BlendedMembers:
        return blend_members(
            runs,
            {record.name: record.member.family for record in self.records},
            {record.name for record in self.records if record.member.calibrated},
            scoring=self.plan.config.scoring,
            seed=self.plan.config.seed or 0,
            calibrations=calibrations,
            most=most,
        )


def _estimators_of(scout: TaskResult, run: FoldRun) -> LazyFoldEstimators:
    """Return the estimator of a scout, which is fitted again where a store had its predictions alone."""

    def fit(_: list[int]) -> list[Any]:
        return [again.estimator for again in run.fit_again(scout.name, [scout.split])]

    return LazyFoldEstimators([scout.estimator], fit)
