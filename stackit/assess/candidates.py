"""The final estimators that are compared: prior, plain mean, combiners, and the stack's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.utils import check_consistent_length

from stackit.assess.losses import metric_name
from stackit.combine import (
    ConvexClassifier,
    ConvexRegressor,
    GreedyClassifier,
    GreedyRegressor,
    IsotonicClassifier,
    MeanClassifier,
    MeanRegressor,
)
from stackit.combine.search.metrics import FAST
from stackit.combine.search.objective import SQUARED
from stackit.ensemble.levels import Levels
from stackit.ensemble.passthrough import check_columns, select_columns
from stackit.estimators.named_estimators import (
    AnyEstimators,
    NamedEstimators,
    check_estimators,
    name_estimators,
)
from stackit.estimators.scoring import Scoring
from stackit.results.oof import OutOfFold
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = [
    "BEST",
    "MEAN",
    "PRIOR",
    "STACK",
    "candidate_finals",
    "leaks_labels",
    "passed_through",
    "prior",
    "warn_of_isotonic",
]

BEST, PRIOR, MEAN, STACK = "best member", "prior", "plain mean", "stack"


def candidate_finals(
    run: Any, oof: OutOfFold, given: AnyEstimators | None, scoring: Scoring
) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """Return the final estimators that see meta-features alone, and those that see X too.

    `given` are those of the caller; None is combiners and the stack's own.
    """
    classify = oof.target.is_classification
    finals: list[tuple[str, Any]] = [
        (PRIOR, prior(classify)),
        (MEAN, MeanClassifier() if classify else MeanRegressor()),
    ]
    if given is not None:
        reserved = [*oof, BEST, PRIOR, MEAN]
        wanted = name_estimators(given, reserved)
        if wanted != []:
            check_estimators(wanted, reserved=reserved)
        return finals + wanted, []
    finals += _combiners(oof, oof.scoring if scoring is None else scoring)
    stack = [(STACK, _final_of(run, classify))]
    taken = sorted({name for name, _ in finals + stack} & set(oof))
    if taken:
        raise ValueError(
            f"Base estimators have the names of candidates: {taken}. Pass final_estimators with other names."
        )
    return (finals, stack) if _passes_through(run) else (finals + stack, [])


def prior(classify: bool) -> Any:
    """Return the estimator that ignores X: it predicts the shares of classes, or the mean."""
    return DummyClassifier(strategy="prior") if classify else DummyRegressor()


def warn_of_isotonic(finals: NamedEstimators, scoring: Scoring, target: Target) -> None:
    """Warn where an isotonic calibration is scored by log loss."""
    if metric_name(scoring, target) != "neg_log_loss":
        return
    named = [name for name, final in finals if _is_isotonic(final)]
    if named:
        warn(
            f"{format_list(named)} is calibrated by IsotonicClassifier, and scored by log loss. Its steps go "
            "down to probabilities of nearly 0, which a single row of the class makes expensive: on 832 "
            "predictions of two classes it raised log loss by 3 %, on 520 of several classes by 7 %. Use "
            "QuadraticClassifier for two classes, and MatrixScalingClassifier for more."
        )


def _is_isotonic(final: Any) -> bool:
    while final is not None and not isinstance(final, IsotonicClassifier):
        final = getattr(final, "combiner", None)
    return final is not None


def _combiners(oof: OutOfFold, scoring: Scoring) -> list[tuple[str, Any]]:
    """Return the convex combiner, and the greedy one where its search by the metric is fast."""
    classify = oof.target.is_classification
    wanted = scoring or ("accuracy" if classify else "r2")
    finals: list[tuple[str, Any]] = [("convex", ConvexClassifier() if classify else ConvexRegressor())]
    if not classify and wanted in SQUARED:  # they have the same optimum: the least squared error
        finals.append(("greedy", GreedyRegressor()))
    elif isinstance(wanted, str) and (wanted, oof.target.kind) in FAST:
        finals.append(("greedy", GreedyClassifier(wanted) if classify else GreedyRegressor(wanted)))
    return finals


def _final_of(run: Any, classify: bool) -> Any:
    if hasattr(run, "oof_"):
        return run.new_final_estimator()
    return LogisticRegression() if classify else RidgeCV()


def leaks_labels(run: Any, own: NamedEstimators) -> bool:
    """Whether labels of held-out rows leak into the scores, since X is passed through.

    `own` is the final estimator that sees X, where it is a candidate.
    """
    if isinstance(run, Levels) and run.oof_.passthrough:
        return True
    return bool(own) and not (isinstance(run.cv, str) and run.cv == "prefit")


def passed_through(run: Any, own: NamedEstimators, X: Any) -> Any:
    """Return the columns of X that final estimators see; None where they see none."""
    if X is None and (own or leaks_labels(run, own)):
        raise ValueError("X=None, but the stack passes X through. Pass the training table X.")
    if not own:
        return None
    check_consistent_length(X, run.oof_.target.y)
    if np.ndim(run.passthrough) == 0:
        return X
    check_columns(run.passthrough, X)
    return select_columns(run.passthrough, X)


def _passes_through(run: Any) -> bool:
    passthrough = getattr(run, "passthrough", False)
    return np.ndim(passthrough) > 0 or bool(passthrough)
