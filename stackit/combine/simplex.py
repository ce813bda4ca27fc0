"""True optima over the simplex, weights of at least 0 with sum 1: of least squares and of log loss."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from stackit.arrays import Floats

__all__ = ["log_loss_on_simplex", "squares_on_simplex"]

GAP = 1e-10
WIDE = 64  # columns in a step of Newton's method: a step over hundreds takes a hundred times longer


def squares_on_simplex(left: Floats, right: Floats) -> Floats:
    """Return the weights of the simplex that minimise ``||left @ w - right||^2``.

    As the weights sum to 1, ``left @ w - right`` is ``R @ w`` with ``R = left - right``. Among u >= 0 the
    minimum of ``||R u||^2 + (sum u - 1)^2`` has the direction of the optimum: for u = t w the best t
    leaves ``1 - 1 / (1 + ||R w||^2)``, which rises with ``||R w||^2``. So non-negative least squares,
    which ends after finitely many steps, solves the problem with the sum too.

    Parameters
    ----------
    left : (n, k) array
        A column an estimator.
    right : (n,) array
        What they are to sum to.

    Returns
    -------
    (k,) array
        At least 0, with sum 1.

    References
    ----------
    Lawson, C. L. and Hanson, R. J. (1974). Solving least squares problems, chapter 23.

    Examples
    --------
    >>> squares_on_simplex(np.array([[0.0, 4.0]]), np.array([1.0])).round(6).tolist()
    [0.75, 0.25]
    """
    residuals = left - right[:, np.newaxis]
    values, axes = np.linalg.eigh(residuals.T @ residuals)
    # As many rows as columns, with the same products: on tall tables far faster than a triangular factor.
    factor = np.sqrt(values.clip(min=0))[:, np.newaxis] * axes.T
    lengths = np.linalg.norm(factor, axis=0)
    scale = lengths.min() if lengths.min() > 0 else lengths.max() or 1.0
    k = left.shape[1]
    rows, sums = np.vstack([factor / scale, np.ones(k)]), np.r_[np.zeros(len(factor)), 1.0]
    solution, _ = nnls(rows, sums, maxiter=30 * k)
    return np.asarray(solution / solution.sum())


def log_loss_on_simplex(chances: Floats, weights: Floats, max_iter: int = 100) -> Floats:
    """Return the weights w of the simplex that minimise ``-sum_i weights_i log(chances_i @ w)``.

    Newton's method: at a blend q, the loss is up to third order a sum of ``(chances_i @ w / q_i - 2)^2``,
    whose optimum over the simplex (of the columns in use, and the best to add) is known exactly; half
    steps are taken until the loss falls. It ends where ``max_m sum_i weights_i chances_im / q_i - 1``,
    which bounds how far the mean loss is from its optimum, is below 1e-10, or where rounding lets it fall
    no further.

    Parameters
    ----------
    chances : (n, k) array
        The probability of the true class by each estimator, above 0.
    weights : (n,) array
        The weights of the rows.
    max_iter : int, default=100
        The most steps.

    Returns
    -------
    (k,) array
        At least 0, with sum 1.

    References
    ----------
    Kim, Y., Carbonetto, P., Stephens, M. and Anitescu, M. (2020). A fast algorithm for maximum likelihood
    estimation of mixture proportions using sequential quadratic programming. Journal of Computational and
    Graphical Statistics 29(2), 261-273.

    Examples
    --------
    >>> log_loss_on_simplex(np.array([[0.8, 0.2], [0.2, 0.8], [0.8, 0.2]]), np.ones(3)).round(6).tolist()
    [0.777778, 0.222222]
    """
    used = weights > 0
    chances, weights = chances[used], weights[used] / weights.sum()
    share = np.full(chances.shape[1], 1 / chances.shape[1])
    blend = chances @ share
    for _ in range(max_iter):
        pull = (weights / blend) @ chances
        if pull.max() - 1 <= GAP:
            break
        aim = _newton_aim(chances, weights, share, blend, pull)
        step = _step(blend, chances @ aim, weights)
        if step == 0:
            break
        share = share + step * (aim - share)
        blend = chances @ share
    return share


def _newton_aim(chances: Floats, weights: Floats, share: Floats, blend: Floats, pull: Floats) -> Floats:
    """Return the optimum of the quadratic model over the columns that matter: used ones, and the best to add.

    While more are used than that, the blend of now stands for those left out.
    """
    held, best = np.flatnonzero(share), np.argsort(-pull, kind="stable")[:WIDE]
    chosen = np.union1d(held, best) if len(held) <= WIDE else best
    whole = np.isin(held, chosen).all()
    root = np.sqrt(weights)
    columns = chances[:, chosen] * (root / blend)[:, np.newaxis]
    found = squares_on_simplex(columns if whole else np.column_stack([columns, root]), 2 * root)
    aim = np.zeros_like(share) if whole else found[-1] * share
    aim[chosen] += found[: len(chosen)]
    return np.asarray(aim)


def _step(blend: Floats, aim: Floats, weights: Floats) -> float:
    """Return the first of 1, 1/2, 1/4, ... that lowers the loss enough; 0 where rounding is all there is."""
    slope = float(weights @ (aim / blend - 1))
    step = 1.0
    while slope > 0 and step > 1e-10:
        if weights @ np.log1p(step * (aim / blend - 1)) >= 1e-4 * step * slope:
            return step
        step /= 2
    return 0.0
