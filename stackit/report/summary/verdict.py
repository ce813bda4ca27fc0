"""The verdict: is the stack better than its best member and than the plain average, and how certain is it."""

from __future__ import annotations

import math
from typing import Any

from stackit.report.metric import Metric
from stackit.report.scores import Scores
from stackit.report.text import clean, percent_text, score_text

__all__ = ["verdict"]

LEVEL = 0.05


def verdict(scores: Scores) -> dict[str, Any]:
    """Return the verdict: two sentences, the scores, and the two paired tests behind them."""
    others = {"best_member": scores.best, "plain_average": scores.average}
    comparisons = {
        role: _comparison(scores, name, role)
        for role, name in others.items()
        if name is not None and name in scores.predictions
    }
    score, error = scores.estimate(scores.stack)
    return {
        "sentences": [each["sentence"] for each in comparisons.values()] or [_alone(scores)],
        "stack_score": score,
        "stack_sem": error,
        "comparisons": comparisons,
        "caveats": _caveats(scores),
    }


def _comparison(scores: Scores, name: str, role: str) -> dict[str, Any]:
    test = scores.compare(scores.stack, name)
    ours, theirs = scores.estimate(scores.stack)[0], scores.estimate(name)[0]
    found = {
        "name": clean(name),
        "score": theirs,
        "difference": test.difference,
        "standard_error": test.standard_error,
        "low": test.low,
        "high": test.high,
        "p_value": test.p_value,
        "method": test.method,
        "n": test.n,
        "outcome": _outcome(test.difference, test.p_value),
    }
    return found | {"sentence": _sentence(found, ours, scores.metric, role)}


def _outcome(difference: float, p_value: float) -> str:
    if not math.isfinite(difference):
        return "unknown"
    if difference == 0:
        return "equal"
    if not p_value < LEVEL:
        return "no difference"
    return "better" if difference > 0 else "worse"


def _sentence(found: dict[str, Any], ours: float, metric: Metric, role: str) -> str:
    """Return the sentence on one comparison: the outcome, the two scores, the certainty."""
    other = f"its best member, {found['name']}" if role == "best_member" else "the plain average"
    subject = "The stack" if role == "best_member" else "It"
    outcome, theirs = found["outcome"], found["score"]
    if outcome == "unknown":
        return f"Whether {subject.lower()} is better than {other} is not known: no score can be compared."
    if outcome == "equal":
        return f"{subject} is exactly as good as {other}: {metric.label} {score_text(metric.shown(ours))}."
    scores = (
        f"{metric.label} {score_text(metric.shown(ours))} against {score_text(metric.shown(theirs))}"
        f"{_relative(ours, theirs, metric)}"
    )
    interval = (
        f"95 % interval of the gain {score_text(found['low'], signed=True)} to "
        f"{score_text(found['high'], signed=True)}, {_p_text(found['p_value'])}"
    )
    if outcome == "no difference":
        if not math.isfinite(found["p_value"]):
            return f"{subject} has another score than {other} ({scores}), but one fold is too few for a test."
        end = "," if role == "best_member" else ""
        return f"{subject} differs from {other}{end} by no more than chance explains: {scores} ({interval})."
    return f"{subject} is {outcome} than {other}: {scores} ({interval})."


def _relative(ours: float, theirs: float, metric: Metric) -> str:
    """Return by how many percent a loss is lower or higher; nothing for other metrics."""
    if not metric.lower_is_better or not theirs or not math.isfinite(ours / theirs):
        return ""
    change = ours / theirs - 1
    return f", {percent_text(abs(change))} {'lower' if change < 0 else 'higher'}"


def _p_text(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


def _alone(scores: Scores) -> str:
    score = scores.estimate(scores.stack)[0]
    if not math.isfinite(score):
        return f"The predictions cannot be scored by {scores.metric.label}, so there is no verdict."
    shown = score_text(scores.metric.shown(score))
    return f"The stack has {scores.metric.label} {shown}; there is no member to compare it with."


def _caveats(scores: Scores) -> list[str]:
    """Return what the verdict does not cover, or why it may be wrong."""
    evidence = scores.evidence
    found = []
    if "stack" in evidence.optimistic:
        found.append(
            f"The score of the stack is optimistic: {evidence.optimistic['stack']}. Use nested_score for one "
            "that is not."
        )
    hopeful = [clean(name) for name in evidence.optimistic if name in evidence.members]
    if hopeful:
        found.append(f"Optimistic scores, of members that have seen held-out rows: {', '.join(hopeful)}.")
    n_missing = len(evidence.y) - len(evidence.rows)
    if n_missing:
        found.append(f"{n_missing:,} of {len(evidence.y):,} rows have no out-of-fold prediction of all.")
    if len(evidence.members) > 1:
        found.append(
            "The best member is chosen by the very scores that it is compared by, which favors it: the gain "
            "over it is, if anything, larger."
        )
    found.append(
        "Predictions of the stack are cross-fitted: what weighs the members has not seen the row. The tests "
        "hold the fitted members fixed; members trained on another table may differ more."
    )
    return found
