"""A pretrained network as a file without pickle: weights, the name of its architecture, its preprocessing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from stackit.arrays import FilePath
from stackit.images.network import PretrainedNetwork
from stackit.images.onnx.network import OnnxFile
from stackit.images.preprocessing import Preprocessing
from stackit.images.weights.catalogue import PUBLISHED
from stackit.neural.weights import load_state, read_model, save_model

__all__ = ["load_network", "save_network"]

INSTEAD = "Compute its codes once, and stack estimators that learn from these"


def save_network(network: PretrainedNetwork, path: FilePath) -> None:
    """Write a network of a published architecture with its weights and its preprocessing.

    The weights need not be the published ones.

    Parameters
    ----------
    network : PretrainedNetwork
        From `pretrained`, or your own around a network of such an architecture.
    path : path
        The file; its folder must exist. The write is atomic.

    Raises
    ------
    ValueError
        When it is an ONNX file, or the architecture is not in `PUBLISHED`: a file without pickle cannot hold
        other architectures.

    Examples
    --------
    >>> import tempfile
    >>> from stackit.images import cifar_resnet
    >>> own = PretrainedNetwork(cifar_resnet(20), Preprocessing.torchvision(32, 32), "flatten", "own")
    >>> path = tempfile.mkdtemp() + "/own.safetensors"
    >>> save_network(own, path)
    >>> load_network(path).digest == own.digest
    True
    """
    module = network.network
    if isinstance(module, OnnxFile):
        raise ValueError(f"{network.name!r} is an ONNX file and cannot be saved. {INSTEAD}.")
    metadata = {
        "architecture": _architecture_of(network.name, module),
        "preprocessing": asdict(network.preprocessing),
        "layer": network.layer,
        "name": network.name,
        "channels": network.channels,
    }
    save_model(module, path, metadata)


def load_network(path: FilePath) -> PretrainedNetwork:
    """Read a network that `save_network` wrote; its codes are the same to the bit.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    PretrainedNetwork

    Raises
    ------
    ValueError
        When the file was not written by `save_network`, or is not complete.
    """
    state, metadata = read_model(path, "save_network")
    if metadata.get("architecture") not in PUBLISHED:
        raise ValueError(
            f"{str(path)!r} holds no published architecture, but {metadata.get('architecture')!r}. "
            "Pass a file that save_network wrote."
        )
    module = _without_weights(metadata["architecture"]).to_empty(device="cpu")
    load_state(module, state, path)
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in metadata["preprocessing"].items()
    }
    preprocessing = Preprocessing(**arguments)
    return PretrainedNetwork(
        module, preprocessing, metadata["layer"], metadata["name"], channels=metadata["channels"]
    )


def _architecture_of(own_name: str, own: torch.nn.Module) -> str:
    """Return the published name of a module's architecture."""
    for name in sorted(PUBLISHED, key=lambda name: name != own_name):
        other = _without_weights(name)
        if type(other) is type(own) and repr(other) == repr(own) and _shapes(other) == _shapes(own):
            return name
    raise ValueError(
        f"{own_name!r} has none of the published architectures ({', '.join(PUBLISHED)}) and cannot be saved. "
        f"{INSTEAD}."
    )


def _without_weights(name: str) -> torch.nn.Module:
    with torch.device("meta"):
        return PUBLISHED[name].make()


def _shapes(module: torch.nn.Module) -> dict[str, Any]:
    return {name: (tensor.dtype, tensor.shape) for name, tensor in module.state_dict().items()}
