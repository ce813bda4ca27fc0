"""The area under the ROC curve as a mean over rows, so that differences of areas have standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats

__all__ = ["area_contributions"]


def area_contributions(proba: Floats, codes: npt.NDArray[Any], weights: Floats) -> Floats:
    """Return (n,) numbers with the area under the ROC curve as their weighted mean, and its variance.

    They are the area plus the influence of the row: its placement among the rows of the other class, less the
    area, over the share of its class. The variance of their mean is that of DeLong. With several classes the
    areas of each class against the others are averaged.

    Parameters
    ----------
    proba : (n, n_classes) array
        Probabilities, or other scores that rise with them.
    codes : (n,) array
        The class of each row, as its column.
    weights : (n,) array
        The weights of the rows.

    Returns
    -------
    (n,) array
        NaN where all rows are of one class.

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two or more
    correlated receiver operating characteristic curves. Biometrics 44, 837-845.

    Examples
    --------
    >>> from stackit.assess import paired_rows
    >>> second = np.array([0.1, 0.4, 0.35, 0.8])
    >>> rows = area_contributions(np.column_stack([1 - second, second]), np.array([0, 0, 1, 1]), np.ones(4))
    >>> float(rows.mean()), round(float(paired_rows(rows).standard_error), 4)
    (0.75, 0.2887)
    """
    if proba.shape[1] == 2:
        return _contributions(proba[:, 1], codes == 1, weights)
    columns = [_contributions(column, codes == at, weights) for at, column in enumerate(proba.T)]
    return np.asarray(np.mean(columns, axis=0))


def _contributions(score: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    above, below = weights * positive, weights * ~positive
    if not (above.any() and below.any()):
        return np.full(len(score), np.nan)
    _, place = np.unique(score, return_inverse=True)
    of_below, of_above = np.bincount(place, below), np.bincount(place, above)
    # Ties count half.
    beaten = (of_below.cumsum() - of_below / 2)[place] / below.sum()
    beaten_by = 1 - (of_above.cumsum() - of_above / 2)[place] / above.sum()
    area = float(above @ beaten / above.sum())
    share = float(above.sum() / weights.sum())
    return np.asarray(
        np.where(positive, area + (beaten - area) / share, area + (beaten_by - area) / (1 - share))
    )
