"""A pretrained network as a file without pickle: weights, the name of its architecture, its preprocessing."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stackit.arrays import FilePath
from stackit.images.network import PretrainedNetwork
from stackit.images.onnx.network import OnnxFile
from stackit.images.preprocessing import Preprocessing
from stackit.images.weights.catalogue import PUBLISHED
from stackit.neural.weights import load_weights, read_metadata, save_weights
from stackit.validation import import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["load_network", "save_network"]

FORMAT = 1


def save_network(network: PretrainedNetwork, path: FilePath) -> None:
    """Write a network of a published architecture with its weights and its preprocessing.

    The weights may be others than the published ones.

    Parameters
    ----------
    network : PretrainedNetwork
        As `pretrained` makes it, or one of your own around a network of such an architecture.
    path : path
        The file; its folder is there already. It is there whole, or not at all.

    Raises
    ------
    ValueError
        When it is an ONNX file, or the architecture is none of `PUBLISHED`: without pickle a file has no way
        to say it.

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
        advice = "Keep that file, compute its codes once, and stack estimators that learn from these"
        raise invalid_value("A network in a file", "one of torch", f"{network.name!r}, an ONNX file", advice)
    facts = {
        "format": FORMAT,
        "architecture": _architecture_of(network.name, module),
        "preprocessing": asdict(network.preprocessing),
        "layer": network.layer,
        "name": network.name,
        "channels": network.channels,
    }
    save_weights(module, path, {"stackit": json.dumps(facts)})


def load_network(path: FilePath) -> PretrainedNetwork:
    """Read a network that `save_network` wrote; its codes are those of the one that was saved, to the bit.

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
        When it is a file of something else, or not complete.
    """
    facts: dict[str, Any] = json.loads(read_metadata(path).get("stackit", "{}"))
    if facts.get("format") != FORMAT or facts.get("architecture") not in PUBLISHED:
        got = f"{str(path)!r} of format {facts.get('format')} and architecture {facts.get('architecture')}"
        raise invalid_value("A file of a network", "written by save_network", got, "Pass another file")
    module = _bare(facts["architecture"]).to_empty(device="cpu")
    load_weights(module, path)
    looks = facts["preprocessing"]
    looks = {name: tuple(value) if isinstance(value, list) else value for name, value in looks.items()}
    names = facts["layer"], facts["name"]
    return PretrainedNetwork(module, Preprocessing(**looks), *names, channels=facts["channels"])


def _architecture_of(own_name: str, own: torch.nn.Module) -> str:
    for name in sorted(PUBLISHED, key=lambda name: name != own_name):
        made = _bare(name)
        if type(made) is type(own) and repr(made) == repr(own) and _shapes(made) == _shapes(own):
            return name
    raise invalid_value(
        "A network in a file",
        f"of a published architecture ({', '.join(PUBLISHED)})",
        f"{own_name!r}, a {type(own).__name__} of another one",
        "Compute its codes once, and stack estimators that learn from these",
    )


def _bare(name: str) -> torch.nn.Module:
    with torch.device("meta"):
        return PUBLISHED[name].make()


def _shapes(module: torch.nn.Module) -> dict[str, Any]:
    return {name: (part.dtype, part.shape) for name, part in module.state_dict().items()}
