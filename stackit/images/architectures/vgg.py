"""VGG: convolutions of 3×3, five poolings and three dense layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral

import torch

from stackit.images.architectures.layers import check_count, check_n_classes, sequence
from stackit.validation import invalid_value

__all__ = ["VGG_CONFIGURATIONS", "vgg"]

Parts = Iterator[tuple[str, torch.nn.Module]]

N_STAGES = 5
VGG_CONFIGURATIONS = {
    "A": ("3", "3", "33", "33", "33"),
    "A-LRN": ("3", "3", "33", "33", "33"),
    "B": ("33", "33", "33", "33", "33"),
    "C": ("33", "33", "331", "331", "331"),
    "D": ("33", "33", "333", "333", "333"),
    "E": ("33", "33", "3333", "3333", "3333"),
}
"""The kernel sizes of the convolutions per stage."""


def vgg(
    configuration: str = "D",
    *,
    n_classes: int | None = 1000,
    image_size: int = 224,
    channels: Sequence[int] = (64, 128, 256, 512, 512),
    hidden: int = 4096,
    batch_norm: bool = False,
) -> torch.nn.Sequential:
    """Return a VGG network, with random weights.

    Layers have the names of the authors: ``conv1_1``, ``relu1_1``, ..., ``pool5``, ``fc6``, ``relu6``,
    ``fc7``, ``relu7``, ``fc8``. The codes are the output of ``relu6``: 4096 numbers, none negative.

    Parameters
    ----------
    configuration : {"A", "A-LRN", "B", "C", "D", "E"}
        A key of `VGG_CONFIGURATIONS`: "D" is VGG16, "E" VGG19.
    n_classes : int or None
        The number of outputs; None leaves the dense layers out.
    image_size : int
        Height and width of the images, in pixels: a multiple of 32. Images of other sizes are pooled to fit.
    channels : five ints
        The channels of each stage.
    hidden : int
        The units of ``fc6`` and ``fc7``.
    batch_norm : bool
        Whether each convolution is followed by batch normalisation.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    ValueError
        When the configuration is not one of these, the image size is not a multiple of 32, or a stage or
        layer would be empty.

    References
    ----------
    Simonyan and Zisserman (2014), arXiv:1409.1556, table 1.

    Examples
    --------
    >>> with torch.device("meta"):  # no memory for the weights
    ...     network = vgg("D")
    >>> sum(weights.numel() for weights in network.parameters())
    138357544
    """
    if configuration not in VGG_CONFIGURATIONS:
        names = ", ".join(VGG_CONFIGURATIONS)
        raise invalid_value("configuration", f"one of {names}", f"{configuration=}", "Pass 'D' for VGG16")
    if not isinstance(image_size, Integral) or image_size < 32 or image_size % 32:
        raise invalid_value("image_size", "a multiple of 32", f"{image_size=}", "Pass 224")
    if len(channels) != N_STAGES:
        raise invalid_value("channels", f"{N_STAGES} numbers, one per stage", f"{channels=}", "Leave it out")
    for width in channels:
        check_count("channels", width, "Leave it out")
    check_count("hidden", hidden, "Pass 4096")
    check_n_classes(n_classes)
    parts = dict(_stages(configuration, channels, batch_norm))
    if n_classes is not None:
        parts |= _head(channels[-1], image_size // 32, hidden, n_classes)
    return sequence(parts)


def _stages(configuration: str, channels: Sequence[int], batch_norm: bool) -> Parts:
    n_inputs = 3
    for stage, (kernels, width) in enumerate(
        zip(VGG_CONFIGURATIONS[configuration], channels, strict=True), 1
    ):
        for number, kernel in enumerate(map(int, kernels), 1):
            at = f"{stage}_{number}"
            yield f"conv{at}", torch.nn.Conv2d(n_inputs, width, kernel, padding=kernel // 2)
            if batch_norm:
                yield f"bn{at}", torch.nn.BatchNorm2d(width)
            yield f"relu{at}", torch.nn.ReLU()
            n_inputs = width
        if configuration == "A-LRN" and stage == 1:
            # The paper's alpha is 1e-4; here it is divided by the size.
            yield "lrn1", torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
        yield f"pool{stage}", torch.nn.MaxPool2d(2)


def _head(channels: int, side: int, hidden: int, n_classes: int) -> dict[str, torch.nn.Module]:
    return {
        "avgpool": torch.nn.AdaptiveAvgPool2d(side),  # changes nothing at the image size
        "flatten": torch.nn.Flatten(),
        "fc6": torch.nn.Linear(channels * side**2, hidden),
        "relu6": torch.nn.ReLU(),
        "drop6": torch.nn.Dropout(),
        "fc7": torch.nn.Linear(hidden, hidden),
        "relu7": torch.nn.ReLU(),
        "drop7": torch.nn.Dropout(),
        "fc8": torch.nn.Linear(hidden, n_classes),
    }
