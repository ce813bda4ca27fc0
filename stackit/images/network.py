"""A network with its weights and its preprocessing, held together so that they cannot be mixed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stackit.check import fault, require
from stackit.images.networks.layers import layer_names, tapped
from stackit.images.photographs import as_image
from stackit.images.preprocessing import Pixels, Preprocessing

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "images")

__all__ = ["POOLS", "Codes", "PretrainedNetwork"]

Codes = npt.NDArray[np.float32]

POOLS = ("mean", "max", "flatten")
"""What becomes of a layer's images: their mean or maximum a channel, or all their pixels."""


class PretrainedNetwork:
    """A network, the weights it has, and the one preprocessing that goes with them.

    `pretrained` makes it of published files. Any other module that takes (n, 3, size, size) images will do,
    such as one of torchvision's or timm's, where you say how it wants its photographs.

    Parameters
    ----------
    network : torch.nn.Module
        With its weights; it is put into evaluation mode, where batch normalisation uses running statistics.
    preprocessing : Preprocessing
        What the weights were trained with.
    layer : str
        The layer whose output are the codes, unless another one is asked for.
    name : str
        What it is called in the names of features.

    Attributes
    ----------
    layers : list of str
        All layers that can be asked for.
    digest : str
        The sha256 of the weights, the architecture and the preprocessing.

    Raises
    ------
    ValueError
        When the layer is none of the network's.

    Examples
    --------
    >>> from stackit.images import cifar_resnet
    >>> preprocessing = Preprocessing.torchvision(size=32, short_side=32)
    >>> network = PretrainedNetwork(cifar_resnet(8), preprocessing, "flatten", "random")
    >>> network.codes(np.zeros((5, 40, 60, 3), np.uint8)).shape
    (5, 64)
    """

    def __init__(
        self, network: torch.nn.Module, preprocessing: Preprocessing, layer: str, name: str = "network"
    ) -> None:
        # With channels last, convolutions on a CPU take two thirds of the time.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs lack it
        self.network = network.eval().requires_grad_(False)
        self.preprocessing = preprocessing
        self.name = name
        self.layer = layer
        self.check_layer(layer)

    def __repr__(self) -> str:
        return f"PretrainedNetwork({self.name!r}, layer={self.layer!r}, {self.preprocessing})"

    @property
    def layers(self) -> list[str]:
        """All layers that can be asked for."""
        return layer_names(self.network)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the weights, the architecture and the preprocessing."""
        digest = hashlib.sha256(f"{self.network!r} {self.preprocessing!r}".encode())
        for name, part in self.network.state_dict().items():
            digest.update(f"{name} {part.dtype} {tuple(part.shape)}".encode())
            digest.update(part.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def check_layer(self, layer: str | None) -> str:
        """Return the layer asked for, or the network's own; raise where there is none of that name."""
        chosen = self.layer if layer is None else layer
        if chosen not in self.layers:
            tops = ", ".join(name for name in self.layers if "." not in name)
            raise fault("layer", f"one of {self.name}'s: {tops}", f"layer={chosen!r}", "Choose one")
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
        views = [self.preprocessing.views(as_image(image), n_views) for image in images]
        if not views:
            raise fault("images", "at least one", "images=[]", "Pass some")
        return self.codes_of_views(np.stack(views), self.check_layer(layer), pool)

    @torch.inference_mode()
    def codes_of_views(self, pixels: Pixels, layer: str, pool: str = "mean") -> Codes:
        """Return codes for (n, views, size, size, 3) bytes, averaged over the views of each photograph."""
        if pool not in POOLS:
            raise fault("pool", f"one of {', '.join(POOLS)}", f"{pool=}", "Pass 'mean'")
        n, n_views = pixels.shape[:2]
        weights = next(self.network.parameters(), torch.empty(0))
        batch = self.preprocessing.scaled(pixels.reshape(-1, *pixels.shape[2:])).to(weights.device)
        output = _pooled(tapped(self.network, layer, batch), pool)
        codes: Codes = output.reshape(n, n_views, -1).mean(1).float().cpu().numpy()
        return codes


def _pooled(output: torch.Tensor, pool: str) -> torch.Tensor:
    """One row an image."""
    if pool == "flatten" or output.ndim <= 2:
        return output.flatten(1)
    pixels = output.flatten(2)
    return pixels.mean(2) if pool == "mean" else pixels.amax(2)
