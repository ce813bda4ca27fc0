"""Stacked logistic regression: a weight for the logarithms of each estimator's probabilities."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.combine.combiner import Blocks, CombinerClassifier, Weights
from stackit.combine.logs import log_probabilities, softmax
from stackit.combine.weighted import Weighted
from stackit.validation import invalid_value, is_number

__all__ = ["LogisticClassifier"]

STRENGTHS = 10.0 ** np.arange(-1, 6)
N_SPLITS = 5
CHUNK = 1 << 21  # numbers that are multiplied at a time
SLACK = 1e-14  # what a loss near 1 can rise by rounding
ENOUGH = 1e-16  # a step of Newton's method that gains less leaves no error that a float could hold
NEARLY = 1e-10  # a step after which, since they converge by squares, losses of strengths can be compared


class LogisticClassifier(Weighted, CombinerClassifier):
    """Weigh log-probabilities by logistic regression: p_c proportional to exp(b_c) prod_m p_mc^w_m.

    With two classes this is logistic regression on the log-odds of the estimators; with more, each estimator
    still has one weight, and each class a bias. The mean log loss plus
    ``(||w - 1/k||^2 + ||b||^2) / (2 C)`` is minimised: little C draws k weights to those of the geometric
    mean, 1/k each. Weights may be negative, and their sum is free: above 1 it sharpens, below 1 it flattens
    what the estimators say together.

    Parameters
    ----------
    C : float or None, default=100.0
        Inverse of the strength of the penalty, beside a *mean* loss: `LogisticRegression`'s C times the
        number of rows. None chooses among 0.1 to 100000 by 5-fold cross-validation on the rows learned from
        (random within classes: of groups or times a combiner knows nothing).
    clip : float, default=1e-6
        Probabilities are kept this far from 0 and 1.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights.
    intercept_ : (n_classes,) array
        The biases b, with sum 0.
    C_ : float
        The strength that was used.

    References
    ----------
    Satopaa, V. A. et al. (2014). Combining multiple probability predictions using a simple logit model.
    International Journal of Forecasting 30(2), 344-356.

    Examples
    --------
    >>> X = [[0.3, 0.5], [0.4, 0.6], [0.6, 0.5], [0.7, 0.4], [0.6, 0.6], [0.4, 0.5]]
    >>> logistic = LogisticClassifier(C=10.0).fit(X, [0, 0, 1, 1, 0, 1])
    >>> logistic.weights_.round(2).tolist(), logistic.intercept_.round(2).tolist()
    ([1.02, -0.32], [-0.01, 0.01])
    """

    def __init__(self, C: float | None = 100.0, clip: float = 1e-6) -> None:
        self.C = C
        self.clip = clip

    def _weigh(self, blocks: Blocks, target: Floats, weights: Weights) -> Weights:
        if self.C is not None and not (is_number(self.C) and 0 < self.C < np.inf):
            raise invalid_value("C", "above 0, or None to choose it", f"C={self.C!r}", "Pass C=100.0")
        logs, share = log_probabilities(blocks, self.clip), weights / weights.sum()
        self.C_ = _strength(logs, target, share) if self.C is None else float(self.C)
        found, k = _minimum(logs, target, share, self.C_, _prior(logs)), logs.shape[1]
        self.intercept_ = found[k:]
        weighed: Weights = found[:k]
        return weighed

    def _blend(self, blocks: Blocks) -> Floats:
        return softmax(_scores(log_probabilities(blocks, self.clip), self.weights_, self.intercept_))


def _scores(logs: Blocks, weights: Floats, bias: Floats) -> Floats:
    return np.asarray(np.einsum("nmc,m->nc", logs, weights) + bias)


def _loss(scores: Floats, target: Floats, share: Floats) -> float:
    """Return the mean log loss of scores."""
    top = scores.max(axis=1)
    sums = top + np.log(np.exp(scores - top[:, np.newaxis]).sum(axis=1))
    return float(share @ (sums - (scores * target).sum(axis=1)))


def _prior(logs: Blocks) -> Floats:
    """Return the weights and biases of the geometric mean, to which the penalty draws."""
    k, n_classes = logs.shape[1:]
    return np.concatenate([np.full(k, 1 / k), np.zeros(n_classes)])


def _minimum(
    logs: Blocks, target: Floats, share: Floats, C: float, start: Floats, enough: float = ENOUGH
) -> Floats:
    """Return the weights and biases of least loss, by Newton's method; steps are halved until it falls."""
    k, prior = logs.shape[1], _prior(logs)

    def loss_at(point: Floats) -> float:
        penalty = np.square(point - prior).sum() / (2 * C)
        return _loss(_scores(logs, point[:k], point[k:]), target, share) + float(penalty)

    point, loss = start, loss_at(start)
    for _ in range(100):
        slope, curve = _derivatives(logs, target, share, point)
        slope = slope + (point - prior) / C
        step = np.linalg.solve(curve + np.eye(len(point)) / C, slope)
        gain, size = float(slope @ step), 1.0
        while (new := loss_at(point - size * step)) > loss - 1e-4 * size * gain + SLACK and size > 1e-9:
            size /= 2
        point, loss = point - size * step, new
        if gain < enough:
            break
    return point


