"""Paired tests of two sets of predictions: by rows, by groups of rows, and by folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from stackit.arrays import Floats
from stackit.estimators.sample_weight import check_sample_weight

__all__ = ["PairedTest", "paired_folds", "paired_rows", "standard_error"]


@dataclass(frozen=True)
class PairedTest:
    """The result of a paired test.

    Attributes
    ----------
    difference : float
        The mean difference; positive where the first is better.
    standard_error : float
        Of the difference.
    low, high : float
        The confidence interval.
    p_value : float
        Two-sided; NaN where there are too few pieces for a test.
    n : int
        How many independent pieces there are: rows, groups or folds.
    method : str
        The test.
    """

    difference: float
    standard_error: float
    low: float
    high: float
    p_value: float
    n: int
    method: str


def paired_rows(
    differences: Any, sample_weight: Any = None, groups: Any = None, level: float = 0.95
) -> PairedTest:
    """Test whether differences of row losses are 0 on average.

    Without groups it is the paired t-test, d / (s / sqrt(n)); for differences of right and wrong labels,
    without weights, the p-value is that of McNemar's exact test. With groups, the rows of a group may be
    alike: sums of groups take the place of rows, as in a cluster-robust standard error. The test says how
    likely chance in the rows made the difference, given the fitted estimators; it does not cover estimators
    trained on other rows.

    Parameters
    ----------
    differences : (n,) array-like
        The loss of the other less that of the first, row by row.
    sample_weight : (n,) array-like, optional
        Weights.
    groups : (n,) array-like, optional
        The group of each row.
    level : float
        Of the confidence interval.

    Returns
    -------
    PairedTest

    Raises
    ------
    ValueError
        When `level` is not between 0 and 1, or the weights are not valid.

    References
    ----------
    McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions or
    percentages. Psychometrika 12, 153-157.

    Examples
    --------
    >>> test = paired_rows([1, 1, 1, 1, 1, 0, 0, -1])
    >>> test.difference, round(test.p_value, 4), test.method
    (0.5, 0.2188, "McNemar's exact test")
    """
    d = np.asarray(differences, dtype=np.float64)
    given = check_sample_weight(sample_weight, len(d))
    weights = np.ones(len(d)) if given is None else given
    mean = float(weights @ d / weights.sum())
    weighted = weights * (d - mean)
    # A row of weight 0 does not count.
    deviations = weighted[weights > 0] if groups is None else _sums_of_groups(weighted, groups)
    n = len(deviations)
    error = np.sqrt(n / max(n - 1, 1) * (deviations**2).sum()) / weights.sum()
    test = _t_test(
        mean, float(error), n, level, "paired t-test by " + ("rows" if groups is None else "groups")
    )
    if sample_weight is None and groups is None and d.any() and np.isin(d, (-1, 0, 1)).all():
        better, worse = int((d > 0).sum()), int((d < 0).sum())
        p_value = float(stats.binomtest(better, better + worse).pvalue)
        return PairedTest(mean, float(error), test.low, test.high, p_value, n, "McNemar's exact test")
    return test


def paired_folds(differences: Any, ratio: float, level: float = 0.95) -> PairedTest:
    """Test whether differences of fold scores are 0 on average: the corrected resampled t-test.

    Folds share training rows, so that their scores are correlated. The variance s2 of J differences is
    therefore multiplied by (1 / J + n_held_out / n_train) instead of 1 / J.

    Parameters
    ----------
    differences : (J,) array-like
        The score of the first less that of the other, in each fold of each repeat.
    ratio : float
        Rows held out per row trained on: 1 / (K - 1) for K folds.
    level : float
        Of the confidence interval.

    Returns
    -------
    PairedTest

    Raises
    ------
    ValueError
        When `level` is not between 0 and 1.

    References
    ----------
    Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281.

    Examples
    --------
    >>> test = paired_folds([0.01, 0.02, 0.03, 0.02, 0.02], ratio=0.25)
    >>> round(test.difference, 3), round(test.standard_error, 5), round(test.p_value, 4)
    (0.02, 0.00474, 0.0135)
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    error = float(np.sqrt((1 / n + ratio) * d.var(ddof=1))) if n > 1 else float("nan")
    return _t_test(float(d.mean()), error, n, level, "corrected resampled t-test by folds")


def standard_error(values: Floats, groups: Any = None) -> float:
    """Return the standard error of the mean of n values, which are independent or in independent groups."""
    deviations = values - values.mean()
    if groups is not None:
        deviations = _sums_of_groups(deviations, groups)
    return float(np.sqrt((deviations**2).sum()) / len(values))


def _sums_of_groups(values: Floats, groups: Any) -> Floats:
    codes = np.unique(groups, return_inverse=True)[1].ravel()
    return np.asarray(np.bincount(codes, values), dtype=np.float64)


def _t_test(mean: float, error: float, n: int, level: float, method: str) -> PairedTest:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1; got {level=}. Pass level=0.95.")
    if n < 2:
        nan = float("nan")
        return PairedTest(mean, nan, nan, nan, nan, n, method)
    if error == 0:  # all differences are equal: certain either way
        return PairedTest(mean, 0.0, mean, mean, float(mean == 0), n, method)
    reach = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, n - 1))
    return PairedTest(mean, error, mean - reach, mean + reach, p_value, n, method)
