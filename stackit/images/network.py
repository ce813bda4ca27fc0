"""A pretrained network together with the one preprocessing that its weights were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from stackit.files import digest
from stackit.images.io.photographs import as_image
from stackit.images.module import TorchModule
from stackit.images.onnx.network import OnnxFile
from stackit.images.preprocessing import Pixels, Preprocessing
from stackit.validation import format_list, invalid_value

__all__ = ["POOLS", "Codes", "PretrainedNetwork"]

Codes = npt.NDArray[np.float32]

POOLS = ("mean", "max", "flatten")
CHANNELS = (None, "first", "last")
MAX_LISTED = 60


class PretrainedNetwork:
    """A network, its weights, and the preprocessing that belongs to them.

    `pretrained` makes it from published files. Any other module that takes (n, 3, size, size) images works
    too, such as one of torchvision or timm, and so does an ONNX file; then you pass the preprocessing, which
    `Preprocessing.from_config` reads from the configurations of timm and torchvision.

    Parameters
    ----------
    network : torch.nn.Module or OnnxFile
        With its weights. A module is put into evaluation mode, where batch normalisation uses running
        statistics, now and before each prediction. Clones of estimators share it: train on a copy.
    preprocessing : Preprocessing
        What the weights were trained with.
    layer : str, optional
        The layer with the codes, where no other one is named: for a module the dotted name of a part, for an
        ONNX file the name of a tensor. Optional for an ONNX file with one output.
    name : str
        The prefix of feature names.
    channels : {"first", "last"}, optional
        The axis of the channels in the output of layers. By default last in three axes, as in the (n, tokens,
        channels) of vision transformers, and in ONNX files of layout NHWC; otherwise first.

    Attributes
    ----------
    layers : list of str
        The names of all layers.
    digest : str
        The sha256 of the current weights, the architecture as ``repr`` shows it, and the preprocessing.
        `probe_output` also depends on what these do not show.

    Raises
    ------
    ValueError
        When the network has no such layer, its batch normalisation has no running statistics, or it does not
        take images as the preprocessing makes them.

    Examples
    --------
    >>> from stackit.images import cifar_resnet
    >>> preprocessing = Preprocessing.torchvision(crop_size=32, resize_size=32)
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
            advice = "Pass Preprocessing.from_config(config)"
            raise invalid_value("preprocessing", "a Preprocessing", got, advice)
        if channels not in CHANNELS:
            raise invalid_value("channels", "'first', 'last' or None", f"{channels=}", "Leave it out")
        self.network = network if isinstance(network, OnnxFile) else TorchModule.for_inference(network).module
        self._backend.check_preprocessing(preprocessing)
        self.preprocessing = preprocessing
        self.name = name
        self.channels = channels or self._backend.channels
        self.layer = self._backend.default_layer if layer is None else layer
        self.check_layer(self.layer)

    def __repr__(self) -> str:
        return f"PretrainedNetwork({self.name!r}, layer={self.layer!r}, {self.preprocessing})"

    def __sklearn_clone__(self) -> PretrainedNetwork:
        # Fits do not change it, and a copy per fold would cost half a gigabyte for VGG16.
        return self

    @property
    def layers(self) -> list[str]:
        """The names of all layers."""
        return self._backend.layers

    @property
    def digest(self) -> str:
        """The sha256 of the current weights, the architecture and the preprocessing."""
        return digest(f"{self.preprocessing!r} {self.channels} {self._backend.digest}", 64)

    def check_layer(self, layer: str | None) -> str:
        """Return the name of a layer, by default the network's own; raise ValueError where there is none."""
        chosen = self.layer if layer is None else layer
        if chosen is None or chosen not in self.layers:
            names = format_list(self._backend.top_layers, MAX_LISTED)
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
            How the output of convolutional layers is reduced: mean or maximum per channel, or all pixels.
        n_views : {1, 2, 10}
            The centre of each photograph; the mean over it and its mirror image; or the mean over four
            corners and the centre with their mirror images.

        Returns
        -------
        (n, d) array of float32

        Raises
        ------
        ValueError
            When layer, pool, n_views or an image is not valid.
        """
        if getattr(images, "ndim", 4) == 3 and np.shape(images)[2] == 3:
            got = f"shape={np.shape(images)}, one photograph"
            raise invalid_value("images", "of shape (n, height, width, 3)", got, "Pass image[np.newaxis]")
        views = [self.preprocessing.views(as_image(image), n_views) for image in images]
        if not views:
            raise ValueError("images is empty. Pass at least one photograph.")
        return self.codes_of_views(np.stack(views), self.check_layer(layer), pool)

    def codes_of_views(self, pixels: Pixels, layer: str, pool: str = "mean") -> Codes:
        """Return codes for (n, views, size, size, 3) bytes, averaged over the views of each photograph."""
        if pool not in POOLS:
            raise invalid_value("pool", f"one of {', '.join(POOLS)}", f"{pool=}", "Pass 'mean'")
        return self._run(pixels, layer, pool)

    def probe_output(self, layer: str, pool: str = "mean") -> Codes:
        """Return the (d,) codes of one fixed image, by which a changed network is recognised.

        Networks of equal digests can still differ: neither the weights nor ``repr`` show everything.
        """
        side = self.preprocessing.crop_size
        image = np.random.default_rng(0).integers(0, 256, (1, 1, side, side, 3), np.uint8)
        codes: Codes = self._run(image, layer, pool)[0]
        return codes

    @torch.inference_mode()
    def _run(self, pixels: Pixels, layer: str, pool: str) -> Codes:
        n, n_views = pixels.shape[:2]
        batch = self.preprocessing.scaled(pixels.reshape(-1, *pixels.shape[2:]))
        output = self._pool(self._backend.output(layer, batch).float(), pool)
        codes: Codes = output.reshape(n, n_views, -1).mean(1).cpu().numpy()
        return codes

    @property
    def _backend(self) -> TorchModule | OnnxFile:
        return self.network if isinstance(self.network, OnnxFile) else TorchModule(self.network)

    def _pool(self, output: torch.Tensor, pool: str) -> torch.Tensor:
        """Reduce the output of a layer to one row per image."""
        if pool == "flatten" or output.ndim <= 2:
            return output.reshape(len(output), -1)
        is_last = self.channels == "last" or (self.channels is None and output.ndim == 3)
        pixels = (output.movedim(-1, 1) if is_last else output).flatten(2)
        return pixels.mean(2) if pool == "mean" else pixels.amax(2)
