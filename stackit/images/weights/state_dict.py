"""Conversion of published arrays to the names and the memory layout of the networks here."""

from __future__ import annotations

import math
import re

import torch

from stackit.images.weights.formats import Arrays
from stackit.validation import invalid_value

__all__ = ["convert_state_dict", "writer_of"]

# The names of arrays in Keras and TensorFlow.
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
# torchvision's "classifier", the second half of its networks, begins with these.
HEADS = ("fc6", "drop9")
DENSE = ("fc6", "fc7", "fc8")
# The weights of VGG's authors have one more layer before their dense layers than torchvision's.
VGG_AUTHORS = [1, 4, 6]
# Keras' names for the layers of VGG.
VGG = ((r"block(\d)_conv(\d)", r"conv\1_\2"), (r"fc1", "fc6"), (r"fc2", "fc7"), (r"predictions", "fc8"))
# TensorFlow-Slim's names for the layers of MobileNet.
MOBILENET = (
    (r"Conv2d_0", "conv1"),
    (r"Conv2d_(\d+)_depthwise", r"conv_dw_\1"),
    (r"Conv2d_(\d+)_pointwise", r"conv_pw_\1"),
    (r"Conv2d_1c_1x1", "conv_preds"),
)
KERNELS = ("kernel", "weights")
DEPTHWISE = ("depthwise_kernel", "depthwise_weights")


def convert_state_dict(arrays: Arrays, network: torch.nn.Module) -> Arrays:
    """Return arrays with the names and layout of torch, as the state of a network.

    Files with arrays called kernel, gamma, moving_mean, ... are from Keras or TensorFlow: kernels (height,
    width, inputs, outputs) become (outputs, inputs, height, width), those of depthwise convolutions (height,
    width, channels, 1) become (channels, 1, height, width), and dense ones are transposed. The first dense
    layer after a flattening reads (height, width, channels) there and (channels, height, width) here.

    Arrays that are not of the network keep their names. `check_state` of `stackit.neural.weights` finds what
    is missing. Raises ValueError when a dense layer after a flattening has no square images before it.
    """
    if _is_keras(arrays):
        return _from_keras(arrays, network)
    numbers = _dense_numbers(arrays)
    return {
        _own_name(name, network, numbers): array
        for name, array in arrays.items()
        if not name.endswith("num_batches_tracked")
    }


def writer_of(arrays: Arrays) -> str | None:
    """Return who wrote these names: "Keras", "VGG's authors", or None for torch."""
    if _is_keras(arrays):
        return "Keras"
    return "VGG's authors" if _dense_numbers(arrays) == VGG_AUTHORS else None


def _is_keras(arrays: Arrays) -> bool:
    return any(_kind(name) in KINDS and "/" in name for name in arrays)


def _dense_numbers(arrays: Arrays) -> list[int]:
    """Return the numbers of the layers with weights in torchvision's "classifier"."""
    found = (re.fullmatch(r"(?:module\.)?classifier\.(\d+)\.weight", name) for name in arrays)
    return sorted(int(match[1]) for match in found if match)


def _own_name(name: str, network: torch.nn.Module, numbers: list[int]) -> str:
    """Return our name of torchvision's array, where layers have numbers instead of names."""
    name = name.removeprefix("module.").replace(".squeeze.", ".squeeze1x1.")
    parts = [part for part, _ in network.named_children()]
    found = re.fullmatch(r"(features|classifier)\.(\d+)\.(.+)", name)
    if found is None or found[1] in parts:
        return name
    half, number = found[1], int(found[2])
    if half == "classifier" and set(DENSE) <= set(parts) and len(numbers) == len(DENSE):
        # Only layers with weights are counted: those between them differ from file to file.
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
    """Return our name of a Keras layer: the longest end of its path that is a layer here."""
    path = name.split("/")[:-1]
    patterns = VGG if "fc6" in layers or "conv1_1" in layers else MOBILENET
    path = [_translate(word, patterns) for word in path]
    if path[1:] and path[-1] == "BatchNorm":  # in TensorFlow-Slim, inside the layer that it follows
        path = [*path[:-2], f"{path[-2]}_bn"]
    ends = (".".join(path[start:]) for start in range(len(path)))
    return next((end for end in ends if end in layers), ".".join(path))


def _translate(word: str, patterns: tuple[tuple[str, str], ...]) -> str:
    for pattern, own in patterns:
        word = re.sub(rf"^{pattern}$", own, word)
    return word


def _kernel(
    array: torch.Tensor, kind: str, layer: torch.nn.Module | None, channels: int | None
) -> torch.Tensor:
    """Return a kernel in the layout of torch."""
    if kind in DEPTHWISE and array.ndim == 4:
        return array.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)
    if array.ndim == 4:
        array = array.permute(3, 2, 0, 1)
        # A convolution over the whole image is a dense layer of the flattened one.
        return array.flatten(1) if isinstance(layer, torch.nn.Linear) else array
    if array.ndim == 2 and channels is not None:
        side = math.isqrt(len(array) // channels)
        if side * side * channels != len(array):
            expected, got = f"of {channels} channels of a square image", f"shape={tuple(array.shape)}"
            raise invalid_value("A dense kernel", expected, got, "Pass the network of these weights")
        array = array.reshape(side, side, channels, -1).permute(2, 0, 1, 3).flatten(0, 2)
    return array.T if array.ndim == 2 else array


def _flattened_channels(network: torch.nn.Module) -> dict[str, int]:
    """Return the channels of the image before each dense layer that follows a flattening."""
    found: dict[str, int] = {}
    channels = flattened = 0
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            channels = layer.out_channels
        elif isinstance(layer, torch.nn.Flatten):
            flattened = channels
        elif isinstance(layer, torch.nn.Linear) and flattened:
            found[name], flattened = flattened, 0
    return found
