"""Platt's calibration: decision values become probabilities by one sigmoid per class."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from stackit.arrays import Floats
from stackit.combine.probabilities import normalize_rows

__all__ = ["calibrated_out_of_fold", "fit_sigmoids", "probabilities_of"]

N_SPLITS = 5
MIN_DISTINCT = 50  # distinct rows below which there are no folds
PENALTY = 1e-3  # shrinks the slope of an honest column by half a per cent
MIN_GAIN = 1e-14  # a Newton step with less gain is the last
MIN_MEAN = 1e-6  # a class may be missing from the rows that a fold is calibrated on
RIDGE = 1e-12  # keeps the second derivatives invertible


def fit_sigmoids(scores: Floats, target: Floats, weights: Floats) -> Floats:
    """Return the (2, width) slopes and intercepts of one sigmoid per column of (n, width) decision values.

    They minimise the weighted mean log loss of the one-hot target, with a small penalty on the slope of
    standardised scores that keeps it finite where a column separates the classes. (Platt's own remedy,
    smoothed targets, counts rows: with it the unit of the weights would matter.)

    References
    ----------
    Platt, J. C. (1999). Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods. Advances in Large Margin Classifiers, 61-74.
    """
    normalized = weights / weights.sum()
    columns = target[:, -1:] if scores.shape[1] == 1 else target
    pairs = [_sigmoid(score, truth, normalized) for score, truth in zip(scores.T, columns.T, strict=True)]
    return np.array(pairs).T


def probabilities_of(scores: Floats, sigmoids: Floats) -> Floats:
    """Return the (n, n_classes) probabilities of (n, width) decision values."""
    proba = expit(scores * sigmoids[0] + sigmoids[1])
    return np.hstack([1 - proba, proba]) if proba.shape[1] == 1 else normalize_rows(proba)


def calibrated_out_of_fold(scores: Floats, target: Floats, weights: Floats) -> Floats:
    """Return the (n, n_classes) probabilities of rows, each by sigmoids fitted without its label.

    The folds are every fifth of the sorted distinct rows of scores, so that they do not depend on the order
    of the rows, and copies of a row count as its weight. Where there are few distinct rows, as with labels,
    each stands for many, and one row's label hardly matters: all are calibrated together.
    """
    table, used = probabilities_of(scores, fit_sigmoids(scores, target, weights)), np.flatnonzero(weights > 0)
    distinct, place = np.unique(scores[used], axis=0, return_inverse=True)
    if len(distinct) < MIN_DISTINCT:
        return table
    fold = place.reshape(-1) % N_SPLITS
    for number in range(N_SPLITS):
        held_out, train = used[fold == number], used[fold != number]
        sigmoids = fit_sigmoids(scores[train], target[train], weights[train])
        table[held_out] = probabilities_of(scores[held_out], sigmoids)
    return table


def _sigmoid(score: Floats, truth: Floats, weights: Floats) -> tuple[float, float]:
    """Return slope and intercept, by Newton's method on standardised scores; the loss is convex."""
    middle = float(weights @ score)
    deviation = float(np.sqrt(weights @ (score - middle) ** 2)) or 1.0
    table = np.column_stack([(score - middle) / deviation, np.ones(len(score))])
    mean = float(np.clip(weights @ truth, MIN_MEAN, 1 - MIN_MEAN))
    point, penalty = np.array([0.0, logit(mean)]), np.array([PENALTY, 0.0])
    loss = _loss(table, point, truth, weights)
    for _ in range(100):
        proba = expit(table @ point)
        gradient = table.T @ (weights * (proba - truth)) + penalty * point
        hessian = (table * (weights * proba * (1 - proba))[:, np.newaxis]).T @ table
        step = np.linalg.solve(hessian + np.diag(penalty) + RIDGE * np.eye(2), gradient)
        gain, size = float(gradient @ step), 1.0
        while (new := _loss(table, point - size * step, truth, weights)) > loss and size > 1e-6:
            size /= 2
        if new > loss:
            break
        point, loss = point - size * step, new
        if gain < MIN_GAIN:
            break
    return float(point[0] / deviation), float(point[1] - point[0] * middle / deviation)


def _loss(table: Floats, point: Floats, truth: Floats, weights: Floats) -> float:
    score = table @ point
    return float(weights @ (np.logaddexp(0.0, score) - truth * score) + PENALTY / 2 * point[0] ** 2)
