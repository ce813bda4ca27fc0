"""Folds: a fixed list of splits, whoever made it."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv
from sklearn.utils.metadata_routing import get_routing_for_object

from stackit.arrays import Rows, num_samples
from stackit.arrays.isolation import inspect_reader, own_tables
from stackit.folds.constraints import SplitConstraints
from stackit.folds.folds_file import read_folds_file, write_folds_file
from stackit.target import Target
from stackit.validation import format_list, invalid_value, warn

__all__ = ["Folds", "as_folds", "wants_groups"]


@dataclass(frozen=True, eq=False, repr=False)
class Folds:
    """A fixed list of splits of n rows, which works as a scikit-learn ``cv``.

    Parameters
    ----------
    n_samples : int
        The number of rows, n.
    splits : list of (train, held_out) pairs of (n_train,) and (n_held_out,) arrays of int
        Row positions. A split's two parts share no row. Consecutive splits whose held-out parts share no
        row belong to one repeat; a row that comes up again starts the next repeat.
    made_by : dict
        What made the folds, as it is written into the folds file.
    bonds : Bonds
        The groups and times of the rows, where they are known; they are not written into the folds file.

    Raises
    ------
    ValueError
        When a split is empty, reaches outside the rows, or trains on a row that it holds out.

    Examples
    --------
    >>> from stackit import make_folds
    >>> folds = make_folds(["a", "a", "b", "b"], n_splits=2, random_state=0)
    >>> folds
    Folds(stratified, 4 rows, 2 folds)
    >>> [len(held_out) for _, held_out in folds.split()]
    [2, 2]
    """

    n_samples: int
    splits: tuple[tuple[Rows, Rows], ...]
    metadata: dict[str, Any] = field(default_factory=dict)
    bonds: SplitConstraints = field(default_factory=SplitConstraints)

    def __post_init__(self) -> None:
        pairs = tuple((self._rows(train), self._rows(held_out)) for train, held_out in self.splits)
        object.__setattr__(self, "splits", pairs)
        if not pairs:
            raise invalid_value(
                "Folds", "at least one split", "no splits", "Pass a splitter that yields splits"
            )
        for number, (train, held_out) in enumerate(pairs):
            self._check_split(number, train, held_out)

    def __repr__(self) -> str:
        partial = "" if self.coverage.all() else f", {int((self.coverage == 0).sum())} rows never held out"
        scheme = self.metadata.get("scheme", "given")
        return f"Folds({scheme}, {self.n_samples} rows, {self._count()}{partial})"

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Yield the (train, held_out) row positions, as a scikit-learn splitter does.

        Parameters
        ----------
        X : array-like with n rows, optional
            Only its number of rows is looked at.
        y, groups : ignored
            The splits are fixed already.

        Raises
        ------
        ValueError
            When X has another number of rows than the folds.
        """
        if X is not None and num_samples(X) != self.n_samples:
            raise invalid_value(
                "X",
                f"of the {self.n_samples} rows that the folds were made for",
                f"n_rows={num_samples(X)}",
                "Make new folds for this table",
            )
        yield from self.splits

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits: folds times repeats."""
        return len(self.splits)

    @cached_property
    def labels(self) -> tuple[tuple[int, int], ...]:
        """The (repeat, fold) number of each split."""
        found: list[tuple[int, int]] = []
        seen = np.zeros(self.n_samples, dtype=bool)
        repeat = fold = 0
        for _, held_out in self.splits:
            if seen[held_out].any():
                seen[:] = False
                repeat, fold = repeat + 1, 0
            seen[held_out] = True
            found.append((repeat, fold))
            fold += 1
        return tuple(found)

    @property
    def n_repeats(self) -> int:
        """The number of repeats."""
        return self.labels[-1][0] + 1

    @cached_property
    def assignment(self) -> npt.NDArray[np.intp]:
        """The (n, n_repeats) fold number that holds out each row; -1 where none does."""
        table = np.full((self.n_samples, self.n_repeats), -1, dtype=np.intp)
        for (repeat, fold), (_, held_out) in zip(self.labels, self.splits, strict=True):
            table[held_out, repeat] = fold
        return table

    @cached_property
    def coverage(self) -> npt.NDArray[np.intp]:
        """The (n,) number of splits that hold out each row."""
        return np.asarray((self.assignment >= 0).sum(axis=1), dtype=np.intp)

    @cached_property
    def digest(self) -> str:
        """A fingerprint of the splits: equal exactly when the folds are."""
        state = hashlib.sha256(str(self.n_samples).encode())
        for train, held_out in self.splits:
            for rows in (train, held_out):
                state.update(len(rows).to_bytes(8, "little") + np.sort(rows).astype("<i8").tobytes())
        return state.hexdigest()[:16]

    def save(self, path: str | os.PathLike[str], ids: Any) -> Path:
        """Write the folds file: a CSV with the columns ``id, kfold``, and what made it beside it.

        Repeats become the further columns ``kfold_1, kfold_2, ...``. The CSV reads as any other; a second
        file, the same name with ``.json`` behind it, holds what made the folds, a digest of the ids, and
        the training rows where they are not simply all the others (as with folds ordered in time); an empty
        column of the CSV says then that they are listed.

        Parameters
        ----------
        path : path
            The CSV file to write, whole or not at all.
        ids : (n,) array-like
            One unique id a row.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        ValueError
            When the ids are not unique, or not one a row.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from stackit import Folds, make_folds
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "folds.csv"
        >>> folds = make_folds([0, 0, 1, 1], n_splits=2, random_state=0)
        >>> ids = ["a", "b", "c", "d"]
        >>> Folds.load(folds.save(path, ids), ids).digest == folds.digest
        True
        """
        simple = self._complementary() and (self.assignment >= 0).all()
        train = None if simple else [train for train, _ in self.splits]
        return write_folds_file(Path(path), ids, self.assignment, train, self.metadata)

    @classmethod
    def load(cls, path: str | os.PathLike[str], ids: Any) -> Folds:
        """Read a folds file, checked against the ids of the table that it will split.

        Parameters
        ----------
        path : path
            A CSV file with an id column first and ``kfold`` columns, from `save` or from elsewhere.
        ids : (n,) array-like
            The ids of the table's rows, in the table's order.

        Returns
        -------
        Folds

        Raises
        ------
        ValueError
            When ids are missing, unknown, repeated or in another order; when a fold is missing, empty or
            not a whole number; when the two files do not belong together.
        FileNotFoundError
            When there is no such file.
        """
        return cls(*read_folds_file(Path(path), ids))

    def _count(self) -> str:
        """Say how many folds there are: of each repeat, where all have the same number."""
        of_repeat = np.bincount([repeat for repeat, _ in self.labels])
        if len(of_repeat) == 1:
            return f"{of_repeat[0]} folds"
        regular = (of_repeat == of_repeat[0]).all() and (self.assignment >= 0).all()
        return f"{of_repeat[0]} folds x {len(of_repeat)} repeats" if regular else f"{len(self.splits)} splits"

    def _rows(self, rows: Any) -> Rows:
        values = np.asarray(rows)
        if values.dtype == bool and values.shape == (self.n_samples,):
            values = np.flatnonzero(values)
        if values.ndim != 1 or (len(values) and not np.issubdtype(values.dtype, np.integer)):
            raise invalid_value(
                "Rows of a split",
                f"row numbers, or a mask of {self.n_samples} values",
                f"{values.dtype} of shape {values.shape}",
                "Pass positions as np.flatnonzero gives them",
            )
        own = values.astype(np.intp)
        own.flags.writeable = False
        return own

    def _check_split(self, number: int, train: Rows, held_out: Rows) -> None:
        place = f"split {number}"
        for part, rows in (("training", train), ("held-out", held_out)):
            if len(rows) == 0:
                raise invalid_value(
                    f"The {part} part of {place}", "at least one row", "no rows", "Use fewer or other folds"
                )
            if rows.min() < 0 or rows.max() >= self.n_samples:
                raise invalid_value(
                    f"The {part} rows of {place}",
                    f"between 0 and {self.n_samples - 1}",
                    f"rows from {rows.min()} to {rows.max()}",
                    "Pass the folds of this table",
                )
        counts = np.bincount(held_out, minlength=self.n_samples)
        if counts.max() > 1:
            raise invalid_value(
                f"The held-out rows of {place}",
                "unique",
                f"repeated rows {format_list(np.flatnonzero(counts > 1))}",
                "Hold out each row once a split",
            )
        both = train[counts[train] > 0]
        if len(both):
            raise invalid_value(
                f"Training and held-out rows of {place}",
                "without a row in common, or its label leaks",
                f"{len(both)} common rows ({format_list(both)})",
                "Take the held-out rows out of the training part",
            )

    def _complementary(self) -> bool:
        """Whether every training part is all rows that the split does not hold out."""
        return all(
            len(train) + len(held_out) == self.n_samples and len(np.unique(train)) == len(train)
            for train, held_out in self.splits
        )


def as_folds(cv: Any, X: Any, target: Target, groups: Any = None) -> Folds:
    """Turn anything that scikit-learn takes as ``cv`` into `Folds`, without touching it.

    Parameters
    ----------
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        An int is a number of unshuffled folds, stratified for classes, as in scikit-learn; with `groups`
        they are group folds. None is 5.
    X : array-like with n rows
        The table to split.
    target : Target
        What is to be predicted.
    groups : (n,) array-like, optional
        For splitters that want it.

    Returns
    -------
    Folds

    Raises
    ------
    ValueError
        When the splits do not fit the table.

    Warns
    -----
    UserWarning
        When rows of one group are both trained on and held out.

    Examples
    --------
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> from stackit.target import regression_target
    >>> as_folds(TimeSeriesSplit(2), [[1], [2], [3]], regression_target([1, 2, 3]))
    Folds(TimeSeriesSplit, 3 rows, 2 folds, 1 rows never held out)
    """
    folds = _folds_from(cv, X, target, groups)
    if groups is not None:
        codes = np.unique(np.asarray(groups), return_inverse=True)[1]
        _warn_of_split_groups(folds, codes)
        return replace(folds, bonds=replace(folds.bonds, groups=codes))
    if folds.bonds.groups is not None and "group" not in folds.metadata.get("scheme", ""):
        _warn_of_split_groups(folds, folds.bonds.groups)
    return folds


def _folds_from(cv: Any, X: Any, target: Target, groups: Any) -> Folds:
    if isinstance(cv, Folds):
        return Folds(cv.n_samples, tuple(cv.split(X)), cv.metadata, cv.bonds)
    if isinstance(cv, str):
        raise invalid_value("cv", "a number of folds, a splitter, or a list of splits", f"{cv=}", "Pass cv=5")
    if groups is not None and (cv is None or isinstance(cv, int | np.integer)):
        n_splits = 5 if cv is None else int(cv)
        stratify = target.kind in ("binary", "multiclass")
        cv = StratifiedGroupKFold(n_splits) if stratify else GroupKFold(n_splits)
    stratified_y = target.codes if target.is_classification else None
    # A splitter may hold a random state that moves on when it splits: the caller's own is left alone.
    own = copy.deepcopy(cv) if hasattr(cv, "split") else cv
    splitter = check_cv(own, stratified_y, classifier=target.is_classification)
    wanted = groups if wants_groups(splitter) else None
    splits = tuple(splitter.split(*own_tables(inspect_reader(splitter), X, target.codes, wanted)))
    if not splits:
        raise invalid_value(
            "cv", "of at least one split", "none", "Pass list(splits): an iterator is used up after one run"
        )
    return Folds(num_samples(X), splits, {"scheme": type(splitter).__name__, "n_splits": len(splits)})


def wants_groups(splitter: Any) -> bool:
    """Whether a splitter asks for groups, by scikit-learn's own account; any other kind is given them.

    Examples
    --------
    >>> from sklearn.model_selection import GroupKFold, KFold
    >>> wants_groups(GroupKFold(2)), wants_groups(KFold(2))
    (True, False)
    """
    if not hasattr(splitter, "get_metadata_routing"):
        return True
    return bool(get_routing_for_object(splitter).split.requests.get("groups"))


def _warn_of_split_groups(folds: Folds, codes: Rows) -> None:
    torn: set[int] = set()
    for train, held_out in folds.splits:
        torn |= set(np.intersect1d(codes[train], codes[held_out]).tolist())
    if torn:
        warn(
            f"{len(torn)} of {codes.max() + 1} groups are both trained on and held out: scores may be too "
            "good. Use folds of scheme='group', or an int as cv."
        )
