"""Platt's calibration: decision values become probabilities by a sigmoid for each class."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from stackit.arrays import Floats

__all__ = ["calibrated_out_of_fold", "fit_sigmoids", "probabilities_of"]

N_SPLITS = 5
FEW = 50  # distinct rows below which there are no folds
PENALTY = 1e-3  # shrinks the slope of an honest column by half a per cent
ENOUGH = 1e-14
LEAST = 1e-6  # a class may be missing from what a fold is calibrated by
STEADY = 1e-12


def fit_sigmoids(scores: Floats, target: Floats, weights: Floats) -> Floats:
    """Fit the slope and the intercept of a sigmoid for each column.

    They minimise the weighted mean log loss, with a small penalty on the slope of standardised scores that
    keeps it finite where a column separates the classes. (Platt's own remedy, smoothed targets, counts rows:
    with it the unit of the weights would matter.)

    Parameters
    ----------
    scores : (n, width) array
        Decision values: a column per class, or with two classes one for the second.
    target : (n, n_classes) array
        One-hot.
    weights : (n,) array
        At least 0, with some above.

    Returns
    -------
    (2, width) array
        Slopes and intercepts.

    References
    ----------
    Platt, J. C. (1999). Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods. Advances in Large Margin Classifiers, 61-74.

    Examples
    --------
    >>> scores, target = np.array([[-2.0], [-1.0], [1.0], [-1.0], [2.0]]), np.eye(2)[[0, 0, 1, 1, 1]]
    >>> probabilities_of(scores, fit_sigmoids(scores, target, np.ones(5)))[:, 1].round(1).tolist()
    [0.0, 0.5, 1.0, 0.5, 1.0]
    """
    share = weights / weights.sum()
    columns = target[:, -1:] if scores.shape[1] == 1 else target
    pairs = [_sigmoid(score, truth, share) for score, truth in zip(scores.T, columns.T, strict=True)]
    return np.array(pairs).T


def probabilities_of(scores: Floats, sigmoids: Floats) -> Floats:
    """Return the (n, n_classes) probabilities of decision values; rows are divided by their sum.

    Parameters
    ----------
    scores : (n, width) array
        Decision values.
    sigmoids : (2, width) array
        As `fit_sigmoids` returns them.
    """
    chances = expit(scores * sigmoids[0] + sigmoids[1])
    if chances.shape[1] == 1:
        return np.hstack([1 - chances, chances])
    total = chances.sum(axis=1, keepdims=True)
    even = np.full_like(chances, 1 / chances.shape[1])
    return np.asarray(np.divide(chances, total, out=even, where=total > 0))


def calibrated_out_of_fold(scores: Floats, target: Floats, weights: Floats) -> Floats:
    """Return the (n, n_classes) probabilities of rows, each by sigmoids that have not seen its label.

    The folds are every fifth of the distinct rows of scores in their order, so that they do not depend on the
    order of the rows, and copies of a row count as its weight. Where there are few distinct rows, as of
    labels, each stands for many, and one row's label is of no account: all are calibrated together.
    """
    sigmoids = fit_sigmoids(scores, target, weights)
    table, used = probabilities_of(scores, sigmoids), np.flatnonzero(weights > 0)
    distinct, place = np.unique(scores[used], axis=0, return_inverse=True)
    if len(distinct) < FEW:
        return table
    fold = place.reshape(-1) % N_SPLITS
    for number in range(N_SPLITS):
        held_out, known = used[fold == number], used[fold != number]
        own = fit_sigmoids(scores[known], target[known], weights[known])
        table[held_out] = probabilities_of(scores[held_out], own)
    return table


def _sigmoid(score: Floats, truth: Floats, share: Floats) -> tuple[float, float]:
    """Return slope and intercept, by Newton's method on standardised scores; the loss is convex."""
    middle = float(share @ score)
    spread = float(np.sqrt(share @ (score - middle) ** 2)) or 1.0
    table = np.column_stack([(score - middle) / spread, np.ones(len(score))])
    mean = float(np.clip(share @ truth, LEAST, 1 - LEAST))
    point, penalty = np.array([0.0, logit(mean)]), np.array([PENALTY, 0.0])
    loss = _loss(table, point, truth, share)
    for _ in range(100):
        chance = expit(table @ point)
        slope = table.T @ (share * (chance - truth)) + penalty * point
        curve = (table * (share * chance * (1 - chance))[:, np.newaxis]).T @ table
        step = np.linalg.solve(curve + np.diag(penalty) + STEADY * np.eye(2), slope)
        gain, size = float(slope @ step), 1.0
        while (new := _loss(table, point - size * step, truth, share)) > loss and size > 1e-6:
            size /= 2
        if new > loss:
            break
        point, loss = point - size * step, new
        if gain < ENOUGH:
            break
    return float(point[0] / spread), float(point[1] - point[0] * middle / spread)


def _loss(table: Floats, point: Floats, truth: Floats, share: Floats) -> float:
    score = table @ point
    return float(share @ (np.logaddexp(0.0, score) - truth * score) + PENALTY / 2 * point[0] ** 2)
