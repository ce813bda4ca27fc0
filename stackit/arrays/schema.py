"""The schema of a training table, and the check of new tables against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from stackit.arrays.column_kinds import ANY_KIND, container_of, is_empty_column, kinds_of, width_of
from stackit.arrays.frames import as_pandas, is_foreign_frame, names_of
from stackit.validation import format_list, warn

__all__ = ["TableSchema"]

MOST_LISTED = 5
PLAIN = (str, int, float)
Levels = tuple[int, tuple[Any, ...], bool]


@dataclass(frozen=True)
class TableSchema:
    """The columns of a training table, against which every table of new rows is checked.

    `container` is "frame" (of pandas or another library), "array" or "sparse" (tables without names),
    "series", "values" (a list or array of one value per row), or "other" (only its estimators can read it).
    `kinds` has what each column holds ("numbers", also for booleans, "text", "dates", "durations" or
    "anything"; the kind of their values for categories), or one entry for an array with a numeric dtype.
    `levels` has, per column of categories, its position, its categories, and whether they are ordered.

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
    kinds: tuple[str, ...] = (ANY_KIND,)
    levels: tuple[Levels, ...] = ()

    @classmethod
    def of(cls, X: Any) -> TableSchema:
        """Record the columns of a training table."""
        container = container_of(X)
        if container == "frame":
            names = _plain(names_of(X))
            return cls(container, len(names), names, kinds_of(X, recorded=True), _levels_of(X))
        if container in ("array", "sparse"):
            return cls(container, width_of(X), None, kinds_of(X))
        return cls(container, kinds=kinds_of(X) if container in ("series", "values") else (ANY_KIND,))

    def conform(self, X: Any, called: str = "X", owner: str = "the run") -> Any:
        """Return a table of new rows in the form of the training table.

        Dense and sparse tables, data frames of other libraries and dtypes of categories are converted. A
        table without names is taken in the order of the training table's columns, with a warning; so is a
        table with names where the training table had none.

        Errors name the table `called` and the `owner` that was fitted on the training table. A ValueError is
        raised where columns are missing, added or in another order, or hold another kind of values. X itself
        is never changed.
        """
        container = container_of(X)
        if "other" in (self.container, container):
            return X
        self._check_dimensions(X, container, called, owner)
        if self.width is None:
            return self._as_series(X, called)
        if self.names is None:
            return self._without_names(X, container, called, owner)
        return self._with_names(X, container, called, owner)

    def _check_dimensions(self, X: Any, container: str, called: str, owner: str) -> None:
        has_one_dimension = container in ("series", "values")
        if has_one_dimension and self.width is not None:
            raise ValueError(
                f"{called} must be a table of {self.width} columns, as {owner} was fitted on; got one "
                "dimension. Reshape your data: X.reshape(1, -1) makes it one row, X.reshape(-1, 1) a column."
            )
        if not has_one_dimension and self.width is None:
            raise ValueError(
                f"{called} must have one dimension, as the training data that {owner} was fitted on; got a "
                f"table of {width_of(X)} columns. Pass the one column that is meant."
            )

    def _as_series(self, X: Any, called: str) -> Any:
        X = pd.Series(X) if self.container == "series" and not isinstance(X, pd.Series) else X
        self._check_kinds(kinds_of(X), X, called, ["its values"])
        return X

    def _without_names(self, X: Any, container: str, called: str, owner: str) -> Any:
        """Check a table against a training table without column names."""
        if container == "frame":
            X = as_pandas(X) if is_foreign_frame(X) else X
            if any(isinstance(name, str) for name in X.columns):
                warn(
                    f"{called} has feature names, but {owner} was fitted without feature names: its columns "
                    "are taken in their order."
                )
            self._check_numbers(X.columns.tolist(), called)
            X = X.to_numpy()
        self._check_width(width_of(X), called, owner)
        self._check_kinds(kinds_of(X), X, called)
        if self.container == "sparse":
            return X if sparse.issparse(X) else sparse.csr_matrix(np.asarray(X))
        return _dense(X)

    def _check_numbers(self, names: list[Any], called: str) -> None:
        """Refuse columns that are numbered like those of an array but in another order."""
        in_order = [*range(len(names))]
        if names != in_order and all(type(name) is int for name in names) and sorted(names) == in_order:
            raise ValueError(
                "The feature names should match those that were passed during fit.\n"
                "Feature names must be in the same order as they were in fit.\n"
                f"{called} has the columns {format_list(names)}; those of the training table have no names "
                f"and count as numbered from 0 in their order: pass {called}[sorted({called}.columns)]."
            )

    def _with_names(self, X: Any, container: str, called: str, owner: str) -> Any:
        """Check a table against a training table with column names."""
        assert self.names is not None
        if container != "frame":
            X = self._named(X, called, owner)
        elif is_foreign_frame(X):
            self._check_names(names_of(X), called)
            self._check_kinds(kinds_of(X), X, called)
            return X
        else:
            self._check_names(X.columns.tolist(), called)
            if _plain(X.columns.tolist()) != self.names:  # equal as texts: 0 and "0"
                X = X.set_axis(list(self.names), axis=1)
        self._check_kinds(kinds_of(X), X, called)
        return self._with_levels(X)

    def _named(self, X: Any, called: str, owner: str) -> pd.DataFrame:
        """Return a table without names as a data frame with those of the training table."""
        assert self.names is not None
        self._check_width(width_of(X), called, owner)
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
        lines = ["The feature names should match those that were passed during fit."]
        seen, found = {*map(str, self.names)}, {*map(str, names)}
        if found - seen:
            lines += ["Feature names unseen at fit time:", *_items(found - seen)]
        if seen - found:
            lines += ["Feature names seen at fit time, yet now missing:", *_items(seen - found)]
        if seen == found:
            lines += ["Feature names must be in the same order as they were in fit."]
        order = [*self.names] if len(self.names) <= MOST_LISTED else "list(X_train.columns)"
        lines += [
            f"{called} has the columns {format_list(names)}; the training table has "
            f"{format_list(self.names)}: pass {called}[{order}]."
        ]
        raise ValueError("\n".join(lines))

    def _check_kinds(self, kinds: Sequence[str], X: Any, called: str, names: Sequence[Any] = ()) -> None:
        if tuple(kinds) == self.kinds:
            return
        known, found = _repeated(self.kinds, kinds), _repeated(kinds, self.kinds)
        names = names or self.names or [f"number {at}" for at in range(len(found))]
        wrong = [
            f"{names[at] if len(names) == len(found) else 'a value'} holds {new} instead of {old}"
            for at, (old, new) in enumerate(zip(known, found, strict=True))
            if ANY_KIND not in (old, new) and old != new and not is_empty_column(X, at)
        ]
        if wrong:
            raise ValueError(
                f"The columns of {called} must hold what those of the training table hold; "
                f"{format_list(wrong)}. Convert them, or read both tables in the same way."
            )

    def _with_levels(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with the categories of the training table first in each column of categories."""
        changed: dict[int, Any] = {}
        for at, levels, ordered in self.levels:
            column = X.iloc[:, at]
            dtype: Any = column.dtype
            own = dtype.categories.tolist() if _is_categorical(dtype) else None
            if own == [*levels] and dtype.ordered == ordered:
                continue
            found = own if own is not None else pd.unique(column.dropna()).tolist()
            new = {*column.dropna().tolist()} - {*levels}
            categories = [*levels, *(value for value in found if value in new)]
            # astype would not change the order of categories that the column has already.
            known = column if own is not None else column.astype("category")
            changed[at] = known.cat.set_categories(categories, ordered=ordered)
        with_levels = {at for at, _, _ in self.levels}
        for at in np.flatnonzero([_is_categorical(dtype) for dtype in X.dtypes]).tolist():
            if at not in with_levels and self.kinds[at] == "numbers":
                changed[at] = pd.Series(np.asarray(X.iloc[:, at]), index=X.index)
        if changed:
            X = X.copy(deep=False)
            for at, column in changed.items():
                X.isetitem(at, column)
        return X


def _dense(X: Any) -> Any:
    table: Any = X
    return table.toarray() if sparse.issparse(X) else table


def _levels_of(X: Any) -> tuple[Levels, ...]:
    if not isinstance(X, pd.DataFrame):
        return ()
    return tuple(
        (at, tuple(kind.categories.tolist()), bool(kind.ordered))
        for at, kind in enumerate(X.dtypes)
        if _is_categorical(kind) and all(isinstance(value, PLAIN) for value in kind.categories)
    )


def _plain(names: Iterable[Any]) -> tuple[Any, ...]:
    """Return names as plain values; others, such as dates, become text."""
    return tuple(
        _plain(name) if isinstance(name, tuple) else name if isinstance(name, PLAIN) else str(name)
        for name in names
    )


def _is_categorical(dtype: Any) -> bool:
    return isinstance(dtype, pd.CategoricalDtype)


def _repeated(kinds: Sequence[str], like: Sequence[str]) -> Sequence[str]:
    """Return one kind per column, where there is one kind for all columns."""
    return [kinds[0]] * len(like) if len(kinds) == 1 else kinds


def _items(names: Iterable[str]) -> list[str]:
    shown = sorted(names)
    return [f"- {name}" for name in shown[:MOST_LISTED]] + (["- ..."] if len(shown) > MOST_LISTED else [])
