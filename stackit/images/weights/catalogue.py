"""The published networks that stackit knows by name: architecture, preprocessing, and file of weights."""

from __future__ import annotations

import os
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

import torch

from stackit.arrays import FilePath
from stackit.images.architectures.mobilenet import mobilenet
from stackit.images.architectures.resnet import cifar_resnet, resnet
from stackit.images.architectures.squeezenet import squeezenet
from stackit.images.architectures.vgg import vgg
from stackit.images.network import PretrainedNetwork
from stackit.images.preprocessing import Preprocessing
from stackit.images.weights.formats import Arrays, read_arrays
from stackit.images.weights.published import load_arrays
from stackit.images.weights.state_dict import writer_of
from stackit.validation import invalid_value

__all__ = ["PUBLISHED", "Published", "download_file", "pretrained", "shared", "weights_file"]

ROOT = Path(__file__).resolve().parents[3]
CACHE = Path("~/.cache/stackit/pretrained")
TORCH = "https://download.pytorch.org/models/"
CAFFE = "https://web.eecs.umich.edu/~justincj/models/"


@dataclass(frozen=True)
class Published:
    """A published network: architecture, preprocessing, layer of the codes, and file of weights."""

    make: Callable[[], torch.nn.Module]
    preprocessing: Preprocessing
    layer: str
    file: str
    sha256: str = ""  # its beginning, where one is published
    page: str = ""  # the folder of the file on the web; "" where users bring it


def _torchvision(make: Callable[[], torch.nn.Module], layer: str, stem: str, sha256: str) -> Published:
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
    "resnet18": _torchvision(partial(resnet, 18), "flatten", "resnet18", "f37072fd"),
    "resnet34": _torchvision(partial(resnet, 34), "flatten", "resnet34", "b627a593"),
    "resnet50": _torchvision(partial(resnet, 50), "flatten", "resnet50", "0676ba61"),
    "squeezenet1.1": _torchvision(squeezenet, "fire9", "squeezenet1_1", "b8a52dc0"),
    "squeezenet1.1_notop": Published(
        partial(squeezenet, n_classes=None, ceil_mode=False),
        Preprocessing.caffe(227, 227),
        "fire9",
        "squeezenet1.1_imagenet_notop.npz",
    ),
    "vgg16": _torchvision(partial(vgg, "D"), "relu6", "vgg16", "397923af"),
    "vgg16_oxford": Published(
        partial(vgg, "D"), Preprocessing.caffe(), "relu6", "vgg16-00b39a1b.pth", "00b39a1b", CAFFE
    ),
    "vgg19": _torchvision(partial(vgg, "E"), "relu6", "vgg19", "dcbb9e9d"),
}
"""The networks that `pretrained` makes, by name."""
# What `shared` returned and is still in use, by name, file, and the time and size of the file.
SHARED: WeakValueDictionary[tuple[str, Path, int, int], PretrainedNetwork] = WeakValueDictionary()


def pretrained(
    name: str, weights: FilePath | None = None, *, layer: str | None = None, download: bool = False
) -> PretrainedNetwork:
    """Return a published network with its weights and its preprocessing.

    The file is searched in ``$STACKIT_DATA/pretrained``, ``data/pretrained`` of the repository,
    ``../shared/data/pretrained`` next to it, and ``~/.cache/stackit/pretrained``.

    ``vgg16_oxford`` has the weights of VGG's authors, which Keras also uses; ``vgg16`` has torchvision's:
    other weights with another preprocessing, and other codes.

    Parameters
    ----------
    name : str
        One of `PUBLISHED`.
    weights : path, optional
        The file, or a folder that contains it, instead of these folders. Any format of `read_weights` is
        accepted, but it must hold the same weights, since the preprocessing belongs to them. Files that
        belong to another network by their name or arrays are refused.
    layer : str, optional
        The layer of the codes, instead of the usual one.
    download : bool
        Whether to download a missing file to ``~/.cache/stackit/pretrained`` and check its checksum.

    Returns
    -------
    PretrainedNetwork

    Raises
    ------
    ValueError
        When there is no such network or layer, or the file belongs to another network.
    FileNotFoundError
        When the file is in none of the folders; the text says where it belongs and where to get it.

    Examples
    --------
    >>> pretrained("mobilenet_v1_1.0", weights="nowhere")
    Traceback (most recent call last):
        ...
    FileNotFoundError: The file mobilenet_v1_1.0_224_imagenet.npz was not found at nowhere or ...
    """
    path = weights_file(name, weights, download=download)
    published = PUBLISHED[name]
    # A user's own file may have any checksum; one of the published name must have the published checksum.
    is_original = path.name == published.file and published.sha256
    arrays = read_arrays(path, published.sha256 if is_original else None)
    _check_writer(arrays, path, name)
    with torch.device("meta"):
        network = published.make()
    load_arrays(network, arrays, path)
    return PretrainedNetwork(network, published.preprocessing, layer or published.layer, name)


