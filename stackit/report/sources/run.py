"""The evidence of a stack, or of a run of out-of-fold predictions: its combiner is cross-fitted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from stackit.arrays import Floats
from stackit.assess.candidates import leaks_labels, passed_through
from stackit.assess.repeats import cross_fit_finals, oof_of, repeats_of, rescale_repeat_weights
from stackit.combine import ConvexClassifier, ConvexRegressor
from stackit.ensemble.ensemble import StackedEnsemble
from stackit.ensemble.final import is_combiner
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import PrecomputedEstimator, Scoring
from stackit.report.sources.learning_curves import first_estimators, learning_curves
from stackit.report.sources.metric import scoring_name
from stackit.report.sources.tables import as_frame, check_n_rows
from stackit.report.sources.versions import versions
from stackit.results.oof import OutOfFold

__all__ = ["as_probabilities", "fields_of_run"]

STACK = "stack"
HELD_OUT_STOPPING = (
    "it stopped early on the rows that it is scored on, or saw columns that were passed through"
)
PASSED_THROUGH = "it sees columns of X next to predictions that were made on the same folds"


def fields_of_run(
    run: Any, X: Any, y: Any, X_test: Any, groups: Any, scoring: Scoring, final_estimator: Any = None
) -> dict[str, Any]:
    """Return the fields of the evidence of a fitted stack, or of an `OutOfFold` and a combiner."""
    oof = oof_of(run)
    target, n = oof.target, len(oof.target.y)
    if target.kind == "multioutput":
        raise ValueError(
            f"y must be a single column of numbers; it has {target.y.shape[1]} columns. Report each output."
        )
    for what, table in (("X", X), ("y", y), ("groups", groups)):
        check_n_rows(table, n, what)
    scoring = oof.scoring if scoring is None else scoring
    oof = oof.with_results(lambda result: result, scoring=scoring, unscored=set())
    final = _final_of(run, final_estimator, target.is_classification)
    fitted = getattr(run, "final_estimator_", None)
    if fitted is None:
        fitted = final.fit(oof.meta_features[oof.coverage > 0], target.y[oof.coverage > 0])
    weights = _weights_of(fitted, oof)
    tests = {} if X_test is None and not isinstance(run, OutOfFold) else _test_predictions(run, oof, X_test)
    known_groups = oof.folds.constraints.groups if groups is None else np.asarray(groups)
    return {
        "task": target.kind,
        "scoring": scoring_name(scoring, target),
        "scorer": scoring,
        "y": target.y,
        "classes": target.classes if target.is_classification else None,
        "members": {name: as_probabilities(oof.average(name), oof[name].spec) for name in oof},
        "stack": _cross_fitted(run, final, oof, X, scoring),
        "folds": oof.folds,
        "test_members": tests,
        "test_stack": _test_stack(run, fitted, oof, tests, X_test),
        "weights": weights,
        "leaderboard": _leaderboard(oof, weights),
        "seconds": {name: float(np.nansum(result.seconds)) for name, result in oof.items()},
        "X": as_frame(X),
        "X_test": as_frame(X_test),
        "groups": known_groups,
        "sample_weight": None if oof.sample_weight is None else np.asarray(oof.sample_weight),
        "failures": {name: f"{type(error).__name__}: {error}" for name, error in oof.failures.items()},
        "nets": learning_curves(oof.results),
        "kinds": {name: result.spec.kind for name, result in oof.items()},
        "combiner": type(fitted).__name__,
        "optimistic": _optimistic(run, oof),
        "estimators": first_estimators(oof.results),
        "final_estimator": fitted,
        "versions": versions(),
    }


def as_probabilities(prediction: Floats, spec: PredictionSpec) -> Floats:
    """Return (n, width) predictions as (n, n_classes) probabilities in the same order, or as (n,) numbers.

    Decision values become probabilities that keep their order, and labels become 0 and 1.
    """
    target = spec.target_type
    if not target.is_classification:
        return prediction[:, 0]
    if spec.kind in ("probability", "label"):
        return prediction
    if spec.kind == "decision":
        if prediction.shape[1] > 1:
            return np.asarray(softmax(prediction, axis=1))
        positive = expit(prediction[:, 0])
        return np.column_stack([1 - positive, positive])
    known = ~np.isnan(prediction).any(axis=1)
    votes = np.full((len(prediction), len(target.classes)), np.nan)
    labels = PrecomputedEstimator(spec).predict(prediction[known])
    votes[known] = labels[:, np.newaxis] == target.classes
    return votes


def _final_of(run: Any, given: Any, classify: bool) -> Any:
    """Return an unfitted final estimator: the given one, that of the stack, or a convex combiner."""
    if given is not None:
        return given
    if isinstance(run, StackedEnsemble):
        return run.new_final_estimator()
    return ConvexClassifier() if classify else ConvexRegressor()


def _cross_fitted(run: Any, final: Any, oof: OutOfFold, X: Any, scoring: Scoring) -> Floats:
    """Return the final estimator's predictions of the rows of each fold, averaged over repeats."""
    own = [(STACK, final)] if isinstance(run, StackedEnsemble) and run.passthrough is not False else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is optimistic is in the evidence
        repeats = repeats_of(run, scoring)
        if getattr(run, "rescales_weights", False):
            repeats = [rescale_repeat_weights(repeat) for repeat in repeats]
        passed = passed_through(run, own, X) if own else None
        found = [cross_fit_finals([(STACK, final)], repeat, X=passed) for repeat in repeats]
    tables = [as_probabilities(one.average(STACK), one[STACK].spec) for one in found]
    return np.asarray(tables[0] if len(tables) == 1 else np.mean(tables, axis=0))


