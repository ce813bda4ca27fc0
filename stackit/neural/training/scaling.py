"""How numbers are standardised by the training rows of a network."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Floats

__all__ = ["standardisation", "weighted_quantiles"]


def standardisation(x: Floats, weights: Floats | None, kind: str | None) -> tuple[Floats, Floats]:
    """Return the (d,) centre and factor of (x - centre) * factor; a constant column has the factor 0.

    Parameters
    ----------
    x : (n, d) array
        The training rows; for images (n, channels, pixels).
    weights : (n,) array, optional
        Of the rows.
    kind : {"standard", "robust", "quantile", None}
        Mean and standard deviation; or median and interquartile range (half the whole range for columns where
        this is 0); or none; or 0 and 1 for `Quantiles`.
    """
    if not x.shape[1]:
        return np.zeros(0), np.zeros(0)
    axes = (0,) if x.ndim == 2 else (0, 2)
    lowest, highest = np.fmin.reduce(x, axis=axes), np.fmax.reduce(x, axis=axes)
    varies = highest > lowest
    if kind is None:
        return np.zeros(len(varies)), np.ones(len(varies))
    if kind == "quantile":
        return np.zeros(len(varies)), varies.astype(np.float64)
    if kind == "robust":
        low, centre, high = _quartiles(x, weights, axes)
        spread = np.where(high > low, high - low, (highest - lowest) / 2)
    else:
        rows = None if weights is None else weights.reshape(-1, *[1] * (x.ndim - 1)) * np.ones_like(x)
        if (missing := np.isnan(x)).any():
            # A row of weight 0 does not count; where all are missing, all are 0.
            rows = np.where(missing, 1e-300, 1.0 if rows is None else rows)
            x = np.where(missing, 0.0, x)
        centre = np.average(x, axis=axes, weights=rows)
        shifted = x - (centre if x.ndim == 2 else centre[:, np.newaxis])
        spread = np.sqrt(np.average(np.square(shifted), axis=axes, weights=rows))
    factor = np.divide(1.0, spread, where=varies & (spread > 0), out=np.zeros(len(varies)))
    return centre, factor


def _quartiles(x: Floats, weights: Floats | None, axes: tuple[int, ...]) -> Floats:
    """Return the quartiles of each column, without missing values; weight 2 is a row that occurs twice."""
    shares = np.array([0.25, 0.5, 0.75])
    if x.ndim == 2 and (weights is not None or np.isnan(x).any()):
        counts = np.ones(len(x)) if weights is None else weights * max(1.0, len(x) / weights.sum())
        return np.stack([weighted_quantiles(column, counts, shares) for column in x.T], axis=1)
    return np.asarray(np.quantile(x, shares, axis=axes))


def weighted_quantiles(column: Floats, counts: Floats, shares: Floats) -> Floats:
    """Return quantiles with linear interpolation of a column in which values occur so many times."""
    known = np.flatnonzero(~np.isnan(column) & (counts > 0))
    if not len(known):
        return np.zeros(len(shares))
    order = known[np.argsort(column[known])]
    values, ends = column[order], np.cumsum(counts[order])
    places = shares * max(ends[-1] - 1, 0)
    below = np.floor(places + 1e-9)
    low, high = (
        values[np.minimum(np.searchsorted(ends, at, "right"), len(values) - 1)] for at in (below, below + 1)
    )
    return np.asarray(low + (places - below) * (high - low))
