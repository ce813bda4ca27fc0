"""How good the levels are: log loss of what was predicted out of fold, fold by fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

from stackit import Folds, OutOfFold

__all__ = ["Probabilities", "Scores", "Tables", "score", "show", "side_by_side", "tables_of"]

Probabilities = npt.NDArray[np.float64]
Scores = dict[str, dict[str, Any]]
Tables = dict[str, tuple[Probabilities, Probabilities]]


def tables_of(oof: OutOfFold) -> Tables:
    """Return for each estimator its (n, n_classes) and (m, n_classes) probabilities, train and test."""
    return {name: (oof.average(name), oof[name].test) for name in oof}


def side_by_side(left: OutOfFold, right: OutOfFold) -> list[pd.DataFrame]:
    """Return the meta-features of two levels side by side, train and test."""
    tables = (left.meta_train, right.meta_train), (left.meta_test, right.meta_test)
    return [pd.concat(pair, axis=1) for pair in tables]


def score(y: Any, probabilities: Probabilities, folds: Folds) -> dict[str, Any]:
    """Return the log loss of each fold, their mean and its standard error.

    Parameters
    ----------
    y : (n,) array-like
        Labels.
    probabilities : (n, n_classes) array
        One column per class, sorted.
    folds : Folds
        Which rows were held out together; each once.

    Examples
    --------
    >>> from stackit import make_folds
    >>> y = ["a", "a", "b", "b"]
    >>> folds = make_folds(y, n_splits=2, random_state=0)
    >>> score(y, np.full((4, 2), 0.5), folds)
    {'folds': [0.6931, 0.6931], 'mean': 0.6931, 'standard_error': 0.0}
    """
    codes = np.unique(np.asarray(y), return_inverse=True)[1]
    losses = -np.log(probabilities[np.arange(len(codes)), codes].clip(min=1e-15))
    means = [float(losses[held_out].mean()) for _, held_out in folds.splits]
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    return {
        "folds": [round(mean, 4) for mean in means],
        "mean": round(float(losses.mean()), 4),
        "standard_error": round(float(error), 4),
    }


def show(levels: list[Scores]) -> None:
    """Print the log losses of all levels."""
    table = Table("", "log loss", "standard error")
    for scores in levels:
        for name, one in scores.items():
            table.add_row(name, f"{one['mean']:.4f}", f"{one['standard_error']:.4f}")
        table.add_section()
    Console().print(table)