def shared(name: str, weights: FilePath | None = None) -> PretrainedNetwork:
    """Return what `pretrained` returns, as one shared object as long as the file does not change."""
    path = weights_file(name, weights)
    status = path.stat()
    key = name, path.resolve(), status.st_mtime_ns, status.st_size
    network = SHARED.get(key)
    if network is None:
        network = SHARED[key] = pretrained(name, path)
    return network


def weights_file(name: str, weights: FilePath | None = None, *, download: bool = False) -> Path:
    """Return the path of a network's file; parameters and errors are those of `pretrained`."""
    if not isinstance(name, str) or name not in PUBLISHED:
        advice = "Or make a PretrainedNetwork of your own network"
        raise invalid_value("name", f"one of {', '.join(PUBLISHED)}", f"{name=}", advice)
    published = PUBLISHED[name]
    own = None if weights is None else Path(weights).expanduser()
    places = _places(published.file) if own is None else [own, own / published.file]
    if found := next((place for place in places if place.is_file()), None):
        _check_name(found, name)
        return found
    url = published.page + published.file
    if download and own is None and published.page:
        return download_file(url, CACHE.expanduser() / published.file, published.sha256)
    source = f"Call pretrained({name!r}, download=True), get it from {url}, or pass"
    raise FileNotFoundError(
        f"The file {published.file} was not found at {' or '.join(map(str, places))}. "
        f"{source if published.page else 'Pass'} its path as weights."
    )


def download_file(url: str, path: Path, sha256: str) -> Path:
    """Download a file unless it exists; it is kept only if its sha256 begins like this.

    Eight digits, which many publishers give, detect accidents but not forgeries; files are read without
    running code in any case.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=sha256, progress=False)
    except urllib.error.URLError as error:
        raise OSError(
            f"{url} cannot be downloaded ({error.reason}). Put the file at {path} yourself."
        ) from error
    except RuntimeError as error:
        raise ValueError(f"{url} is damaged, or not the published file ({error}). Try again.") from error
    return path


def _check_name(path: Path, name: str) -> None:
    """Raise when a file has the published name of another network."""
    other = next((other for other, published in PUBLISHED.items() if published.file == path.name), name)
    if path.name != PUBLISHED[name].file and other != name:
        raise ValueError(
            f"weights={str(path)!r} are those of {other!r}, not of {name!r}. Pass name={other!r}, or "
            f"{PUBLISHED[name].file}."
        )


def _check_writer(arrays: Arrays, path: Path, name: str) -> None:
    """Raise when torchvision's preprocessing would be used for the weights of Keras or of VGG's authors."""
    writer = writer_of(arrays)
    if PUBLISHED[name].page == TORCH and writer is not None:
        other = f"{name}_oxford"
        advice = f"Pass name={other!r} for these" if other in PUBLISHED else "Make a PretrainedNetwork of it"
        raise ValueError(
            f"weights={str(path)!r} have the names of {writer}, and {name!r} has torchvision's weights and "
            f"preprocessing. {advice}."
        )


def _places(file: str) -> list[Path]:
    variable = os.environ.get("STACKIT_DATA")
    roots = [*([Path(variable)] if variable else []), ROOT / "data", ROOT.parent / "shared" / "data"]
    return [*(root / "pretrained" / file for root in roots), CACHE.expanduser() / file]
