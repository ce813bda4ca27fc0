"""A network with its weights and its preprocessing, held together so that they cannot be mixed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stackit.images.io.photographs import as_image
from stackit.images.module import TorchModule
from stackit.images.onnx.network import OnnxFile
from stackit.images.preprocessing import Pixels, Preprocessing
from stackit.validation import format_list, import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["POOLS", "Codes", "PretrainedNetwork"]

Codes = npt.NDArray[np.float32]

POOLS = ("mean", "max", "flatten")
"""What becomes of a layer's images: their mean or maximum a channel, or all their pixels."""
CHANNELS = (None, "first", "last")
MOST_SHOWN = 60


class PretrainedNetwork:
    """A network, the weights it has, and the one preprocessing that goes with them.

    `pretrained` makes it of published files. Any other module that takes (n, 3, size, size) images will do,
    such as one of torchvision's or timm's, and so will an ONNX file, where you say how it wants its
    photographs: `Preprocessing.of` reads what timm and torchvision say of that.

    Parameters
    ----------
    network : torch.nn.Module or OnnxFile
        With its weights; a module is put into evaluation mode, where batch normalisation uses running
        statistics, here and whenever codes are asked for. Clones of estimators share it, so train on a copy.
    preprocessing : Preprocessing
        What the weights were trained with.
    layer : str, optional
        The layer whose output are the codes, unless another one is asked for: for a module the dotted name
        of a part, for an ONNX file that of a tensor. It may be left out where such a file has one output.
    name : str
        What it is called in the names of features.
    channels : {"first", "last"}, optional
        Where layers have their channels, if that is not as usual: last in what has three axes, as the (n,
        tokens, channels) of vision transformers, or comes of an ONNX file of NHWC, and else first.

    Attributes
    ----------
    layers : list of str
        All layers that can be asked for.
    digest : str
        The sha256 of the weights as they are now, the architecture and the preprocessing. Of the architecture
        it knows what ``repr`` shows; `likeness` shows what a network does beside that.

    Raises
    ------
    ValueError
        When the layer is none of the network's, its batch normalisation has no running statistics, or it
        cannot take what the preprocessing makes.

    Examples
    --------
    >>> from stackit.images import cifar_resnet
    >>> preprocessing = Preprocessing.torchvision(size=32, resize_size=32)
    >>> network = PretrainedNetwork(cifar_resnet(8), preprocessing, "flatten", "random")
    >>> network.codes(np.zeros((5, 40, 60, 3), np.uint8)).shape
    (5, 64)
    """

    def __init__(
        self,
        network: torch.nn.Module | OnnxFile,
        preprocessing: Preprocessing,
        layer: str | None = None,
        name: str = "network",
        *,
        channels: str | None = None,
    ) -> None:
        if not isinstance(preprocessing, Preprocessing):
            got = f"preprocessing={type(preprocessing).__name__}"
            raise invalid_value("preprocessing", "a Preprocessing", got, "Pass Preprocessing.of(it)")
        if channels not in CHANNELS:
            raise invalid_value("channels", "'first', 'last' or None", f"{channels=}", "Leave it out")
        self.network = network if isinstance(network, OnnxFile) else TorchModule.ready(network).module
        self._body.check(preprocessing)
        self.preprocessing = preprocessing
        self.name = name
        self.channels = channels or self._body.channels
        self.layer = self._body.usual_layer if layer is None else layer
        self.check_layer(self.layer)

    def __repr__(self) -> str:
        return f"PretrainedNetwork({self.name!r}, layer={self.layer!r}, {self.preprocessing})"

    def __sklearn_clone__(self) -> PretrainedNetwork:
        # A fit changes nothing in it, and a copy for each fold would be half a gigabyte of VGG16.
        return self

    @property
    def layers(self) -> list[str]:
        """All layers that can be asked for."""
        return self._body.layers

    @property
    def digest(self) -> str:
        """The sha256 of the weights as they are now, the architecture and the preprocessing."""
        about = f"{self.preprocessing!r} {self.channels} {self._body.digest}"
        return hashlib.sha256(about.encode()).hexdigest()

    def check_layer(self, layer: str | None) -> str:
        """Return the layer asked for, or the network's own; raise where there is none of that name."""
        chosen = self.layer if layer is None else layer
        if chosen is None or chosen not in self.layers:
            names = format_list(self._body.shown_layers, MOST_SHOWN)
            raise invalid_value("layer", f"one of {self.name}'s: {names}", f"layer={chosen!r}", "Choose one")
        return chosen

    def codes(
        self,
        images: Sequence[Any] | Pixels,
        layer: str | None = None,
        *,
        pool: str = "mean",
        n_views: int = 1,
    ) -> Codes:
        """Return the output of a layer for a few photographs, in one batch.

        Parameters
        ----------
        images : sequence of images
            ``PIL`` images, or arrays of bytes: (height, width, 3), or (height, width) in grey.
        layer : str, optional
            One of `layers`.
        pool : {"mean", "max", "flatten"}
            What becomes of the output of layers that give an image a channel.
        n_views : {1, 2, 10}
            The centre of each photograph; the mean over it and its mirror image; or that over four corners
            and the centre with theirs.

        Returns
        -------
        (n, d) array of float32

        Raises
        ------
        ValueError
            When layer, pool or n_views is none of these, or an image no image.
        """
        if getattr(images, "ndim", 4) == 3 and np.shape(images)[2] == 3:
            got = f"shape={np.shape(images)}, one photograph"
            raise invalid_value("images", "of shape (n, height, width, 3)", got, "Pass image[np.newaxis]")
        views = [self.preprocessing.views(as_image(image), n_views) for image in images]
        if not views:
            raise invalid_value("images", "at least one", "images=[]", "Pass some")
        return self.codes_of_views(np.stack(views), self.check_layer(layer), pool)

    def codes_of_views(self, pixels: Pixels, layer: str, pool: str = "mean") -> Codes:
        """Return codes for (n, views, size, size, 3) bytes, averaged over the views of each photograph."""
        if pool not in POOLS:
            raise invalid_value("pool", f"one of {', '.join(POOLS)}", f"{pool=}", "Pass 'mean'")
        return self._passed(pixels, layer, pool)

    def probe_output(self, layer: str, pool: str = "mean") -> Codes:
        """Return the codes of one fixed image, by which a network is known again, but for rounding.

        Two networks with equal digests can differ in what no weight and no layer shows.

        Returns
        -------
        (d,) array of float32
        """
        side = self.preprocessing.size
        image = np.random.default_rng(0).integers(0, 256, (1, 1, side, side, 3), np.uint8)
        codes: Codes = self._passed(image, layer, pool)[0]
        return codes

    @torch.inference_mode()
    def _passed(self, pixels: Pixels, layer: str, pool: str) -> Codes:
        n, n_views = pixels.shape[:2]
        batch = self.preprocessing.scaled(pixels.reshape(-1, *pixels.shape[2:]))
        output = self._pooled(self._body.output(layer, batch).float(), pool)
        codes: Codes = output.reshape(n, n_views, -1).mean(1).cpu().numpy()
        return codes

    @property
    def _body(self) -> TorchModule | OnnxFile:
        return self.network if isinstance(self.network, OnnxFile) else TorchModule(self.network)

    def _pooled(self, output: torch.Tensor, pool: str) -> torch.Tensor:
        """One row an image."""
        if pool == "flatten" or output.ndim <= 2:
            return output.reshape(len(output), -1)
        is_last = self.channels == "last" or (self.channels is None and output.ndim == 3)
        pixels = (output.movedim(-1, 1) if is_last else output).flatten(2)
        return pixels.mean(2) if pool == "mean" else pixels.amax(2)
