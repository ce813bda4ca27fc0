"""What a run knows of its training table: the columns that tables of new rows must have too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.arrays.frames import as_pandas, is_foreign_frame, names_of
from stackit.validation import warn

__all__ = ["TableSchema"]

MOST = 5
KINDS = {"b": "numbers", "i": "numbers", "u": "numbers", "f": "numbers", "c": "numbers", "U": "text"}
KINDS |= {"S": "text", "M": "dates", "m": "durations"}
OF_OBJECTS = {
    "string": "text",
    "bytes": "text",
    "integer": "numbers",
    "floating": "numbers",
    "mixed-integer-float": "numbers",
    "boolean": "numbers",
    "decimal": "numbers",
    "datetime": "dates",
    "datetime64": "dates",
    "date": "dates",
    "timedelta": "durations",
    "timedelta64": "durations",
}
OF_FOREIGN = {
    "numbers": ("int", "uint", "float", "double", "bool", "decimal"),
    "text": ("str", "utf", "large_str", "cat", "enum", "dictionary"),
    "dates": ("date", "timestamp"),
    "durations": ("duration",),
}
ANY = "anything"
PLAIN = (str, int, float)
Levels = tuple[int, tuple[Any, ...], bool]


@dataclass(frozen=True)
class TableSchema:
    """The columns of a training table, and the one check of every table of new rows against them.

    Parameters
    ----------
    container : {"frame", "array", "sparse", "series", "values", "other"}
        A data frame of pandas or another library; a dense table without names; a sparse one; a pandas
        series; a list or array of one value per row; or something that is known to its estimators alone.
    width : int or None
        The number of columns, of a table.
    names : tuple or None
        The names of the columns of a data frame, in their order.
    kinds : tuple of str
        What each column holds ("numbers", "text", "dates", "durations" or "anything"); one entry for all
        columns of an array. Booleans count as numbers. Categories are of the kind of their values.
    levels : tuple of (int, tuple, bool)
        Of each column of dtype category: its position, its categories, and whether they are ordered.

    Examples
    --------
    >>> schema = TableSchema.of(pd.DataFrame({"age": [22, 38], "sex": ["m", "f"]}))
    >>> schema.names, schema.kinds
    (('age', 'sex'), ('numbers', 'text'))
    >>> schema.conform(pd.DataFrame({"sex": ["m"], "age": [30]}))
    Traceback (most recent call last):
        ...
    ValueError: The feature names should match those that were passed during fit.
    Feature names must be in the same order as they were in fit.
    X has the columns sex, age; the training table has age, sex: pass X[['age', 'sex']].
    """

    container: str
    width: int | None = None
    names: tuple[Any, ...] | None = None
    kinds: tuple[str, ...] = (ANY,)
    levels: tuple[Levels, ...] = ()

    @classmethod
    def of(cls, X: Any) -> TableSchema:
        """Record the columns of a training table."""
        container = _container(X)
        if container == "frame":
            names = _plain(names_of(X))
            return cls(container, len(names), names, _kinds_of(X, recorded=True), _levels_of(X))
        if container in ("array", "sparse"):
            return cls(container, _width(X), None, _kinds_of(X))
        return cls(container, kinds=_kinds_of(X) if container in ("series", "values") else (ANY,))

    def conform(self, X: Any, called: str = "X", owner: str = "the run") -> Any:
        """Return a table of new rows as the estimators know the training table.

        What differs but in form is brought into the form of the training table: dense and sparse, a data
        frame of another library, a dtype of categories. A table without names is taken in the order of the
        training table's columns, and a warning says so; the same where only the new table has names.

        Parameters
        ----------
        X : array-like with m rows
            New rows.
        called : str
            What they are called in errors.
        owner : str
            Who was fitted on the training table.

        Returns
        -------
        array-like with m rows
            `X` itself, where nothing is to be changed; X is never changed.

        Raises
        ------
        ValueError
            When columns are missing, added, or in another order; when a column holds another kind of
            values: numbers, text, dates.
        """
        if self.container == "other":
            return X
        container = _container(X)
        if container == "other":
            return X
        self._check_dimensions(X, container, called, owner)
        if self.width is None:
            return self._as_series(X, called)
        if self.names is None:
            return self._without_names(X, container, called, owner)
        return self._with_names(X, container, called, owner)

    def _check_dimensions(self, X: Any, container: str, called: str, owner: str) -> None:
        one = container in ("series", "values")
        if one and self.width is not None:
            raise ValueError(
                f"{called} must be a table of {self.width} columns, as {owner} was fitted on; got one "
                "dimension. Reshape your data: X.reshape(1, -1) makes it one row, X.reshape(-1, 1) a column."
            )
        if not one and self.width is None:
            raise ValueError(
                f"{called} must have one dimension, as the training data that {owner} was fitted on; got a "
                f"table of {_width(X)} columns. Pass the one column that is meant."
            )

    def _as_series(self, X: Any, called: str) -> Any:
        X = pd.Series(X) if self.container == "series" and not isinstance(X, pd.Series) else X
        self._check_kinds(_kinds_of(X), X, called, ["its values"])
        return X

    def _without_names(self, X: Any, container: str, called: str, owner: str) -> Any:
        """Check a table against a training table whose columns had no names."""
        if container == "frame":
            X = as_pandas(X) if is_foreign_frame(X) else X
            if any(isinstance(name, str) for name in X.columns):
                warn(
                    f"{called} has feature names, but {owner} was fitted without feature names: its columns "
                    "are taken in their order."
                )
            self._check_numbers(X.columns.tolist(), called)
            X = X.to_numpy()
        self._check_width(_width(X), called, owner)
        self._check_kinds(_kinds_of(X), X, called)
        if self.container == "sparse":
            return X if sparse.issparse(X) else sparse.csr_matrix(np.asarray(X))
        return _dense(X)

    def _check_numbers(self, names: list[Any], called: str) -> None:
        """Refuse columns that are numbered as those of an array are, in another order."""
        in_order = [*range(len(names))]
        if names != in_order and all(type(name) is int for name in names) and sorted(names) == in_order:
            raise ValueError(
                "The feature names should match those that were passed during fit.\n"
                "Feature names must be in the same order as they were in fit.\n"
                f"{called} has the columns {_some(names)}; those of the training table have no names, which "
                f"are the numbers from 0 in their order: pass {called}[sorted({called}.columns)]."
            )

    def _with_names(self, X: Any, container: str, called: str, owner: str) -> Any:
        """Check a table against a training table whose columns had names."""
        assert self.names is not None
        if container != "frame":
            X = self._named(X, called, owner)
        elif is_foreign_frame(X):
            self._check_names(names_of(X), called)
            self._check_kinds(_kinds_of(X), X, called)
            return X
        else:
            self._check_names(X.columns.tolist(), called)
            if _plain(X.columns.tolist()) != self.names:  # equal as texts: 0 and "0"
                X = X.set_axis(list(self.names), axis=1)
        self._check_kinds(_kinds_of(X), X, called)
        return self._with_levels(X)

    def _named(self, X: Any, called: str, owner: str) -> pd.DataFrame:
        """Return a table without names as a data frame with those of the training table."""
        assert self.names is not None
        self._check_width(_width(X), called, owner)
        if any(isinstance(name, str) for name in self.names):
            warn(
                f"{called} does not have valid feature names, but {owner} was fitted with feature names: its "
                "columns are taken in the order of the training table."
            )
        table = pd.DataFrame(np.asarray(_dense(X)), columns=[*self.names])
        return table.infer_objects()

    def _check_width(self, width: int | None, called: str, owner: str) -> None:
        if width != self.width:
            raise ValueError(
                f"{called} has {width} features, but {owner} is expecting {self.width} features as input. "
                "Pass the columns of the training table, in their order."
            )

    def _check_names(self, names: Sequence[Any], called: str) -> None:
        assert self.names is not None
        if _plain(names) == self.names or [*map(str, names)] == [*map(str, self.names)]:
            return
        unseen, missing = _without(names, self.names), _without(self.names, names)
        told = ["The feature names should match those that were passed during fit."]
        if unseen:
            told += ["Feature names unseen at fit time:", *_items(unseen)]
        if missing:
            told += ["Feature names seen at fit time, yet now missing:", *_items(missing)]
        if not unseen and not missing:
            told += ["Feature names must be in the same order as they were in fit."]
        order = (
            f"{called}[{[*self.names]}]" if len(self.names) <= MOST else f"{called}[list(X_train.columns)]"
        )
        own = _some(self.names)
        told += [f"{called} has the columns {_some(names)}; the training table has {own}: pass {order}."]
        raise ValueError("\n".join(told))

    def _check_kinds(self, kinds: Sequence[str], X: Any, called: str, names: Sequence[Any] = ()) -> None:
        if tuple(kinds) == self.kinds:
            return
        known, found = _spread(self.kinds, kinds), _spread(kinds, self.kinds)
        names = names or self.names or [f"number {at}" for at in range(len(found))]
        wrong = [
            f"{names[at] if len(names) == len(found) else 'a value'} holds {new} instead of {old}"
            for at, (old, new) in enumerate(zip(known, found, strict=True))
            if ANY not in (old, new) and old != new and not _is_empty(X, at)
        ]
        if wrong:
            raise ValueError(
                f"The columns of {called} must hold what those of the training table hold; {_some(wrong)}. "
                "Convert them, or read both tables in the same way."
            )

    def _with_levels(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a frame whose columns of categories have the categories of the training table first."""
        wanted: dict[int, Any] = {}
        for at, levels, ordered in self.levels:
            column = X.iloc[:, at]
            kind: Any = column.dtype
            own = kind.categories.tolist() if _is_categorical(kind) else None
            if own == [*levels] and kind.ordered == ordered:
                continue
            found = own if own is not None else pd.unique(column.dropna()).tolist()
            present = {*column.dropna().tolist()} - {*levels}
            every = [*levels, *(one for one in found if one in present)]
            # astype would change nothing where the two lists differ in order alone.
            known = column if own is not None else column.astype("category")
            wanted[at] = known.cat.set_categories(every, ordered=ordered)
        of_categories = {at for at, _, _ in self.levels}
        for at in np.flatnonzero([_is_categorical(kind) for kind in X.dtypes]).tolist():
            if at not in of_categories and self.kinds[at] == "numbers":
                wanted[at] = pd.Series(np.asarray(X.iloc[:, at]), index=X.index)
        if wanted:
            X = X.copy(deep=False)
            for at, column in wanted.items():
                X.isetitem(at, column)
        return X


