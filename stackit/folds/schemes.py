"""The fold schemes: how rows are dealt into folds."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.multiclass import type_of_target

from stackit.arrays import Rows, num_samples
from stackit.folds.constraints import SplitConstraints, group_codes, n_rows_before, times_of
from stackit.folds.folds import Folds
from stackit.target import classification_target
from stackit.validation import format_list, invalid_value

__all__ = ["SCHEMES", "make_folds"]

SCHEMES = ("kfold", "stratified", "binned", "group", "stratified-group", "forward")
GROUPED = ("group", "stratified-group")
MOST_BINS = 100


def make_folds(
    y: Any,
    *,
    scheme: str | None = None,
    n_splits: int = 5,
    n_repeats: int = 1,
    groups: Any = None,
    time: Any = None,
    gap: Any = 0,
    random_state: int = 0,
) -> Folds:
    """Make folds by name, shuffled by a seed.

    Parameters
    ----------
    y : (n,) array-like
        The target. Only its number of rows matters to "kfold", "group" and "forward".
    scheme : {"stratified", "kfold", "binned", "group", "stratified-group", "forward"}, optional
        How rows are dealt. Default: with `groups`, "stratified-group", or "group" for a numeric y; with
        `time`, "forward"; else "stratified". "stratified" keeps the share of each class in each fold;
        "binned" does so for the quantiles of a numeric y; "group" never splits a group, and
        "stratified-group" also keeps the shares of the classes; "forward" trains on the past of each fold
        only, so that the first of its ``n_splits + 1`` blocks is never held out.
    n_splits : int
        The number of folds, at least 2.
    n_repeats : int
        The number of times that all rows are dealt, each time into other folds; 1 for "forward".
    groups : (n,) array-like, for "group" and "stratified-group"
        The group of each row: rows of one group are held out together. Other schemes ignore the groups;
        a run on such folds then warns that groups are split, and respects the groups in inner splits.
    time : (n,) array-like, for "forward"
        The time of each row; rows of the same time stay together. Default: the row order.
    gap : int or time difference, for "forward"
        The number of rows left out between the training part and the fold, or a time difference such
        as ``"7D"`` where `time` holds dates.
    random_state : int
        The seed. The same seed gives the same folds.

    Returns
    -------
    Folds

    Raises
    ------
    ValueError
        When there are more folds than rows of a class, groups or times; when an argument is out of range,
        is needed by the scheme and missing, or is given and would be ignored.

    Examples
    --------
    >>> folds = make_folds([0] * 6 + [1] * 4, n_splits=2, n_repeats=3)
    >>> folds.assignment.shape, len(folds.splits)
    ((10, 3), 6)
    >>> make_folds(range(8), scheme="forward", n_splits=3, gap=1)
    Folds(forward, 8 rows, 3 folds, 2 rows never held out)
    """
    n = num_samples(y)
    if scheme is None:
        scheme = _scheme_for(y, n_splits, groups, time)
    _check_numbers(scheme, n, n_splits, n_repeats)
    _check_none_ignored(scheme, groups, time, gap)
    metadata = {"scheme": scheme, "n_splits": n_splits, "n_repeats": n_repeats, "random_state": random_state}
    if scheme == "forward":
        if n_repeats != 1:
            raise invalid_value(
                "n_repeats",
                "1 for scheme='forward'",
                f"n_repeats={n_repeats}",
                "Repeats would be equal, as time has one order",
            )
        times = pd.Series(np.arange(n)) if time is None else times_of(time)
        constraints = SplitConstraints(times=times, gap=gap)
        return Folds(n, _forward(n, times, n_splits, gap), {**metadata, "gap": str(gap)}, constraints)
    codes = None if groups is None and scheme not in GROUPED else _codes_for(groups, scheme, n, n_splits)
    deal = _dealer(scheme, y, n, n_splits, codes)
    splits = [split for seed in _seeds(random_state, n_repeats) for split in deal(seed)]
    return Folds(n, tuple(splits), metadata, SplitConstraints(codes))


def _scheme_for(y: Any, n_splits: int, groups: Any, time: Any) -> str:
    if groups is not None and time is not None:
        raise ValueError("groups and time cannot be combined; got both. Leave out one of them.")
    if groups is not None:
        is_of_classes = type_of_target(y) in ("binary", "multiclass")
        # Whole numbers look like classes too; those that do not recur cannot be stratified.
        recurs = is_of_classes and pd.Series(np.ravel(y)).value_counts().max() >= n_splits
        return "stratified-group" if recurs else "group"
    return "stratified" if time is None else "forward"


def _check_none_ignored(scheme: str, groups: Any, time: Any, gap: Any) -> None:
    """Raise when an argument is given that the scheme would ignore."""
    has_gap = not (isinstance(gap, int | np.integer) and gap == 0)
    for name, is_given, used_by in (
        ("groups", groups is not None and scheme == "forward", GROUPED),
        ("time", time is not None, ("forward",)),
        ("gap", has_gap, ("forward",)),
    ):
        if is_given and scheme not in used_by:
            raise invalid_value(
                name,
                f"left out for scheme={scheme!r}, which ignores it",
                f"{name} with scheme={scheme!r}",
                f"Use scheme={' or '.join(map(repr, used_by))}",
            )


def _check_numbers(scheme: str, n: int, n_splits: int, n_repeats: int) -> None:
    if scheme not in SCHEMES:
        raise invalid_value(
            "scheme", f"one of {', '.join(SCHEMES)}", f"scheme={scheme!r}", "Choose one of these"
        )
    if not isinstance(n_splits, int | np.integer) or not 2 <= n_splits <= n:
        raise invalid_value(
            "n_splits",
            f"a whole number from 2 to the number of rows, {n}",
            f"n_splits={n_splits!r}",
            "Use fewer folds" if n >= 2 else "Pass more rows",
        )
    if not isinstance(n_repeats, int | np.integer) or n_repeats < 1:
        raise invalid_value(
            "n_repeats", "a whole number from 1", f"n_repeats={n_repeats!r}", "Pass n_repeats=1"
        )


def _seeds(random_state: int, n: int) -> list[int]:
    """Return one seed per repeat; the first is `random_state`, so that one repeat equals scikit-learn's."""
    if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer) or random_state < 0:
        raise invalid_value(
            "random_state", "a whole number from 0", f"random_state={random_state!r}", "Pass 0"
        )
    more = np.random.SeedSequence(int(random_state)).generate_state(n) >> 1
    return [int(random_state), *(int(seed) for seed in more[1:])]


