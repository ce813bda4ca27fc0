"""Levels fitted from the first to the last; those below a nested one again inside each of its folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Rows
from stackit.arrays.frames import index_of
from stackit.engine.cross_fit import cross_fit
from stackit.engine.run_config import RunConfig
from stackit.ensemble.fitted import AnyFitted, FittedLevel, NestedLevel, with_fold_note
from stackit.ensemble.level import Level
from stackit.ensemble.level_inputs import NO_ROWS, LevelInputs, data_of, keeps_names
from stackit.ensemble.refit import config_of, members_of, refit_levels
from stackit.estimators.seeds import seed_of
from stackit.folds import Folds
from stackit.folds.subset import reindex, restrict
from stackit.results.estimator_result import concatenate
from stackit.results.oof import OutOfFold
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings

__all__ = ["check_cover", "fit_levels"]


def check_cover(levels: Sequence[Level], folds: Sequence[Folds]) -> None:
    """Raise, before any fit, where the folds leave a level no row to train on or to hold out."""
    for number in range(1, len(levels) + 1):
        if not _covered(levels[:number], folds).any():
            kinds = "nested " if any(level.nested for level in levels[1:number]) else ""
            raise ValueError(
                f"The {kinds}folds of level {number}, {len(folds[number - 1].splits)} splits, are too few: "
                "none trains on and holds out rows that the level below predicts. Use more folds (nested "
                "ones need at least 3), or fewer levels."
            )


def _covered(levels: Sequence[Level], folds: Sequence[Folds]) -> npt.NDArray[np.bool_]:
    """Return which rows the last of these levels will predict out of fold."""
    *lower, level = levels
    own = folds[len(lower)]
    if not lower:
        return own.coverage > 0
    if not level.nested:
        some = restrict(own, np.flatnonzero(_covered(lower, folds)))
        return np.zeros(own.n_samples, dtype=bool) if some is None else some.coverage > 0
    covered = np.zeros(own.n_samples, dtype=bool)
    for train, held_out in own.splits:
        covered[held_out] |= _can_be_trained(lower, folds, np.unique(train))
    return covered


def _can_be_trained(lower: Sequence[Level], folds: Sequence[Folds], rows: Rows) -> bool:
    """Whether the lower levels can be trained inside a training part."""
    inner = [reindex(each, rows) for each in folds[: len(lower)]]
    whole = [each for each in inner if each is not None]
    return len(whole) == len(inner) and bool(_covered(lower, whole).any())


def fit_levels(levels: Sequence[Level], inputs: LevelInputs, config: RunConfig) -> list[AnyFitted]:
    """Fit levels, each on the out-of-fold predictions of the one below; one fitted level per level."""
    fitted: list[AnyFitted] = []
    for at, level in enumerate(levels):
        if at and level.nested:
            fitted.append(_nested(levels[: at + 1], inputs, config))
        else:
            below = fitted[-1] if at else None
            fitted.append(_plain(levels[: at + 1], below, inputs, config_of(at, config)))
    return fitted


def _plain(
    levels: Sequence[Level], below: AnyFitted | None, inputs: LevelInputs, config: RunConfig
) -> FittedLevel:
    """Fit the last of these levels on the out-of-fold predictions of the one below."""
    level, at = levels[-1], len(levels) - 1
    folds: Folds | None = inputs.folds[at]
    if below is None:
        data = data_of(level, None, None, inputs)
    else:
        data = data_of(level, below.oof.meta_features, below.oof.test_meta_features, inputs)
        folds = restrict(inputs.folds[at], np.flatnonzero(below.oof.coverage))
    assert folds is not None  # as check_cover ensures
    members = members_of(levels, below)
    oof = cross_fit(members, data, folds=folds, fit_params=inputs.fit_params[at], config=config)
    derived_features = below is not None or not isinstance(level.passthrough, bool)
    index, test_index = index_of(inputs.X), index_of(inputs.X_test)
    own = replace(oof, index=index, test_index=test_index, derived_features=derived_features)
    if below is not None and (level.passthrough is not False or below.oof.passthrough):
        # Columns of X next to out-of-fold predictions give away labels of held-out rows.
        own = replace(own, passthrough=True, optimistic=set(own))
    return FittedLevel(level.passthrough, keeps_names(level), own.remember(inputs.X), below)


def _nested(levels: Sequence[Level], inputs: LevelInputs, config: RunConfig) -> NestedLevel:
    """Fit the last of these levels, each fold on the lower levels fitted inside its training part."""
    *lower, level = levels
    folds, parts = inputs.folds[len(lower)], []
    seed = config_of(len(lower), config).seed
    repeats = RepeatedWarnings("folds")
    for label, split in zip(folds.labels, folds.splits, strict=True):
        if _can_be_trained(lower, inputs.folds, np.unique(split[0])):
            own = replace(config, seed=seed_of(seed, "fold", *label))
            with with_fold_note(label), record_warnings() as warned:
                parts.append(_part(lower, level, inputs, split, own))
            repeats.add(warned)
    repeats.warn()
    return NestedLevel(_merge(parts, folds, inputs), parts)


def _part(
    lower: Sequence[Level], level: Level, inputs: LevelInputs, split: tuple[Rows, Rows], config: RunConfig
) -> FittedLevel:
    """Fit one fold of a nested level: nothing that it learns from knows a label of the held-out rows."""
    train, held_out = split
    rows, folds = np.unique(train), inputs.folds[len(lower)]
    below, predicted = _fit_inside(lower, inputs.inside(rows, held_out, len(lower)), config)
    meta, meta_test = _meta_features(below.oof.meta_features, predicted, (rows, held_out), inputs)
    covered = np.isin(train, rows[below.oof.coverage > 0])
    oof = cross_fit(
        members_of([*lower, level], below),
        data_of(level, meta, meta_test, inputs),
        folds=replace(folds, splits=((train[covered], held_out),)),
        fit_params=inputs.fit_params[len(lower)],
        config=replace(config, seed=seed_of(config.seed, "own", 0, 0), refit=False),
        like=folds,
    )
    return FittedLevel(level.passthrough, keeps_names(level), oof, below)


def _fit_inside(
    lower: Sequence[Level], inside: LevelInputs, config: RunConfig
) -> tuple[AnyFitted, pd.DataFrame]:
    """Fit levels inside a training part; return the last, and its predictions of the rows outside."""
    if not any(level.is_refitted(config) for level in lower):
        below = fit_levels(lower, inside, config)[-1]
        assert below.oof.test_meta_features is not None  # the held-out rows are among the test rows
        return below, below.oof.test_meta_features
    # Refitted estimators predict the rows outside; predictions by their folds are not needed.
    alone = replace(inside, test_rows=NO_ROWS)
    below = refit_levels(lower, fit_levels(lower, alone, config), alone, config)[-1]
    return below, below.transform(inside.X_test)


def _meta_features(
    inner: pd.DataFrame, outside: pd.DataFrame, split: tuple[Rows, Rows], inputs: LevelInputs
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return meta-features made inside a training part: out of fold there, predictions of all other rows."""
    (rows, held_out), predicted = split, outside.to_numpy()
    values = np.full((len(inputs.rows), inner.shape[1]), np.nan)
    values[rows], values[held_out] = inner.to_numpy(), predicted[: len(held_out)]
    meta = pd.DataFrame(values, columns=inner.columns, index=index_of(inputs.X))
    meta.attrs = inner.attrs
    test_index = index_of(inputs.X_test)
    return meta, pd.DataFrame(predicted[len(held_out) :], columns=inner.columns, index=test_index)


def _merge(parts: Sequence[FittedLevel], folds: Folds, inputs: LevelInputs) -> OutOfFold:
    """Return the results of single folds as one; estimators that failed in a fold are left out."""
    oofs = [part.oof for part in parts]
    failures = {name: error for oof in oofs for name, error in oof.failures.items()}
    names = [name for name in oofs[0] if name not in failures]
    if not names:
        raise next(iter(failures.values()))
    return replace(
        oofs[0],
        folds=replace(folds, splits=tuple(oof.folds.splits[0] for oof in oofs)),
        results={name: concatenate([oof[name] for oof in oofs]) for name in names},
        failures=failures,
        index=index_of(inputs.X),
        test_index=index_of(inputs.X_test),
        n_stored=sum(oof.n_stored for oof in oofs),
        optimistic=set().union(*(oof.optimistic for oof in oofs)),
        derived_features=True,
        unscored=set(),
    )
