"""The statistics that batch normalisation predicts with: moving averages, or those of the population."""

from __future__ import annotations

import torch

from stackit.neural.batchnorm.tensors import Numbers, as_floats
from stackit.validation import invalid_value

__all__ = ["cumulative_decay", "moving_average", "pooled_moments", "population_moments", "warm_decay"]


def warm_decay(decay: float, n_updates: int) -> float:
    """Return the decay of a moving average that starts fast: ``min(decay, (1 + n) / (10 + n))``.

    The first updates have a large weight, so the initial value is soon forgotten: with a fixed decay of 0.99
    it still has more than a third of the weight after a hundred updates. The cap is reached at n = 80 for
    0.9, 890 for 0.99, 8990 for 0.999.

    Parameters
    ----------
    decay : float
        The cap, in [0, 1).
    n_updates : int
        The number of updates before this one.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When the decay is not in [0, 1), or the number is negative.

    References
    ----------
    The rule of TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``.

    Examples
    --------
    >>> [round(warm_decay(0.9, n), 4) for n in (0, 1, 2, 80)]
    [0.1, 0.1818, 0.25, 0.9]
    """
    _check_decay(decay)
    _check_updates(n_updates)
    return min(decay, (1 + n_updates) / (10 + n_updates))


def cumulative_decay(n_updates: int) -> float:
    """Return the decay that makes a moving average the mean of all values so far: ``n / (n + 1)``.

    Torch's batch normalisation does this with ``momentum=None``. All batches have the same weight.

    Parameters
    ----------
    n_updates : int
        The number of updates before this one: the first has decay 0, and forgets the initial value.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When the number is negative.

    Examples
    --------
    >>> [cumulative_decay(n) for n in range(4)]
    [0.0, 0.5, 0.6666666666666666, 0.75]
    """
    _check_updates(n_updates)
    return n_updates / (n_updates + 1)


def moving_average(
    values: Numbers, start: Numbers, decay: float | None = 0.99, *, warm: bool = False
) -> torch.Tensor:
    """Return the series of a moving average: ``average = decay * average + (1 - decay) * value``.

    Torch's ``momentum`` is ``1 - decay``.

    Parameters
    ----------
    values : (T, ...) tensor or array
        The values in order: usually the means or variances of T batches.
    start : tensor or array
        The initial average, of the shape of one value or a single number.
    decay : float or None, default=0.99
        The weight of the old average in each update. None means `cumulative_decay`.
    warm : bool, default=False
        Whether a decay that is a number starts low, as in `warm_decay`.

    Returns
    -------
    (T, ...) tensor
        The average after each update.

    Raises
    ------
    ValueError
        When the decay is not in [0, 1), the start does not fit, or there are no values.

    Examples
    --------
    >>> moving_average([2, 3, 4], start=1, decay=0.9).numpy().round(3).tolist()
    [1.1, 1.29, 1.561]
    >>> moving_average([2, 3, 4], start=1, decay=0.9, warm=True).numpy().round(3).tolist()
    [1.9, 2.8, 3.7]
    """
    values, average = as_floats(values, "values"), as_floats(start, "start")
    if values.ndim == 0 or len(values) == 0:
        raise invalid_value("values", "a series", f"shape={tuple(values.shape)}", "Pass one value per update")
    if average.ndim and average.shape != values.shape[1:]:
        expected = f"one number, or of a value's shape {tuple(values.shape[1:])}"
        advice = "Pass start=0.0 for means, 1.0 for variances"
        raise invalid_value("start", expected, f"shape={tuple(average.shape)}", advice)
    average, series = average.to(values), []
    for n_updates, value in enumerate(values):
        # A step towards the value, which leaves equal values unchanged to the bit.
        average = average + (1 - _decay_at(n_updates, decay, warm)) * (value - average)
        series.append(average)
    return torch.stack(series)


