"""Pictures of how networks learn, shared by the scripts that train them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from stackit.neural.layers import Activation
from stackit.neural.training import InputRows
from stackit.validation import import_optional

__all__ = ["activations", "draw_activations", "draw_curves"]

History = Sequence[Mapping[str, float]]
Floats = npt.NDArray[np.float64]


def draw_curves(histories: Mapping[str, History], path: Path) -> None:
    """Draw loss and accuracy by epoch: what was learned from dashed, what was watched in full lines.

    Parameters
    ----------
    histories : mapping of str to list of dict
        The `history_` of each network, by its name; its rows were watched.
    path : path
        The file, such as ``curves.png``.
    """
    figure = import_optional("matplotlib.figure", "plots").Figure(figsize=(11, 4.2), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for at, (name, history) in enumerate(histories.items()):
        epochs = [record["epoch"] for record in history]
        look = {"color": f"C{at}", "marker": "." if len(epochs) < 30 else None}
        losses.plot(epochs, [record["loss"] for record in history], linestyle="--", **look)
        losses.plot(epochs, [record["validation_loss"] for record in history], label=name, **look)
        scores.plot(epochs, [record["validation_score"] for record in history], label=name, **look)
    losses.set(xlabel="epoch", ylabel="loss (dashed: of the training batches)", yscale="log")
    scores.set(xlabel="epoch", ylabel="accuracy on rows not learned from")
    for axes in (losses, scores):
        axes.legend()
    figure.savefig(path, dpi=110)


@torch.no_grad()
def activations(net: Any, X: npt.NDArray[Any]) -> list[Floats]:
    """Return what enters each activation function of a fitted network, as it predicts, flattened.

    Parameters
    ----------
    net : BatchNormMLPClassifier or BatchNormConvNetClassifier
        Fitted; of several networks the first is looked at.
    X : (n, d) or (n, channels, height, width) array
        Some rows, of numbers alone.

    Returns
    -------
    list of arrays
        One an activation function, in the order of the layers.
    """
    network = net.network_.of_states([net.network_.state_of(0)]).eval()
    dtype = network.inputs.centre.dtype
    h, entered = network.inputs(InputRows(torch.as_tensor(np.array(X)[np.newaxis]).to(dtype))), []
    for layer in network.layers:
        if isinstance(layer, Activation):
            entered.append(h.flatten().double().numpy())
        h = layer(h)
    return entered


def draw_activations(by_net: Mapping[str, Sequence[Floats]], path: Path) -> None:
    """Draw the distribution of what enters each activation function, one row of panels a network.

    Parameters
    ----------
    by_net : mapping of str to list of arrays
        What `activations` returned, by the name of the network.
    path : path
        The file, such as ``activations.png``.
    """
    n_layers = max(map(len, by_net.values()))
    size = 2.4 * n_layers, 2.1 * len(by_net)
    figure = import_optional("matplotlib.figure", "plots").Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(by_net), n_layers, squeeze=False)
    for row, (name, entered) in zip(panels, by_net.items(), strict=True):
        for at, (axes, values) in enumerate(zip(row, entered, strict=False)):
            axes.hist(values, bins=60, density=True, color="tab:blue")
            spread = f"mean {values.mean():.2f}, std {values.std():.2f}"
            axes.set_title(f"{name}, {at + 1}\n{spread}", fontsize=8)
            axes.set_yticks([])
        for axes in row[len(entered) :]:
            axes.set_axis_off()
    figure.savefig(path, dpi=110)
