"""Photographs decoded: upright, in colour, neither broken nor tiny nor huge."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from stackit.validation import import_optional, invalid_value

if TYPE_CHECKING:
    from PIL import Image, ImageOps, UnidentifiedImageError
else:
    Image = import_optional("PIL.Image", "images")
    ImageOps = import_optional("PIL.ImageOps", "images")
    UnidentifiedImageError = import_optional("PIL", "images").UnidentifiedImageError

__all__ = ["FORMATS", "MAX_PIXELS", "MIN_SIDE", "as_image", "check_content", "check_size", "decoded"]

FORMATS = {
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "JPEG2000": (".jp2",),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
"""The formats that photographs may have, and their suffixes.

Pillow has readers for some forty formats more, some of them little tested; one starts another program.
"""

MIN_SIDE = 8
"""Images with a shorter side, in pixels, are icons and no photographs."""
MAX_PIXELS = 50_000_000
"""Larger images are refused before they are decoded: a small file can hold very many pixels."""
# Pillow's modes of 8 bits; numbers of more bits would be cut off at 255.
EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV")


def decoded(content: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Return the photograph in a file's content, upright and with red, green and blue.

    Parameters
    ----------
    content : bytes
        Of a file in one of `FORMATS`; the content decides, not the name.
    max_pixels : int
        Images with more are refused before they are decoded.

    Raises
    ------
    ValueError
        When it is in none of these formats, is cut off, or has too few or too many pixels.

    Examples
    --------
    >>> decoded(b"hello")
    Traceback (most recent call last):
        ...
    ValueError: A photograph must be an image file (AVIF, BMP, GIF, JPEG, JPEG2000, PNG, TIFF, WEBP); got
    another content. Convert it or leave it out.
    """
    return _upright(_opened(content, max_pixels))


def check_content(content: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Raise where `decoded` refuses a file before it decodes it."""
    _opened(content, max_pixels)


def as_image(image: Any) -> Image.Image:
    """Return an image or an array of bytes as an image, upright and with red, green and blue.

    Parameters
    ----------
    image : PIL.Image.Image or array of uint8
        Arrays are (height, width, 3) or, in grey, (height, width) or (height, width, 1).

    Raises
    ------
    ValueError
        When it is neither, or an image whose file is cut off.

    Examples
    --------
    >>> as_image(np.zeros((20, 30), np.uint8)).size  # width, height
    (30, 20)
    """
    if isinstance(image, Image.Image):
        _check_mode(image.mode)
        return _upright(image)
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    coloured = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not coloured or not array.size:
        got = f"dtype={array.dtype}, shape={array.shape}"
        advice = "Bring values to 0 ... 255, with channels last"
        raise invalid_value(
            "An image", "an array of uint8 of shape (height, width, 3) or (height, width)", got, advice
        )
    return Image.fromarray(np.ascontiguousarray(array)).convert("RGB")


def _opened(content: bytes, max_pixels: int) -> Image.Image:
    """An image of which nothing but its size and mode is known yet."""
    image = _tried(lambda: Image.open(io.BytesIO(content), formats=_formats()))
    check_size(image.size, max_pixels)
    _check_mode(image.mode)
    return image


@cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this Pillow was built with."""
    Image.init()  # or the names of readers that are not loaded yet are errors
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _upright(image: Image.Image) -> Image.Image:
    return _tried(lambda: ImageOps.exif_transpose(image).convert("RGB"))


def _tried(step: Callable[[], Image.Image]) -> Image.Image:
    """What a step of Pillow's gives, or one error for all that it raises."""
    try:
        return step()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _no_photograph("small enough for Pillow", str(error), "Make it smaller") from error
    except UnidentifiedImageError as error:
        expected = f"an image file ({', '.join(FORMATS)})"
        raise _no_photograph(expected, "another content", "Convert it or leave it out") from error
    except Exception as error:  # its readers raise whatever they like
        raise _no_photograph("a whole image file", str(error) or type(error).__name__) from error


def check_size(size: tuple[int, int], max_pixels: int = MAX_PIXELS) -> None:
    """Raise unless width and height are those of a photograph, and not of more pixels than wanted."""
    if min(size) < MIN_SIDE:
        raise _no_photograph(f"at least {MIN_SIDE} pixels wide and high", f"{size[0]}×{size[1]}")
    if size[0] * size[1] > max_pixels:
        expected = f"of at most {max_pixels} pixels"
        raise _no_photograph(expected, f"{size[0]}×{size[1]}", "Make it smaller, or raise max_pixels")


def _check_mode(mode: str) -> None:
    if mode not in EIGHT_BITS:
        raise _no_photograph("of 8 bits a channel", f"mode={mode}", "Bring it to 8 bits")


def _no_photograph(expected: str, got: str, advice: str = "Mend it or leave it out") -> ValueError:
    return invalid_value("A photograph", expected, got, advice)
