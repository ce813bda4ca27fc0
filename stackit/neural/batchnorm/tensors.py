"""Numbers as tensors, checked, and shaped so that they broadcast against a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from stackit.validation import invalid_value

__all__ = ["Axes", "Numbers", "along", "as_floats", "check_axes", "inverse_root", "with_shape"]

Axes = int | Sequence[int]
Numbers = Any  # a tensor, an array, or nested lists of numbers


def as_floats(numbers: Numbers, name: str) -> torch.Tensor:
    """Return a tensor of floats on its own device; integers and booleans become float64."""
    tensor = numbers if isinstance(numbers, torch.Tensor) else _from_numpy(numbers, name)
    if tensor.is_complex():
        raise invalid_value(name, "real numbers", f"dtype={tensor.dtype}", "Pass their real part")
    return tensor if tensor.is_floating_point() else tensor.double()


def check_axes(x: torch.Tensor, axes: Axes) -> tuple[int, ...]:
    """Return axes counted from the front; raise ValueError when one does not exist or is empty."""
    chosen = tuple(int(axis) for axis in np.atleast_1d(axes))
    if not chosen or any(not -x.ndim <= axis < x.ndim for axis in chosen):
        expected = f"axes of x, of shape {tuple(x.shape)}"
        raise invalid_value("axes", expected, f"{axes=}", "Pass 0, or (0, 2, 3) for images")
    if any(x.shape[axis] == 0 for axis in chosen):
        got = f"shape={tuple(x.shape)}"
        raise invalid_value("x", "a batch of at least one row", got, "Leave empty batches out")
    return tuple(axis % x.ndim for axis in chosen)


def along(x: torch.Tensor, values: Numbers, axes: tuple[int, ...], name: str) -> torch.Tensor:
    """Return one value per channel, shaped so that it broadcasts against x."""
    channels = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    broadcast = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    return with_shape(values, channels, name).to(x.device).reshape(broadcast)


def with_shape(values: Numbers, shape: Sequence[int], name: str) -> torch.Tensor:
    """Return values as a tensor; raise ValueError unless it has this shape."""
    tensor = as_floats(values, name)
    if tensor.shape != tuple(shape):
        expected, got = f"of shape {tuple(shape)}", f"shape={tuple(tensor.shape)}"
        raise invalid_value(name, expected, got, "Pass one value per channel")
    return tensor


def inverse_root(variance: torch.Tensor, eps: float) -> torch.Tensor:
    """Return 1 / sqrt(variance + eps), the factor of every normalisation."""
    if not eps >= 0:
        raise invalid_value("eps", "0 or more", f"{eps=}", "Pass eps=1e-5")
    if eps == 0 and (variance == 0).any():
        raise invalid_value("eps", "positive where a channel is constant", f"{eps=}", "Pass eps=1e-5")
    return (variance + eps).rsqrt()


def _from_numpy(numbers: Numbers, name: str) -> torch.Tensor:
    """Return a copy as a tensor: torch warns of read-only arrays, and refuses negative strides."""
    try:
        array = np.array(numbers, order="C")
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    except (RuntimeError, TypeError, ValueError) as error:
        got = f"{type(numbers).__name__} ({error})"
        raise invalid_value(name, "an array of numbers", got, "Pass only numbers") from error
