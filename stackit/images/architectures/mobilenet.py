"""MobileNet v1: depthwise convolutions, each followed by a convolution of 1×1."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real

import torch

from stackit.images.architectures.layers import check_n_classes, sequence
from stackit.validation import invalid_value

__all__ = ["SameConv2d", "mobilenet"]

Parts = Iterator[tuple[str, torch.nn.Module]]
# Output channels at width 1, and stride, of the thirteen blocks.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


class SameConv2d(torch.nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding: an odd zero goes below and to the right.

    For 224 pixels, a kernel of 3 and stride 2, torch's own ``padding=1`` reads other pixels.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Convolve (n, channels, height, width) images; each side becomes size / stride, rounded up."""
        (top, bottom), (left, right) = (self._zeros(axis, images.shape[axis + 2]) for axis in (0, 1))
        zeros = (top, left)
        if (top, left) != (bottom, right):
            images, zeros = torch.nn.functional.pad(images, (left, right, top, bottom)), (0, 0)
        return torch.nn.functional.conv2d(
            images, self.weight, self.bias, self.stride, zeros, self.dilation, self.groups
        )

    def _zeros(self, axis: int, size: int) -> tuple[int, int]:
        n_outputs = -(-size // self.stride[axis])
        zeros = max((n_outputs - 1) * self.stride[axis] + self.kernel_size[axis] - size, 0)
        return zeros // 2, zeros - zeros // 2


def mobilenet(width: float = 1.0, *, n_classes: int | None = 1000) -> torch.nn.Sequential:
    """Return a MobileNet of version 1, with random weights.

    Layers are named as in Keras: ``conv1``, ``conv1_bn``, ``conv1_relu``, ``conv_dw_1``, ...,
    ``conv_pw_13_relu``, ``pool``, ``conv_preds``. The codes are the output of ``pool``:
    1024 × width numbers between 0 and 6.

    Parameters
    ----------
    width : float
        The factor of the channels of each layer: 0.25, 0.5, 0.75 or 1 in published files.
    n_classes : int or None
        The number of outputs; None ends with ``pool``.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    ValueError
        When the first layer would have no channels, or n_classes is not positive.

    References
    ----------
    Howard et al. (2017), arXiv:1704.04861, table 1.

    Examples
    --------
    >>> network = mobilenet(0.25, n_classes=10).eval()
    >>> network(torch.zeros(2, 3, 96, 96)).shape
    torch.Size([2, 10])
    """
    if not isinstance(width, Real) or not 1 / 32 <= width < float("inf"):
        raise invalid_value("width", "a number of at least 1/32", f"{width=}", "Pass 1.0")
    check_n_classes(n_classes)
    parts = dict(_blocks(width)) | {"pool": torch.nn.AdaptiveAvgPool2d(1)}
    if n_classes is not None:
        parts["dropout"] = torch.nn.Dropout(1e-3)
        parts["conv_preds"] = torch.nn.Conv2d(int(1024 * width), n_classes, 1)
    return sequence(parts | {"flatten": torch.nn.Flatten()})


def _blocks(width: float) -> Parts:
    n_inputs = int(32 * width)
    yield from _normalised("conv1", SameConv2d(3, n_inputs, 3, stride=2, bias=False))
    for number, (channels, stride) in enumerate(BLOCKS, 1):
        across = SameConv2d(n_inputs, n_inputs, 3, stride=stride, groups=n_inputs, bias=False)
        yield from _normalised(f"conv_dw_{number}", across)
        n_outputs = int(channels * width)
        yield from _normalised(f"conv_pw_{number}", torch.nn.Conv2d(n_inputs, n_outputs, 1, bias=False))
        n_inputs = n_outputs


def _normalised(name: str, convolution: torch.nn.Conv2d) -> Parts:
    yield name, convolution
    yield f"{name}_bn", torch.nn.BatchNorm2d(convolution.out_channels, eps=1e-3)
    yield f"{name}_relu", torch.nn.ReLU6()
