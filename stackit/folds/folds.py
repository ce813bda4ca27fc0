"""Folds: a fixed list of splits, saved as a folds file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Rows, num_samples
from stackit.folds.constraints import SplitConstraints
from stackit.folds.folds_file import read_folds_file, write_folds_file
from stackit.folds.sections import fold_sections
from stackit.notebook import HtmlDisplayMixin, Section
from stackit.validation import format_list, invalid_value

__all__ = ["Folds"]


@dataclass(frozen=True, eq=False, repr=False)
class Folds(HtmlDisplayMixin):
    """A fixed list of splits of n rows, which works as a scikit-learn ``cv``.

    Parameters
    ----------
    n_samples : int
        The number of rows, n.
    splits : list of (train, held_out) pairs of (n_train,) and (n_held_out,) arrays of int
        Row positions. The two parts of a split share no row. Consecutive splits with disjoint held-out
        parts belong to one repeat; a row that is held out again starts the next repeat.
    metadata : dict
        How the folds were made (scheme, seed, ...), as it is written into the folds file.
    constraints : SplitConstraints
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
    constraints: SplitConstraints = field(default_factory=SplitConstraints)

    def __post_init__(self) -> None:
        pairs = tuple((self._rows(train), self._rows(held_out)) for train, held_out in self.splits)
        object.__setattr__(self, "splits", pairs)
        if not pairs:
            raise ValueError(
                "Folds need at least one split; got no splits. Pass a splitter that yields some."
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
            Only its number of rows is checked.
        y, groups : ignored
            The splits are fixed.

        Raises
        ------
        ValueError
            When X has another number of rows than the folds.
        """
        if X is not None and num_samples(X) != self.n_samples:
            raise ValueError(
                f"The folds were made for {self.n_samples} rows, but X has {num_samples(X)} rows. Make new "
                "folds for this table."
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
        """Write the folds file: a CSV with the columns ``id, kfold``, and a .json file with its metadata.

        Further repeats become the columns ``kfold_1, kfold_2, ...``. The second file has the same name with
        ``.json`` appended. It holds the metadata, a digest of the ids, and the training rows where these are
        not all the other rows (as with folds ordered in time); the CSV then has an empty column that says
        so.

        Parameters
        ----------
        path : path
            The CSV file to write, whole or not at all.
        ids : (n,) array-like
            One unique id per row.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        ValueError
            When the ids are not unique, or not one per row.

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

    def display_sections(self) -> list[Section]:
        """Return what notebooks show: a row per split."""
        return fold_sections(self)

    def _count(self) -> str:
        """Return the number of folds as text, per repeat where all repeats have the same number."""
        per_repeat = np.bincount([repeat for repeat, _ in self.labels])
        if len(per_repeat) == 1:
            return f"{per_repeat[0]} folds"
        is_regular = (per_repeat == per_repeat[0]).all() and (self.assignment >= 0).all()
        return (
            f"{per_repeat[0]} folds x {len(per_repeat)} repeats"
            if is_regular
            else f"{len(self.splits)} splits"
        )

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
        for part, rows in (("training", train), ("held-out", held_out)):
            if len(rows) == 0:
                raise ValueError(f"The {part} part of split {number} has no rows. Use fewer or other folds.")
            if rows.min() < 0 or rows.max() >= self.n_samples:
                raise invalid_value(
                    f"The {part} rows of split {number}",
                    f"between 0 and {self.n_samples - 1}",
                    f"rows from {rows.min()} to {rows.max()}",
                    "Pass the folds of this table",
                )
        counts = np.bincount(held_out, minlength=self.n_samples)
        if counts.max() > 1:
            raise invalid_value(
                f"The held-out rows of split {number}",
                "unique",
                f"repeated rows {format_list(np.flatnonzero(counts > 1))}",
                "Hold out each row once per split",
            )
        common = train[counts[train] > 0]
        if len(common):
            raise ValueError(
                f"Split {number} trains on {len(common)} rows that it also holds out ({format_list(common)});"
                " their labels leak. Take the held-out rows out of the training part."
            )

    def _complementary(self) -> bool:
        """Whether every split trains on all rows that it does not hold out."""
        return all(
            len(train) + len(held_out) == self.n_samples and len(np.unique(train)) == len(train)
            for train, held_out in self.splits
        )
