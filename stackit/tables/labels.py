"""Columns of strings and other objects, as codes and distinct words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Rows

__all__ = ["Labels", "labels_of", "word_of"]

# Words for a missing value in any column. "none" is not among them: it may be a level ("no pool").
GAP_WORDS = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "nat", "#na"})
NESTED = (list, tuple, dict, set, frozenset, np.ndarray, pd.Series, pd.DataFrame)


@dataclass(frozen=True, eq=False)
class Labels:
    """One column as (n,) positions in its distinct words; -1 where it is missing."""

    codes: Rows
    words: npt.NDArray[np.object_]

    @property
    def counts(self) -> Rows:
        """The number of rows of each word."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.words))

    def spread(self, values: npt.NDArray[Any], missing: Any) -> npt.NDArray[Any]:
        """Return the (n,) values of all rows, given one value per word."""
        return np.append(values, np.array([missing], dtype=values.dtype))[self.codes]


def labels_of(column: pd.Series[Any]) -> Labels:
    """Return a column of any dtype as codes and words; raise a TypeError where a value is a list or dict."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, values = pd.factorize(column)
    words = [word_of(value) for value in values]
    kept, distinct = pd.factorize(np.array([*words, None], dtype=object))
    return Labels(kept[codes].astype(np.intp), np.asarray(distinct, dtype=object))


def word_of(value: Any) -> str | None:
    """Return a value as a word without blanks around it; None if it is a word for a missing value."""
    if isinstance(value, NESTED):
        raise TypeError(f"a {type(value).__name__} is no value of a column")
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    word = str(value).strip()
    return None if word.casefold() in GAP_WORDS else word
