"""Levels fitted from the lowest to the highest; those below a nested one again inside each of its folds."""

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
from stackit.engine.task import seed_of
from stackit.ensemble.fitted import AnyFitted, FittedLevel, NestedLevel, noted_in
from stackit.ensemble.level import Level
from stackit.ensemble.level_inputs import LevelInputs, data_of, wants_names
from stackit.ensemble.refit import members_of, refit_levels, settings_of
from stackit.folds import Folds
from stackit.folds.subset import reindex, restrict
from stackit.results.estimator_result import concatenate
from stackit.results.oof import OutOfFold
from stackit.results.repeated_warnings import RepeatedWarnings, recorded
from stackit.validation import invalid_value

__all__ = ["check_cover", "fit_levels"]


def check_cover(levels: Sequence[Level], folds: Sequence[Folds]) -> None:
    """Raise, before anything is fitted, where a level would have no row to learn from and predict.

    Raises
    ------
    ValueError
        When the levels below predict no row that is in a training part of a split, and none that it holds
        out; nested levels need a split more for each level below.
    """
    for number in range(1, len(levels) + 1):
        if not _covered(levels[:number], folds).any():
            kinds = "nested " if any(level.nested for level in levels[1:number]) else ""
            raise invalid_value(
                f"The {kinds}folds of level {number}",
                "enough to train on, and to hold out, rows that the level below predicts",
                f"{len(folds[number - 1].splits)} splits",
                "Use more folds (nested ones need at least 3), or fewer levels",
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
        covered[held_out] |= _is_possible(lower, folds, np.unique(train))
    return covered


def _is_possible(lower: Sequence[Level], folds: Sequence[Folds], rows: Rows) -> bool:
    """Whether the lower levels can be trained inside a training part."""
    inner = [reindex(each, rows) for each in folds[: len(lower)]]
    whole = [each for each in inner if each is not None]
    return len(whole) == len(inner) and bool(_covered(lower, whole).any())


def fit_levels(levels: Sequence[Level], ground: LevelInputs, settings: RunConfig) -> list[AnyFitted]:
    """Fit levels one upon the other.

    Parameters
    ----------
    levels : list of Level
        From the first to the last.
    ground : Ground
        What they learn from; checked by `check_cover`.
    settings : Settings
        How to work.

    Returns
    -------
    list of FittedLevel or NestedLevel
        One a level.
    """
    fitted: list[AnyFitted] = []
    for at, level in enumerate(levels):
        if at and level.nested:
            fitted.append(_nested(levels[: at + 1], ground, settings))
        else:
            own = settings_of(at, settings)
            fitted.append(_plain(levels[: at + 1], fitted[-1] if at else None, ground, own))
    return fitted


def _plain(
    levels: Sequence[Level], below: AnyFitted | None, ground: LevelInputs, settings: RunConfig
) -> FittedLevel:
    """Fit the last of these levels on the out-of-fold predictions of the one below."""
    level, at = levels[-1], len(levels) - 1
    folds: Folds | None = ground.folds[at]
    if below is None:
        data = data_of(level, None, None, ground)
    else:
        data = data_of(level, below.oof.meta_train, below.oof.meta_test, ground)
        folds = restrict(ground.folds[at], np.flatnonzero(below.oof.coverage))
    assert folds is not None  # check_cover has seen to it
    members = members_of(levels, below)
    oof = cross_fit(members, data, folds=folds, fit_params=ground.fit_params[at], settings=settings)
    derived_features = below is not None or not isinstance(level.passthrough, bool)
    index, test_index = index_of(ground.X), index_of(ground.X_test)
    own = replace(oof, index=index, test_index=test_index, derived_features=derived_features)
    if below is not None and (level.passthrough is not False or below.oof.passthrough):
        # Columns of X beside out-of-fold predictions give away labels of held-out rows.
        own = replace(own, passthrough=True, optimistic=set(own))
    return FittedLevel(level.passthrough, wants_names(level), own.remember(ground.X), below)


def _nested(levels: Sequence[Level], ground: LevelInputs, settings: RunConfig) -> NestedLevel:
    """Fit the last of these levels, for each fold on the others fitted inside its training part."""
    *lower, level = levels
    folds, parts = ground.folds[len(lower)], []
    seed = settings_of(len(lower), settings).seed
    repeats = RepeatedWarnings("folds")
    for label, split in zip(folds.labels, folds.splits, strict=True):
        if _is_possible(lower, ground.folds, np.unique(split[0])):
            own = replace(settings, seed=seed_of(seed, "fold", *label))
            with noted_in(label), recorded() as said:
                parts.append(_part(lower, level, ground, split, own))
            repeats.add(said)
    repeats.say()
    return NestedLevel(_together(parts, folds, ground), parts)


def _part(
    lower: Sequence[Level], level: Level, ground: LevelInputs, split: tuple[Rows, Rows], settings: RunConfig
) -> FittedLevel:
    """Fit one fold of a nested level: nothing that it learns from knows a label of the held-out rows."""
    train, held_out = split
    rows, folds = np.unique(train), ground.folds[len(lower)]
    below, predicted = _below(lower, ground.inside(rows, held_out, len(lower)), settings)
    meta, meta_test = _columns_inside(below.oof.meta_train, predicted, (rows, held_out), ground)
    covered = np.isin(train, rows[below.oof.coverage > 0])
    oof = cross_fit(
        members_of([*lower, level], below),
        data_of(level, meta, meta_test, ground),
        folds=replace(folds, splits=((train[covered], held_out),)),
        fit_params=ground.fit_params[len(lower)],
        settings=replace(settings, seed=seed_of(settings.seed, "own", 0, 0), refit=False),
        like=folds,
    )
    return FittedLevel(level.passthrough, wants_names(level), oof, below)


def _below(
    lower: Sequence[Level], inside: LevelInputs, settings: RunConfig
) -> tuple[AnyFitted, pd.DataFrame]:
    """Fit levels inside a training part; return the last, and what it predicts for the rows outside."""
    if not any(level.is_refitted(settings) for level in lower):
        below = fit_levels(lower, inside, settings)[-1]
        assert below.oof.meta_test is not None  # the held-out rows are among them
        return below, below.oof.meta_test
    # Whoever is refitted answers for its folds: what these would say of the rows outside is not wanted.
    alone = replace(inside, test_rows=np.array([], dtype=np.intp))
    below = refit_levels(lower, fit_levels(lower, alone, settings), alone, settings)[-1]
    return below, below.transform(inside.X_test)


def _columns_inside(
    inner: pd.DataFrame, outside: pd.DataFrame, split: tuple[Rows, Rows], ground: LevelInputs
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return meta-features made inside a training part: out of fold there, predictions of all other rows."""
    (rows, held_out), predicted = split, outside.to_numpy()
    values = np.full((len(ground.rows), inner.shape[1]), np.nan)
    values[rows], values[held_out] = inner.to_numpy(), predicted[: len(held_out)]
    meta = pd.DataFrame(values, columns=inner.columns, index=index_of(ground.X))
    meta.attrs = inner.attrs
    test_index = index_of(ground.X_test)
    return meta, pd.DataFrame(predicted[len(held_out) :], columns=inner.columns, index=test_index)


def _together(parts: Sequence[FittedLevel], folds: Folds, ground: LevelInputs) -> OutOfFold:
    """Return the results of single folds as one."""
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
        index=index_of(ground.X),
        test_index=index_of(ground.X_test),
        n_stored=sum(oof.n_stored for oof in oofs),
        optimistic=set().union(*(oof.optimistic for oof in oofs)),
        derived_features=True,
        unscored=set(),
    )
