"""Isotonic calibration of a combiner."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from stackit.arrays import Floats
from stackit.combine.calibrated import CalibratedCombiner
from stackit.validation import is_number

__all__ = ["IsotonicClassifier"]


class IsotonicClassifier(CalibratedCombiner):
    """Calibrate a combiner by the increasing step function of least squared error, for each class.

    With two classes the second is calibrated and the first is the rest; with more, each class against the
    others, and rows are divided by their sum. It needs about a thousand rows: with few it overfits.

    It lowers squared errors, and raises log loss: by 3 % on 832 predictions of two classes (TabRepo), by 7 %
    on 520 of several. For log loss use `QuadraticClassifier` or `MatrixScalingClassifier`; `compare` and
    `nested_score` warn.

    Parameters
    ----------
    combiner : combiner, optional
        A classifier of `stackit.combine`, another calibration included. Default: MeanClassifier.
    clip : float, default=1e-4
        Calibrated probabilities are kept this far from 0 and 1: where all training rows are of one class,
        they would be 0 or 1, with an infinite loss for a single new row of another class.

    Attributes
    ----------
    curves_ : list of IsotonicRegression
        One per class; of two classes only that of the second.
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

    def _calibrate(self, proba: Floats, target: Floats, weights: Floats) -> None:
        if not (is_number(self.clip) and 0 <= self.clip < 0.5):
            raise ValueError(
                f"clip must be at least 0 and below 0.5, for example 1e-4, but clip={self.clip!r}."
            )
        least, most = self.clip, 1 - self.clip
        self.curves_ = [
            IsotonicRegression(y_min=least, y_max=most, out_of_bounds="clip").fit(column, truth, weights)
            for column, truth in zip(_columns(proba), _columns(target), strict=True)
        ]

    def _calibrated(self, proba: Floats) -> Floats:
        columns = [curve.predict(column) for curve, column in zip(self.curves_, _columns(proba), strict=True)]
        return np.column_stack([1 - columns[0], *columns] if len(columns) == 1 else columns)


def _columns(table: Floats) -> list[Floats]:
    """Return one column per class (of two only the second), rounded so that equal values stay equal."""
    rounded = table.round(12)
    return [rounded[:, 1]] if table.shape[1] == 2 else [*rounded.T]
