"""Rank averaging: only the order that an estimator gives the rows counts, not its scale."""

from __future__ import annotations

import numpy as np

from stackit.arrays import Floats
from stackit.combine.combiner import CombinerClassifier, CombinerRegressor

__all__ = ["RankClassifier", "RankRegressor"]


class RankClassifier(CombinerClassifier):
    """Average the ranks of the base estimators' scores: robust where scales differ, for example for AUC.

    A score becomes the share of training scores below it (ties count half), so that the prediction for a row
    does not depend on the other rows. The average rank of each class is then stretched so that the share of
    rows above 1/2 is the share of the class in training. Decision values, labels and numbers are ranked as
    they are.

    Attributes
    ----------
    references_ : list of (2, n_unique) arrays
        For each estimator and class, the sorted training scores and their shares.
    thresholds_ : (n_classes,) array
        For each class, the average rank that becomes 1/2.

    Examples
    --------
    >>> X = [[0.1, 0.50], [0.2, 0.51], [0.8, 0.53], [0.9, 0.52]]
    >>> ranks = RankClassifier().fit(X, [0, 0, 1, 1])
    >>> ranks.predict(X).tolist()
    [0, 0, 1, 1]
    """

    _calibrates = False  # ranks do not depend on the scale

    def _learn(self, blocks: Floats, target: Floats, weights: Floats) -> None:
        self.references_ = _references(blocks, weights)
        average = _average_ranks(blocks, self.references_)
        priors = weights @ target / weights.sum()
        self.thresholds_ = np.array(
            [_quantile(average[:, at], 1 - prior, weights) for at, prior in enumerate(priors)]
        )

    def _blend(self, blocks: Floats) -> Floats:
        ranks = _average_ranks(blocks, self.references_)
        below = 0.5 * ranks / self.thresholds_
        above = 0.5 + 0.5 * (ranks - self.thresholds_) / (1 - self.thresholds_)
        return np.asarray(np.where(ranks < self.thresholds_, below, above))


class RankRegressor(CombinerRegressor):
    """Average the ranks of the base estimators' predictions, then return the target's quantile at that rank.

    The average rank is ranked again among those of training, and becomes the quantile of the training
    target at that share: predictions have the spread of the target.

    Attributes
    ----------
    references_ : list of (2, n_unique) arrays
        For each estimator and output, the sorted training predictions and their shares.
    averages_ : list of (2, n_unique) arrays
        For each output, the sorted average ranks of training and their shares.
    targets_ : list of (2, n_unique) arrays
        For each output, the sorted training target and its shares.

    Examples
    --------
    >>> X = [[1, 10], [2, 20], [3, 30], [4, 40]]
    >>> RankRegressor().fit(X, [5.0, 6.0, 7.0, 8.0]).predict([[2, 20], [9, 99]]).tolist()
    [6.0, 8.0]
    """

    def _learn(self, blocks: Floats, target: Floats, weights: Floats) -> None:
        self.references_ = _references(blocks, weights)
        average = _average_ranks(blocks, self.references_)
        self.averages_ = [_reference(column, weights) for column in average.T]
        self.targets_ = [_reference(column, weights) for column in target.T]

    def _blend(self, blocks: Floats) -> Floats:
        average = _average_ranks(blocks, self.references_)
        columns = [
            np.interp(_rank(column, reference), truth[1], truth[0])
            for column, reference, truth in zip(average.T, self.averages_, self.targets_, strict=True)
        ]
        return np.column_stack(columns)


def _references(blocks: Floats, weights: Floats) -> list[Floats]:
    flat = blocks.reshape(len(blocks), -1)
    return [_reference(column, weights) for column in flat.T]


def _reference(column: Floats, weights: Floats) -> Floats:
    """Return the sorted values of weight above 0, and the share of the weight below each, ties half."""
    values, place = np.unique(column[weights > 0], return_inverse=True)
    weight = np.bincount(place, weights[weights > 0])
    return np.stack([values, (weight.cumsum() - weight / 2) / weight.sum()])


def _rank(column: Floats, reference: Floats) -> Floats:
    """Return the share of training values below each value, by linear interpolation."""
    return np.asarray(np.interp(column, reference[0], reference[1]))


def _average_ranks(blocks: Floats, references: list[Floats]) -> Floats:
    flat = blocks.reshape(len(blocks), -1)
    ranks = [_rank(column, reference) for column, reference in zip(flat.T, references, strict=True)]
    # Equal averages stay equal in any order of the estimators.
    return np.asarray(np.column_stack(ranks).reshape(blocks.shape).mean(axis=1).round(12))


def _quantile(column: Floats, share: float, weights: Floats) -> float:
    """Return the value with `share` of the weight below it, clipped to inside (0, 1)."""
    values, shares = _reference(column, weights)
    return float(np.interp(share, shares, values).clip(1e-9, 1 - 1e-9))
