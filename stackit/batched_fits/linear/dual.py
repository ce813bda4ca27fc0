"""Ridge regression on all folds by one kernel matrix: for tables with more columns than rows."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from stackit.arrays import Floats, Rows
from stackit.batched_fits.cholesky import cholesky
from stackit.batched_fits.linear.least_squares import (
    SMALLEST_CONDITION,
    LeastSquares,
    LinearSolution,
    LinearSolutions,
)

__all__ = ["solve_dual"]

NEGLIGIBLE = 1e-10  # penalties below this part of the mean squared length of a row are not penalties


def solve_dual(problem: LeastSquares, repeats: list[list[Rows]]) -> LinearSolutions | None:
    r"""Solve for all splits, with one inverse of the kernel matrix of all rows.

    Let s be the roots of the weights, A = diag(s) X X^T diag(s) + alpha I, and N the inverse of A on the
    dual vectors u with s^T u = 0 (on all, without an intercept). The solution on all rows is
    beta = X^T diag(s) u with u = N diag(s) y. Leaving out the rows k means u_k = 0, which a change of the
    targets y_k alone brings about, so

    .. math:: u^{(k)} = u - N_{:k} (N_{kk})^{-1} u_k

    (the block form of the PRESS lemma; Allen, 1974). All splits of all repeats share N. Penalties must be
    above 0, and a scaling may only shift, with an intercept. None where a system is ill-conditioned or a
    training part has no weight.
    """
    parts = [part for parts in repeats for part in parts]
    order = np.concatenate(repeats[0])
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    n_features = problem.X.shape[1]
    root = np.ones(len(order)) if problem.weight is None else np.sqrt(problem.weight[order])
    origin = problem.X.mean(axis=0, dtype=np.float64) if problem.has_intercept else np.zeros(n_features)
    table = _augmented(problem, order, root, origin)
    duals = _duals(problem, table, root, problem.Y[order], [place[part] for part in parts])
    if duals is None:
        return None
    X = table[:, :-1]
    coefs = (X.T @ duals.reshape(len(order), -1)).reshape(n_features, len(parts), -1)
    solutions, held_out = [], []
    for split, part in enumerate(parts):
        coef = np.ascontiguousarray(coefs[:, split])
        at_origin = _intercept(problem, X, root, place[part], coef, order)
        if at_origin is None:
            return None
        shift = np.zeros(n_features) if problem.scaling is None else problem.scaling.shift[split]
        held_out.append((problem.X[part] - origin) @ coef + at_origin)
        solutions.append(LinearSolution(coef, at_origin + (shift - origin) @ coef))
    return LinearSolutions(solutions, held_out)


def _augmented(problem: LeastSquares, order: Rows, root: Floats, origin: Floats) -> Floats:
    """Return the weighted rows about the origin, and a column that is constant but for the weights.

    Dual vectors are orthogonal to that column where there is an intercept. It changes no solution, and
    keeps the kernel matrix away from singularity in its direction.
    """
    table = np.empty((len(order), len(origin) + 1))
    np.subtract(problem.X[order], origin, out=table[:, :-1])
    if problem.weight is not None:
        table[:, :-1] *= root[:, np.newaxis]
    mean_square = np.einsum("ij,ij->", table[:, :-1], table[:, :-1]) / len(order)
    total = root @ root
    table[:, -1] = np.sqrt(mean_square / total) * root if problem.has_intercept and total > 0 else 0.0
    return table


def _duals(problem: LeastSquares, table: Floats, root: Floats, Y: Floats, parts: list[Rows]) -> Floats | None:
    """Return the (n, n_splits, t) dual vectors of all splits."""
    kernel = table @ table.T
    penalties = np.unique(problem.alpha)
    if penalties[0] < NEGLIGIBLE * kernel.trace() / len(kernel):
        return None
    duals = np.empty((len(table), len(parts), Y.shape[1]))
    for penalty in penalties:
        system = kernel if len(penalties) == 1 else kernel.copy()
        system.flat[:: len(system) + 1] += penalty
        factor = cholesky(system.T, SMALLEST_CONDITION, overwrite=True)
        if factor is None:
            return None
        inverse, _ = lapack.dtrtri(factor, lower=1, overwrite_c=1)
        targets = problem.alpha == penalty
        weighted = root[:, np.newaxis] * Y[:, targets]
        of_penalty = _leave_parts_out(inverse, root if problem.has_intercept else None, weighted, parts)
        if of_penalty is None:
            return None
        duals[:, :, targets] = of_penalty
    return duals


def _leave_parts_out(
    inverse: Floats, root: Floats | None, targets: Floats, parts: list[Rows]
) -> Floats | None:
    """Return the dual vectors for one penalty: with A = L L^T, V = L^-1 and a unit vector q along V s,
    N = V^T (I - q q^T) V.
    """
    q = np.zeros(len(inverse)) if root is None else inverse @ root
    q /= np.linalg.norm(q) or 1.0
    inner = np.empty((len(inverse), len(parts), targets.shape[1]))
    for split, rows in enumerate(parts):
        # The held-out targets cancel; set to 0, they do not leave rounding errors behind.
        seen = targets.copy()
        seen[rows] = 0.0
        whole = inverse @ seen
        whole -= np.outer(q, q @ whole)
        # V is lower triangular: its columns from here on have only zeros above.
        first = int(rows.min())
        columns = inverse[first:, rows]
        along = q[first:] @ columns
        block = columns.T @ columns - np.outer(along, along)
        factor = cholesky(block.T, SMALLEST_CONDITION, overwrite=True)
        if factor is None:
            return None
        change, _ = lapack.dpotrs(factor, columns.T @ whole[first:], lower=1)
        inner[:, split] = whole + np.outer(q, along @ change)
        inner[first:, split] -= columns @ change
    duals = (inverse.T @ inner.reshape(len(inverse), -1)).reshape(inner.shape)
    for split, rows in enumerate(parts):
        duals[rows, split] = 0.0
    return duals


def _intercept(
    problem: LeastSquares, X: Floats, root: Floats, held_out: Rows, coef: Floats, order: Rows
) -> Floats | None:
    """Return the intercept about the origin, from the weighted means of the training rows."""
    inside = root.copy()
    inside[held_out] = 0.0
    total = inside @ root
    if not total > 0:
        return None
    if not problem.has_intercept:
        return np.zeros(coef.shape[1])
    intercept: Floats = (inside @ (root[:, np.newaxis] * problem.Y[order]) - (inside @ X) @ coef) / total
    return intercept
