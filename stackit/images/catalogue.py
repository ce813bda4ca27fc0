"""The published networks that stackit knows by name: architecture, preprocessing, file, and where it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stackit.check import fault, require
from stackit.images.download import download as fetched
from stackit.images.files import FilePath
from stackit.images.network import PretrainedNetwork
from stackit.images.networks.mobilenet import mobilenet
from stackit.images.networks.resnet import cifar_resnet, resnet
from stackit.images.networks.squeezenet import squeezenet
from stackit.images.networks.vgg import vgg
from stackit.images.preprocessing import Preprocessing
from stackit.images.weights import read_weights

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "images")

__all__ = ["PUBLISHED", "Published", "pretrained"]

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path("~/.cache/stackit/pretrained")
TORCH = "https://download.pytorch.org/models/"
CAFFE = "https://web.eecs.umich.edu/~justincj/models/"


@dataclass(frozen=True)
class Published:
    """One file of weights and all that belongs to it.

    Parameters
    ----------
    make : callable
        Makes the network.
    preprocessing : Preprocessing
        What the weights were trained with.
    layer : str
        The layer of the codes.
    file : str
        The file's name.
    sha256 : str
        How its checksum begins; "" where it is not published.
    page : str
        The folder of the file on the web; "" where users bring it.
    """

    make: Callable[[], torch.nn.Module]
    preprocessing: Preprocessing
    layer: str
    file: str
    sha256: str = ""
    page: str = ""


def _torchvisions(make: Callable[[], torch.nn.Module], layer: str, stem: str, sha256: str) -> Published:
    return Published(make, Preprocessing.torchvision(), layer, f"{stem}-{sha256}.pth", sha256, TORCH)


def _mobilenet(width: float) -> Published:
    file = f"mobilenet_v1_{width}_224_imagenet.npz"
    return Published(partial(mobilenet, width), Preprocessing.tensorflow(), "pool", file)


PUBLISHED = {
    "cifar10_resnet20": Published(
        cifar_resnet, Preprocessing.torchvision(32, 32), "flatten", "cifar10_resnet20.npz"
    ),
    "mobilenet_v1_0.25": _mobilenet(0.25),
    "mobilenet_v1_0.5": _mobilenet(0.5),
    "mobilenet_v1_0.75": _mobilenet(0.75),
    "mobilenet_v1_1.0": _mobilenet(1.0),
    "resnet18": _torchvisions(partial(resnet, 18), "flatten", "resnet18", "f37072fd"),
    "resnet34": _torchvisions(partial(resnet, 34), "flatten", "resnet34", "b627a593"),
    "resnet50": _torchvisions(partial(resnet, 50), "flatten", "resnet50", "0676ba61"),
    "squeezenet1.1": _torchvisions(squeezenet, "fire9", "squeezenet1_1", "b8a52dc0"),
    "squeezenet1.1_notop": Published(
        partial(squeezenet, n_classes=None, ceil_mode=False),
        Preprocessing.caffe(227, 227),
        "fire9",
        "squeezenet1.1_imagenet_notop.npz",
    ),
    "vgg16": _torchvisions(partial(vgg, "D"), "relu6", "vgg16", "397923af"),
    "vgg16_oxford": Published(
        partial(vgg, "D"), Preprocessing.caffe(), "relu6", "vgg16-00b39a1b.pth", "00b39a1b", CAFFE
    ),
    "vgg19": _torchvisions(partial(vgg, "E"), "relu6", "vgg19", "dcbb9e9d"),
}
"""The networks that `pretrained` makes, by name."""


def pretrained(
    name: str, weights: FilePath | None = None, *, layer: str | None = None, download: bool = False
) -> PretrainedNetwork:
    """Return a published network with its weights and its preprocessing.

    The file is looked for in ``$STACKIT_DATA/pretrained``, in ``data/pretrained`` of the repository, in
    ``../shared/data/pretrained`` beside it, and in ``~/.cache/stackit/pretrained``.

    ``vgg16_oxford`` are VGG's own weights, those of the notes, ``vgg16`` torchvision's: other weights with
    other preprocessing, and other codes.

    Parameters
    ----------
    name : str
        One of `PUBLISHED`.
    weights : path, optional
        The file, or a folder that holds it; when given, nothing else is looked at. It may be of any format
        that `read_weights` takes: a file of Keras', say, as ``.npz``.
    layer : str, optional
        The layer whose output are the codes, instead of the usual one.
    download : bool
        Whether to fetch a file that is not there, to ``~/.cache/stackit/pretrained``, by its checksum.

    Returns
    -------
    PretrainedNetwork

    Raises
    ------
    ValueError
        When there is no such network or layer, or the file is not its.
    FileNotFoundError
        When the file is in no place; says where it goes and where it comes from.

    Examples
    --------
    >>> pretrained("mobilenet_v1_1.0", weights="nowhere")
    Traceback (most recent call last):
        ...
    FileNotFoundError: The file mobilenet_v1_1.0_224_imagenet.npz was not found at nowhere or ...
    """
    if name not in PUBLISHED:
        names = ", ".join(PUBLISHED)
        raise fault("name", f"one of {names}", f"{name=}", "Or make a PretrainedNetwork of your own network")
    known = PUBLISHED[name]
    path = _found(known, weights, download=download)
    with torch.device("meta"):
        network = known.make()
    # A file of one's own may be another one; of the publisher's name it must be the publisher's.
    read_weights(network, path, sha256=known.sha256 if path.name == known.file and known.sha256 else None)
    return PretrainedNetwork(network, known.preprocessing, layer or known.layer, name)


def _found(known: Published, weights: FilePath | None, *, download: bool) -> Path:
    places = _places(known.file) if weights is None else [Path(weights), Path(weights) / known.file]
    found = next((place for place in places if place.is_file()), None)
    if found is not None:
        return found
    if download and weights is None and known.page:
        return fetched(known.page + known.file, KEPT.expanduser() / known.file, known.sha256)
    source = f"Get it from {known.page}{known.file} or pass" if known.page else "Pass"
    raise FileNotFoundError(
        f"The file {known.file} was not found at {' or '.join(map(str, places))}. "
        f"{source} its path as weights."
    )


def _places(file: str) -> list[Path]:
    variable = os.environ.get("STACKIT_DATA")
    roots = [*([Path(variable)] if variable else []), ROOT / "data", ROOT.parent / "shared" / "data"]
    return [*(root / "pretrained" / file for root in roots), KEPT.expanduser() / file]
