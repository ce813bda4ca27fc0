"""Arrays of published files under the names and in the layout of the networks here."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from stackit.images.weights.formats import Arrays
from stackit.validation import import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["convert_state_dict", "writer_of"]

# What Keras and TensorFlow call the arrays of a layer.
KINDS = {
    "kernel": "weight",
    "depthwise_kernel": "weight",
    "depthwise_weights": "weight",
    "weights": "weight",
    "bias": "bias",
    "biases": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# In torchvision's networks the second half, "classifier", begins with these.
HEADS = ("fc6", "drop9")
DENSE = ("fc6", "fc7", "fc8")
# VGG's own weights, written for torch, have another layer in front of its dense ones than torchvision's.
OXFORDS = [1, 4, 6]
# Keras' names of VGG's layers.
OF_VGG = ((r"block(\d)_conv(\d)", r"conv\1_\2"), (r"fc1", "fc6"), (r"fc2", "fc7"), (r"predictions", "fc8"))
# TensorFlow-Slim's names of MobileNet's.
OF_MOBILENET = (
    (r"Conv2d_0", "conv1"),
    (r"Conv2d_(\d+)_depthwise", r"conv_dw_\1"),
    (r"Conv2d_(\d+)_pointwise", r"conv_pw_\1"),
    (r"Conv2d_1c_1x1", "conv_preds"),
)
KERNELS = ("kernel", "weights")
DEPTHWISE = ("depthwise_kernel", "depthwise_weights")


def convert_state_dict(arrays: Arrays, network: torch.nn.Module) -> Arrays:
    """Return arrays as a state of a network: named and laid out as torch does, whoever wrote them.

    Files whose arrays are called kernel, gamma, moving_mean, ... are Keras' or TensorFlow's: kernels
    (height, width, inputs, outputs) become (outputs, inputs, height, width), those of depthwise convolutions
    (height, width, channels, 1) become (channels, 1, height, width), dense ones are transposed; the first
    dense layer after a flattening reads (height, width, channels) there and (channels, height, width) here,
    and is put in that order.

    Parameters
    ----------
    arrays : dict of str to torch.Tensor
        As `read_arrays` gives them.
    network : torch.nn.Module
        Whose state they are to be.

    Returns
    -------
    dict of str to torch.Tensor
        What is not of the network keeps its name; whether all is there is for others to check.

    Raises
    ------
    ValueError
        When a dense layer after a flattening has no square images in front of it.
    """
    if _is_keras(arrays):
        return _from_keras(arrays, network)
    numbers = _dense_numbers(arrays)
    return {
        _torchs_name(name, network, numbers): array
        for name, array in arrays.items()
        if not name.endswith("num_batches_tracked")
    }


def writer_of(arrays: Arrays) -> str | None:
    """Return whose names arrays have: Keras', the authors' of VGG, or None for torch's own.

    Examples
    --------
    >>> writer_of({"fc1/kernel": torch.ones(2, 2)})
    "Keras'"
    """
    if _is_keras(arrays):
        return "Keras'"
    return "VGG's authors'" if _dense_numbers(arrays) == OXFORDS else None


def _is_keras(arrays: Arrays) -> bool:
    return any(_kind(name) in KINDS and "/" in name for name in arrays)


def _dense_numbers(arrays: Arrays) -> list[int]:
    """The numbers of torchvision's second half that have weights."""
    found = (re.fullmatch(r"(?:module\.)?classifier\.(\d+)\.weight", name) for name in arrays)
    return sorted(int(match[1]) for match in found if match)


def _torchs_name(name: str, network: torch.nn.Module, numbers: list[int]) -> str:
    """The own name of an array of torchvision's, whose parts have numbers where ours have names."""
    name = name.removeprefix("module.").replace(".squeeze.", ".squeeze1x1.")
    parts = [part for part, _ in network.named_children()]
    found = re.fullmatch(r"(features|classifier)\.(\d+)\.(.+)", name)
    if found is None or found[1] in parts:
        return name
    half, number = found[1], int(found[2])
    if half == "classifier" and set(DENSE) <= set(parts) and len(numbers) == len(DENSE):
        # Counted by those with weights: what is between them differs from file to file.
        return f"{DENSE[numbers.index(number)]}.{found[3]}" if number in numbers else name
    head = next((parts.index(part) for part in HEADS if part in parts), len(parts))
    place = number + (head if half == "classifier" else 0)
    return f"{parts[place]}.{found[3]}" if place < len(parts) else name


def _kind(name: str) -> str:
    return name.removesuffix(":0").rpartition("/")[2]


def _from_keras(arrays: Arrays, network: torch.nn.Module) -> Arrays:
    layers = dict(network.named_modules())
    channels = _flattened_channels(network)
    state = {}
    for name, array in arrays.items():
        kind, layer = _kind(name), _layer(name, layers)
        if kind in KERNELS + DEPTHWISE:
            array = _kernel(array, kind, layers.get(layer), channels.get(layer))
        state[f"{layer}.{KINDS.get(kind, kind)}"] = array
    return state


def _layer(name: str, layers: dict[str, torch.nn.Module]) -> str:
    """The own name of a layer of Keras': the longest end of its path that is a layer here."""
    path = name.split("/")[:-1]
    words = OF_VGG if "fc6" in layers or "conv1_1" in layers else OF_MOBILENET
    path = [_own_word(word, words) for word in path]
    if path[1:] and path[-1] == "BatchNorm":  # TensorFlow-Slim's, inside the layer that it follows
        path = [*path[:-2], f"{path[-2]}_bn"]
    ends = (".".join(path[start:]) for start in range(len(path)))
    return next((end for end in ends if end in layers), ".".join(path))


def _own_word(word: str, words: tuple[tuple[str, str], ...]) -> str:
    for pattern, own in words:
        word = re.sub(rf"^{pattern}$", own, word)
    return word


def _kernel(
    array: torch.Tensor, kind: str, layer: torch.nn.Module | None, channels: int | None
) -> torch.Tensor:
    """A kernel in torch's layout."""
    if kind in DEPTHWISE and array.ndim == 4:
        return array.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)
    if array.ndim == 4:
        array = array.permute(3, 2, 0, 1)
        # A convolution over the whole image is a dense layer of the flattened one.
        return array.flatten(1) if isinstance(layer, torch.nn.Linear) else array
    if array.ndim == 2 and channels is not None:
        side = math.isqrt(len(array) // channels)
        if side * side * channels != len(array):
            expected = f"of {channels} channels of a square image"
            raise invalid_value(
                "A dense kernel", expected, f"shape={tuple(array.shape)}", "Take its own network"
            )
        array = array.reshape(side, side, channels, -1).permute(2, 0, 1, 3).flatten(0, 2)
    return array.T if array.ndim == 2 else array


def _flattened_channels(network: torch.nn.Module) -> dict[str, int]:
    """The channels of the image in front of each dense layer that follows a flattening."""
    found: dict[str, int] = {}
    channels = waiting = 0
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            channels = layer.out_channels
        elif isinstance(layer, torch.nn.Flatten):
            waiting = channels
        elif isinstance(layer, torch.nn.Linear) and waiting:
            found[name], waiting = waiting, 0
    return found