def _dealer(
    scheme: str, y: Any, n: int, n_splits: int, codes: Any
) -> Callable[[int], Iterator[tuple[Rows, Rows]]]:
    """Return the function that deals the rows of one repeat into folds, given a seed."""
    rows = np.zeros(n)
    if scheme == "kfold":
        return lambda seed: KFold(n_splits, shuffle=True, random_state=seed).split(rows)
    if scheme == "stratified":
        classes = _classes_for(y, n_splits)
        return lambda seed: StratifiedKFold(n_splits, shuffle=True, random_state=seed).split(rows, classes)
    if scheme == "binned":
        bins = _bins_of(y, n_splits)
        return lambda seed: StratifiedKFold(n_splits, shuffle=True, random_state=seed).split(rows, bins)
    if scheme == "group":
        return lambda seed: _deal_groups(codes, n_splits, seed)
    labels = classification_target(y).codes
    return lambda seed: StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed).split(
        rows, labels, codes
    )


def _classes_for(y: Any, n_splits: int) -> Rows:
    target = classification_target(y)
    if target.kind == "multilabel":
        raise invalid_value("y", "one label per row for scheme='stratified'", "several", "Use scheme='kfold'")
    counts = np.bincount(target.codes)
    rare = np.flatnonzero(counts < n_splits)
    if len(rare):
        got = format_list(f"{target.classes.tolist()[code]!r} has {counts[code]}" for code in rare)
        raise ValueError(
            f"Each class must have at least n_splits={n_splits} rows for scheme='stratified'; {got}. "
            "Use fewer folds, merge rare classes, or use scheme='kfold'."
        )
    return target.codes


def _bins_of(y: Any, n_splits: int) -> Rows:
    """Return (n,) quantile bins of at least n_splits rows each; equal values share one where possible."""
    values = np.asarray(y, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        found = "has NaN or infinite values" if values.ndim == 1 else f"has shape {values.shape}"
        raise ValueError(
            f"y must have one finite number per row for scheme='binned'; it {found}. Use scheme='kfold'."
        )
    n = len(values)
    ranks = np.empty(n, dtype=np.intp)
    ranks[np.argsort(values, kind="stable")] = np.arange(n)
    return ranks * min(n // n_splits, MOST_BINS) // n


def _codes_for(groups: Any, scheme: str, n: int, n_splits: int) -> Rows:
    if groups is None:
        raise ValueError(f"scheme={scheme!r} needs groups; got groups=None. Pass one group per row.")
    codes = group_codes(groups, n)
    n_groups = codes.max() + 1
    if n_groups < n_splits and scheme in GROUPED:
        raise invalid_value(
            "n_splits", f"at most the number of groups, {n_groups}", f"{n_splits=}", "Use fewer folds"
        )
    return codes


def _deal_groups(codes: Rows, n_splits: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Deal each group to the fold with the fewest rows so far, large groups first.

    The order is that of randomly scaled sizes, so that other seeds give other folds.
    """
    random = np.random.default_rng(seed)
    sizes = np.bincount(codes)
    loads = [(0, fold) for fold in random.permutation(n_splits).tolist()]
    fold_of = np.empty(len(sizes), dtype=np.intp)
    for group in np.argsort(-sizes * random.uniform(0.5, 1.5, len(sizes))):
        load, fold_of[group] = heapq.heappop(loads)
        heapq.heappush(loads, (load + int(sizes[group]), int(fold_of[group])))
    for fold in range(n_splits):
        held_out = fold_of[codes] == fold
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _forward(n: int, times: pd.Series[Any], n_splits: int, gap: Any) -> tuple[tuple[Rows, Rows], ...]:
    """Cut the rows, in time order, into n_splits + 1 blocks; hold out each but the first after its past."""
    if len(times) != n:
        raise invalid_value("time", f"one value per row, {n}", f"{len(times)} times", "Pass one per row")
    order = np.argsort(times.to_numpy(), kind="stable")
    ordered = times.iloc[order].reset_index(drop=True)
    first_of_time = np.flatnonzero(~ordered.duplicated().to_numpy())
    wanted = np.arange(1, n_splits + 1) * n / (n_splits + 1)
    # A block starts at the first row of a time, so that no time is both trained on and held out.
    nearest = np.searchsorted(first_of_time, wanted.round()).clip(max=len(first_of_time) - 1)
    starts = first_of_time[nearest]
    if len(np.unique(starts)) < n_splits or starts[0] == 0:
        raise invalid_value(
            "time",
            f"more than {n_splits} distinct times, spread over the rows",
            f"{len(first_of_time)} distinct times",
            "Use fewer folds",
        )
    splits = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        n_past = n_rows_before(ordered, start, gap)
        if n_past == 0:
            raise invalid_value(
                "gap", "shorter than the past of the first fold", f"gap={gap!r}", "Use a smaller gap"
            )
        splits.append((np.sort(order[:n_past]), np.sort(order[start:stop])))
    return tuple(splits)
