"""Configurations of timm and torchvision in the terms of `Preprocessing`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["arguments_of"]

# timm's defaults.
CROP_PCT, INTERPOLATION, CROP_MODE = 0.875, "bicubic", "center"
TIMM = ("mean", "std", "input_size")
TORCHVISION = ("mean", "std", "crop_size", "resize_size", "interpolation")


def arguments_of(config: Any) -> dict[str, Any]:
    """Return the arguments of `Preprocessing` for timm's configuration or torchvision's ``transforms()``."""
    arguments = _from_timm(config) if isinstance(config, Mapping) else _from_torchvision(config)
    mean, std = (_times_255(arguments[name], name) for name in ("mean", "std"))
    return arguments | {"channel_order": "RGB", "mean": mean, "std": std}


def _from_timm(config: Mapping[str, Any]) -> dict[str, Any]:
    if missing := [name for name in TIMM if name not in config]:
        raise _unsupported("with mean, std and input_size", f"config without {', '.join(missing)}")
    channels, height, width = config["input_size"]
    mode = config.get("crop_mode") or CROP_MODE
    if channels != 3 or height != width or mode != CROP_MODE:
        got = f"input_size={config['input_size']}, crop_mode={mode!r}"
        raise _unsupported("of squares of three channels, cut from the centre", got)
    return {
        "crop_size": height,
        "resize_size": math.floor(height / (config.get("crop_pct") or CROP_PCT)),
        "mean": config["mean"],
        "std": config["std"],
        "interpolation": config.get("interpolation") or INTERPOLATION,
    }


def _from_torchvision(config: Any) -> dict[str, Any]:
    if missing := [name for name in TORCHVISION if not hasattr(config, name)]:
        got = f"config={type(config).__name__} without {', '.join(missing)}"
        raise _unsupported("timm's mapping or torchvision's transforms()", got)
    return {
        "crop_size": _side(config.crop_size, "crop_size"),
        "resize_size": _side(config.resize_size, "resize_size"),
        "mean": config.mean,
        "std": config.std,
        # There it is an enumeration with the names as its values.
        "interpolation": getattr(config.interpolation, "value", config.interpolation),
    }


def _side(size: int | Sequence[int], name: str) -> int:
    """Return the side of a square, which torchvision keeps as a list of one or two numbers."""
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise _unsupported("of squares", f"{name}={size}")
    return int(sides.pop())


def _times_255(values: Sequence[float], name: str) -> tuple[float, ...]:
    """Return one number per channel on the scale of bytes; both libraries use 0 to 1."""
    if len(values) != 3:
        raise _unsupported("of three channels", f"{name}={values}")
    return tuple(255 * float(value) for value in values)


def _unsupported(expected: str, got: str) -> ValueError:
    return ValueError(
        f"The configuration of the preprocessing must be {expected}; got {got}. Pass the arguments of "
        "Preprocessing instead."
    )
