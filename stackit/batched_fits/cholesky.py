"""The Cholesky factor of a matrix, with an estimate of how well conditioned the matrix is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpocon, dpotrf

from stackit.arrays import Floats

__all__ = ["Factor", "cholesky", "factorize"]


class Factor(NamedTuple):
    """The lower Cholesky factor (None where there is none), and the matrix' condition in the 1-norm."""

    lower: Floats | None
    reciprocal_condition: float
    norm: float


def factorize(matrix: Floats, overwrite: bool = False) -> Factor:
    """Factorize a symmetric matrix by its lower triangle.

    The reciprocal condition is what LAPACK's ``pocon`` estimates from the factor (Higham, 1988).
    """
    norm = float(np.abs(matrix).sum(axis=0).max(initial=0.0))
    lower, info = dpotrf(matrix, lower=1, clean=1, overwrite_a=overwrite)
    if info or not np.isfinite(norm):
        return Factor(None, 0.0, norm)
    return Factor(lower, float(dpocon(lower, norm, uplo="L")[0]), norm)


def cholesky(matrix: Floats, smallest_condition: float, overwrite: bool = False) -> Floats | None:
    """Return the lower Cholesky factor; None if the reciprocal condition is not above the smallest one."""
    factor = factorize(matrix, overwrite)
    return factor.lower if factor.reciprocal_condition > smallest_condition else None
