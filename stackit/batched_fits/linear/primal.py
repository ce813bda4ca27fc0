"""Penalised least squares on all folds by normal equations: for tables with more rows than columns."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, svdvals

from stackit.arrays import Floats, Rows
from stackit.batched_fits.linear.least_squares import (
    LinearSolution,
    LinearSolutions,
    Problem,
    positive_definite,
)
from stackit.batched_fits.moments import CentredTable, Moments, centred_table, origin_of

__all__ = ["n_cells", "solve_primal"]

SMALLEST_UNIT = 1e-14


def n_cells(problem: Problem, parts: list[Rows]) -> int:
    """Return how many cells have statistics of their own: a part each, or a part and class each."""
    n_classes = 1 if problem.balanced is None else int(problem.balanced.max()) + 1
    return len(parts) * n_classes


def solve_primal(problem: Problem, repeats: list[list[Rows]]) -> LinearSolutions | None:
    r"""Solve for all splits, with one pass over the rows a repeat.

    With the statistics of the training rows, added up from the other parts,

    .. math:: \beta = (S_{xx} + \alpha I)^{-1} S_{xy}, \qquad b = \bar{y} - \bar{x}^T \beta

    (Hoerl and Kennard, 1970). Scaling columns by 1 / s makes it ``S_xx / (s s^T)``.

    Parameters
    ----------
    problem : Problem
        What to solve.
    repeats : list of lists of (n_held_out,) arrays of int
        The held-out parts of each repeat, together all rows.

    Returns
    -------
    Solved or None
        None where a system is ill-conditioned or a training part has no weight.

    Examples
    --------
    >>> X, parts = np.array([[0.0], [1.0], [2.0], [3.0]]), [np.array([0, 1]), np.array([2, 3])]
    >>> solved = solve_primal(Problem(X, 2 * X, np.zeros(1), intercept=True), [parts])
    >>> [abs(table.ravel().round(12)).tolist() for table in solved.held_out]
    [[0.0, 2.0], [4.0, 6.0]]
    """
    origin = origin_of(problem.X)
    lines: list[LinearSolution] = []
    held_out: list[Floats] = []
    for parts in repeats:
        cells, part_of, factors = _cells(problem, parts)
        table = centred_table(problem.X, problem.Y, cells, weight=problem.weight, origin=origin)
        answers = np.empty_like(problem.Y)
        for part, rows in enumerate(parts):
            shift, scale = _shift_and_scale(problem, len(lines), origin)
            line = _line(problem, table, factors[part], shift, scale)
            if line is None:
                return None
            for cell in np.flatnonzero(part_of == part).tolist():
                answers[cells[cell]] = _values(line, table, cell, shift, scale)
            lines.append(line)
            held_out.append(answers[rows])
    return LinearSolutions(lines, held_out)


def _cells(problem: Problem, parts: list[Rows]) -> tuple[list[Rows], Rows, Floats]:
    """Return the cells, the part of each, and what each split multiplies the weights in each with."""
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


def _shift_and_scale(problem: Problem, split: int, origin: Floats) -> tuple[Floats, Floats]:
    """Return what scaling does to the columns once the origin has been taken from them."""
    if problem.scaling is None:
        return -origin, np.ones(len(origin))
    return problem.scaling.shift[split] - origin, problem.scaling.scale[split]


def _line(
    problem: Problem, table: CentredTable, factor: Floats, shift: Floats, scale: Floats
) -> LinearSolution | None:
    if not (factor * table.weight).any():
        return None
    moments, d = table.merged(factor), len(shift)
    middle, target = (moments.mean[:d] - shift) / scale, moments.mean[d:]
    gram, products = _normal_equations(problem, moments, middle, scale)
    solution = _coefficients(gram, products, problem.alpha)
    if solution is None:
        return None
    coef, singular = solution
    intercept = target - middle @ coef if problem.intercept else np.zeros(len(target))
    return LinearSolution(coef, intercept, singular)


def _normal_equations(
    problem: Problem, moments: Moments, middle: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    """Return S_xx and S_xy of the scaled columns: about the means, or about 0 without an intercept."""
    d = len(scale)
    gram = moments.scatter[:d, :d] / np.outer(scale, scale)
    products = moments.scatter[:d, d:] / scale[:, np.newaxis]
    if not problem.intercept:
        gram += moments.weight * np.outer(middle, middle)
        products += moments.weight * np.outer(middle, moments.mean[d:])
    return gram, products


def _coefficients(gram: Floats, products: Floats, alpha: Floats) -> tuple[Floats, Floats] | None:
    """Solve for each penalty, with all columns brought to length 1 so that units do not matter."""
    coef, singular = np.empty_like(products), np.empty(0)
    for penalty in np.unique(alpha):
        system = gram.copy()
        system.flat[:: len(system) + 1] += penalty
        # As it stands, the plain loop's system would count as singular; and a column without spread,
        # which no penalty to speak of tames, is nothing but rounding.
        if not system.diagonal().min() > SMALLEST_UNIT * system.diagonal().max():
            return None
        length = np.sqrt(system.diagonal())
        system /= np.outer(length, length)
        factor = positive_definite(system)
        if factor is None:
            return None
        targets = alpha == penalty
        solved, _ = lapack.dpotrs(factor, products[:, targets] / length[:, np.newaxis], lower=1)
        coef[:, targets] = solved / length[:, np.newaxis]
        if penalty == 0:
            singular = svdvals(factor * length[:, np.newaxis])
    return coef, singular


def _values(line: LinearSolution, table: CentredTable, cell: int, shift: Floats, scale: Floats) -> Floats:
    """Return the (n_cell, t) values of a line at the rows of a cell."""
    d = len(shift)
    at_centre = line.intercept + ((table.centre[cell, :d] - shift) / scale) @ line.coef
    values: Floats = table.values[cell][:, :d] @ (line.coef / scale[:, np.newaxis]) + at_centre
    return values
