"""Pretrained networks for photographs, their files of weights, and their codes as features."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.images.architectures.layers import layer_names, tapped
    from stackit.images.architectures.mobilenet import mobilenet
    from stackit.images.architectures.resnet import cifar_resnet, resnet
    from stackit.images.architectures.squeezenet import squeezenet
    from stackit.images.architectures.vgg import VGG_CONFIGURATIONS, vgg
    from stackit.images.codes import CNNCodes
    from stackit.images.io.sources import list_photographs
    from stackit.images.network import PretrainedNetwork
    from stackit.images.onnx.network import OnnxFile
    from stackit.images.preprocessing import Preprocessing
    from stackit.images.weights.catalogue import PUBLISHED, pretrained
    from stackit.images.weights.formats import read_arrays
    from stackit.images.weights.published import read_weights, swap_channels
    from stackit.images.weights.saved import load_network, save_network

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
    "swap_channels",
    "tapped",
    "vgg",
]

__getattr__, __dir__, _ = lazy_names(
    "stackit.images",
    {
        "architectures.layers": ["layer_names", "tapped"],
        "architectures.mobilenet": ["mobilenet"],
        "architectures.resnet": ["cifar_resnet", "resnet"],
        "architectures.squeezenet": ["squeezenet"],
        "architectures.vgg": ["VGG_CONFIGURATIONS", "vgg"],
        "codes": ["CNNCodes"],
        "io.sources": ["list_photographs"],
        "network": ["PretrainedNetwork"],
        "onnx.network": ["OnnxFile"],
        "preprocessing": ["Preprocessing"],
        "weights.catalogue": ["PUBLISHED", "pretrained"],
        "weights.formats": ["read_arrays"],
        "weights.published": ["read_weights", "swap_channels"],
        "weights.saved": ["load_network", "save_network"],
    },
    extra="images",
)