def _optimistic(run: Any, oof: OutOfFold) -> dict[str, str]:
    found = {name: HELD_OUT_STOPPING for name in sorted(oof.optimistic)}
    if isinstance(run, StackedEnsemble) and leaks_labels(run, [(STACK, run)] if run.passthrough else []):
        found[STACK] = PASSED_THROUGH
    return found


def _weights_of(final: Any, oof: OutOfFold) -> dict[str, float]:
    """Return the weight of each member in a combiner, or the coefficients of one column per member."""
    while getattr(final, "combiner_", None) is not None and not hasattr(final, "weights_"):
        final = final.combiner_
    weights = getattr(final, "weights_", None) if is_combiner(final) else getattr(final, "coef_", None)
    values = np.zeros(0) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    return dict(zip(oof, values.tolist(), strict=True)) if len(values) == len(oof) else {}


def _leaderboard(oof: OutOfFold, weights: dict[str, float]) -> pd.DataFrame:
    """Return one row per member, the best first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        summary = oof.summary
    board = pd.DataFrame(
        {
            "score": summary["whole"].fillna(summary["mean"]),
            "sem": summary["sem"],
            "weight": [weights.get(name) for name in summary.index],
            "seconds": [round(float(np.nansum(oof[name].seconds)), 3) for name in summary.index],
            "fits": [len(oof[name].seconds) for name in summary.index],
            "status": ["not used" if weights.get(name, 1.0) == 0 else "used" for name in summary.index],
        },
        index=summary.index.rename("member"),
    )
    return board.sort_values("score", ascending=False, na_position="last", kind="stable")


def _test_predictions(run: Any, oof: OutOfFold, X_test: Any) -> dict[str, Floats]:
    """Return the members' predictions of the test rows: those of the run, or of new rows."""
    if isinstance(run, StackedEnsemble):
        found = run.top_.predict(run.conform(X_test))
    else:
        found = {name: result.test for name, result in oof.items() if result.test is not None}
    return {name: as_probabilities(table, oof[name].spec) for name, table in found.items()}


def _test_stack(
    run: Any, fitted: Any, oof: OutOfFold, tests: dict[str, Floats], X_test: Any
) -> Floats | None:
    """Return the stack's predictions of the test rows; None without them."""
    if isinstance(run, StackedEnsemble):
        if X_test is None:
            return None
        method = "predict_proba" if oof.target.is_classification else "predict"
        return np.asarray(getattr(run, method)(X_test)) if hasattr(run, method) else None
    if oof.test_meta_features is None or len(tests) < len(oof):
        return None
    method = "predict_proba" if oof.target.is_classification else "predict"
    return np.asarray(getattr(fitted, method)(oof.test_meta_features)) if hasattr(fitted, method) else None
