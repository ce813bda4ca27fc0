"""SqueezeNet 1.1: few weights, since channels are squeezed before they are expanded."""

from __future__ import annotations

import torch

from stackit.images.architectures.layers import check_n_classes, sequence

__all__ = ["Fire", "squeezenet"]

# Squeezed and expanded channels of fire2 ... fire9; the numbers of those after a pooling.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
POOLED = (4, 6)


class Fire(torch.nn.Module):
    """A convolution of 1×1 to few channels, then one of 1×1 and one of 3×3 in parallel."""

    def __init__(self, n_inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze1x1 = torch.nn.Conv2d(n_inputs, squeezed, 1)
        self.squeeze_relu = torch.nn.ReLU()
        self.expand1x1 = torch.nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = torch.nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand_relu = torch.nn.ReLU()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n, 2 × expanded, height, width) for (n, n_inputs, height, width)."""
        few = self.squeeze_relu(self.squeeze1x1(images))
        both: torch.Tensor = self.expand_relu(torch.cat([self.expand1x1(few), self.expand3x3(few)], dim=1))
        return both


def squeezenet(*, n_classes: int | None = 1000, ceil_mode: bool = True) -> torch.nn.Sequential:
    """Return a SqueezeNet of version 1.1, with random weights.

    Layers are ``conv1``, ``pool1``, ``fire2``, ..., ``fire9``, ``conv10``. The codes are the output of
    ``fire9``, averaged over the image: 512 numbers, none negative.

    Parameters
    ----------
    n_classes : int or None
        The number of outputs; None ends with ``fire9``, averaged.
    ceil_mode : bool
        Whether poolings keep a last incomplete window, as in torchvision and not in Keras. With 224 pixels
        there is none.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    ValueError
        When n_classes is not positive.

    References
    ----------
    Iandola et al. (2016), arXiv:1602.07360; version 1.1 was published with its code.

    Examples
    --------
    >>> network = squeezenet(n_classes=None)
    >>> sum(weights.numel() for weights in network.parameters())
    722496
    """
    check_n_classes(n_classes)
    parts: dict[str, torch.nn.Module] = {
        "conv1": torch.nn.Conv2d(3, 64, 3, stride=2),
        "relu1": torch.nn.ReLU(),
        "pool1": torch.nn.MaxPool2d(3, 2, ceil_mode=ceil_mode),
    }
    n_inputs = 64
    for number, (squeezed, expanded) in enumerate(FIRES, 2):
        if number in POOLED:
            parts[f"pool{number - 1}"] = torch.nn.MaxPool2d(3, 2, ceil_mode=ceil_mode)
        parts[f"fire{number}"] = Fire(n_inputs, squeezed, expanded)
        n_inputs = 2 * expanded
    return sequence(parts | _head(n_classes))


def _head(n_classes: int | None) -> dict[str, torch.nn.Module]:
    averaged = {"pool10": torch.nn.AdaptiveAvgPool2d(1), "flatten": torch.nn.Flatten()}
    if n_classes is None:
        return averaged
    return {
        "drop9": torch.nn.Dropout(),
        "conv10": torch.nn.Conv2d(512, n_classes, 1),
        "relu10": torch.nn.ReLU(),
        **averaged,
    }
