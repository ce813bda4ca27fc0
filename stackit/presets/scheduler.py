"""The scheduler: scouts, then waves of members on all folds, then repeats, until the time is up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from stackit.estimators.prediction import PredictionSpec
from stackit.presets.blended_members import BlendedMembers, blend_members
from stackit.presets.checkpoint import Checkpoint
from stackit.presets.member_record import MemberRecord
from stackit.presets.plan import Plan
from stackit.presets.priority import by_gain_per_second
from stackit.presets.reporter import Reporter
from stackit.presets.scout_facts import ScoutFacts
from stackit.presets.scouts import ScoutPhase
from stackit.presets.waves import makespan, next_wave
from stackit.results.estimator_result import EstimatorResult
from stackit.results.oof import OutOfFold

__all__ = ["Scheduler"]

SPARE = 0.15  # seconds at the end, besides the blend
BLEND_CAUTION = 1.3
FEWEST_TIMED = 3  # members of a blend from which its seconds say what more of them will take
SECONDS_PER_CELL = 5e-6  # of a blend, per row, class and member, before one has been timed
MOST_FOR_BLENDS = 0.05  # of the time since the last blend: what refreshing it may cost
N_WAVES = 8  # about how many waves there are time for
EARLY = 0.05  # of the time limit: when scouts are saved, before any member is finished
EARLY_SECONDS = 10.0  # the same where there is no limit
MOST_PACE = 3.0
UNLIMITED_WAVE = 30.0  # seconds of a wave where there is no limit


class Scheduler:
    """Trains the members of a portfolio as far as the time goes, and blends them.

    Parameters
    ----------
    plan : Plan
        The data, the folds and the clock.
    records : list of MemberRecord
        The members, the most valuable first.
    facts : ScoutFacts
        The rounds that earlier runs have found.
    checkpoint : Checkpoint
        Keeps each new blend in the store.
    reporter : Reporter
        Shows the progress.
    """

    def __init__(
        self,
        plan: Plan,
        records: Sequence[MemberRecord],
        facts: ScoutFacts,
        checkpoint: Checkpoint,
        reporter: Reporter,
    ) -> None:
        self.plan, self.records = plan, [*records]
        self.facts, self.checkpoint, self.reporter = facts, checkpoint, reporter
        self.best: BlendedMembers | None = None
        self._blended: tuple[tuple[str, ...], ...] = ()
        self._blend_seconds = 0.0
        self._blended_at = 0.0
        self._keeps_scouts = False
        self._pace = 1.0  # how many times longer fits take than their scouts promised

    def run(self) -> BlendedMembers:
        """Return the blend of all that was finished in time."""
        ScoutPhase(self.plan, self.facts, self.reporter, self._keep_scouts).send(self.records)
        known = [record for record in self.records if record.is_known]
        if not known:
            raise self._nothing_finished()
        run, _ = self.plan.scout_run()
        ordered = by_gain_per_second(
            known, self.plan.data.target, run.folds.splits[0][1], self.plan.config.scoring, self._n_fits
        )
        self._fit_in_waves(ordered, 0)
        while self.plan.can_repeat and self._repeat():
            pass
        self._refresh()
        if self.best is None:
            self.best = self._blend_of_scouts(known)
        return self.best

    @property
    def _n_fits(self) -> int:
        return len(self.plan.folds.splits)

    def _fit_in_waves(self, waiting: list[MemberRecord], repeat: int) -> None:
        """Fit members on all folds of a repeat, as many as there is time for."""
        plan, clock = self.plan, self.plan.clock
        longest = clock.limit / N_WAVES if clock.is_limited else UNLIMITED_WAVE
        while waiting:
            target = longest if self.best else 0.0  # the first wave is short: then there is a blend
            wave = waiting[:1]
            for _ in range(2):  # the blend at the end takes longer for more members
                left = clock.left(self._reserve(len(wave))) / self._pace
                wave = next_wave(waiting, self._n_fits, plan.workers, left, target / self._pace)
            if not wave:
                break
            self._fit(wave, repeat)
            waiting = [record for record in waiting if record not in wave]
            self._refresh_if_cheap()
        for record in waiting if repeat == 0 else ():
            needed = makespan([record.fit_seconds] * self._n_fits, plan.workers)
            record.left_out = f"all its folds take about {needed:.0f} s, and less was left"
            record.is_late = True

    def _fit(self, wave: list[MemberRecord], repeat: int) -> None:
        """Fit members on all folds of a repeat that their scouts have not done."""
        plan, run = self.plan, self.plan.run(repeat)
        by_name = {record.name: record for record in wave}
        is_scouted = repeat == 0 and plan.scout_run()[0] is run
        splits = range(1 if is_scouted else 0, self._n_fits)
        estimators = [(record.name, record.final(plan.shape)) for record in wave]
        self.reporter.phase(", ".join(by_name), len(wave) * len(splits))
        expected = spent = 0.0
        for result in plan.fit(run, estimators, splits, reserve=self._reserve(len(wave))):
            self.reporter.advance(result.name)
            record = by_name[result.name]
            if result.error is None:
                record.seconds.append(result.seconds)
                expected, spent = expected + record.fit_seconds, spent + result.seconds
            elif repeat == 0:
                record.fail(result.error)
        if expected:
            self._pace = min(MOST_PACE, max(1 / MOST_PACE, spent / expected))

    def _repeat(self) -> bool:
        """Fit the members that the blend uses on other folds; return whether any were finished."""
        self._refresh()
        if self.best is None:
            return False
        weights = self.best.blend.weights
        used = [record for record in self.records if weights.get(record.name)]
        repeat = len(self.plan.runs)
        self._fit_in_waves(sorted(used, key=lambda one: -weights[one.name]), repeat)
        return self.plan.run(repeat).result() is not None

    def _reserve(self, n_more: int) -> float:
        """Return the seconds that the last blend is expected to take, with so many more members."""
        if not self.plan.clock.is_limited:
            return 0.0
        n_known = len(self._blended[0]) if self._blended else 0
        target = self.plan.data.target
        if n_known >= FEWEST_TIMED:
            each = self._blend_seconds / n_known
        else:
            each = SECONDS_PER_CELL * len(target.codes) * max(0.2, len(target.classes))
        return SPARE + BLEND_CAUTION * each * (n_known + n_more)

    def _refresh_if_cheap(self) -> None:
        """Blend again, unless that takes too much of the time since the last blend."""
        elapsed = self.plan.clock.spent() - self._blended_at
        if self._blend_seconds <= MOST_FOR_BLENDS * elapsed:
            self._refresh()

    def _refresh(self) -> None:
        """Blend all members that are finished, if there are new ones."""
        runs = [oof for run in self.plan.runs if (oof := run.result()) is not None]
        finished = tuple(tuple(oof) for oof in runs)
        if not runs or finished == self._blended:
            return
        started = self.plan.clock.spent()
        self.best = self._blend([self._in_order(oof) for oof in runs])
        self._blended, self._blended_at = finished, self.plan.clock.spent()
        self._blend_seconds = self._blended_at - started
        self.reporter.score = self.best.blend.score
        self.checkpoint.keep(self.best)

    def _in_order(self, oof: OutOfFold) -> OutOfFold:
        """Return the members in the order of the portfolio: results do not depend on what was first."""
        return replace(oof, results={one.name: oof[one.name] for one in self.records if one.name in oof})

    def _blend(self, runs: list[OutOfFold]) -> BlendedMembers:
        return blend_members(
            runs,
            {record.name: record.member.family for record in self.records},
            {record.name for record in self.records if record.member.calibrated},
            scoring=self.plan.config.scoring,
            seed=self.plan.config.seed or 0,
        )

    def _keep_scouts(self) -> None:
        """Save a blend of the scouts so far, early in the run: a killed run shall leave something usable."""
        early = EARLY * self.plan.clock.limit if self.plan.clock.is_limited else EARLY_SECONDS
        if self.checkpoint.path is not None and not self._keeps_scouts and self.plan.clock.spent() > early:
            self._keeps_scouts = True
            self.checkpoint.keep(self._blend_of_scouts([one for one in self.records if one.is_known]))

    def _blend_of_scouts(self, known: list[MemberRecord]) -> BlendedMembers:
        """Return the blend of the scouts, by the rows of the one fold that they held out."""
        run, _ = self.plan.scout_run()
        folds = replace(run.folds, splits=run.folds.splits[:1])
        results = {
            record.name: EstimatorResult(
                PredictionSpec.of(record.name, run.data.target.type),
                [record.scout.held_out],
                [record.scout.estimator],
                [record.scout.seconds],
            )
            for record in known
            if record.scout is not None and record.scout.held_out is not None
        }
        oof = OutOfFold(
            folds=folds,
            target=run.data.target,
            results=results,
            sample_weight=run.data.sample_weight,
            scoring=self.plan.config.scoring,
        )
        return self._blend([oof])

    def _nothing_finished(self) -> Exception:
        clock = self.plan.clock
        if any(record.is_late for record in self.records):
            return TimeoutError(
                f"No member was fitted on the first fold within time_limit={clock.given:g} seconds. Pass a "
                f"time_limit of {math.ceil(4 * clock.spent())} or more."
            )
        first = next(iter(self.records), None)
        reason = f"; the first one, {first.name!r}: {first.left_out}" if first is not None else ""
        return RuntimeError(f"No member could be fitted{reason}. Check the table.")
