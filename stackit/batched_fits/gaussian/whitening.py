"""Square roots of the inverse of a scatter matrix, in its own space or in that of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, eigh, eigvalsh, solve_triangular
from scipy.linalg.lapack import dpocon

from stackit.arrays import Floats

__all__ = ["ScatterWhitening", "factor", "whitening_of_rows", "whitening_of_scatter"]

CONDITION = 1e-7
"""Below this reciprocal condition number, answers agree with other methods' to less than 1e-9."""


@dataclass(frozen=True, eq=False)
class ScatterWhitening:
    """A matrix F with ``F @ F.T`` the (pseudo-)inverse of a (d, d) scatter matrix.

    Parameters
    ----------
    down : callable
        (d, k) array -> ``F.T`` times it.
    up : callable
        (r, k) array -> ``F`` times it, of shape (d, k).
    """

    down: Callable[[Floats], Floats]
    up: Callable[[Floats], Floats]


def factor(matrix: Floats, smallest: float = 0.0) -> Floats | None:
    """Return the lower Cholesky factor of a well-conditioned symmetric matrix, or None.

    None also when the smallest eigenvalue may be less than `smallest`: it is at least the reciprocal of
    the inverse's 1-norm, which LAPACK's ``pocon`` estimates from the factor (Higham, 1988).

    Examples
    --------
    >>> factor(np.array([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    >>> factor(np.ones((2, 2))) is None
    True
    """
    lower, reciprocal, norm = _factored(matrix)
    # pocon may overrate the condition by a small factor: hence the 10.
    return lower if reciprocal > CONDITION and reciprocal * norm > 10 * smallest else None


def whitening_of_scatter(scatter: Floats, smallest: float) -> ScatterWhitening | None:
    """Return F with ``F @ F.T`` the pseudo-inverse of a (d, d) matrix; None when its rank is uncertain.

    Parameters
    ----------
    scatter : (d, d) array
        Symmetric, positive semi-definite.
    smallest : float
        Eigenvalues up to this one count as zero.

    Examples
    --------
    >>> F = whitening_of_scatter(np.diag([4.0, 0.0]), 1e-8)
    >>> F.up(F.down(np.eye(2))).round(12).tolist()
    [[0.25, 0.0], [0.0, 0.0]]
    """
    lower = _sure_factor(scatter, smallest)
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

    With N the projector on the null space of ``A @ A.T``, ``F = A.T @ inv(A @ A.T + N)``: it equals
    ``V / S`` of the singular value decomposition ``A = U S V.T``, turned by U.

    Parameters
    ----------
    rows : (n, d) array
        The matrix A, n < d.
    null : (n, k) array
        Orthonormal columns that span a part, as a rule all, of the null space.
    smallest : float
        Eigenvalues up to this one count as zero.

    Examples
    --------
    >>> F = whitening_of_rows(np.array([[3.0, 0.0, 0.0]]), np.zeros((1, 0)), 1e-8)
    >>> F.up(F.down(np.array([[9.0], [1.0], [1.0]]))).round(12).ravel().tolist()
    [1.0, 0.0, 0.0]
    """
    kernel = rows @ rows.T
    lower = _sure_factor(kernel + null @ null.T, smallest)
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


def _factored(matrix: Floats) -> tuple[Floats | None, float, float]:
    """Return the Cholesky factor, an estimate of the reciprocal condition number, and the 1-norm."""
    norm = float(np.abs(matrix).sum(axis=0).max(initial=0.0))
    try:
        lower: Floats = cholesky(matrix, lower=True, check_finite=False)
    except LinAlgError:
        return None, 0.0, norm
    return lower, float(dpocon(lower, norm, uplo="L")[0]), norm


def _sure_factor(matrix: Floats, smallest: float) -> Floats | None:
    """Return what `factor` does, and the factor also where the eigenvalues themselves are as sure.

    A condition number in the 1-norm overrates that in the 2-norm, of thousands of columns by far; and
    eigenvalues without their vectors take a third of the time of both.
    """
    lower, reciprocal, norm = _factored(matrix)
    if reciprocal > CONDITION and reciprocal * norm > 10 * smallest:
        return lower
    if reciprocal < CONDITION / 1000:
        return None
    values = eigvalsh(matrix, check_finite=False)
    return lower if values[0] > max(10 * smallest, 10 * CONDITION * values[-1]) else None


def _spectrum(matrix: Floats, smallest: float) -> tuple[Floats, Floats] | None:
    """Return the eigenvalues above `smallest` and their vectors, or None when rounding could move one."""
    values, vectors = eigh(matrix, check_finite=False)
    keep = values > smallest
    top = values[-1]
    kept_are_sure = (values[keep] > max(2 * smallest, CONDITION * 10 * top)).all()
    dropped_are_sure = (values[~keep] < smallest / 2).all() and (keep.all() or smallest > 1e-12 * top)
    return (values[keep], vectors[:, keep]) if kept_are_sure and dropped_are_sure and keep.any() else None
