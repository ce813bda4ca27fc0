"""The order of members: those first that improve the blend of the scouts most per second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stackit.arrays import Floats, Rows
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import Scoring, score_predictions
from stackit.presets.scheduler.member_record import MemberRecord
from stackit.target import Target

__all__ = ["by_gain_per_second"]

Score = Callable[[Floats], float]
SHORTEST = 0.02  # seconds: no member is so quick that its gain does not matter


def by_gain_per_second(
    waiting: Sequence[MemberRecord],
    before: Sequence[MemberRecord],
    target: Target,
    rows: Rows,
    scoring: Scoring,
    n_fits: int,
    first_seconds: float = 0.0,
) -> list[MemberRecord]:
    """Return the members that wait in the order in which they are worth their seconds.

    Where there are none `before`, the first is the best of those that take at most `first_seconds`. Each next
    one adds most per second to the score of the plain mean of those before it, on the rows that the scouts
    held out; those that add nothing follow, the quickest first.
    """
    spec = PredictionSpec.of("blend", target.type)

    def score(prediction: Floats) -> float:
        try:
            return score_predictions(target, rows, prediction, spec, scoring)
        except ValueError:  # as of a negative number where the metric needs its logarithm
            return -np.inf

    waiting, ordered, n = [*waiting], list[MemberRecord](), len(before)
    total = sum((_predictions(one) for one in before), start=np.zeros(()))
    current = score(total / n) if n else _score_of_nothing(target, rows, score)
    while waiting:
        with np.errstate(invalid="ignore"):  # minus infinity less itself
            gains = [score((total + _predictions(one)) / (n + 1)) - current for one in waiting]
        seconds = np.array([_seconds(one, n_fits) for one in waiting])
        rates = np.divide(gains, seconds)
        if not n and (seconds <= first_seconds).any():
            rates = np.where(seconds <= first_seconds, gains, np.nan)
        best = int(np.nanargmax(rates)) if np.isfinite(rates).any() else 0
        if not gains[best] > 0:
            return [*ordered, *sorted(waiting, key=lambda one: _seconds(one, n_fits))]
        current, n = current + gains[best], n + 1
        total = total + _predictions(waiting[best])
        ordered.append(waiting.pop(best))
    return ordered


def _predictions(record: MemberRecord) -> Floats:
    assert record.scout is not None
    assert record.scout.held_out is not None
    return record.scout.held_out


def _seconds(record: MemberRecord, n_fits: int) -> float:
    return max(SHORTEST, record.fit_seconds * n_fits)


def _score_of_nothing(target: Target, rows: Rows, score: Score) -> float:
    """Return the score of the same prediction for all rows: the shares of the classes, or the mean."""
    if target.is_classification:
        constant = np.bincount(target.codes, minlength=len(target.classes)) / len(target.codes)
    else:
        constant = np.array([np.mean(target.codes)])
    return score(np.tile(constant, (len(rows), 1)))
