"""Levels refitted on all rows, from the last to the first; estimators with zero weight are skipped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stackit.engine.refit import refit
from stackit.engine.run_config import RunConfig
from stackit.ensemble.fitted import AnyFitted, FittedLevel
from stackit.ensemble.level import Level
from stackit.ensemble.level_inputs import LevelInputs, data_of, keeps_names
from stackit.ensemble.validate_weights import without_failed
from stackit.estimators.seeds import seed_of
from stackit.results.oof import OutOfFold

__all__ = ["config_of", "members_of", "refit_levels"]


def config_of(at: int, config: RunConfig) -> RunConfig:
    """Return the run configuration of the level at a position: above the first it has its own seed."""
    seed = seed_of(config.seed, f"level {at + 1}", 0, 0) if at else config.seed
    return replace(config, seed=seed, refit=False, callbacks=config.callbacks.of_level(at + 1))


def members_of(levels: Sequence[Level], below: AnyFitted | None) -> list[tuple[str, Any]]:
    """Return the estimators of the last of these levels; combiners weigh those below that did not fail."""
    level = levels[-1]
    if below is None:
        return level.members
    names = [name for name, _ in levels[-2].members]
    return [(name, without_failed(one, names, below.oof)) for name, one in level.members]


def refit_levels(
    levels: Sequence[Level],
    fitted: Sequence[AnyFitted],
    inputs: LevelInputs,
    config: RunConfig,
    unused: Collection[str] = (),
    fallback_to_folds: bool = True,
) -> list[AnyFitted]:
    """Return fitted levels with the estimators refitted on all rows where that is wanted.

    `unused` are estimators of the last level with zero weight. One that fails with ``on_error="skip"``
    predicts by the average of its folds, or is left out without `fallback_to_folds`.
    """
    *lower, level = levels
    own = fitted[-1]
    wanted: set[str] = set()
    if level.is_refitted(config):
        wanted = own.oof.keys() - set(own.oof.refitted) - set(unused)
    below = fitted[-2] if lower else None
    oof = _refitted(levels, wanted, own.oof, below, inputs, config, fallback_to_folds)
    if not lower:
        return [replace(own, oof=oof)]
    if isinstance(own, FittedLevel):
        beneath = refit_levels(lower, fitted[:-1], inputs, config, own.unused_below(unused, oof))
        return [*beneath, replace(own, oof=oof, below=beneath[-1])]
    # Its folds have levels of their own below: those of all rows are for the refitted estimators alone.
    only_refitted = oof.without(oof.keys() - oof.refitted)
    whole = FittedLevel(level.passthrough, keeps_names(level), only_refitted, fitted[-2])
    beneath = refit_levels(lower, fitted[:-1], inputs, config, whole.unused_below(unused))
    known = replace(whole, below=beneath[-1]) if oof.refitted else None
    return [*beneath, replace(own, oof=oof, whole=known)]


def _refitted(
    levels: Sequence[Level],
    names: Collection[str],
    oof: OutOfFold,
    below: AnyFitted | None,
    inputs: LevelInputs,
    config: RunConfig,
    fallback_to_folds: bool,
) -> OutOfFold:
    """Refit some estimators of the last level on the rows that the level below has predicted."""
    level, at = levels[-1], len(levels) - 1
    members = [(name, estimator) for name, estimator in members_of(levels, below) if name in names]
    if not members:
        return oof
    return refit(
        oof,
        members,
        data_of(level, None if below is None else below.oof.meta_features, None, inputs),
        fit_params=inputs.fit_params[at],
        config=config_of(at, config),
        rows=None if below is None else np.flatnonzero(below.oof.coverage),
        fallback_to_folds=fallback_to_folds,
    )
