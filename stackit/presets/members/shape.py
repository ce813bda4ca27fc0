"""The shape of a table: all that the choice of members and their sizes depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from stackit.validation import invalid_value

__all__ = ["MANY_CLASSES", "TableShape"]

MANY_CLASSES = 10
PACES = {5_000: 1.0, 20_000: 1.5, 100_000: 2.0}  # up to so many rows times classes


@dataclass(frozen=True)
class TableShape:
    """The numbers of rows, columns of each kind and classes of a table, and the memory there is.

    Parameters
    ----------
    n_rows : int
        The training rows, of all folds together.
    n_numbers, n_categories, n_text : int
        The columns of each kind; dates count as numbers.
    n_classes : int
        0 for a regression.
    memory : int, optional
        The bytes that all fitted members together may take; None where there is no limit.

    Raises
    ------
    ValueError
        When a number is negative, or there is one class only.

    Examples
    --------
    >>> shape = TableShape(n_rows=891, n_numbers=5, n_categories=3, n_classes=2)
    >>> shape.n_columns, shape.is_regression
    (8, False)
    """

    n_rows: int
    n_numbers: int
    n_categories: int = 0
    n_text: int = 0
    n_classes: int = 0
    memory: int | None = None

    def __post_init__(self) -> None:
        for name in ("n_rows", "n_numbers", "n_categories", "n_text", "n_classes"):
            if getattr(self, name) < 0:
                raise invalid_value(name, "0 or more", f"{name}={getattr(self, name)}", "Count again")
        if self.n_classes == 1:
            raise invalid_value(
                "n_classes", "0 for a regression, or 2 or more", "n_classes=1", "Leave the table out"
            )

    @classmethod
    def of(cls, frame: pd.DataFrame, n_classes: int = 0, memory: int | None = None) -> TableShape:
        """Return the shape of a typed frame: numbers, dates, columns of the category dtype, text.

        Examples
        --------
        >>> frame = pd.DataFrame({"age": [22.0, 38.0], "sex": pd.Categorical(["male", "female"])})
        >>> TableShape.of(frame, n_classes=2).n_categories
        1
        """
        categories = sum(isinstance(kind, pd.CategoricalDtype) for kind in frame.dtypes)
        numbers = frame.select_dtypes(include=["number", "bool", "datetime"]).shape[1]
        text = frame.shape[1] - categories - numbers
        return cls(len(frame), numbers, categories, text, n_classes, memory)

    @property
    def n_columns(self) -> int:
        """The number of columns of all kinds."""
        return self.n_numbers + self.n_categories + self.n_text

    @property
    def n_outputs(self) -> int:
        """How many trees a booster grows in each round: one per class from three classes on."""
        return self.n_classes if self.n_classes > 2 else 1

    @property
    def target(self) -> Literal["classes", "numbers"]:
        """What preparations that encode by the target take it for."""
        return "numbers" if self.is_regression else "classes"

    @property
    def pace(self) -> float:
        """How many times faster boosters learn, in fewer rounds, the more rows times classes a round has."""
        if self.n_outputs > MANY_CLASSES:
            return 3.0
        work = self.n_rows * self.n_outputs
        return next((pace for limit, pace in PACES.items() if work < limit), 3.0)

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number."""
        return self.n_classes == 0
