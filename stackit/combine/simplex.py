"""True optima over the simplex, weights of at least 0 with sum 1: of least squares and of log loss."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from stackit.arrays import Floats

__all__ = ["as_least_squares", "log_loss_on_simplex", "squares_on_simplex"]

MAX_GAP = 1e-10  # of the mean log loss from its optimum
MAX_COLUMNS = 64  # in a Newton step: a step over hundreds takes a hundred times longer


def as_least_squares(blocks: Floats, target: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the (n * width, n_estimators) matrix and the right side of a blend's weighted squared errors."""
    scale = np.sqrt(weights)[:, np.newaxis]
    left = (blocks * scale[:, :, np.newaxis]).transpose(0, 2, 1).reshape(-1, blocks.shape[1])
    return left, (target * scale).ravel()


def squares_on_simplex(left: Floats, right: Floats) -> Floats:
    """Return the (k,) weights of the simplex that minimise ``||left @ w - right||^2``.

    As the weights sum to 1, ``left @ w - right`` is ``R @ w`` with ``R = left - right``. Among u >= 0 the
    minimum of ``||R u||^2 + (sum u - 1)^2`` has the direction of the optimum: for u = t w the best t
    leaves ``1 - 1 / (1 + ||R w||^2)``, which rises with ``||R w||^2``. So non-negative least squares,
    which ends after finitely many steps, solves the problem with the sum too.

    References
    ----------
    Lawson, C. L. and Hanson, R. J. (1974). Solving least squares problems, chapter 23.
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


def log_loss_on_simplex(proba: Floats, sample_weight: Floats, max_iter: int = 100) -> Floats:
    """Return the (k,) weights w of the simplex that minimise ``-sum_i sample_weight_i log(proba_i @ w)``.

    ``proba`` (n, k) holds each estimator's probability of the true class, above 0.

    Newton's method: at a blend q, the loss is up to third order a sum of ``(proba_i @ w / q_i - 2)^2``,
    and its optimum over the simplex (of the columns in use, and the best to add) is known exactly; steps are
    halved until the loss falls. It ends where ``max_m sum_i sample_weight_i proba_im / q_i - 1``,
    which bounds how far the mean loss is from its optimum, is below 1e-10, or where rounding lets it fall
    no further.

    References
    ----------
    Kim, Y., Carbonetto, P., Stephens, M. and Anitescu, M. (2020). A fast algorithm for maximum likelihood
    estimation of mixture proportions using sequential quadratic programming. Journal of Computational and
    Graphical Statistics 29(2), 261-273.
    """
    used = sample_weight > 0
    proba, sample_weight = proba[used], sample_weight[used] / sample_weight.sum()
    weights = np.full(proba.shape[1], 1 / proba.shape[1])
    blend = proba @ weights
    for _ in range(max_iter):
        gradient = (sample_weight / blend) @ proba
        if gradient.max() - 1 <= MAX_GAP:
            break
        optimum = _quadratic_optimum(proba, sample_weight, weights, blend, gradient)
        step = _step(blend, proba @ optimum, sample_weight)
        if step == 0:
            break
        weights = weights + step * (optimum - weights)
        blend = proba @ weights
    return weights


def _quadratic_optimum(
    proba: Floats, sample_weight: Floats, weights: Floats, blend: Floats, gradient: Floats
) -> Floats:
    """Return the optimum of the quadratic model over the columns that matter: used ones, and the best to add.

    While more are used than that, the present blend represents those left out.
    """
    used, best = np.flatnonzero(weights), np.argsort(-gradient, kind="stable")[:MAX_COLUMNS]
    chosen = np.union1d(used, best) if len(used) <= MAX_COLUMNS else best
    is_complete = np.isin(used, chosen).all()
    root = np.sqrt(sample_weight)
    columns = proba[:, chosen] * (root / blend)[:, np.newaxis]
    found = squares_on_simplex(columns if is_complete else np.column_stack([columns, root]), 2 * root)
    optimum = np.zeros_like(weights) if is_complete else found[-1] * weights
    optimum[chosen] += found[: len(chosen)]
    return np.asarray(optimum)


def _step(blend: Floats, aim: Floats, sample_weight: Floats) -> float:
    """Return the first of 1, 1/2, 1/4, ... that lowers the loss enough; 0 where only rounding is left."""
    slope = float(sample_weight @ (aim / blend - 1))
    step = 1.0
    while slope > 0 and step > 1e-10:
        if sample_weight @ np.log1p(step * (aim / blend - 1)) >= 1e-4 * step * slope:
            return step
        step /= 2
    return 0.0