def population_moments(
    means: Numbers, variances: Numbers, sizes: Numbers
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the moments of the population as the paper estimates them from those of batches.

    ``E[x] = mean of means``, ``Var[x] = mean of m / (m - 1) * variances``: unbiased variances are averaged;
    averaged standard deviations would be too small. All batches have the same weight, and the spread between
    their means is ignored: see `pooled_moments` for the moments of the rows themselves.

    Parameters
    ----------
    means, variances : (B, ...) tensor or array
        Of B batches, biased, as `batch_moments` returns them.
    sizes : int or (B,) tensor or array
        m, the number of values per moment: rows; for convolutions n × height × width. Also (B, K), for means
        of shape (B, K, channels).

    Returns
    -------
    mean, variance : tensor
        The shape of one batch's.

    Raises
    ------
    ValueError
        When shapes do not fit, or a batch has only one value.

    References
    ----------
    arXiv:1502.03167, algorithm 2, line 10.

    Examples
    --------
    >>> mean, variance = population_moments([[1.0], [3.0]], [[1.5], [4.5]], sizes=4)
    >>> mean.tolist(), variance.tolist()
    ([2.0], [4.0])
    """
    means, variances, sizes = _batches(means, variances, sizes, least=2)
    return means.mean(0), (variances * sizes / (sizes - 1)).mean(0)


def pooled_moments(
    means: Numbers, variances: Numbers, sizes: Numbers, *, correction: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the exact moments of all rows together from those of batches of any sizes.

    ``mean = sum(m * means) / M`` and
    ``variance = sum(m * (variances + (means - mean)**2)) / (M - correction)`` with ``M = sum(m)``: the
    `batch_moments` of the concatenated batches. Pooled moments can be pooled again.

    Parameters
    ----------
    means, variances, sizes
        As in `population_moments`; batches without rows are allowed, and ignored.
    correction : int, default=0
        1 for the unbiased variance.

    Returns
    -------
    mean, variance : tensor
        The shape of one batch's.

    Raises
    ------
    ValueError
        When shapes do not fit, or there are at most `correction` values in total.

    References
    ----------
    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance, The American
    Statistician 37(3).

    Examples
    --------
    >>> mean, variance = pooled_moments([[2.0], [9.0]], [[1.0], [0.0]], sizes=[2, 1])  # rows 1, 3 and 9
    >>> mean.numpy().round(3).tolist(), variance.numpy().round(3).tolist()
    ([4.333], [11.556])
    """
    means, variances, sizes = _batches(means, variances, sizes, least=0)
    total = sizes.sum(0)
    if not (total > correction).all():
        raise invalid_value(
            "sizes", f"more than {correction} in all", f"sum={total.min():g}", "Pass more rows"
        )
    mean = torch.where(sizes > 0, sizes * means, 0).sum(0) / total
    inner = torch.where(sizes > 0, sizes * (variances + (means - mean).square()), 0)
    return mean, inner.sum(0) / (total - correction)


def _decay_at(n_updates: int, decay: float | None, warm: bool) -> float:
    if decay is None:
        return cumulative_decay(n_updates)
    return warm_decay(decay, n_updates) if warm else _check_decay(decay)


def _batches(
    means: Numbers, variances: Numbers, sizes: Numbers, least: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the moments of batches, and their sizes shaped so that they broadcast against them."""
    means, variances = as_floats(means, "means"), as_floats(variances, "variances")
    if means.ndim == 0 or len(means) == 0 or means.shape != variances.shape:
        got = f"shapes {tuple(means.shape)} and {tuple(variances.shape)}"
        raise invalid_value(
            "means and variances", "of one shape, one row per batch", got, "Pass (batches, channels)"
        )
    counts = as_floats(sizes, "sizes").to(means)
    counts = counts.expand(len(means)) if counts.ndim == 0 else counts
    if counts.shape != means.shape[: counts.ndim]:
        expected = f"one number, or one per batch ({len(means)})"
        raise invalid_value("sizes", expected, f"shape={tuple(counts.shape)}", "Pass the rows of each batch")
    if not (counts >= least).all():
        raise invalid_value(
            "sizes", f"at least {least}", f"{sizes=}", "Merge a single row into another batch"
        )
    return means, variances, counts.reshape(*counts.shape, *(1,) * (means.ndim - counts.ndim))


def _check_decay(decay: float) -> float:
    if not 0 <= decay < 1:
        raise invalid_value("decay", "at least 0 and less than 1", f"{decay=}", "Pass decay=0.99")
    return decay


def _check_updates(n_updates: int) -> None:
    if n_updates < 0:
        raise invalid_value(
            "n_updates", "0 or more", f"{n_updates=}", "Pass the number of updates made so far"
        )
