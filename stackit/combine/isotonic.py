"""Isotonic calibration: probabilities are bent, in whatever shape, as long as the order of rows stays."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from stackit.arrays import Floats
from stackit.combine.calibrated import Calibrated
from stackit.combine.combiner import Weights
from stackit.validation import invalid_value, is_number

__all__ = ["IsotonicClassifier"]


class IsotonicClassifier(Calibrated):
    """Calibrate a combiner by the rising step function of least squared error, for each class.

    With two classes the second is calibrated and the first is the rest; with more, each class against the
    others, and rows are divided by their sum. It wants a thousand rows or so: on few it follows chance.

    Parameters
    ----------
    combiner : combiner, optional
        A classifier of `stackit.combine`, another calibration included. Default: MeanClassifier.
    clip : float, default=1e-4
        Calibrated probabilities are kept this far from 0 and 1: a step of rows that were all of one class
        would say 0 or 1, and a single row that is not would cost all.

    Attributes
    ----------
    curves_ : list of IsotonicRegression
        One a class; of two classes that of the second alone.
    combiner_ : combiner
        The fitted combiner.

    References
    ----------
    Zadrozny, B. and Elkan, C. (2002). Transforming classifier scores into accurate multiclass probability
    estimates. Proceedings of the 8th ACM SIGKDD Conference, 694-699.

    Examples
    --------
    >>> X = [[0.2], [0.3], [0.4], [0.9], [0.9]]
    >>> calibrated = IsotonicClassifier().fit(X, [0, 1, 0, 1, 1])
    >>> calibrated.predict_proba(X)[:, 1].round(2).tolist()
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """

    def __init__(self, combiner: Any = None, clip: float = 1e-4) -> None:
        self.combiner = combiner
        self.clip = clip

    def _calibrate(self, chances: Floats, target: Floats, weights: Weights) -> None:
        if not (is_number(self.clip) and 0 <= self.clip < 0.5):
            raise invalid_value(
                "clip", "at least 0 and below 0.5", f"clip={self.clip!r}", "Pass for example clip=1e-4"
            )
        least, most = self.clip, 1 - self.clip
        self.curves_ = [
            IsotonicRegression(y_min=least, y_max=most, out_of_bounds="clip").fit(column, truth, weights)
            for column, truth in zip(_columns(chances), _columns(target), strict=True)
        ]

    def _calibrated(self, chances: Floats) -> Floats:
        columns = [
            curve.predict(column) for curve, column in zip(self.curves_, _columns(chances), strict=True)
        ]
        return np.column_stack([1 - columns[0], *columns] if len(columns) == 1 else columns)


def _columns(table: Floats) -> list[Floats]:
    """Return a column a class; of two classes the second alone. Equals stay equal in whatever order added."""
    rounded = table.round(12)
    return [rounded[:, 1]] if table.shape[1] == 2 else [*rounded.T]
