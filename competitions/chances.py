"""How good chances of one of two classes are: log loss, area under the ROC curve, accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from stackit.assess import area_contributions

__all__ = ["Scores", "area", "chance_scores", "show_chances"]

Scores = dict[str, dict[str, float]]


def chance_scores(is_positive: Any, chances: pd.DataFrame) -> dict[str, Scores]:
    """Return log loss, AUC and accuracy of each column of chances, each with its standard error over rows.

    Parameters
    ----------
    is_positive : (n,) array-like of bool
        Which rows are of the positive class.
    chances : (n, k) data frame
        One column per estimator: the chance that it gives the positive class.

    Examples
    --------
    >>> table = pd.DataFrame({"good": [0.2, 0.3, 0.8, 0.9]})
    >>> chance_scores([False, False, True, True], table)["good"]["accuracy"]
    {'mean': 1.0, 'standard_error': 0.0}
    """
    positive = np.asarray(is_positive, dtype=bool)
    return {str(name): _scores(positive, column.to_numpy()) for name, column in chances.items()}


def _scores(positive: NDArray[np.bool_], chances: NDArray[np.float64]) -> Scores:
    losses = -np.log(np.where(positive, chances, 1 - chances).clip(1e-15))
    return {
        "log loss": _mean(losses),
        "AUC": area(positive, chances),
        "accuracy": _mean((chances > 0.5) == positive),
    }


def _mean(values: NDArray[Any]) -> dict[str, float]:
    error = values.std(ddof=1) / np.sqrt(len(values))
    return {"mean": round(float(values.mean()), 5), "standard_error": round(float(error), 5)}


def area(positive: NDArray[np.bool_], chances: NDArray[np.float64]) -> dict[str, float]:
    """Return the area under the ROC curve and its standard error by DeLong's method.

    Examples
    --------
    >>> area(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))["mean"]
    0.75
    """
    proba = np.column_stack([1 - chances, chances])
    return _mean(area_contributions(proba, positive.astype(int), np.ones(len(positive))))


def show_chances(console: Console, title: str, scores: dict[str, Scores]) -> None:
    """Print one row per estimator and one column per score."""
    table = Table("", *next(iter(scores.values())), title=title)
    for name, of_one in scores.items():
        table.add_row(name, *(f"{s['mean']:.4f} ± {s['standard_error']:.4f}" for s in of_one.values()))
    console.print(table)
