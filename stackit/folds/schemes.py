"""Every fold scheme: how rows are dealt into folds."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.multiclass import type_of_target

from stackit.arrays import Rows, num_samples
from stackit.folds.constraints import SplitConstraints
from stackit.folds.folds import Folds
from stackit.target import classification_target
from stackit.validation import format_list, invalid_value

__all__ = ["SCHEMES", "make_folds", "n_rows_before", "times_of"]

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
        How rows are dealt. Default: where `groups` are given "stratified-group", or "group" for a number
        as y; "forward" where `time` is given; else "stratified". "stratified" keeps the share of each class
        in each fold; "binned" does so for a number, over its quantiles; "group" never splits a group, and
        "stratified-group" minds the classes too; "forward" trains on the past of each fold only, so that
        the first of its ``n_splits + 1`` blocks is never held out.
    n_splits : int
        The number of folds, at least 2.
    n_repeats : int
        How often all of it is done again, each time with other folds ("forward" knows one only).
    groups : (n,) array-like, for "group" and "stratified-group"
        The group of each row: rows of one group are held out together. Other schemes deal single rows all
        the same: a run on such folds warns that groups are split, and knows them where it splits again.
    time : (n,) array-like, for "forward"
        When each row happened; rows of the same time stay together. Default: the row order.
    gap : int or time difference, for "forward"
        What is left out between the training part and the fold: a number of rows, or a difference
        such as ``"7D"`` where `time` holds dates.
    random_state : int
        The seed. The same seed gives the same folds.

    Returns
    -------
    Folds

    Raises
    ------
    ValueError
        When there are more folds than rows of a class, or groups, or times; when what a scheme needs is
        missing, or what is given would be ignored by it; when an argument is out of range.

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
                "n_repeats", "1 for scheme='forward'", f"n_repeats={n_repeats}", "Time runs once"
            )
        moments = pd.Series(np.arange(n)) if time is None else times_of(time)
        bonds = SplitConstraints(moments=moments, gap=gap)
        return Folds(n, _forward(n, moments, n_splits, gap), {**metadata, "gap": str(gap)}, bonds)
    codes = None if groups is None and scheme not in GROUPED else _group_codes(groups, scheme, n, n_splits)
    deal = _dealer(scheme, y, n, n_splits, codes)
    splits = [split for seed in _seeds(random_state, n_repeats) for split in deal(seed)]
    return Folds(n, tuple(splits), metadata, SplitConstraints(codes))


def _scheme_for(y: Any, n_splits: int, groups: Any, time: Any) -> str:
    if groups is not None and time is not None:
        raise invalid_value("groups and time", "given one at a time", "both", "Leave out one of them")
    if groups is not None:
        is_of_classes = type_of_target(y) in ("binary", "multiclass")
        # Whole numbers look like classes too: where none recurs, there is nothing to stratify by.
        recurs = is_of_classes and pd.Series(np.ravel(y)).value_counts().max() >= n_splits
        return "stratified-group" if recurs else "group"
    return "stratified" if time is None else "forward"


def _check_none_ignored(scheme: str, groups: Any, time: Any, gap: Any) -> None:
    """Raise when something is given that a scheme would ignore: folds would mix what is to stay apart."""
    has_gap = not (isinstance(gap, int | np.integer) and gap == 0)
    for name, given, minded_by in (
        ("groups", groups is not None and scheme == "forward", GROUPED),
        ("time", time is not None, ("forward",)),
        ("gap", has_gap, ("forward",)),
    ):
        if given and scheme not in minded_by:
            raise invalid_value(
                name,
                f"left out for scheme={scheme!r}, which ignores it",
                f"{name} with scheme={scheme!r}",
                f"Use scheme={' or '.join(map(repr, minded_by))}",
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
    """One seed a repeat; the first is `random_state` itself, so that one repeat is scikit-learn's own."""
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


def _classes_for(y: Any, n_splits: int) -> npt.NDArray[np.intp]:
    target = classification_target(y)
    if target.kind == "multilabel":
        raise invalid_value("y", "one label a row for scheme='stratified'", "several", "Use scheme='kfold'")
    counts = np.bincount(target.codes)
    rare = np.flatnonzero(counts < n_splits)
    if len(rare):
        got = format_list(f"{target.classes.tolist()[code]!r}: {counts[code]} rows" for code in rare)
        raise invalid_value(
            "Each class",
            f"of at least n_splits={n_splits} rows for scheme='stratified'",
            got,
            "Use fewer folds, merge rare classes, or use scheme='kfold'",
        )
    return target.codes


