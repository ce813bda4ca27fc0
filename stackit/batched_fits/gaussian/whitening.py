"""Square roots of the inverse of a scatter matrix, in its own space or in that of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, eigh, eigvalsh, solve_triangular

from stackit.arrays import Floats
from stackit.batched_fits.cholesky import factorize

__all__ = ["SMALLEST_CONDITION", "ScatterWhitening", "whitening_of_rows", "whitening_of_scatter"]

SMALLEST_CONDITION = 1e-7
"""The reciprocal condition number from which on results agree with other methods' to 1e-9."""


@dataclass(frozen=True, eq=False)
class ScatterWhitening:
    """A (d, r) matrix F with ``F @ F.T`` the (pseudo-)inverse of a (d, d) scatter matrix.

    ``down`` multiplies a (d, k) array by ``F.T``, ``up`` an (r, k) array by ``F``.
    """

    down: Callable[[Floats], Floats]
    up: Callable[[Floats], Floats]


def whitening_of_scatter(scatter: Floats, smallest: float) -> ScatterWhitening | None:
    """Return F with ``F @ F.T`` the pseudo-inverse of a positive semi-definite (d, d) matrix.

    Eigenvalues up to `smallest` count as zero. None when the rank is uncertain.
    """
    lower = _certain_factor(scatter, smallest)
    if lower is not None:
        return ScatterWhitening(
            lambda table: solve_triangular(lower, table, lower=True, check_finite=False),
            lambda table: solve_triangular(lower, table, lower=True, trans="T", check_finite=False),
        )
    spectrum = _spectrum(scatter, smallest)
    if spectrum is None:
        return None
    values, vectors = spectrum
    root = vectors / np.sqrt(values)
    return ScatterWhitening(lambda table: root.T @ table, lambda table: root @ table)


def whitening_of_rows(rows: Floats, null: Floats, smallest: float) -> ScatterWhitening | None:
    """Return F with ``F @ F.T`` the pseudo-inverse of ``A.T @ A``, from the (n, n) matrix ``A @ A.T``.

    A are the (n, d) rows, n < d. With N the projector on the null space of ``A @ A.T``,
    ``F = A.T @ inv(A @ A.T + N)``: it equals ``V / S`` of the singular value decomposition ``A = U S V.T``,
    turned by U. The orthonormal columns of `null` span a part, as a rule all, of the null space. Eigenvalues
    up to `smallest` count as zero. None when the rank is uncertain.
    """
    kernel = rows @ rows.T
    lower = _certain_factor(kernel + null @ null.T, smallest)
    if lower is not None:
        return ScatterWhitening(
            lambda table: cho_solve((lower, True), rows @ table, check_finite=False),
            lambda table: rows.T @ cho_solve((lower, True), table, check_finite=False),
        )
    spectrum = _spectrum(kernel, smallest)
    if spectrum is None:
        return None
    values, vectors = spectrum
    root = vectors / values
    return ScatterWhitening(lambda table: root.T @ (rows @ table), lambda table: rows.T @ (root @ table))


def _certain_factor(matrix: Floats, smallest: float) -> Floats | None:
    """Return the Cholesky factor if all eigenvalues are certain to be above `smallest`; otherwise None.

    The smallest eigenvalue is at least the reciprocal of the inverse's 1-norm. For thousands of columns this
    bound is loose, because the condition number in the 1-norm far exceeds that in the 2-norm. If the bound
    does not decide, the eigenvalues are computed, without eigenvectors, which would triple the time.
    """
    lower, reciprocal, norm = factorize(matrix)
    # The factor of 10 is a margin: pocon may overestimate the reciprocal condition number by a small factor.
    if reciprocal > SMALLEST_CONDITION and reciprocal * norm > 10 * smallest:
        return lower
    if reciprocal < SMALLEST_CONDITION / 1000:
        return None
    values = eigvalsh(matrix, check_finite=False)
    return lower if values[0] > max(10 * smallest, 10 * SMALLEST_CONDITION * values[-1]) else None


def _spectrum(matrix: Floats, smallest: float) -> tuple[Floats, Floats] | None:
    """Return the eigenvalues above `smallest` and their vectors, or None when rounding could move one."""
    values, vectors = eigh(matrix, check_finite=False)
    keep, largest = values > smallest, values[-1]
    kept_are_certain = (values[keep] > max(2 * smallest, SMALLEST_CONDITION * 10 * largest)).all()
    dropped_are_certain = (values[~keep] < smallest / 2).all() and (keep.all() or smallest > 1e-12 * largest)
    return (
        (values[keep], vectors[:, keep]) if kept_are_certain and dropped_are_certain and keep.any() else None
    )
