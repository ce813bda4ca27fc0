"""Checks of members that are missing: they failed, or there was no time for them."""

from __future__ import annotations

import re

from stackit.report.checks.check import Check, Finding, NotApplicableError
from stackit.report.checks.facts import Facts
from stackit.validation import format_list

__all__ = ["FailedMembers", "TimedOutMembers"]

# What the engine and the presets say of members for which there was no time.
TIME = re.compile(r"\btime\b|\btime limit\b|Timeout|less was left")
# The text of an error begins with its class; other reasons are those of a preset that does not use a member.
ERROR = re.compile(r"\w*(?:Error|Exception|Warning|Interrupt|Exit)\b")


class FailedMembers(Check):
    """Members were dropped because of an error."""

    code = "STK022"
    title = "Members failed"
    severity = "issue"
    remedy = 'Read the error; fit the member alone, or with on_error="raise", to see where it comes from.'

    def examine(self, facts: Facts) -> Finding:
        """Look up the members that failed for another reason than time."""
        failures = facts.evidence.failures
        failed = {name: why for name, why in failures.items() if not TIME.search(why) and ERROR.match(why)}
        return _finding(failed, facts, "failed")


class TimedOutMembers(Check):
    """Members were dropped because their fits were not finished in time."""

    code = "STK023"
    title = "Members ran out of time"
    severity = "tip"
    remedy = (
        "Give more time, use a faster preset, or drop the slowest members; with a store the next run goes "
        "on where this one stopped."
    )

    def examine(self, facts: Facts) -> Finding:
        """Look up the members for which there was no time."""
        late = {name: why for name, why in facts.evidence.failures.items() if TIME.search(why)}
        return _finding(late, facts, "ran out of time")


def _finding(missing: dict[str, str], facts: Facts, what: str) -> Finding:
    if not facts.members and not facts.evidence.failures:
        raise NotApplicableError("There are no members.")
    n = len(missing) + len(facts.members)
    if not missing:
        return Finding(False, f"None of {n} members {what}.")
    name = next(iter(missing))
    why = " ".join(missing[name].split()).rstrip(".")
    return Finding(
        True, f"{len(missing)} of {n} members {what} ({format_list(map(repr, missing))}); {name!r}: {why}."
    )
