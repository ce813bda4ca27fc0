"""Pretrained networks for photographs, their weight files, and their codes as features."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stackit.check import require

if TYPE_CHECKING:
    from stackit.images.catalogue import PUBLISHED, pretrained
    from stackit.images.codes import CNNCodes
    from stackit.images.files import read_arrays
    from stackit.images.network import PretrainedNetwork
    from stackit.images.networks.layers import layer_names, tapped
    from stackit.images.networks.mobilenet import mobilenet
    from stackit.images.networks.resnet import cifar_resnet, resnet
    from stackit.images.networks.squeezenet import squeezenet
    from stackit.images.networks.vgg import VGG_CONFIGURATIONS, vgg
    from stackit.images.onnx import OnnxFile
    from stackit.images.preprocessing import Preprocessing
    from stackit.images.saved import load_network, save_network
    from stackit.images.sources import list_photographs
    from stackit.images.weights import read_weights, swap_colours

__all__ = [
    "PUBLISHED",
    "VGG_CONFIGURATIONS",
    "CNNCodes",
    "OnnxFile",
    "Preprocessing",
    "PretrainedNetwork",
    "cifar_resnet",
    "layer_names",
    "list_photographs",
    "load_network",
    "mobilenet",
    "pretrained",
    "read_arrays",
    "read_weights",
    "resnet",
    "save_network",
    "squeezenet",
    "swap_colours",
    "tapped",
    "vgg",
]

_FILE_OF = {
    "CNNCodes": "codes",
    "OnnxFile": "onnx",
    "PUBLISHED": "catalogue",
    "Preprocessing": "preprocessing",
    "PretrainedNetwork": "network",
    "VGG_CONFIGURATIONS": "networks.vgg",
    "cifar_resnet": "networks.resnet",
    "layer_names": "networks.layers",
    "list_photographs": "sources",
    "load_network": "saved",
    "mobilenet": "networks.mobilenet",
    "pretrained": "catalogue",
    "read_arrays": "files",
    "read_weights": "weights",
    "resnet": "networks.resnet",
    "save_network": "saved",
    "squeezenet": "networks.squeezenet",
    "swap_colours": "weights",
    "tapped": "networks.layers",
    "vgg": "networks.vgg",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: torch is loaded by what needs it, and not before."""
    if name not in _FILE_OF:
        raise AttributeError(
            f"module 'stackit.images' has no attribute {name!r}; it has {', '.join(__all__)}"
        )
    try:
        return getattr(import_module(f"stackit.images.{_FILE_OF[name]}"), name)
    except ModuleNotFoundError as error:
        require(error.name or "torch", "images")  # says how to install it
        raise


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
