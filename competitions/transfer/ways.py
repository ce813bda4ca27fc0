"""The ways of transfer, their errors, and the gap that tells whether transfer helped or harmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from competitions.transfer.networks import as_if_lost, codes, fine_tuned, fresh, lost, outputs, recomputed
from competitions.transfer.tasks import Task
from stackit.neural.layers import Network

__all__ = ["STATISTICS", "by_codes", "by_fine_tuning", "target_alone", "transfer_gap"]

Errors = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
STATISTICS = ("kept", "recomputed", "lost")
"""What becomes of the source's running statistics."""


def transfer_gap(with_transfer: Errors, alone: Errors) -> dict[str, float]:
    """Return the error with transfer minus that of the target alone; above 0, transfer is negative.

    Parameters
    ----------
    with_transfer, alone : (n_seeds,) arrays
        Errors in pairs: with one seed, the same few rows of the target were learned from.

    Returns
    -------
    dict
        `gap`, the mean difference, and its `standard error`.

    References
    ----------
    Wang, Z. et al. (2019). Characterizing and avoiding negative transfer. arXiv 1811.09751.

    Examples
    --------
    >>> transfer_gap(np.array([0.25, 0.5]), np.array([0.25, 0.25]))
    {'gap': 0.125, 'standard error': 0.125}
    """
    differences = np.asarray(with_transfer) - np.asarray(alone)
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return {"gap": float(differences.mean()), "standard error": float(error)}


def target_alone(
    like: Network, task: Task, rows: Sequence[Ints], test: Ints, n_steps: int, rate: float
) -> Errors:
    """Return the errors of networks that learn the target from nothing, with population statistics.

    Parameters
    ----------
    like : Network
        How many networks, of which plan.
    task : Task
        The target.
    rows : sequence of arrays of int
        For each network the rows that it learns from.
    test : array of int
        The rows that it is tested on.
    n_steps : int
        How many batches; a whole number of epochs.
    rate : float
        The learning rate.

    Returns
    -------
    (n_nets,) array
    """
    network = fine_tuned(fresh(like, keeps_layers=False), task, rows, n_steps, rate)
    return _errors(recomputed(network, task, rows), task, test)


def by_fine_tuning(
    source: Network, task: Task, rows: Sequence[Ints], test: Ints, n_steps: int, rate: float
) -> dict[str, Errors]:
    """Return the errors of networks that were trained on, by what became of the source's statistics.

    Weights are the same for all three. Parameters are those of `target_alone`, and the source's networks.
    """
    began = fresh(source, keeps_layers=True)
    kept = fine_tuned(began, task, rows, n_steps, rate)
    counted, without = recomputed(kept, task, rows), as_if_lost(kept, began, n_steps)
    return {
        name: _errors(network, task, test)
        for name, network in zip(STATISTICS, (kept, counted, without), strict=True)
    }


def by_codes(source: Network, task: Task, rows: Sequence[Ints], test: Ints) -> dict[str, Errors]:
    """Return the errors of logistic regressions on the codes of networks that do not learn any more.

    Parameters
    ----------
    source : Network
        The source's networks.
    task, rows, test
        As in `target_alone`.

    Returns
    -------
    dict of (n_nets,) arrays
        By what became of the source's statistics.
    """
    networks = source, recomputed(source, task, rows), lost(source)
    return {
        name: _errors_of_codes(network, task, rows, test)
        for name, network in zip(STATISTICS, networks, strict=True)
    }


def _errors(network: Network, task: Task, test: Ints) -> Errors:
    wrong = outputs(network, task.X[test]).argmax(axis=2) != task.y[test]
    return np.asarray(wrong.mean(axis=1))


def _errors_of_codes(network: Network, task: Task, rows: Sequence[Ints], test: Ints) -> Errors:
    some = np.unique(np.concatenate(rows))
    learned, held = codes(network, task.X[some]), codes(network, task.X[test])
    errors = []
    for net, of_net in enumerate(rows):
        estimator: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        estimator.fit(learned[net, np.searchsorted(some, of_net)], task.y[of_net])
        errors.append(1 - estimator.score(held[net], task.y[test]))
    return np.array(errors)
