"""Weights, means and scatters of the cells of a table, merged over any choice of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats, Rows

__all__ = ["EPS", "CentredTable", "Moments", "centred_table", "origin_of", "some_of"]

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Moments:
    """The statistics of one choice of rows.

    Parameters
    ----------
    weight : float
        The sum of the weights, W.
    mean : (width,) array
        The weighted mean.
    scatter : (width, width) array
        The weighted sum of squares and products about the mean.
    """

    weight: float
    mean: Floats
    scatter: Floats


@dataclass(frozen=True, eq=False)
class CentredTable:
    """The rows of a table cell by cell, each cell about a mean of its own, and the cells' statistics.

    Parameters
    ----------
    cells : list of (n_cell,) arrays of int
        The rows of each cell; together all rows, each once.
    values : list of (n_cell, width) arrays
        The rows of each cell, less its centre.
    centre : (n_cells, width) array
        What was taken from the rows of each cell, and is its mean but for rounding.
    weight : (n_cells,) array
        The sum of the weights of each cell.
    mean : (n_cells, width) array
        The weighted means.
    scatter : (n_cells, width, width) array
        The weighted sums of squares and products about the means.
    """

    cells: list[Rows]
    values: list[Floats]
    centre: Floats
    weight: Floats
    mean: Floats
    scatter: Floats

    def merged(self, factor: Floats) -> Moments:
        """Return the statistics of all cells together, the weights in each multiplied by its factor.

        .. math:: S = \\sum_c f_c S_c + \\sum_c f_c W_c (m_c - m)(m_c - m)^T

        after Chan, Golub and LeVeque (1983). Nothing is subtracted from a total: a column that is
        constant in the chosen cells gets no spread from the cells left out.

        Parameters
        ----------
        factor : (n_cells,) array
            0 leaves a cell out.

        Examples
        --------
        >>> X = np.array([[1.0], [3.0], [8.0]])
        >>> table = centred_table(X, None, [np.array([0]), np.array([1]), np.array([2])])
        >>> moments = table.merged(np.array([1.0, 1.0, 0.0]))
        >>> moments.weight, moments.mean.tolist(), moments.scatter.tolist()
        (2.0, [2.0], [[2.0]])
        """
        taken = np.flatnonzero(factor * self.weight)
        weight, means = factor[taken] * self.weight[taken], self.mean[taken]
        mean = weight @ means / weight.sum()
        apart = means - mean
        # Means that differ by rounding alone are equal, or a constant column would seem to vary.
        apart[np.abs(apart) <= 4 * EPS * np.abs(means).max(axis=0)] = 0.0
        scatter = (apart.T * weight) @ apart
        for cell in taken:
            scatter += self.scatter[cell] if factor[cell] == 1.0 else factor[cell] * self.scatter[cell]
        return Moments(float(weight.sum()), mean, scatter)


def origin_of(X: npt.NDArray[np.floating]) -> Floats:
    """Return a point near the middle of the rows: differences to it are exact where columns are far from 0.

    Examples
    --------
    >>> origin_of(np.array([[1e9, 0.0], [1e9 + 2.0, 4.0]])).tolist()
    [1000000001.0, 2.0]
    """
    return np.asarray(some_of(X).mean(axis=0, dtype=np.float64))


def some_of(X: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return about a thousand rows from all over a table.

    Examples
    --------
    >>> some_of(np.zeros((60_000, 3))).shape
    (1000, 3)
    """
    return X[:: max(1, len(X) // 1000)]


def centred_table(
    X: npt.NDArray[np.floating],
    Y: Floats | None,
    cells: list[Rows],
    *,
    weight: Floats | None = None,
    origin: Floats | None = None,
) -> CentredTable:
    """Copy the rows cell by cell, centre them, and sum their squares and products.

    Parameters
    ----------
    X : (n, d) array
        The table.
    Y : (n, t) array, optional
        Further columns, which come after those of X.
    cells : list of (n_cell,) arrays of int
        The rows of each cell.
    weight : (n,) array, optional
        The weights of the rows, not negative.
    origin : (d,) array, optional
        Taken from all rows of X first: means are those of ``X - origin``.

    Returns
    -------
    CentredTable

    Examples
    --------
    >>> table = centred_table(np.array([[1.0], [3.0]]), None, [np.array([0, 1])])
    >>> table.values[0].tolist(), table.centre.tolist(), table.scatter.tolist()
    ([[-1.0], [1.0]], [[2.0]], [[[2.0]]])
    """
    d, width = X.shape[1], X.shape[1] + (0 if Y is None else Y.shape[1])
    origin = np.zeros(d) if origin is None else origin
    values, totals = [], np.zeros(len(cells))
    centre, mean = np.zeros((2, len(cells), width))
    scatter = np.empty((len(cells), width, width))
    for cell, rows in enumerate(cells):
        block = np.empty((len(rows), width))
        np.subtract(X[rows], origin, out=block[:, :d])
        if Y is not None:
            block[:, d:] = Y[rows]
        own = np.ones(len(rows)) if weight is None else weight[rows]
        totals[cell] = own.sum()
        centre[cell] = own @ block / (totals[cell] or 1.0)
        block -= centre[cell]
        mean[cell], scatter[cell] = _statistics(block, None if weight is None else own, totals[cell])
        values.append(block)
    return CentredTable(cells, values, centre, totals, centre + mean, scatter)


def _statistics(block: Floats, weight: Floats | None, total: float) -> tuple[Floats, Floats]:
    """Return the small mean that centring has left, and the scatter about it (a two-pass algorithm)."""
    rest = (block.sum(axis=0) if weight is None else weight @ block) / (total or 1.0)
    scaled = block if weight is None else block * np.sqrt(weight)[:, np.newaxis]
    return rest, scaled.T @ scaled - total * np.outer(rest, rest)