def _bins_of(y: Any, n_splits: int) -> npt.NDArray[np.intp]:
    """Quantile bins of a number, each of at least n_splits rows; equal values share a bin where they can."""
    values = np.asarray(y, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise invalid_value(
            "y", "one finite number a row for scheme='binned'", "other values", "Use scheme='kfold'"
        )
    n = len(values)
    ranks = np.empty(n, dtype=np.intp)
    ranks[np.argsort(values, kind="stable")] = np.arange(n)
    return ranks * min(n // n_splits, MOST_BINS) // n


def _group_codes(groups: Any, scheme: str, n: int, n_splits: int) -> npt.NDArray[np.intp]:
    if groups is None:
        raise invalid_value("groups", f"given for scheme={scheme!r}", "groups=None", "Pass one group a row")
    if num_samples(groups) != n:
        raise invalid_value(
            "groups", f"one a row, {n}", f"{num_samples(groups)} groups", "Pass one group a row"
        )
    values = pd.Series(np.asarray(groups))
    if values.isna().any():
        missing = int(values.isna().sum())
        raise invalid_value("groups", "without missing values", f"{missing} missing", "Give each row a group")
    codes, found = pd.factorize(values, sort=True)
    if len(found) < n_splits and scheme in GROUPED:
        raise invalid_value(
            "n_splits", f"at most the number of groups, {len(found)}", f"{n_splits=}", "Use fewer folds"
        )
    return np.asarray(codes, dtype=np.intp)


def _deal_groups(codes: Rows, n_splits: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Deal each group to the fold with the fewest rows so far, large groups first.

    Sizes are blurred by the seed for the order alone, so that other seeds give other folds.
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


def times_of(time: Any, name: str = "time") -> pd.Series[Any]:
    """Return times that sort as time does: numbers and dates stay, text is read as ISO dates or numbers.

    Parameters
    ----------
    time : (n,) array-like
        Numbers, dates, or text.
    name : str
        What it is called in the error.

    Raises
    ------
    ValueError
        When text can be read in more than one way, such as 01/02/2024, or not at all.

    Examples
    --------
    >>> times_of(["9", "10"]).tolist()
    [9, 10]
    """
    values = pd.Series(np.asarray(time))
    if values.isna().any():
        raise invalid_value(name, "none missing", f"{values.isna().sum()} missing", "Fill them")
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().all():
        return numbers
    moments = pd.to_datetime(values, format="ISO8601", errors="coerce")
    if moments.isna().any():
        raise invalid_value(
            name,
            "of numbers, or of dates as 2024-12-31 or 2024-12-31 23:59:00",
            f"{int(moments.isna().sum())} others ({format_list(values[moments.isna()])})",
            "Write the dates so: other forms can be read in two ways",
        )
    return moments


def _forward(n: int, moments: pd.Series[Any], n_splits: int, gap: Any) -> tuple[tuple[Rows, Rows], ...]:
    """Cut the rows, in time order, into n_splits + 1 blocks; hold out each but the first after its past."""
    if len(moments) != n:
        raise invalid_value("time", f"one moment a row, {n}", f"{len(moments)} moments", "Pass one a row")
    order = np.argsort(moments.to_numpy(), kind="stable")
    ordered = moments.iloc[order].reset_index(drop=True)
    first_of_moment = np.flatnonzero(~ordered.duplicated().to_numpy())
    wanted = np.arange(1, n_splits + 1) * n / (n_splits + 1)
    # A block starts at the first row of a moment, so that no moment is both trained on and held out.
    starts = first_of_moment[
        np.searchsorted(first_of_moment, wanted.round()).clip(max=len(first_of_moment) - 1)
    ]
    if len(np.unique(starts)) < n_splits or starts[0] == 0:
        raise invalid_value(
            "time",
            f"of more than {n_splits} moments, spread over the rows",
            f"{len(first_of_moment)} moments",
            "Use fewer folds",
        )
    splits = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        past = n_rows_before(ordered, start, gap)
        if past == 0:
            raise invalid_value(
                "gap", "shorter than the past of the first fold", f"gap={gap!r}", "Use a smaller gap"
            )
        splits.append((np.sort(order[:past]), np.sort(order[start:stop])))
    return tuple(splits)


def n_rows_before(ordered: pd.Series[Any], start: int, gap: Any) -> int:
    """Return how many rows come before a later part that begins at `start`, less the gap.

    Parameters
    ----------
    ordered : (n,) series
        The moments of all rows, in the order of time.
    start : int
        The position of the first row of the later part.
    gap : int or time difference
        A number of rows, or a difference of moments.

    Raises
    ------
    ValueError
        When the gap is negative, or no difference of such moments.

    Examples
    --------
    >>> n_rows_before(pd.Series([1.0, 2.0, 5.0, 6.0]), start=3, gap=1)
    2
    >>> n_rows_before(pd.Series([1, 2, 5, 6]), start=3, gap=2.5)
    2
    """
    if isinstance(gap, int) or (isinstance(gap, np.integer) and not isinstance(gap, np.timedelta64)):
        if gap < 0:
            raise invalid_value("gap", "at least 0", f"gap={gap}", "Pass gap=0")
        return max(0, start - int(gap))
    try:
        difference = pd.Timedelta(gap) if isinstance(gap, str | np.timedelta64) else gap
        limit = ordered.iloc[start] - difference
        if limit > ordered.iloc[start]:
            raise ValueError("it is negative")
        return int((ordered < limit).sum())
    except (TypeError, ValueError) as error:
        raise invalid_value(
            "gap", "a number of rows, or a difference of the times", f"gap={gap!r} ({error})", "Pass gap=0"
        ) from error
