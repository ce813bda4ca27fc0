"""Fit estimators on all rows, after their folds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from stackit.arrays import Rows
from stackit.engine.collector import explain_failure, warn_of_failure
from stackit.engine.executor import run_all
from stackit.engine.failures import all_failed
from stackit.engine.planner import TaskPlanner
from stackit.engine.run_config import RunConfig
from stackit.engine.training_data import TrainingData
from stackit.estimators.early_stopping import EarlyStoppingPlan
from stackit.estimators.metadata_routing import FitParams
from stackit.estimators.named_estimators import NamedEstimators
from stackit.precomputed.checks import check_precomputed
from stackit.progress import progress_bar
from stackit.results.oof import OutOfFold

__all__ = ["refit"]


def refit(
    oof: OutOfFold,
    estimators: NamedEstimators,
    data: TrainingData,
    *,
    fit_params: Mapping[str, FitParams],
    config: RunConfig,
    rows: Rows | None = None,
    fallback_to_folds: bool = False,
) -> OutOfFold:
    """Return the result with some of its estimators refitted on all rows, or on `rows`.

    With ``on_error="skip"``, estimators that fail are left out; with `fallback_to_folds` they stay, and the
    average of their folds predicts.
    """
    wanted = dict(check_precomputed(estimators, data.X, data.X_test, data.target, oof.folds))
    plan = EarlyStoppingPlan([*wanted.items()], oof.folds, data.target, fit_params, config.early_stopping)
    specs = {name: result.spec for name, result in oof.items()}
    tasks = TaskPlanner(wanted, specs, oof.folds, fit_params, config, plan).on_all_rows(rows)
    records, failures = dict(oof.results), dict(oof.failures)
    with (
        progress_bar(len(tasks), config.verbose) as advance,
        config.callbacks.step("refit-level", len(tasks)) as calls,
        closing(run_all([*tasks], data, config.n_jobs, failures)) as results,
    ):
        for result in results:
            advance(result.name)
            calls.end(result.name, result.split)
            data.preparations.share_steps(result)
            if result.error is None:
                records[result.name] = replace(records[result.name], refitted=result.estimator)
            elif config.on_error == "skip":
                failures[result.name] = result.error
                outcome = "predicts by the average of its folds" if fallback_to_folds else "is left out"
                warn_of_failure(result, outcome)
            else:
                raise explain_failure(result, oof.folds, oof)
    if fallback_to_folds:
        return replace(oof, results=records).remember(oof.known_X)
    if not oof.keys() - failures.keys():
        raise all_failed(failures)
    return replace(oof, results=records, failures=failures).without(failures).remember(oof.known_X)
