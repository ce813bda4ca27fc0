"""The logarithmic opinion pool: weights of log-probabilities that are at least 0, by Newton's method."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from stackit.arrays import Floats

__all__ = ["pool_weights"]

MIN_GAIN = 1e-13  # a Newton step with less gain is the last


def pool_weights(logs: Floats, target: Floats, weights: Floats, C: float) -> Floats:
    """Return the k weights of at least 0, then the biases of classes, of least penalised log loss.

    The (n, k, n_classes) logs are log-probabilities. The mean log loss plus
    ``(||w - 1/k||^2 + ||b||^2) / (2 C)`` is minimised by projected Newton steps: weights of 0 with a gradient
    above 0 stay there, the others take the Newton step that these leave, cut at 0.

    References
    ----------
    Bertsekas, D. P. (1982). Projected Newton methods for optimization problems with simple constraints. SIAM
    Journal on Control and Optimization 20(2), 221-246.
    """
    pool = _Pool(logs, target, weights, C)
    point = pool.prior
    loss, proba = pool.loss(point)
    for _ in range(100):
        gradient, hessian = pool.derivatives(point, proba)
        free = (point > 0) | (gradient < 0) | (np.arange(len(point)) >= pool.k)
        step = np.zeros(len(point))
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        size = 1.0
        while True:
            new = pool.project(point - size * step)
            gain = float(gradient @ (point - new))
            new_loss, new_proba = pool.loss(new)
            if new_loss <= loss - 1e-4 * gain or size < 1e-9:
                break
            size /= 2
        if new_loss < loss:
            point, loss, proba = new, new_loss, new_proba
        if gain < MIN_GAIN or size < 1e-9:
            break
    return point


class _Pool:
    """The penalised loss of a table of log-probabilities, and its derivatives."""

    def __init__(self, logs: Floats, target: Floats, weights: Floats, C: float) -> None:
        n, self.k, self.n_classes = logs.shape
        self.n, self.strength = n, 1 / C
        # One row per sample and class, one column per estimator: products are those of matrices.
        self.table = np.ascontiguousarray(logs.transpose(0, 2, 1)).reshape(-1, self.k)
        self.target, self.weights = target, weights[:, np.newaxis] / weights.sum()
        self.prior = np.concatenate([np.full(self.k, 1 / self.k), np.zeros(self.n_classes)])

    def project(self, point: Floats) -> Floats:
        return np.concatenate([point[: self.k].clip(min=0), point[self.k :]])

    def loss(self, point: Floats) -> tuple[float, Floats]:
        """Return the penalised mean log loss, and the (n, n_classes) probabilities."""
        scores = (self.table @ point[: self.k]).reshape(self.n, -1) + point[self.k :]
        scores -= scores.max(axis=1, keepdims=True)
        proba = softmax(scores, axis=1)
        right = (proba * self.target).sum(axis=1).clip(min=np.finfo(np.float64).tiny)
        penalty = self.strength / 2 * np.square(point - self.prior).sum()
        return float(-self.weights[:, 0] @ np.log(right) + penalty), proba

    def derivatives(self, point: Floats, proba: Floats) -> tuple[Floats, Floats]:
        k, error = self.k, self.weights * (proba - self.target)
        gradient = np.r_[self.table.T @ error.ravel(), error.sum(axis=0)]
        share = self.weights * proba
        weighted = self.table * share.reshape(-1, 1)
        means = weighted.reshape(self.n, self.n_classes, k).sum(axis=1)
        unit = means / self.weights.clip(min=np.finfo(np.float64).tiny)
        hessian = np.empty((len(point), len(point)))
        hessian[:k, :k] = weighted.T @ self.table - means.T @ unit
        hessian[:k, k:] = weighted.reshape(self.n, self.n_classes, k).sum(axis=0).T - unit.T @ share
        hessian[k:, :k] = hessian[:k, k:].T
        hessian[k:, k:] = np.diag(share.sum(axis=0)) - share.T @ proba
        return gradient + self.strength * (point - self.prior), hessian + self.strength * np.eye(len(point))
