"""Scouts: the first fold of each member tells its seconds, its score and its rounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stackit.presets.member_record import MemberRecord
from stackit.presets.plan import Plan
from stackit.presets.reporter import Reporter
from stackit.presets.scout_facts import ScoutFacts

__all__ = ["ScoutPhase"]

SHARE = 0.3  # of the time limit, for all scouts together
ENOUGH = 0.5  # of the time limit: where no scout came back before, the first one after this ends the phase
MOST_OF_ONE = 0.7  # of the time limit: a member all folds of which take longer is left out
SLOW_IMPORTS = {"torch"}  # seconds, of one core
SHORT = 20.0  # seconds of a time limit that leave no time for such imports


class ScoutPhase:
    """Fits the first fold of each member, in the order of the portfolio, as far as the time for scouts goes.

    A scout stops early on a tenth of its training rows. Its predictions of the rows held out are those of the
    first fold in the end, unless scouts are fitted on a sample. `after_each` is called after each scout.
    """

    def __init__(
        self, plan: Plan, facts: ScoutFacts, reporter: Reporter, after_each: Callable[[], None]
    ) -> None:
        self.plan, self.facts, self.reporter, self.after_each = plan, facts, reporter, after_each
        self.run, self.ratio = plan.scout_run()

    def send(self, records: Sequence[MemberRecord]) -> None:
        """Send the scouts; where all of them are too slow, send them again with all of the time."""
        waiting = [record for record in records if record.left_out is None]
        self._send_in_turn(waiting, SHARE, self._most_seconds())
        late = [record for record in waiting if record.is_late]
        if late and not any(record.is_known for record in waiting):
            for record in late:
                record.left_out, record.is_late = None, False
            self._send_in_turn(late, 1.0, None)

    def _send_in_turn(
        self, waiting: Sequence[MemberRecord], share: float, task_seconds: float | None
    ) -> None:
        """Fit those first that need no library that takes seconds to import."""
        light = [record for record in waiting if not _is_slow_to_import(record)]
        heavy = [record for record in waiting if record not in light]
        if self._is_short:
            for record in heavy:
                record.left_out = f"importing {record.member.requires} takes too much of the time limit"
            heavy = []
        made = dict[str, Any]()
        if light:

            def import_meanwhile() -> None:
                # The workers go on while this process imports.
                made.update(self._scouts_of(heavy) if not made else {})

            self._fit(light, self._scouts_of(light), share, task_seconds, import_meanwhile)
        if heavy:
            self._fit(heavy, made or self._scouts_of(heavy), share, task_seconds, lambda: None)

    def _scouts_of(self, records: Sequence[MemberRecord]) -> dict[str, Any]:
        return {record.name: record.member.scout(self.plan.shape) for record in records}

    def _fit(
        self,
        records: Sequence[MemberRecord],
        scouts: Mapping[str, Any],
        share: float,
        task_seconds: float | None,
        after_first: Callable[[], None],
    ) -> None:
        """Fit the scouts of some members, and take their facts."""
        plan, waiting = self.plan, {record.name: record for record in records}
        self.reporter.phase("scouts", len(scouts))
        reserve = 0.0 if share < 1 else plan.first_reserve
        results = plan.fit(
            self.run, [*scouts.items()], [0], reserve=reserve, share=share, task_seconds=task_seconds
        )
        for result in results:
            record = waiting[result.name]
            self.reporter.advance(result.name)
            if result.error is not None:
                record.fail(result.error)
                continue
            record.keep_scout(result, plan.shape, self.ratio, self.facts.rounds_of(result.name))
            self.facts.keep(record)
            after_first()
            self.after_each()
            if share == 1 and plan.clock.spent() > ENOUGH * plan.clock.limit:
                results.close()
        for record in waiting.values():
            if record.scout is None and record.left_out is None:
                record.left_out, record.is_late = "there was no time for its first fold", True

    @property
    def _is_short(self) -> bool:
        return self.plan.clock.limit < SHORT

    def _most_seconds(self) -> float | None:
        """Return the seconds of a scout beyond which all folds of a member take too much of the time."""
        plan = self.plan
        if not plan.clock.is_limited:
            return None
        return MOST_OF_ONE * plan.clock.limit * plan.workers / len(plan.folds.splits) / self.ratio


def _is_slow_to_import(record: MemberRecord) -> bool:
    return record.member.requires in SLOW_IMPORTS - sys.modules.keys()
