"""Weights, means and scatters of the cells of a table, merged over any choice of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats, Rows

__all__ = ["EPS", "CentredTable", "Moments", "centred_table", "origin_of", "sample_rows"]

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Moments:
    """The sum of the weights, the (width,) weighted mean and the (width, width) scatter of some rows."""

    weight: float
    mean: Floats
    scatter: Floats


@dataclass(frozen=True, eq=False)
class CentredTable:
    """The rows of a table cell by cell, each cell centred, and the statistics of the cells.

    Every row is in exactly one cell. ``centre`` (n_cells, width) is what was subtracted from the rows of a
    cell: its mean but for rounding. ``scatter`` (n_cells, width, width) holds the weighted sums of squares
    and products about the weighted means.
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

        after Chan, Golub and LeVeque (1983). A factor of 0 leaves a cell out. Nothing is subtracted from a
        total: a column that is constant in the chosen cells gets no spread from the cells left out.
        """
        taken = np.flatnonzero(factor * self.weight)
        weight, means = factor[taken] * self.weight[taken], self.mean[taken]
        mean = weight @ means / weight.sum()
        deviations = means - mean
        # Means that differ by rounding alone are equal, or a constant column would seem to vary.
        deviations[np.abs(deviations) <= 4 * EPS * np.abs(means).max(axis=0)] = 0.0
        scatter = (deviations.T * weight) @ deviations
        for cell in taken:
            scatter += self.scatter[cell] if factor[cell] == 1.0 else factor[cell] * self.scatter[cell]
        return Moments(float(weight.sum()), mean, scatter)


def origin_of(X: npt.NDArray[Any]) -> Floats:
    """Return a point near the middle of the rows: differences to it are exact in columns far from 0."""
    return np.asarray(sample_rows(X).mean(axis=0, dtype=np.float64))


def sample_rows(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return about a thousand rows from all over a table."""
    return X[:: max(1, len(X) // 1000)]


def centred_table(
    X: npt.NDArray[Any], Y: Floats, cells: list[Rows], weight: Floats | None, origin: Floats
) -> CentredTable:
    """Copy the rows of ``[X - origin, Y]`` cell by cell, centre them, and sum their squares and products."""
    d, width = X.shape[1], X.shape[1] + Y.shape[1]
    values, totals = [], np.zeros(len(cells))
    centre, mean = np.zeros((2, len(cells), width))
    scatter = np.empty((len(cells), width, width))
    for cell, rows in enumerate(cells):
        block = np.empty((len(rows), width))
        np.subtract(X[rows], origin, out=block[:, :d])
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