def _derivatives(logs: Blocks, target: Floats, share: Floats, point: Floats) -> tuple[Floats, Floats]:
    """Return the first and second derivatives of the mean log loss by weights and biases."""
    k = logs.shape[1]
    slope, curve = np.zeros(len(point)), np.zeros((len(point), len(point)))
    for rows in _chunks(logs):
        part, weight = logs[rows], share[rows, np.newaxis]
        chances = softmax(_scores(part, point[:k], point[k:]))
        off, mean = weight * (chances - target[rows]), np.einsum("nmc,nc->nm", part, chances)
        slope += np.r_[np.einsum("nmc,nc->m", part, off), off.sum(axis=0)]
        spread = (part - mean[:, :, np.newaxis]) * np.sqrt(weight * chances)[:, np.newaxis]
        flat = spread.transpose(1, 0, 2).reshape(k, -1)
        across = np.einsum("nmc,nc->mc", part - mean[:, :, np.newaxis], weight * chances)
        curve[:k, :k] += flat @ flat.T
        curve[:k, k:] += across
        curve[k:, :k] += across.T
        curve[k:, k:] += np.diag((weight * chances).sum(axis=0)) - (weight * chances).T @ chances
    return slope, curve


def _chunks(logs: Blocks) -> Iterator[slice]:
    rows = max(1, CHUNK // (logs.shape[1] * logs.shape[2]))
    return (slice(first, first + rows) for first in range(0, len(logs), rows))


def _strength(logs: Blocks, target: Floats, share: Floats) -> float:
    """Return the C of least log loss out of fold; of equals the smallest."""
    order = np.random.default_rng(0).permutation(len(logs))
    order = order[np.argsort(target[order].argmax(axis=1), kind="stable")]
    fold = np.empty(len(logs), dtype=np.intp)
    fold[order] = np.arange(len(logs)) % N_SPLITS
    losses = np.zeros(len(STRENGTHS))
    for held_out in (fold == number for number in range(N_SPLITS)):
        if share[held_out].any() and share[~held_out].any():
            losses += _losses(logs, target, share, held_out)
    return float(STRENGTHS[int(np.argmin(losses))])


def _losses(logs: Blocks, target: Floats, share: Floats, held_out: npt.NDArray[np.bool_]) -> Floats:
    """Return the loss of held-out rows for each strength."""
    train = ~held_out
    weights = share[train] / share[train].sum()
    known, new = (logs[train], target[train], weights), logs[held_out]
    k, losses, point = logs.shape[1], list[float](), _prior(logs)
    for C in STRENGTHS:
        point = _minimum(*known, C, point, NEARLY)  # that of the strength before is near
        losses.append(_loss(_scores(new, point[:k], point[k:]), target[held_out], share[held_out]))
    return np.array(losses)
