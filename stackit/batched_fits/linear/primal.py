"""Penalised least squares on all folds by normal equations: for tables with more rows than columns."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, svdvals

from stackit.arrays import Floats, Rows
from stackit.batched_fits.cholesky import cholesky
from stackit.batched_fits.linear.least_squares import (
    SMALLEST_CONDITION,
    LeastSquares,
    LinearSolution,
    LinearSolutions,
)
from stackit.batched_fits.moments import CentredTable, Moments, centred_table, origin_of

__all__ = ["n_cells", "solve_primal"]

SMALLEST_DIAGONAL = 1e-14  # in units of the largest: scikit-learn's own system counts as singular below it


def n_cells(problem: LeastSquares, parts: list[Rows]) -> int:
    """Return the number of cells with statistics of their own: one per part, or one per part and class."""
    n_classes = 1 if problem.balanced is None else int(problem.balanced.max()) + 1
    return len(parts) * n_classes


def solve_primal(problem: LeastSquares, repeats: list[list[Rows]]) -> LinearSolutions | None:
    r"""Solve for all splits, with one pass over the rows per repeat.

    With the statistics of the training rows, added up from the other parts,

    .. math:: \beta = (S_{xx} + \alpha I)^{-1} S_{xy}, \qquad b = \bar{y} - \bar{x}^T \beta

    (Hoerl and Kennard, 1970). Scaling columns by 1 / s makes it ``S_xx / (s s^T)``. None where a system is
    ill-conditioned or a training part has no weight.
    """
    origin = origin_of(problem.X)
    solutions: list[LinearSolution] = []
    held_out: list[Floats] = []
    for parts in repeats:
        cells, part_of, factors = _cells(problem, parts)
        table = centred_table(problem.X, problem.Y, cells, problem.weight, origin)
        predictions = np.empty_like(problem.Y)
        for part, rows in enumerate(parts):
            shift, scale = _shift_and_scale(problem, len(solutions), origin)
            solution = _solution(problem, table, factors[part], shift, scale)
            if solution is None:
                return None
            for cell in np.flatnonzero(part_of == part).tolist():
                predictions[cells[cell]] = _predictions(solution, table, cell, shift, scale)
            solutions.append(solution)
            held_out.append(predictions[rows])
    return LinearSolutions(solutions, held_out)


def _cells(problem: LeastSquares, parts: list[Rows]) -> tuple[list[Rows], Rows, Floats]:
    """Return the cells, the part of each, and what each split multiplies the weights in each by."""
    if problem.balanced is None:
        return parts, np.arange(len(parts)), 1.0 - np.eye(len(parts))
    n_classes = int(problem.balanced.max()) + 1
    cells = [part[problem.balanced[part] == c] for part in parts for c in range(n_classes)]
    counts = np.array([len(cell) for cell in cells]).reshape(len(parts), n_classes)
    training = counts.sum(axis=0) - counts
    weights = training.sum(axis=1, keepdims=True) / (n_classes * training)
    others = 1.0 - np.eye(len(parts))
    factors = (others[:, :, np.newaxis] * weights[:, np.newaxis, :]).reshape(len(parts), -1)
    return cells, np.repeat(np.arange(len(parts)), n_classes), factors


def _shift_and_scale(problem: LeastSquares, split: int, origin: Floats) -> tuple[Floats, Floats]:
    """Return what scaling does to the columns once the origin has been subtracted."""
    if problem.scaling is None:
        return -origin, np.ones(len(origin))
    return problem.scaling.shift[split] - origin, problem.scaling.scale[split]


def _solution(
    problem: LeastSquares, table: CentredTable, factor: Floats, shift: Floats, scale: Floats
) -> LinearSolution | None:
    if not (factor * table.weight).any():
        return None
    moments, d = table.merged(factor), len(shift)
    middle, target = (moments.mean[:d] - shift) / scale, moments.mean[d:]
    gram, products = _normal_equations(problem, moments, middle, scale)
    solved = _coefficients(gram, products, problem.alpha)
    if solved is None:
        return None
    coef, singular = solved
    intercept = target - middle @ coef if problem.has_intercept else np.zeros(len(target))
    return LinearSolution(coef, intercept, singular)


def _normal_equations(
    problem: LeastSquares, moments: Moments, middle: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    """Return S_xx and S_xy of the scaled columns: about the means, or about 0 without an intercept."""
    d = len(scale)
    gram = moments.scatter[:d, :d] / np.outer(scale, scale)
    products = moments.scatter[:d, d:] / scale[:, np.newaxis]
    if not problem.has_intercept:
        gram += moments.weight * np.outer(middle, middle)
        products += moments.weight * np.outer(middle, moments.mean[d:])
    return gram, products


def _coefficients(gram: Floats, products: Floats, alpha: Floats) -> tuple[Floats, Floats] | None:
    """Solve for each penalty, with all columns scaled to length 1 so that units do not matter."""
    coef, singular = np.empty_like(products), np.empty(0)
    for penalty in np.unique(alpha):
        system = gram.copy()
        system.flat[:: len(system) + 1] += penalty
        # A column without spread that the penalty does not regularise consists of rounding errors.
        if not system.diagonal().min() > SMALLEST_DIAGONAL * system.diagonal().max():
            return None
        length = np.sqrt(system.diagonal())
        system /= np.outer(length, length)
        factor = cholesky(system.T, SMALLEST_CONDITION, overwrite=True)
        if factor is None:
            return None
        targets = alpha == penalty
        solved, _ = lapack.dpotrs(factor, products[:, targets] / length[:, np.newaxis], lower=1)
        coef[:, targets] = solved / length[:, np.newaxis]
        if penalty == 0:
            singular = svdvals(factor * length[:, np.newaxis])
    return coef, singular


def _predictions(
    solution: LinearSolution, table: CentredTable, cell: int, shift: Floats, scale: Floats
) -> Floats:
    """Return the (n_cell, t) predictions for the rows of a cell."""
    d = len(shift)
    at_centre = solution.intercept + ((table.centre[cell, :d] - shift) / scale) @ solution.coef
    predictions: Floats = table.values[cell][:, :d] @ (solution.coef / scale[:, np.newaxis]) + at_centre
    return predictions