def _container(X: Any) -> str:
    if isinstance(X, pd.DataFrame) or is_foreign_frame(X):
        return "frame"
    if isinstance(X, pd.Series):
        return "series"
    if sparse.issparse(X):
        return "sparse"
    if isinstance(X, np.ndarray):
        return {1: "values", 2: "array"}.get(X.ndim, "other")
    if isinstance(X, list | tuple) and len(X):
        if isinstance(X[0], list | tuple | np.ndarray):
            flat = all(np.ndim(value) == 0 for value in X[0]) if np.ndim(X[0]) < 2 else False
            return "array" if flat else "other"
        return "values"
    return "other"


def _dense(X: Any) -> Any:
    table: Any = X
    return table.toarray() if sparse.issparse(X) else table


def _width(X: Any) -> int | None:
    if isinstance(X, list | tuple):
        return len(X[0])
    shape: tuple[int, ...] = getattr(X, "shape", ())
    return int(shape[1]) if len(shape) > 1 else None


def _kinds_of(X: Any, recorded: bool = False) -> tuple[str, ...]:
    """Return the kind of each column; one for all of an array whose numbers have one type.

    Where they are `recorded`, a column without a value may hold anything: text that is missing in all rows
    is read as numbers.
    """
    if isinstance(X, pd.DataFrame):
        kinds = [_kind(X, at, dtype) for at, dtype in enumerate(X.dtypes)]
        for at in np.flatnonzero(X.iloc[:1].isna().to_numpy()).tolist() if recorded and len(X) else ():
            kinds[at] = ANY if X.iloc[:, at].isna().all() else kinds[at]
        return tuple(kinds)
    if is_foreign_frame(X):
        return tuple(
            _foreign_kind(X[name].dtype if hasattr(X[name], "dtype") else "") for name in names_of(X)
        )
    if isinstance(X, pd.Series):
        return (_kind(X.to_frame(), 0, X.dtype),)
    if isinstance(X, np.ndarray) and X.dtype == object:
        columns = [X] if X.ndim == 1 else X.T
        return tuple(_kind_of_objects(column) for column in columns)
    if isinstance(X, list | tuple):
        return (ANY,) if _container(X) == "array" else (_kind_of_objects(X),)
    return (KINDS.get(X.dtype.kind, ANY),)


