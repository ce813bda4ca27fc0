"""The published networks that stackit knows by name: architecture, preprocessing, file, and where it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from stackit.arrays import FilePath
from stackit.images.architectures.mobilenet import mobilenet
from stackit.images.architectures.resnet import cifar_resnet, resnet
from stackit.images.architectures.squeezenet import squeezenet
from stackit.images.architectures.vgg import vgg
from stackit.images.network import PretrainedNetwork
from stackit.images.preprocessing import Preprocessing
from stackit.images.weights.download import download as fetched
from stackit.images.weights.formats import Arrays, read_arrays
from stackit.images.weights.published import put_weights
from stackit.images.weights.state_dict import writer_of
from stackit.validation import import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["PUBLISHED", "Published", "file_of", "pretrained", "shared"]

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
SHARED: WeakValueDictionary[tuple[str, Path, int, int], PretrainedNetwork] = WeakValueDictionary()
"""What `shared` returned and somebody has still, by name, file, and the file's time and size."""


def pretrained(
    name: str, weights: FilePath | None = None, *, layer: str | None = None, download: bool = False
) -> PretrainedNetwork:
    """Return a published network with its weights and its preprocessing.

    The file is looked for in ``$STACKIT_DATA/pretrained``, in ``data/pretrained`` of the repository, in
    ``../shared/data/pretrained`` beside it, and in ``~/.cache/stackit/pretrained``.

    ``vgg16_oxford`` are VGG's own weights, those of the notes and of Keras, ``vgg16`` torchvision's: other
    weights with other preprocessing, and other codes.

    Parameters
    ----------
    name : str
        One of `PUBLISHED`.
    weights : path, optional
        The file, or a folder that holds it; when given, nothing else is looked at. It may be of any format
        that `read_weights` takes, but must be of the same weights, since the preprocessing goes with them.
        What shows by its name or its arrays that it is another one's is refused; what does not is believed.
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
    path = file_of(name, weights, download=download)
    known = PUBLISHED[name]
    # A file of one's own may have any checksum; one of the publisher's name must have the publisher's.
    arrays = read_arrays(path, known.sha256 if path.name == known.file and known.sha256 else None)
    _check_writer(arrays, path, name)
    with torch.device("meta"):
        network = known.make()
    put_weights(network, arrays, path)
    return PretrainedNetwork(network, known.preprocessing, layer or known.layer, name)


def shared(name: str, weights: FilePath | None = None) -> PretrainedNetwork:
    """Return what `pretrained` does, for those who leave it as it is: one object as long as its file is one.

    Raises
    ------
    ValueError, FileNotFoundError
        As in `pretrained`.
    """
    path = file_of(name, weights)
    facts = path.stat()
    key = name, path.resolve(), facts.st_mtime_ns, facts.st_size
    network = SHARED.get(key)
    if network is None:
        network = SHARED[key] = pretrained(name, path)
    return network


def file_of(name: str, weights: FilePath | None = None, *, download: bool = False) -> Path:
    """Return where the file of a network is; parameters and errors are those of `pretrained`."""
    if not isinstance(name, str) or name not in PUBLISHED:
        names = ", ".join(PUBLISHED)
        raise invalid_value(
            "name", f"one of {names}", f"{name=}", "Or make a PretrainedNetwork of your own network"
        )
    known = PUBLISHED[name]
    own = None if weights is None else Path(weights).expanduser()
    places = _places(known.file) if own is None else [own, own / known.file]
    found = next((place for place in places if place.is_file()), None)
    if found is not None:
        return _checked(found, name)
    if download and own is None and known.page:
        return fetched(known.page + known.file, KEPT.expanduser() / known.file, known.sha256)
    source = f"Call pretrained({name!r}, download=True), get it from {known.page}{known.file}, or pass"
    raise FileNotFoundError(
        f"The file {known.file} was not found at {' or '.join(map(str, places))}. "
        f"{source if known.page else 'Pass'} its path as weights."
    )


def _checked(path: Path, name: str) -> Path:
    """The path, unless it is known as that of another network's file."""
    other = next((other for other, known in PUBLISHED.items() if known.file == path.name), name)
    if path.name != PUBLISHED[name].file and other != name:
        expected = f"those of {name!r}, such as {PUBLISHED[name].file}"
        raise invalid_value(
            "weights", expected, f"weights={str(path)!r}", f"Pass name={other!r}, whose they are"
        )
    return path


def _check_writer(arrays: Arrays, path: Path, name: str) -> None:
    """Raise where torchvision's preprocessing would meet the weights of others."""
    writer = writer_of(arrays)
    if PUBLISHED[name].page == TORCH and writer is not None:
        others = f"{name}_oxford"
        advice = f"{writer} {name} is {others!r}" if others in PUBLISHED else "Make a PretrainedNetwork of it"
        got = f"weights={str(path)!r} with names of {writer}"
        raise invalid_value("weights", f"torchvision's for {name!r}, as its preprocessing is", got, advice)


def _places(file: str) -> list[Path]:
    variable = os.environ.get("STACKIT_DATA")
    roots = [*([Path(variable)] if variable else []), ROOT / "data", ROOT.parent / "shared" / "data"]
    return [*(root / "pretrained" / file for root in roots), KEPT.expanduser() / file]
