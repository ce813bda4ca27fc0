"""Residual networks: ResNet-18, 34 and 50 for photographs, and those for the 32×32 pixels of CIFAR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral

import torch

from stackit.images.architectures.layers import check_n_classes, sequence
from stackit.validation import invalid_value

__all__ = ["Residual", "Subsampled", "cifar_resnet", "resnet"]

Parts = dict[str, torch.nn.Module]
# Makes a block from its inputs, its channels and its stride.
Block = Callable[[int, int, int], "Residual"]


class Residual(torch.nn.Module):
    """A residual block, relu(body(x) + downsample(x)), with a body of named layers."""

    def __init__(self, body: Mapping[str, torch.nn.Module], downsample: torch.nn.Module) -> None:
        super().__init__()
        for name, layer in body.items():
            self.add_module(name, layer)
        self.downsample = downsample
        self.relu = torch.nn.ReLU()
        self.body = tuple(body)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return relu(body(images) + downsample(images))."""
        output = images
        for name in self.body:
            output = self.get_submodule(name)(output)
        total: torch.Tensor = self.relu(output + self.downsample(images))
        return total


class Subsampled(torch.nn.Module):
    """A shortcut without weights: every other pixel of every other row, padded with channels of zeros."""

    def __init__(self, n_zeros: int) -> None:
        super().__init__()
        self.n_zeros = n_zeros

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n, channels + 2 × n_zeros, height / 2, width / 2)."""
        return torch.nn.functional.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, self.n_zeros, self.n_zeros))


def resnet(depth: int = 18, *, n_classes: int | None = 1000) -> torch.nn.Sequential:
    """Return a residual network for photographs, with random weights.

    Layers are named as in torchvision: ``conv1``, ``bn1``, ``relu``, ``maxpool``, ``layer1``, ...,
    ``layer4``, ``avgpool``, ``flatten``, ``fc``; inside blocks ``layer1.0.conv1``. The codes are the output
    of ``flatten``. In the bottlenecks of ResNet-50 the convolution of 3×3 has the stride, as in torchvision.

    Parameters
    ----------
    depth : {18, 34, 50}
        The number of layers with weights.
    n_classes : int or None
        The number of outputs; None ends with ``flatten``: 512 codes, or 2048 of ResNet-50.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    ValueError
        When the depth is another one, or n_classes is not positive.

    References
    ----------
    He et al. (2015), arXiv:1512.03385, table 1.

    Examples
    --------
    >>> with torch.device("meta"):
    ...     network = resnet(50)
    >>> sum(weights.numel() for weights in network.parameters())
    25557032
    """
    counts = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
    if depth not in counts:
        raise invalid_value("depth", "18, 34 or 50", f"{depth=}", "Pass depth=18")
    check_n_classes(n_classes)
    block, expansion = (_bottleneck, 4) if depth == 50 else (_basic, 1)
    stem: Parts = {
        "conv1": torch.nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        "bn1": torch.nn.BatchNorm2d(64),
        "relu": torch.nn.ReLU(),
        "maxpool": torch.nn.MaxPool2d(3, 2, padding=1),
    }
    stages = _stages(block, 64, (64, 128, 256, 512), counts[depth], expansion)
    return sequence(stem | stages | _head("fc", 512 * expansion, n_classes))


def cifar_resnet(depth: int = 20, *, n_classes: int | None = 10) -> torch.nn.Sequential:
    """Return a residual network for images of 32×32 pixels, with random weights.

    Layers are ``conv1``, ``bn1``, ``relu``, ``layer1``, ``layer2``, ``layer3``, ``avgpool``, ``flatten``,
    ``linear``. The codes are the output of ``flatten``: 64 numbers, none negative.

    Parameters
    ----------
    depth : int
        6 n + 2: 20, 32, 44, 56 or 110 in the paper.
    n_classes : int or None
        The number of outputs; None ends with ``flatten``.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    ValueError
        When the depth is not 6 n + 2, or n_classes is not positive.

    References
    ----------
    He et al. (2015), arXiv:1512.03385, section 4.2, shortcuts of option A.

    Examples
    --------
    >>> network = cifar_resnet(20).eval()
    >>> sum(weights.numel() for weights in network.parameters())
    269722
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    if not isinstance(depth, Integral) or depth < 8 or depth % 6 != 2:
        raise ValueError(
            f"depth must be 6 n + 2 for a positive integer n, such as 20, 32 or 56; got {depth=}."
        )
    check_n_classes(n_classes)
    stem: Parts = {
        "conv1": torch.nn.Conv2d(3, 16, 3, padding=1, bias=False),
        "bn1": torch.nn.BatchNorm2d(16),
        "relu": torch.nn.ReLU(),
    }
    stages = _stages(_unprojected, 16, (16, 32, 64), (depth // 6,) * 3, 1)
    return sequence(stem | stages | _head("linear", 64, n_classes))


def _stages(
    block: Block, n_inputs: int, channels: tuple[int, ...], counts: tuple[int, ...], expansion: int
) -> Parts:
    """Return layer1, layer2, ... of blocks; from the second stage on, the first block halves the image."""
    stages: Parts = {}
    for number, (width, count) in enumerate(zip(channels, counts, strict=True), 1):
        blocks = []
        for place in range(count):
            stride = 2 if number > 1 and place == 0 else 1
            blocks.append(block(n_inputs, width, stride))
            n_inputs = width * expansion
        stages[f"layer{number}"] = torch.nn.Sequential(*blocks)
    return stages


def _head(name: str, n_codes: int, n_classes: int | None) -> Parts:
    head: Parts = {"avgpool": torch.nn.AdaptiveAvgPool2d(1), "flatten": torch.nn.Flatten()}
    return head if n_classes is None else head | {name: torch.nn.Linear(n_codes, n_classes)}


def _convolved(number: int, n_inputs: int, width: int, kernel: int, stride: int = 1) -> Parts:
    """Return a convolution with batch norm, named by its number."""
    return {
        f"conv{number}": torch.nn.Conv2d(n_inputs, width, kernel, stride, kernel // 2, bias=False),
        f"bn{number}": torch.nn.BatchNorm2d(width),
    }


def _projection(n_inputs: int, n_outputs: int, stride: int) -> torch.nn.Module:
    if stride == 1 and n_inputs == n_outputs:
        return torch.nn.Identity()
    convolution = torch.nn.Conv2d(n_inputs, n_outputs, 1, stride, bias=False)
    return torch.nn.Sequential(convolution, torch.nn.BatchNorm2d(n_outputs))


def _two_convolutions(n_inputs: int, width: int, stride: int) -> Parts:
    first = _convolved(1, n_inputs, width, 3, stride) | {"relu1": torch.nn.ReLU()}
    return first | _convolved(2, width, width, 3)


def _basic(n_inputs: int, width: int, stride: int) -> Residual:
    return Residual(_two_convolutions(n_inputs, width, stride), _projection(n_inputs, width, stride))


def _unprojected(n_inputs: int, width: int, stride: int) -> Residual:
    shortcut = torch.nn.Identity() if stride == 1 else Subsampled(width // 4)
    return Residual(_two_convolutions(n_inputs, width, stride), shortcut)


def _bottleneck(n_inputs: int, width: int, stride: int) -> Residual:
    body = _convolved(1, n_inputs, width, 1) | {"relu1": torch.nn.ReLU()}
    body |= _convolved(2, width, width, 3, stride) | {"relu2": torch.nn.ReLU()}
    body |= _convolved(3, width, 4 * width, 1)
    return Residual(body, _projection(n_inputs, 4 * width, stride))
