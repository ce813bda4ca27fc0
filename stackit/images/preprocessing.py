"""What is done to a photograph before a network sees it: which pixels, in which order, on which scale."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stackit.images.weights.from_config import from_config
from stackit.validation import import_optional, invalid_value

if TYPE_CHECKING:
    import torch
    from PIL import Image
else:
    torch = import_optional("torch", "images")
    Image = import_optional("PIL.Image", "images")

__all__ = ["VIEWS", "Pixels", "Preprocessing"]

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
Triple = tuple[float, float, float]

VIEWS = (1, 2, 10)
"""How often a photograph can be looked at: the centre; that and its mirror image; with four corners, too."""
FILTERS = ("bilinear", "bicubic", "lanczos")
CENTRE = ((0.5, 0.5),)
CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True)
class Preprocessing:
    """The pixels of a photograph that a network was trained to see, as it was trained to see them.

    The photograph is scaled until its short side has `resize_size` pixels, a square of `size` is cut out, and
    ``(value - mean) / std`` is given to the network, a channel, values from 0 to 255. Filters are wider where
    an image shrinks.

    Parameters
    ----------
    size : int
        Height and width of what the network gets, in pixels.
    resize_size : int
        What the short side of the photograph is scaled to, in pixels.
    channel_order : {"RGB", "BGR"}
        The order of the channels.
    mean, std : three floats
        What is taken away and divided by, in that order, on the scale of 0 to 255.
    interpolation : {"bilinear", "bicubic", "lanczos"}
        The filter.

    Raises
    ------
    ValueError
        When the square does not fit, or colours, numbers or the filter are none of these.

    Examples
    --------
    >>> Preprocessing.tensorflow().scaled(np.full((1, 2, 2, 3), 255, np.uint8)).unique()
    tensor([1.])
    >>> Preprocessing.caffe().scaled(np.zeros((1, 1, 1, 3), np.uint8)).flatten()
    tensor([-103.9390, -116.7790, -123.6800])
    """

    size: int
    resize_size: int
    channel_order: str
    mean: Triple
    std: Triple
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        sides = (self.size, self.resize_size)
        if not all(isinstance(side, Integral) for side in sides) or not 1 <= self.size <= self.resize_size:
            expected = f"1 to resize_size={self.resize_size} whole pixels"
            raise invalid_value("size", expected, f"size={self.size}", "Pass size=224, resize_size=256")
        if self.channel_order not in ("RGB", "BGR"):
            raise invalid_value(
                "channel_order", "'RGB' or 'BGR'", f"channel_order={self.channel_order!r}", "Pass 'RGB'"
            )
        numbers = (*self.mean, *self.std)
        if not len(self.mean) == len(self.std) == 3 or not all(map(isfinite, numbers)) or min(self.std) <= 0:
            expected = "three finite numbers each, std positive"
            raise invalid_value(
                "mean and std", expected, f"mean={self.mean}, std={self.std}", "One a channel"
            )
        if self.interpolation not in FILTERS:
            expected = f"one of {', '.join(FILTERS)}"
            raise invalid_value(
                "interpolation", expected, f"interpolation={self.interpolation!r}", "Pass 'bilinear'"
            )

    @classmethod
    def of(cls, config: Any) -> Preprocessing:
        """Return what timm or torchvision say that a network wants.

        Parameters
        ----------
        config : mapping or object
            What ``timm.data.resolve_model_data_config(network)`` gives: a mapping with ``mean``, ``std`` and
            ``input_size``, and if they are not as usual ``interpolation``, ``crop_pct`` and ``crop_mode``. Or
            what ``transforms()`` of torchvision's weights gives: an object with ``mean``, ``std``,
            ``crop_size``, ``resize_size`` and ``interpolation``.

        Raises
        ------
        ValueError
            When it is neither, or asks for what is not done here: squares cut otherwise than from the middle,
            images of other than three channels, sizes that are no squares, other filters.

        Notes
        -----
        Both cut whole pixels out of the scaled photograph; here the square is scaled alone, and can lie
        a part of a pixel aside.

        References
        ----------
        https://huggingface.co/docs/timm/reference/data
        https://docs.pytorch.org/vision/stable/models.html

        Examples
        --------
        >>> config = {"input_size": (3, 224, 224), "crop_pct": 0.875, "interpolation": "bicubic"}
        >>> config |= {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
        >>> Preprocessing.of(config).mean, Preprocessing.of(config).resize_size
        ((127.5, 127.5, 127.5), 256)
        """
        return cls(**from_config(config))

    @classmethod
    def tensorflow(cls, size: int = 224, resize_size: int = 256) -> Preprocessing:
        """Return that of Google's networks: red, green, blue from -1 to 1."""
        return cls(size, resize_size, "RGB", (127.5,) * 3, (127.5,) * 3)

    @classmethod
    def caffe(cls, size: int = 224, resize_size: int = 224) -> Preprocessing:
        """Return that of the networks trained with Caffe, VGG's own: blue, green, red minus their means."""
        return cls(size, resize_size, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))

    @classmethod
    def torchvision(cls, size: int = 224, resize_size: int = 256) -> Preprocessing:
        """Return that of torchvision's networks: red, green, blue with mean 0 and variance 1 on ImageNet."""
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        return cls(size, resize_size, "RGB", _times_255(mean), _times_255(std))

    def views(self, image: Image.Image, n_views: int = 1) -> Pixels:
        """Return the squares of a photograph that the network is to see.

        Only the square is scaled, so that a long and narrow photograph needs no more memory than others.

        Parameters
        ----------
        image : PIL.Image.Image
            Of mode "RGB" and any size.
        n_views : {1, 2, 10}
            The centre; the centre and its mirror image; four corners and the centre with theirs.

        Returns
        -------
        (n_views, size, size, 3) array of uint8
        """
        if n_views not in VIEWS:
            raise invalid_value(
                "n_views", "1, 2 or 10", f"{n_views=}", "Pass 2 for the photograph and its mirror image"
            )
        places = CORNERS + CENTRE if n_views == 10 else CENTRE
        squares = [self._square(image, *place) for place in places]
        mirrored = [square[:, ::-1] for square in squares] if n_views > 1 else []
        return np.stack(squares + mirrored)

    def scaled(self, pixels: Pixels) -> torch.Tensor:
        """Return what the network gets: (n, 3, size, size) floats for (n, size, size, 3) bytes."""
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
        if self.channel_order == "BGR":
            batch = batch.flip(1)
        mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (self.mean, self.std))
        return ((batch - mean) / std).contiguous(memory_format=torch.channels_last)

    def _square(self, image: Image.Image, down: float, right: float) -> Pixels:
        """A square of the photograph, at a place between its ends, 0 to 1."""
        side = min(image.size) * self.size / self.resize_size
        left, top = (image.width - side) * right, (image.height - side) * down
        box: Box = (left, top, min(left + side, image.width), min(top + side, image.height))
        resample = Image.Resampling[self.interpolation.upper()]
        return _pixels(image.resize((self.size, self.size), resample, box=box))


def _times_255(values: Triple) -> Triple:
    red, green, blue = values
    return 255 * red, 255 * green, 255 * blue


def _pixels(image: Any) -> Pixels:
    return np.asarray(image, dtype=np.uint8)
