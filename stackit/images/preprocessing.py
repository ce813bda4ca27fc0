"""The preprocessing of a photograph: which pixels a network gets, in which order, on which scale."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from stackit.images.weights.from_config import arguments_of
from stackit.validation import invalid_value

__all__ = ["VIEWS", "Pixels", "Preprocessing"]

Pixels = npt.NDArray[np.uint8]
Triple = tuple[float, float, float]

VIEWS = (1, 2, 10)
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")
# Where views are cut out: how far down and right, from 0 to 1.
CENTRE = ((0.5, 0.5),)
CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of photographs that a network was trained with.

    The photograph is scaled until its short side has `resize_size` pixels, a square of `crop_size` pixels is
    cut out, and the network gets ``(value - mean) / std`` per channel, with values from 0 to 255. Filters are
    antialiased: they get wider where an image shrinks.

    Parameters
    ----------
    crop_size : int
        Height and width of the network's input, in pixels.
    resize_size : int
        What the short side of the photograph is scaled to, in pixels.
    channel_order : {"RGB", "BGR"}
        The order of the channels.
    mean, std : three floats
        Subtracted and divided by, in this order of channels, on the scale from 0 to 255.
    interpolation : {"bilinear", "bicubic", "lanczos"}
        The filter.

    Raises
    ------
    ValueError
        When the square does not fit, or the channel order, a number or the filter is not valid.

    Examples
    --------
    >>> Preprocessing.tensorflow().scaled(np.full((1, 2, 2, 3), 255, np.uint8)).unique()
    tensor([1.])
    >>> Preprocessing.caffe().scaled(np.zeros((1, 1, 1, 3), np.uint8)).flatten()
    tensor([-103.9390, -116.7790, -123.6800])
    """

    crop_size: int
    resize_size: int
    channel_order: str
    mean: Triple
    std: Triple
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        sides = (self.crop_size, self.resize_size)
        if not all(isinstance(side, Integral) for side in sides) or not 1 <= sides[0] <= sides[1]:
            expected = f"a whole number from 1 to resize_size={self.resize_size}"
            got = f"crop_size={self.crop_size}"
            raise invalid_value("crop_size", expected, got, "Pass crop_size=224, resize_size=256")
        if self.channel_order not in ("RGB", "BGR"):
            got = f"channel_order={self.channel_order!r}"
            raise invalid_value("channel_order", "'RGB' or 'BGR'", got, "Pass 'RGB'")
        numbers = (*self.mean, *self.std)
        if not len(self.mean) == len(self.std) == 3 or not all(map(isfinite, numbers)) or min(self.std) <= 0:
            got = f"mean={self.mean}, std={self.std}"
            expected = "three finite numbers each, std positive"
            raise invalid_value("mean and std", expected, got, "Pass one number per channel")
        if self.interpolation not in INTERPOLATIONS:
            expected, got = f"one of {', '.join(INTERPOLATIONS)}", f"interpolation={self.interpolation!r}"
            raise invalid_value("interpolation", expected, got, "Pass 'bilinear'")

    @classmethod
    def from_config(cls, config: Any) -> Preprocessing:
        """Return the preprocessing in a configuration of timm or torchvision.

        Parameters
        ----------
        config : mapping or object
            What ``timm.data.resolve_model_data_config(network)`` returns: a mapping with ``mean``, ``std``
            and ``input_size``, and optionally ``interpolation``, ``crop_pct`` and ``crop_mode``. Or what
            ``transforms()`` of torchvision's weights returns: an object with ``mean``, ``std``,
            ``crop_size``, ``resize_size`` and ``interpolation``.

        Raises
        ------
        ValueError
            When it is neither, or needs what is not supported here: a crop that is not from the centre, other
            than three channels, images that are not square, other filters.

        Notes
        -----
        Both libraries cut whole pixels out of the scaled photograph; here only the square is scaled, so it
        can be shifted by a fraction of a pixel.

        References
        ----------
        https://huggingface.co/docs/timm/reference/data
        https://docs.pytorch.org/vision/stable/models.html

        Examples
        --------
        >>> config = {"input_size": (3, 224, 224), "crop_pct": 0.875, "interpolation": "bicubic"}
        >>> config |= {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
        >>> Preprocessing.from_config(config).mean, Preprocessing.from_config(config).resize_size
        ((127.5, 127.5, 127.5), 256)
        """
        return cls(**arguments_of(config))

    @classmethod
    def tensorflow(cls, crop_size: int = 224, resize_size: int = 256) -> Preprocessing:
        """Return the preprocessing of Google's networks: RGB from -1 to 1."""
        return cls(crop_size, resize_size, "RGB", (127.5,) * 3, (127.5,) * 3)

    @classmethod
    def caffe(cls, crop_size: int = 224, resize_size: int = 224) -> Preprocessing:
        """Return the preprocessing of networks trained with Caffe, such as VGG: BGR minus the means."""
        return cls(crop_size, resize_size, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))

    @classmethod
    def torchvision(cls, crop_size: int = 224, resize_size: int = 256) -> Preprocessing:
        """Return the preprocessing of torchvision's networks: RGB with mean 0 and variance 1 on ImageNet."""
        mean, std = (255 * 0.485, 255 * 0.456, 255 * 0.406), (255 * 0.229, 255 * 0.224, 255 * 0.225)
        return cls(crop_size, resize_size, "RGB", mean, std)

    def views(self, image: Image.Image, n_views: int = 1) -> Pixels:
        """Return the squares that are cut out of a photograph.

        Only these squares are scaled, so a very long photograph needs no more memory than others.

        Parameters
        ----------
        image : PIL.Image.Image
            Of mode "RGB" and any size.
        n_views : {1, 2, 10}
            The centre; the centre and its mirror image; four corners and the centre with their mirror images.

        Returns
        -------
        (n_views, crop_size, crop_size, 3) array of uint8
        """
        if n_views not in VIEWS:
            advice = "Pass 2 for the photograph and its mirror image"
            raise invalid_value("n_views", "1, 2 or 10", f"{n_views=}", advice)
        places = CORNERS + CENTRE if n_views == 10 else CENTRE
        squares = [self._square(image, *place) for place in places]
        mirrored = [square[:, ::-1] for square in squares] if n_views > 1 else []
        return np.stack(squares + mirrored)

    def scaled(self, pixels: Pixels) -> torch.Tensor:
        """Return the network's input: (n, 3, size, size) floats for (n, size, size, 3) bytes."""
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        if self.channel_order == "BGR":
            batch = batch.flip(1)
        mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (self.mean, self.std))
        return ((batch - mean) / std).contiguous(memory_format=torch.channels_last)

    def _square(self, image: Image.Image, down: float, right: float) -> Pixels:
        """Cut a square out of a photograph, `down` and `right` from its upper left corner, and scale it."""
        side = min(image.size) * self.crop_size / self.resize_size
        left, top = (image.width - side) * right, (image.height - side) * down
        box = (left, top, min(left + side, image.width), min(top + side, image.height))
        resample = Image.Resampling[self.interpolation.upper()]
        return np.asarray(image.resize((self.crop_size, self.crop_size), resample, box=box), dtype=np.uint8)
