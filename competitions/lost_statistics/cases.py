"""The cases of the fault: one trained network that predicts with statistics of different origin."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file

from competitions.lost_statistics.statistics import (
    accuracy,
    batches,
    counted,
    network_of,
    parameters_only,
    recomputed,
    running,
)
from stackit.neural import BatchNormMLPClassifier, load_weights

__all__ = ["BATCH", "HIDDEN", "RULES", "convergence", "measure", "perceptron", "refusal"]

HIDDEN = (1000, 500, 250, 250, 250)
BATCH, SLOW_DECAY = 120, 0.997
# How running statistics may follow the batches, and the part of them that is kept at each update.
RULES = {
    "decay 0.997": ("ema", 0.997),
    "decay 0.99": ("ema", 0.99),
    "decay 0.99, warm": ("ema_warmup", 0.99),
    "mean of all": ("cumulative", 0.0),
}


def perceptron(hidden: Sequence[int], n_epochs: int) -> BatchNormMLPClassifier:
    """Return the 7-layer perceptron of the notes, for a short training."""
    return BatchNormMLPClassifier(
        hidden,
        max_iter=n_epochs,
        batch_size=BATCH,
        learning_rate="linear",
        learning_rate_init=0.02,
        alpha=0.0,
        parametrization="ntk",
        output="batch_norm",
        scaling=None,
        precision="float32",
        device="cpu",
        random_state=0,
    )


def measure(net: Any, tables: Sequence[Any], updates: Sequence[int]) -> dict[str, tuple[float, float]]:
    """Return for each kind of statistics the accuracy on mixed batches, and on batches of one class.

    Parameters
    ----------
    net : BatchNormMLPClassifier
        Fitted.
    tables : X, X_test, y, y_test
        The training rows, from which statistics are counted, and others to ask for.
    updates : sequence of int
        After how many updates of lost statistics to ask.
    """
    X, X_test, _, y_test = tables
    network, train = network_of(net), batches(len(X), BATCH, seed=1)
    one_class = [np.flatnonzero(y_test == digit) for digit in range(10)]
    mixed = batches(len(y_test), len(y_test) / 10, seed=2)

    def measured(one: Any, of_batch: bool = False) -> tuple[float, float]:
        first, second = (accuracy(one, X_test, y_test, parts, of_batch) for parts in (mixed, one_class))
        return first, second

    lost, _ = parameters_only(network)
    found = {"full state": measured(network), "statistics of the batch": measured(network, of_batch=True)}
    found["parameters only"] = measured(lost)
    for done, one in enumerate(islice(counted(lost, X, train, "ema", SLOW_DECAY), max(updates)), start=1):
        if done in updates:
            found[f"{done} updates"] = measured(one)
    return found | {"recomputed": measured(recomputed(network, X, train))}


def refusal(net: Any) -> str:
    """Return what `load_weights` says of a file that has the parameters alone."""
    network = network_of(net)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parameters.safetensors"
        save_file({name: value.detach() for name, value in network.named_parameters()}, path)
        try:
            load_weights(network, path)
        except ValueError as refused:
            return str(refused).replace(f"{folder}/", "")
    return ""


def convergence(net: Any, tables: Sequence[Any], n_updates: int) -> dict[str, list[tuple[int, float, float]]]:
    """Return for each rule of `RULES` how lost statistics come back.

    Parameters
    ----------
    net, tables
        As for `measure`.
    n_updates : int
        How many updates are followed.

    Returns
    -------
    dict of lists
        Of (updates done, distance of the running means to the population's as a part of these, accuracy).
    """
    X, X_test, _, y_test = tables
    network, train = network_of(net), batches(len(X), BATCH, seed=1)
    goal = running(recomputed(network, X, train), "mean")
    looked_at = set(np.geomspace(1, n_updates, 20).round().astype(int).tolist())
    tracks: dict[str, list[tuple[int, float, float]]] = {}
    for name, (rule, decay) in RULES.items():
        lost, tracks[name] = parameters_only(network)[0], []
        for done, one in enumerate(islice(counted(lost, X, train, rule, decay), n_updates), start=1):
            if done in looked_at:
                far = float(np.linalg.norm(running(one, "mean") - goal) / np.linalg.norm(goal))
                tracks[name].append((done, far, accuracy(one, X_test, y_test, [np.arange(len(y_test))])))
    return tracks
