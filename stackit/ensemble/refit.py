"""Levels fitted once more, each on all rows, from the last down: whom nobody reads is not refitted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stackit.engine.cross_fit import refit
from stackit.engine.run_config import RunConfig
from stackit.engine.task import seed_of
from stackit.ensemble.fitted import AnyFitted, FittedLevel
from stackit.ensemble.level import Level
from stackit.ensemble.level_inputs import LevelInputs, data_of, wants_names
from stackit.ensemble.validate_weights import reweighed
from stackit.results.oof import OutOfFold

__all__ = ["members_of", "refit_levels", "settings_of"]


def settings_of(at: int, settings: RunConfig) -> RunConfig:
    """Return how a level works: above the first from a seed of its own; a refit comes after its folds."""
    seed = seed_of(settings.seed, f"level {at + 1}", 0, 0) if at else settings.seed
    return replace(settings, seed=seed, refit=False)


def members_of(levels: Sequence[Level], below: AnyFitted | None) -> list[tuple[str, Any]]:
    """Return the estimators of the last level as they are fitted: combiners weigh those below that are left.

    Parameters
    ----------
    levels : list of Level
        Up to this one.
    below : FittedLevel, NestedLevel or None
        The level below as it was fitted; None for the first.
    """
    level = levels[-1]
    if below is None:
        return level.members
    names = [name for name, _ in levels[-2].members]
    return [(name, reweighed(estimator, names, below.oof)) for name, estimator in level.members]


def refit_levels(
    levels: Sequence[Level],
    fitted: Sequence[AnyFitted],
    ground: LevelInputs,
    settings: RunConfig,
    unread: Collection[str] = (),
) -> list[AnyFitted]:
    """Fit the estimators of levels on all rows too, where that is wanted.

    Parameters
    ----------
    levels : list of Level
        From the first to the last.
    fitted : list of FittedLevel or NestedLevel
        The same, fitted on this ground.
    ground : Ground
        What they learned from.
    settings : Settings
        How to work; `refit` is that of levels that have none of their own.
    unread : collection of str
        The estimators of the last level of which nobody reads a column.

    Returns
    -------
    list of FittedLevel or NestedLevel
        The same with refitted estimators, each on the others.
    """
    *lower, level = levels
    own = fitted[-1]
    wanted = own.oof.keys() - set(unread) if level.is_refitted(settings) else set()
    oof = _refitted(levels, wanted, own.oof, fitted[-2] if lower else None, ground, settings)
    if not lower:
        return [replace(own, oof=oof)]
    if isinstance(own, FittedLevel):
        beneath = refit_levels(lower, fitted[:-1], ground, settings, own.unread(unread, oof))
        return [*beneath, replace(own, oof=oof, below=beneath[-1])]
    # Its parts have levels of their own below: those of all rows are for the refitted ones alone.
    again = oof.without(oof.keys() - oof.refitted)
    whole = FittedLevel(level.passthrough, wants_names(level), again, fitted[-2])
    beneath = refit_levels(lower, fitted[:-1], ground, settings, whole.unread(unread))
    known = replace(whole, below=beneath[-1]) if oof.refitted else None
    return [*beneath, replace(own, oof=oof, whole=known)]


def _refitted(
    levels: Sequence[Level],
    names: Collection[str],
    oof: OutOfFold,
    below: AnyFitted | None,
    ground: LevelInputs,
    settings: RunConfig,
) -> OutOfFold:
    """Refit those of the last level that are wanted, on the rows that the level below has predicted."""
    level, at = levels[-1], len(levels) - 1
    members = [(name, estimator) for name, estimator in members_of(levels, below) if name in names]
    if not members:
        return oof
    return refit(
        oof,
        members,
        data_of(level, None if below is None else below.oof.meta_train, None, ground),
        fit_params=ground.fit_params[at],
        settings=settings_of(at, settings),
        rows=None if below is None else np.flatnonzero(below.oof.coverage),
        fallback_to_folds=True,
    )
