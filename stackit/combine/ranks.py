"""Rank averaging: what counts is the order in which an estimator puts the rows, not its scale."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stackit.combine.combiner import Blocks, CombinerClassifier, CombinerRegressor, Weights

__all__ = ["RankClassifier", "RankRegressor"]

Column = npt.NDArray[np.float64]


class RankClassifier(CombinerClassifier):
    """Average the ranks of the base estimators' scores: robust where scales differ, as for AUC.

    A score becomes the share of training scores below it (ties count half), so that a row's result does
    not depend on the other rows predicted with it. The average rank of each class is then stretched so
    that the share of rows above 1/2 is the share of the class in training.

    Decision values, labels and numbers are ranked as they are.

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

    _calibrates = False  # ranks are the same on any scale

    def _learn(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> None:
        self.references_ = _references(blocks, weights)
        average = _average_ranks(blocks, self.references_)
        priors = weights @ target / weights.sum()
        self.thresholds_ = np.array(
            [_quantile(average[:, at], 1 - prior, weights) for at, prior in enumerate(priors)]
        )

    def _blend(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        ranks = _average_ranks(blocks, self.references_)
        below = 0.5 * ranks / self.thresholds_
        above = 0.5 + 0.5 * (ranks - self.thresholds_) / (1 - self.thresholds_)
        return np.asarray(np.where(ranks < self.thresholds_, below, above))


class RankRegressor(CombinerRegressor):
    """Average the ranks of the base estimators' predictions, then read the number off the target's ranks.

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

    def _learn(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> None:
        self.references_ = _references(blocks, weights)
        average = _average_ranks(blocks, self.references_)
        self.averages_ = [_reference(column, weights) for column in average.T]
        self.targets_ = [_reference(column, weights) for column in target.T]

    def _blend(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        average = _average_ranks(blocks, self.references_)
        columns = [
            np.interp(_rank(column, reference), truth[1], truth[0])
            for column, reference, truth in zip(average.T, self.averages_, self.targets_, strict=True)
        ]
        return np.column_stack(columns)


def _references(blocks: Blocks, weights: Weights) -> list[npt.NDArray[np.float64]]:
    flat = blocks.reshape(len(blocks), -1)
    return [_reference(column, weights) for column in flat.T]


def _reference(column: Column, weights: Weights) -> npt.NDArray[np.float64]:
    """Return the sorted values of weight above 0, and the share of the weight below each, ties half."""
    values, place = np.unique(column[weights > 0], return_inverse=True)
    weight = np.bincount(place, weights[weights > 0])
    return np.stack([values, (weight.cumsum() - weight / 2) / weight.sum()])


def _rank(column: Column, reference: npt.NDArray[np.float64]) -> Column:
    """Return the share of training values below each value, between them by interpolation."""
    return np.asarray(np.interp(column, reference[0], reference[1]))


def _average_ranks(blocks: Blocks, references: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    flat = blocks.reshape(len(blocks), -1)
    ranks = [_rank(column, reference) for column, reference in zip(flat.T, references, strict=True)]
    # Equal averages stay equal in whatever order the estimators are added up.
    return np.asarray(np.column_stack(ranks).reshape(blocks.shape).mean(axis=1).round(12))


def _quantile(column: Column, share: float, weights: Weights) -> float:
    """Return the value with `share` of the weight below it, kept off 0 and 1."""
    values, shares = _reference(column, weights)
    return float(np.interp(share, shares, values).clip(1e-9, 1 - 1e-9))
