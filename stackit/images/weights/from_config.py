"""What timm and torchvision say of how a network wants its photographs, in the terms of `Preprocessing`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stackit.validation import invalid_value

__all__ = ["from_config"]

# What timm takes where a configuration is silent.
CROP_PCT, INTERPOLATION, CROP_MODE = 0.875, "bicubic", "center"
OF_TIMM = ("mean", "std", "input_size")
OF_TORCHVISION = ("mean", "std", "crop_size", "resize_size", "interpolation")


def from_config(config: Any) -> dict[str, Any]:
    """Return the arguments of `Preprocessing` that a configuration asks for.

    Parameters
    ----------
    config : mapping or object
        timm's configuration, or torchvision's ``transforms()``.

    Raises
    ------
    ValueError
        When it is neither, or asks for what `Preprocessing` does not do.

    Examples
    --------
    >>> config = {"input_size": (3, 224, 224), "mean": (0.5,) * 3, "std": (1.0,) * 3}
    >>> from_config(config)["resize_size"]
    256
    """
    wishes = _of_timm(config) if isinstance(config, Mapping) else _of_torchvision(config)
    mean, std = (_times_255(wishes[name], name) for name in ("mean", "std"))
    return wishes | {"channel_order": "RGB", "mean": mean, "std": std}


def _of_timm(config: Mapping[str, Any]) -> dict[str, Any]:
    if missing := [name for name in OF_TIMM if name not in config]:
        raise _refused("with mean, std and input_size", f"config without {', '.join(missing)}")
    channels, height, width = config["input_size"]
    mode = config.get("crop_mode") or CROP_MODE
    if channels != 3 or height != width or mode != CROP_MODE:
        got = f"input_size={config['input_size']}, crop_mode={mode!r}"
        raise _refused("of squares in colour, cut from the middle", got)
    return {
        "size": height,
        "resize_size": math.floor(height / (config.get("crop_pct") or CROP_PCT)),
        "mean": config["mean"],
        "std": config["std"],
        "interpolation": config.get("interpolation") or INTERPOLATION,
    }


def _of_torchvision(config: Any) -> dict[str, Any]:
    if missing := [name for name in OF_TORCHVISION if not hasattr(config, name)]:
        got = f"config={type(config).__name__} without {', '.join(missing)}"
        raise _refused("timm's mapping or torchvision's transforms()", got)
    return {
        "size": _side(config.crop_size, "crop_size"),
        "resize_size": _side(config.resize_size, "resize_size"),
        "mean": config.mean,
        "std": config.std,
        # An enumeration there, whose values are the words.
        "interpolation": getattr(config.interpolation, "value", config.interpolation),
    }


def _side(size: int | Sequence[int], name: str) -> int:
    """The side of a square, which torchvision keeps as a list of one or two numbers."""
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise _refused("of squares", f"{name}={size}")
    return int(sides.pop())


def _times_255(values: Sequence[float], name: str) -> tuple[float, ...]:
    """A number a channel on the scale of bytes; both libraries count from 0 to 1."""
    if len(values) != 3:
        raise _refused("of three channels", f"{name}={values}")
    return tuple(255 * float(value) for value in values)


def _refused(expected: str, got: str) -> ValueError:
    return invalid_value("A configuration of photographs", expected, got, "Write its Preprocessing out")