def _kind(X: pd.DataFrame, at: int, dtype: Any) -> str:
    if _is_categorical(dtype):
        return _kind_of_objects(dtype.categories)
    if isinstance(dtype, np.dtype):
        return _kind_of_objects(X.iloc[:, at]) if dtype.kind == "O" else KINDS.get(dtype.kind, ANY)
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    if pd.api.types.is_string_dtype(dtype):
        return "text"
    return "dates" if pd.api.types.is_datetime64_any_dtype(dtype) else ANY


def _kind_of_objects(values: Any) -> str:
    return OF_OBJECTS.get(pd.api.types.infer_dtype(values, skipna=True), ANY)


def _foreign_kind(dtype: Any) -> str:
    name = str(dtype).lower()
    return next((kind for kind, starts in OF_FOREIGN.items() if name.startswith(starts)), ANY)


def _levels_of(X: Any) -> tuple[Levels, ...]:
    if not isinstance(X, pd.DataFrame):
        return ()
    return tuple(
        (at, tuple(kind.categories.tolist()), bool(kind.ordered))
        for at, kind in enumerate(X.dtypes)
        if _is_categorical(kind) and all(isinstance(value, PLAIN) for value in kind.categories)
    )


def _plain(names: Iterable[Any]) -> tuple[Any, ...]:
    """Return names as plain values: those of another type, such as dates, by their text."""
    return tuple(
        _plain(name) if isinstance(name, tuple) else name if isinstance(name, PLAIN) else str(name)
        for name in names
    )


def _is_categorical(dtype: Any) -> bool:
    return isinstance(dtype, pd.CategoricalDtype)


def _is_empty(X: Any, at: int) -> bool:
    """Whether a column has no value, so that its type says nothing."""
    if isinstance(X, pd.DataFrame):
        return bool(X.iloc[:, at].isna().all())
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fO":
        return bool(pd.isna(X[:, at]).all())
    return isinstance(X, pd.Series) and bool(X.isna().all())


def _spread(kinds: Sequence[str], like: Sequence[str]) -> Sequence[str]:
    """Return one kind per column, where another table has one for each and this has one for all."""
    return [kinds[0]] * len(like) if len(kinds) == 1 else kinds


def _without(names: Iterable[Any], others: Iterable[Any]) -> list[str]:
    return sorted({*map(str, names)} - {*map(str, others)})


def _items(names: Sequence[str]) -> list[str]:
    return [f"- {name}" for name in names[:MOST]] + (["- ..."] if len(names) > MOST else [])


def _some(names: Sequence[Any]) -> str:
    more = f", and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(map(str, names[:MOST])) + more
