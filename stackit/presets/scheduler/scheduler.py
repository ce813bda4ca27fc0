"""The scheduler: scouts, then waves of members on all folds, then repeats, until the time is up."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from stackit.presets.blend.blended_members import BlendedMembers
from stackit.presets.scheduler.blends import Blends
from stackit.presets.scheduler.member_record import MemberRecord, seconds_of
from stackit.presets.scheduler.plan import Plan
from stackit.presets.scheduler.priority import by_gain_per_second
from stackit.presets.scheduler.reporter import Reporter
from stackit.presets.scheduler.scouts import Scouts
from stackit.presets.scheduler.waves import makespan, next_wave

__all__ = ["Scheduler"]

N_WAVES = 8  # about how many waves there are time for
UNLIMITED_WAVE = 30.0  # seconds of a wave where there is no limit
MOST_PACE = 3.0
# Below so many rows, on how many folds the members find their rounds: a tenth of few rows is a poor judge.
FEW_ROWS, N_SCOUTED = 5_000, 3
FIRST = 0.3  # of the time left: the best member that takes no more is the first, so that a blend has it


class Scheduler:
    """Trains the members of a portfolio as far as the time goes, and blends them.

    Parameters
    ----------
    plan : Plan
        The data, the folds and the clock.
    records : list of MemberRecord
        The members, the most valuable first.
    scouts : Scouts
        Fits the first fold of members.
    blends : Blends
        Blends what is finished.
    reporter : Reporter
        Shows the progress.
    """

    def __init__(
        self,
        plan: Plan,
        records: Sequence[MemberRecord],
        scouts: Scouts,
        blends: Blends,
        reporter: Reporter,
    ) -> None:
        self.plan, self.records = plan, [*records]
        self.scouts, self.blends, self.reporter = scouts, blends, reporter
        self._begun: set[str] = set()  # the members that were fitted in waves
        self._pace = 1.0  # how many times longer fits take than their scouts promised

    def run(self) -> BlendedMembers:
        """Return the blend of all that was finished in time."""
        self.scouts.send(self.records)
        if not any(record.is_known for record in self.records):
            raise self._nothing_finished()
        self._fit_in_waves(self._ordered(), 0)
        while self.scouts.send_more(self.records, self.blends.reserve(1)):
            self._fit_in_waves(self._ordered(), 0)
        while self.plan.can_repeat and self._repeat():
            pass
        self.blends.refresh()
        self._explain_unfinished()
        return self.blends.best or self.blends.of_scouts()

    @property
    def _n_fits(self) -> int:
        return len(self.plan.folds.splits)

    def _ordered(self) -> list[MemberRecord]:
        """Return the members with scouts that wait for their other folds, in the order of their worth."""
        run, _ = self.plan.scout_run
        known = [record for record in self.records if record.is_known]
        return by_gain_per_second(
            [record for record in known if record.name not in self._begun],
            [record for record in known if record.name in self._begun],
            self.plan.data.target,
            run.folds.splits[0][1],
            self.plan.config.scoring,
            self._n_fits,
            FIRST * self.plan.clock.left() * self.plan.workers,
        )

    def _fit_in_waves(self, waiting: list[MemberRecord], repeat: int) -> None:
        """Fit members on all folds of a repeat, as many as there is time for."""
        plan, clock = self.plan, self.plan.clock
        longest = clock.limit / N_WAVES if clock.is_limited else UNLIMITED_WAVE
        while waiting:
            target = longest if self.blends.best else 0.0  # the first wave is short: then there is a blend
            wave = waiting[:1]
            for _ in range(2):  # the blend at the end takes longer for more members
                left = clock.left(self.blends.reserve(len(wave))) / self._pace
                wave = next_wave(waiting, self._n_fits, plan.workers, left, target / self._pace)
            if not wave:
                return
            self._fit(wave, repeat)
            waiting = [record for record in waiting if record not in wave]
            self.blends.refresh_if_cheap()

    def _fit(self, wave: list[MemberRecord], repeat: int) -> None:
        """Fit members on all folds of a repeat that their scouts have not done."""
        plan = self.plan
        names = [record.name for record in wave]
        self._begun |= {*names}
        self.reporter.expected_end = plan.clock.spent() + self._seconds_left(wave, repeat)
        self.reporter.stage(f"repeat {repeat + 1}" if repeat else "folds", names, self._n_fits, repeat)
        if repeat:
            self._run(wave, range(self._n_fits), repeat)
            return
        first = 0 if plan.scout_run[0] is not plan.run(0) else 1  # the fold of which nothing is done yet
        n_scouted = min(self._n_scouted, self._n_fits)
        if first == n_scouted:
            self._run(wave, range(first, self._n_fits))
            return
        in_rounds = [record for record in wave if record.member.rounds is not None]
        self._run(in_rounds, range(first, n_scouted), is_scouting=True)
        self._run(in_rounds, range(n_scouted, self._n_fits))
        self._run([record for record in wave if record not in in_rounds], range(first, self._n_fits))

    @property
    def _n_scouted(self) -> int:
        """The number of folds on which a member stops early: the rounds of one differ where rows are few."""
        return N_SCOUTED if self.plan.shape.n_rows < FEW_ROWS else 1

    def _run(
        self, wave: list[MemberRecord], splits: Collection[int], repeat: int = 0, is_scouting: bool = False
    ) -> None:
        """Fit members on some splits; note how long each took, and the rounds of scouts."""
        plan, by_name = self.plan, {record.name: record for record in wave if record.left_out is None}
        if not by_name or not splits:
            return
        estimators = [
            (name, record.member.scout(plan.shape) if is_scouting else record.final(plan.shape))
            for name, record in by_name.items()
        ]
        expected = spent = 0.0
        reserve = self.blends.reserve(len(wave))
        run = plan.run(repeat)
        for result in plan.fit(run, estimators, splits, reserve=reserve):
            self.reporter.finish(result, run)
            record = by_name[result.name]
            if result.error is None:
                record.seconds.append(seconds_of(result))
                record.n_done += repeat == 0 and result.split > 0
                expected, spent = expected + record.fit_seconds, spent + seconds_of(result)
                if is_scouting:
                    self.scouts.keep_rounds(record, result, run)
            elif repeat == 0:
                record.fail(result.error)
                self.reporter.leave_out(record.name, record.left_out)
        if expected:  # that they took less is no promise for other members
            self._pace = min(MOST_PACE, max(1.0, spent / expected))

    def _repeat(self) -> bool:
        """Fit the members that the blend uses on other folds; return whether any were finished."""
        self.blends.refresh()
        if self.blends.best is None:
            return False
        weights = self.blends.best.blend.weights
        used = [record for record in self.records if weights.get(record.name)]
        for record in used:
            record.expect_as_measured()
        self._pace, repeat = 1.0, len(self.plan.runs)
        self._fit_in_waves(sorted(used, key=lambda one: -weights[one.name]), repeat)
        return len(self.plan.runs) > repeat and self.plan.run(repeat).result() is not None

    def _seconds_left(self, wave: Sequence[MemberRecord], repeat: int) -> float:
        """Return the seconds that the fits of a wave and all later ones are expected to take."""
        known = [record for record in self.records if record.is_known]
        of_all = self._n_fits * sum(record.fit_seconds for record in known)
        if repeat:
            to_do = (self.plan.n_repeats - repeat) * of_all
        else:
            waiting = [record for record in known if record in wave or record.name not in self._begun]
            to_do = (self._n_fits - 1) * sum(record.fit_seconds for record in waiting)
            to_do += (self.plan.n_repeats - 1) * of_all if self.plan.can_repeat else 0.0
        return self._pace * to_do / self.plan.workers

    def _explain_unfinished(self) -> None:
        """Say why members are not in the blend."""
        for record in self.records:
            if record.left_out is not None or record.n_done >= self._n_fits - 1:
                continue
            if record.scout is None:
                record.left_out = "there was no time for its first fold"
            elif record.n_done == 0:
                needed = makespan([record.fit_seconds] * self._n_fits, self.plan.workers)
                record.left_out = f"all its folds take about {needed:.0f} s, and less was left"
            else:
                record.left_out = "not all of its folds were finished in time"
            self.reporter.leave_out(record.name, record.left_out)

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
