"""Decoding of photographs: upright, in RGB, and checked for size and format."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from stackit.validation import invalid_value

__all__ = ["FORMATS", "MAX_PIXELS", "MIN_SIDE", "as_image", "check_content", "check_size", "decode"]

# The formats of photographs and their suffixes. Pillow has some forty more readers, some of them little
# tested; one starts another program.
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
# Images with a shorter side, in pixels, are icons.
MIN_SIDE = 8
# Larger images are refused before they are decoded: a small file can hold very many pixels.
MAX_PIXELS = 50_000_000
# Pillow's modes of 8 bits; numbers of more bits would be cut off at 255.
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV")


def decode(content: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode the content of a file, by its content and not its name, to an upright image in RGB.

    Examples
    --------
    >>> decode(b"hello")
    Traceback (most recent call last):
        ...
    ValueError: A photograph must be an image file (AVIF, BMP, GIF, JPEG, JPEG2000, PNG, TIFF, WEBP); got
    another content. Convert it or leave it out.
    """
    return _upright(_open(content, max_pixels))


def check_content(content: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Raise where `decode` refuses a file before it decodes the pixels."""
    _open(content, max_pixels)


def as_image(image: Any) -> Image.Image:
    """Return an image, or an array of bytes (height, width[, 1 or 3]), as an upright image in RGB."""
    if isinstance(image, Image.Image):
        _check_mode(image.mode)
        return _upright(image)
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not is_image or not array.size:
        expected = "an array of uint8 of shape (height, width, 3) or (height, width)"
        got = f"dtype={array.dtype}, shape={array.shape}"
        raise invalid_value("An image", expected, got, "Scale values to 0 ... 255, with channels last")
    return Image.fromarray(np.ascontiguousarray(array)).convert("RGB")


def check_size(size: tuple[int, int], max_pixels: int = MAX_PIXELS) -> None:
    """Raise when a photograph of this width and height is too small or too large."""
    if min(size) < MIN_SIDE:
        raise _invalid(f"at least {MIN_SIDE} pixels wide and high", f"{size[0]}×{size[1]}")
    if size[0] * size[1] > max_pixels:
        got = f"{size[0]}×{size[1]}"
        raise _invalid(f"of at most {max_pixels} pixels", got, "Make it smaller, or raise max_pixels")


def _open(content: bytes, max_pixels: int) -> Image.Image:
    """Open an image and check its size and mode; its pixels are not decoded yet."""
    image = _call_pillow(lambda: Image.open(io.BytesIO(content), formats=_formats()))
    check_size(image.size, max_pixels)
    _check_mode(image.mode)
    return image


@cache
def _formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow was built with."""
    Image.init()  # or the names of readers that are not loaded yet are errors
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _upright(image: Image.Image) -> Image.Image:
    return _call_pillow(lambda: ImageOps.exif_transpose(image).convert("RGB"))


def _call_pillow(step: Callable[[], Image.Image]) -> Image.Image:
    """Return the result of a step of Pillow; all its errors become ValueError."""
    try:
        return step()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _invalid("small enough for Pillow", str(error), "Make it smaller") from error
    except UnidentifiedImageError as error:
        expected = f"an image file ({', '.join(FORMATS)})"
        raise _invalid(expected, "another content", "Convert it or leave it out") from error
    except Exception as error:  # the readers raise errors of any type
        raise _invalid("a complete image file", str(error) or type(error).__name__) from error


def _check_mode(mode: str) -> None:
    if mode not in MODES:
        raise _invalid("of 8 bits per channel", f"mode={mode}", "Convert it to 8 bits")


def _invalid(expected: str, got: str, advice: str = "Repair it or leave it out") -> ValueError:
    return invalid_value("A photograph", expected, got, advice)
