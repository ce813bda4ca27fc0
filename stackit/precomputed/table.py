"""A table of predictions by id: what was predicted out of fold for training rows, and for test rows."""

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

from stackit.files import Names, check_ids
from stackit.folds import Folds
from stackit.precomputed.class_columns import class_text, match_names
from stackit.validation import format_list, invalid_value

__all__ = ["Kind", "Predictions", "Values", "fingerprint", "ids_in"]

Kind = Literal["probability", "decision", "number"]
Values = npt.NDArray[np.float64]

# Fitted estimators come back from child processes one by one; what they share is then shared again.
_ALIVE: WeakValueDictionary[str, Predictions] = WeakValueDictionary()


@dataclass(frozen=True, eq=False, repr=False)
class Predictions:
    """Predictions by id, in one table that never changes: a copy is the same object.

    Parameters
    ----------
    name : str
        What errors call it.
    id : str
        The name of the ids: of a column of X, or of its index.
    columns : tuple of str
        The names of the columns; empty where they have none, and then they are in the order of classes.
    kind : {"probability", "decision", "number"}
        What the values are.
    ids : (n + m,) array of str
        Unique ids.
    values : (n + m, n_columns) array
        The predictions; those out of fold first.
    n_train : int
        How many are out of fold, n; those of test rows follow.
    made_with : str
        The digest of the folds that the first n were made with, as `Folds.digest` ("rows ...") or as
        `fingerprint` ("ids ..."); empty where nobody has said.
    """

    name: str
    id: str
    columns: tuple[str, ...]
    kind: Kind
    ids: Names
    values: Values
    n_train: int
    made_with: str = ""
    digest: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.values.flags.writeable = False
        state = hashlib.sha256(f"{[getattr(self, name) for name in _PLAIN]}".encode())
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
        return _recalled, (self.digest, *(getattr(self, each.name) for each in fields(self) if each.init))

    @property
    def test_values(self) -> Values:
        """The (m, n_columns) predictions of test rows."""
        return self.values[self.n_train :]

    @cached_property
    def _index(self) -> pd.Index[Any]:
        return pd.Index(self.ids)

    def find(self, ids: Names) -> npt.NDArray[np.intp]:
        """Return the rows of the table that hold some ids; -1 for those that it lacks."""
        return np.asarray(self._index.get_indexer(pd.Index(ids)), dtype=np.intp)

    def of_rows(self, X: Any) -> Values:
        """Return the (n_rows, n_columns) predictions for the rows of X.

        Raises
        ------
        ValueError
            When X holds no ids, or ids without a prediction.
        """
        ids = ids_in(X, self.id)
        found = self.find(ids)
        if (found < 0).any():
            raise self.lack("X", ids[found < 0])
        values: Values = self.values[found]
        return values

    def lack(self, what: str, ids: Names) -> ValueError:
        """Return the error for rows that have no prediction."""
        return invalid_value(
            f"Rows of {what}",
            f"among those with a prediction in {self.name}, by {self.id}",
            f"{len(ids)} unknown ids ({format_list(ids)})",
            "Predict these rows too, or leave them out; pass predictions of test rows as test",
        )

    def order_of(self, classes: npt.NDArray[Any]) -> list[int] | None:
        """Return where the column of each class stands; None for the one column of a positive class.

        Columns are matched by name, as `match_names` does; where they have no names
        they are in the order of the classes.

        Parameters
        ----------
        classes : (n_classes,) array
            The sorted classes of y.

        Raises
        ------
        ValueError
            When the columns are not those of the classes.
        """
        labels = classes.tolist()
        if self.values.shape[1] == 1 and len(labels) == 2:
            if self.columns and class_text(labels[0]) in _spellings(self.columns[0]):
                raise self._strange(classes, f"one column, named as the negative class {labels[0]}")
            return None
        if not self.columns and self.values.shape[1] == len(labels):
            return list(range(len(labels)))
        if (order := match_names(labels, self.columns)) is not None:
            return order
        got = (
            f"columns={format_list(self.columns, 12)}" if self.columns else f"{self.values.shape[1]} columns"
        )
        raise self._strange(classes, got)

    def _strange(self, classes: npt.NDArray[Any], got: str) -> ValueError:
        one = f", or one of the positive class {classes[1]}" if len(classes) == 2 else ""
        return invalid_value(
            f"Columns of {self.name}",
            f"one a class of y ({format_list(classes)}){one}",
            got,
            "Name them after the classes; where a file holds several estimators, pass estimator='its name'",
        )


_PLAIN = ("name", "id", "columns", "kind", "n_train", "made_with")


def _recalled(digest: str, *parts: Any) -> Predictions:
    """Return the same predictions, where this process has them already, or make them anew."""
    alive = _ALIVE.get(digest)
    return Predictions(*parts) if alive is None else alive


def _spellings(name: str) -> set[str]:
    """The classes that a column's name may mean, with an estimator's name in front or without."""
    return {class_text(name), class_text(name.partition("__")[2] or name)}


def ids_in(X: Any, id: str) -> Names:
    """Return the ids of the rows of X, as text: those of a column, or of the index, of that name.

    An index without a name is not taken: the plain numbers of rows, which all tables have, would do
    for ids of other rows.

    Parameters
    ----------
    X : data frame with n rows
        The rows.
    id : str
        The name of the ids.

    Returns
    -------
    (n,) array of str

    Raises
    ------
    ValueError
        When X is no data frame, or has neither such a column nor such an index.

    Examples
    --------
    >>> ids_in(pd.DataFrame({"age": [22, 38]}, index=pd.Index([7, 9], name="id")), "id").tolist()
    ['7', '9']
    """
    if isinstance(X, pd.DataFrame) and id in X.columns:
        return _texts(X[id])
    if isinstance(X, pd.DataFrame) and id in X.index.names:
        return _texts(X.index.get_level_values(id))
    got = f"columns {format_list(X.columns)}, index {X.index.name}" if isinstance(X, pd.DataFrame) else None
    raise invalid_value(
        "X",
        f"a data frame whose index, or a column, is named {id!r}: predictions made elsewhere are found by id",
        got or f"X of type {type(X).__name__}",
        f"Pass X.set_index({id!r}), so that other estimators do not learn from it; of an index without a "
        f"name, X.rename_axis({id!r})",
    )


def fingerprint(folds: Folds, ids: Names) -> str:
    """Return a digest of folds by ids: equal when the splits are, in whatever order rows and splits are.

    Parameters
    ----------
    folds : Folds
        The splits of n rows.
    ids : (n,) array of str
        The ids of these rows.

    Examples
    --------
    >>> from stackit import Folds
    >>> ab = Folds(2, (([0], [1]), ([1], [0])))
    >>> ba = Folds(2, (([1], [0]), ([0], [1])))
    >>> fingerprint(ab, np.array(["a", "b"])) == fingerprint(ba, np.array(["b", "a"]))
    True
    """
    order = np.argsort(ids, kind="stable")
    splits = sorted(_split_digest(parts, order) for parts in folds.splits)
    return hashlib.sha256("\n".join([*splits, *ids[order]]).encode()).hexdigest()[:16]


def _split_digest(parts: Sequence[npt.NDArray[np.intp]], order: npt.NDArray[np.intp]) -> str:
    counts = [np.bincount(rows, minlength=len(order))[order] for rows in parts]
    return hashlib.sha256(np.stack(counts).astype("<i8").tobytes()).hexdigest()


def _texts(values: Any) -> Names:
    return check_ids(values, None, unique=False)
