"""Numbers as tensors, checked, and shaped so that they broadcast against a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from stackit.validation import invalid_value

__all__ = ["Axes", "Numbers", "along", "as_floats", "checked_axes", "inverse_root", "shaped"]

Axes = int | Sequence[int]
Numbers = Any
"""A tensor, an array, or nested lists of numbers."""


def as_floats(numbers: Numbers, name: str) -> torch.Tensor:
    """Return a tensor of real floating numbers; integers and booleans become float64.

    A tensor of floats is returned as it is, whatever its device.

    Raises
    ------
    ValueError
        When they are no real numbers.

    Examples
    --------
    >>> as_floats([[1, 2]], "x")
    tensor([[1., 2.]], dtype=torch.float64)
    """
    tensor = numbers if isinstance(numbers, torch.Tensor) else _copied(numbers, name)
    if tensor.is_complex():
        raise invalid_value(name, "real numbers", f"dtype={tensor.dtype}", "Pass their real part")
    return tensor if tensor.is_floating_point() else tensor.double()


def checked_axes(x: torch.Tensor, axes: Axes) -> tuple[int, ...]:
    """Axes counted from the front; each there, and none empty."""
    chosen = tuple(int(axis) for axis in np.atleast_1d(axes))
    if not chosen or any(not -x.ndim <= axis < x.ndim for axis in chosen):
        expected = f"axes of x, whose shape is {tuple(x.shape)}"
        raise invalid_value("axes", expected, f"{axes=}", "Pass 0, or (0, 2, 3) for images")
    if any(x.shape[axis] == 0 for axis in chosen):
        raise invalid_value(
            "x", "a batch of at least one row", f"shape={tuple(x.shape)}", "Leave empty batches out"
        )
    return tuple(axis % x.ndim for axis in chosen)


def along(x: torch.Tensor, values: Numbers, axes: tuple[int, ...], name: str) -> torch.Tensor:
    """One value a channel, shaped so that it broadcasts against x."""
    kept = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    broad = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    return shaped(values, kept, name).to(x.device).reshape(broad)


def shaped(values: Numbers, shape: Sequence[int], name: str) -> torch.Tensor:
    """Values as a tensor that has the shape it must have."""
    tensor = as_floats(values, name)
    if tensor.shape != tuple(shape):
        raise invalid_value(
            name, f"of shape {tuple(shape)}", f"shape={tuple(tensor.shape)}", "Pass one value a channel"
        )
    return tensor


def inverse_root(variance: torch.Tensor, eps: float) -> torch.Tensor:
    """1 / sqrt(variance + eps), the factor of every normalisation."""
    if not eps >= 0:
        raise invalid_value("eps", "0 or more", f"{eps=}", "Pass eps=1e-5")
    if eps == 0 and (variance == 0).any():
        raise invalid_value("eps", "positive where a channel is constant", f"{eps=}", "Pass eps=1e-5")
    return (variance + eps).rsqrt()


def _copied(numbers: Numbers, name: str) -> torch.Tensor:
    """A tensor of its own: torch warns of read-only arrays, and refuses strides that run backwards."""
    try:
        array = np.array(numbers, order="C")
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    except (RuntimeError, TypeError, ValueError) as error:
        raise invalid_value(
            name, "an array of numbers", f"{type(numbers).__name__} ({error})", "Pass numbers alone"
        ) from error
