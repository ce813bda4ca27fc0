"""Scouts: the first fold of each member tells its seconds, its score and its rounds."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Sequence
from importlib import import_module

from stackit.engine.fold_run import FoldRun
from stackit.engine.task import TaskResult
from stackit.presets.scheduler.member_record import SAMPLED, MemberRecord
from stackit.presets.scheduler.plan import Plan
from stackit.presets.scheduler.reporter import Reporter
from stackit.presets.scheduler.scout_facts import ScoutFacts

__all__ = ["Scouts"]

SHARE = 0.3  # of the time that is left, for all scouts together
MOST_OF_ONE = 0.7  # of the time that is left: a member all folds of which take longer is left out
LEAST = 0.03  # of the time limit that must be left to send more scouts
ENOUGH = 0.5  # of the time limit: where no scout came back before, the first one after this ends the phase
SLOW_IMPORTS = {"torch"}  # seconds, of one core
SHORT = 20.0  # seconds of a time limit that leave no time for such imports


class Scouts:
    """Fits the first fold of members, in the order of the portfolio, as far as a share of the time goes.

    A scout stops early on a tenth of its training rows. Its predictions of the rows held out are those of the
    first fold in the end, unless scouts are fitted on a sample. `after_each` is called after each scout.
    """

    def __init__(
        self, plan: Plan, facts: ScoutFacts, reporter: Reporter, after_each: Callable[[], None]
    ) -> None:
        self.plan, self.facts, self.reporter, self.after_each = plan, facts, reporter, after_each
        self.run, self.ratio = plan.scout_run

    def send(self, records: Sequence[MemberRecord]) -> None:
        """Send the scouts; where all of them are too slow, send them again with all of the time."""
        self._send_in_turn(records, SHARE)
        if not self.plan.clock.is_limited or any(record.is_known for record in records):
            return
        for record in records:
            if record.is_late:
                record.left_out, record.is_late = None, False
        self._send_in_turn(records, 1.0)
        for record in records:
            record.is_late = record.is_late or _waits(record)

    def send_more(self, records: Sequence[MemberRecord], reserve: float) -> bool:
        """Send the scouts for which there was no time, if there is some now; return whether any came back."""
        clock = self.plan.clock
        waiting = [record for record in records if _waits(record)]
        if not waiting or not clock.is_limited or clock.left(reserve) < LEAST * clock.limit:
            return False
        self._send_in_turn(waiting, SHARE)
        return any(record.is_known for record in waiting)

    def _send_in_turn(self, records: Sequence[MemberRecord], share: float) -> None:
        """Fit those first that need no library that takes seconds to import."""
        waiting = [record for record in records if _waits(record)]
        heavy = [record for record in waiting if record.member.requires in SLOW_IMPORTS - sys.modules.keys()]
        light = [record for record in waiting if record not in heavy]
        clock = self.plan.clock
        until = clock.spent() + share * clock.left()
        if clock.limit < SHORT:
            for record in heavy:
                record.left_out = f"importing {record.member.requires} takes too much of the time limit"
                self.reporter.leave_out(record.name, record.left_out)
            heavy = []
        libraries = {record.member.requires for record in heavy if record.member.requires}
        if light:
            # The workers go on while a thread imports; it has ended when more processes are forked.
            importing = threading.Thread(target=_import_all, args=(libraries,))
            self._fit(light, share, until, importing)
            if importing.ident is not None:
                importing.join()
        if heavy:
            self._fit(heavy, share, until)

    def _fit(
        self,
        records: Sequence[MemberRecord],
        share: float,
        until: float,
        meanwhile: threading.Thread | None = None,
    ) -> None:
        """Fit the scouts of some members until some seconds are spent, and take their facts."""
        plan, waiting = self.plan, {record.name: record for record in records}
        estimators = [(record.name, record.member.scout(plan.shape)) for record in records]
        names = [record.name for record in records]
        self.reporter.stage("first folds", names, sampled=self.run is not plan.run(0))
        results = plan.fit(
            self.run,
            estimators,
            [0],
            until=until - (0.0 if share < 1 else plan.first_reserve),
            task_seconds=None if share == 1 else self._most_seconds(),
        )
        for result in results:
            if meanwhile is not None and meanwhile.ident is None:
                meanwhile.start()
            self._take(waiting[result.name], result)
            if share == 1 and plan.clock.spent() > ENOUGH * plan.clock.limit:
                results.close()

    def _take(self, record: MemberRecord, result: TaskResult) -> None:
        self.reporter.finish(result, self.run)
        if result.error is not None:
            record.fail(result.error)
            self.reporter.leave_out(record.name, record.left_out)
            return
        record.keep_scout(result, self.plan.shape, self.ratio)
        self.keep_rounds(record, result, self.run)
        self.after_each()

    def keep_rounds(self, record: MemberRecord, result: TaskResult, run: FoldRun) -> None:
        """Take the rounds that a scout found, from its estimator or as an earlier run kept them."""
        if record.member.rounds is None:
            return
        split = result.split if run in self.plan.runs else SAMPLED
        rounds = self.facts.rounds_of(result.name, split)
        if rounds is None and result.estimator is None:
            (result,) = run.fit_again(result.name, [result.split])  # the store has lost what it found
        if result.estimator is not None:
            rounds = record.rounds_of(result.estimator, self.plan.shape)
        assert rounds is not None
        record.rounds[split] = rounds
        self.facts.keep(result.name, split, rounds)

    def _most_seconds(self) -> float | None:
        """Return the seconds of a scout beyond which all folds of a member take too much of the time."""
        plan = self.plan
        if not plan.clock.is_limited:
            return None
        return MOST_OF_ONE * plan.clock.left() * plan.workers / len(plan.folds.splits) / self.ratio


def _waits(record: MemberRecord) -> bool:
    return record.left_out is None and record.scout is None


def _import_all(libraries: Collection[str]) -> None:
    for library in libraries:
        import_module(library)
