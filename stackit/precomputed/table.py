"""Predictions by id: out-of-fold ones for training rows, and others for test rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.files import Names, check_ids, digest
from stackit.folds import Folds
from stackit.precomputed.class_columns import class_text, match_names
from stackit.validation import format_list, invalid_value

__all__ = ["PrecomputedKind", "Predictions", "folds_digest", "ids_in"]

PrecomputedKind = Literal["probability", "decision", "number"]

# Fitted estimators come back from child processes one by one: equal tables become one object again.
_ALIVE: WeakValueDictionary[str, Predictions] = WeakValueDictionary()


@dataclass(frozen=True, eq=False, repr=False)
class Predictions:
    """An immutable table of predictions by id; copies are the same object.

    Parameters
    ----------
    name : str
        The name of the table in errors.
    id : str
        The name of the ids: of a column of X, or of its index.
    columns : tuple of str
        The names of the columns; empty if they have none and are in the order of the classes.
    kind : {"probability", "decision", "number"}
        What the values are.
    ids : (n + m,) array of str
        Unique ids.
    values : (n + m, n_columns) array
        The predictions; the out-of-fold ones first.
    n_train : int
        The number of out-of-fold predictions, n; those of test rows follow.
    folds_digest : str
        The digest of the folds of the first n rows, as `Folds.digest` ("rows ...") or by ids ("ids ...");
        empty if the folds are unknown.
    """

    name: str
    id: str
    columns: tuple[str, ...]
    kind: PrecomputedKind
    ids: Names
    values: Floats
    n_train: int
    folds_digest: str = ""
    digest: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.values.flags.writeable = False
        plain = [self.name, self.id, self.columns, self.kind, self.n_train, self.folds_digest]
        state = hashlib.sha256(f"{plain}".encode())
        state.update("\n".join(self.ids).encode() + np.ascontiguousarray(self.values).tobytes())
        object.__setattr__(self, "digest", state.hexdigest())
        _ALIVE.setdefault(self.digest, self)

    def __repr__(self) -> str:
        n_test = len(self.ids) - self.n_train
        return f"Predictions({self.name!r}, {self.n_train} rows out of fold, {n_test} test rows)"

    def __copy__(self) -> Predictions:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Predictions:
        return self

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _restore, (self.digest, *(getattr(self, each.name) for each in fields(self) if each.init))

    @property
    def test_values(self) -> Floats:
        """The (m, n_columns) predictions of test rows."""
        return self.values[self.n_train :]

    @cached_property
    def _index(self) -> pd.Index[Any]:
        return pd.Index(self.ids)

    def find(self, ids: Names) -> npt.NDArray[np.intp]:
        """Return the positions of some ids in the table; -1 for those that it lacks."""
        return np.asarray(self._index.get_indexer(pd.Index(ids)), dtype=np.intp)

    def check_has(self, ids: Names, what: str) -> None:
        """Raise unless all rows of `what` with these ids have a prediction.

        Raises
        ------
        ValueError
            If ids have no prediction.
        """
        missing = ids[self.find(ids) < 0]
        if len(missing):
            raise invalid_value(
                f"Rows of {what}",
                f"among those with a prediction in {self.name}, by {self.id}",
                f"{len(missing)} unknown ids ({format_list(missing)})",
                "Predict these rows too, or leave them out; pass predictions of test rows as test",
            )

    def values_of(self, X: Any) -> Floats:
        """Return the (n_rows, n_columns) predictions for the rows of X.

        Raises
        ------
        ValueError
            If X has no ids, or ids without a prediction.
        """
        ids = ids_in(X, self.id)
        self.check_has(ids, "X")
        values: Floats = self.values[self.find(ids)]
        return values

    def columns_of(self, classes: npt.NDArray[Any]) -> list[int] | None:
        """Return the position of each class's column; None for the single column of the positive class.

        Columns are matched with the sorted classes of y by name; columns without names are in their order.

        Raises
        ------
        ValueError
            If the columns are not those of the classes.
        """
        labels, width = classes.tolist(), self.values.shape[1]
        got = f"columns={format_list(self.columns, 12)}" if self.columns else f"{width} columns"
        if width == 1 and len(labels) == 2:
            name = self.columns[0] if self.columns else ""
            if class_text(labels[0]) not in (class_text(name), class_text(name.partition("__")[2] or name)):
                return None
            got = f"one column, named as the negative class {labels[0]}"
        elif not self.columns and width == len(labels):
            return list(range(len(labels)))
        elif (order := match_names(labels, self.columns)) is not None:
            return order
        one = f", or one of the positive class {classes[1]}" if len(classes) == 2 else ""
        raise invalid_value(
            f"Columns of {self.name}",
            f"one per class of y ({format_list(classes)}){one}",
            got,
            "Name them after the classes; if a file holds several estimators, pass estimator='its name'",
        )


def _restore(digest: str, *parts: Any) -> Predictions:
    """Return the table of this process that has the same digest, or else a new one."""
    alive = _ALIVE.get(digest)
    return Predictions(*parts) if alive is None else alive


def ids_in(X: Any, id: str) -> Names:
    """Return the ids of the rows of X as text: a column, or an index, of the name `id`.

    An index without a name is refused: all tables have row numbers, which could match those of other rows.

    Examples
    --------
    >>> ids_in(pd.DataFrame({"age": [22, 38]}, index=pd.Index([7, 9], name="id")), "id").tolist()
    ['7', '9']
    """
    if not isinstance(X, pd.DataFrame):
        got = f"X of type {type(X).__name__}"
    elif id in X.columns:
        return check_ids(X[id], None, unique=False)
    elif id in X.index.names:
        return check_ids(X.index.get_level_values(id), None, unique=False)
    else:
        got = f"columns {format_list(X.columns)}, index {X.index.name}"
    raise invalid_value(
        "X",
        f"a data frame with an index or a column named {id!r}: predictions made elsewhere are found by id",
        got,
        f"Pass X.set_index({id!r}), so that other estimators do not learn from it; if the index has no "
        f"name, X.rename_axis({id!r})",
    )


def folds_digest(folds: Folds, ids: Names) -> str:
    """Return a digest of folds by ids: equal if the splits are, in any order of rows and splits.

    Examples
    --------
    >>> from stackit import Folds
    >>> ab = Folds(2, (([0], [1]), ([1], [0])))
    >>> ba = Folds(2, (([1], [0]), ([0], [1])))
    >>> folds_digest(ab, np.array(["a", "b"])) == folds_digest(ba, np.array(["b", "a"]))
    True
    """
    order = np.argsort(ids, kind="stable")
    splits = sorted(_split_digest(parts, order) for parts in folds.splits)
    return digest("\n".join([*splits, *ids[order]]))


def _split_digest(parts: Sequence[npt.NDArray[np.intp]], order: npt.NDArray[np.intp]) -> str:
    counts = [np.bincount(rows, minlength=len(order))[order] for rows in parts]
    return hashlib.sha256(np.stack(counts).astype("<i8").tobytes()).hexdigest()
