"""Dropout of several networks at once, each from its own stream of random numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

__all__ = ["Dropout", "real_rows"]

LEVELS = 2**16  # of a random number: a probability is rounded to 1 / LEVELS


class Dropout(nn.Module):
    """Sets units (K, n_features, B) to 0 with probability `p` times `share` in training (JMLR 15, 2014).

    The others are divided by the probability to stay. The stream of a network depends on its seed and its own
    rows only, so that it is the same whichever networks are trained with it. The training loop sets `share`.
    """

    def __init__(self, n_nets: int, p: float) -> None:
        super().__init__()
        self.p, self.share = p, 0.0
        self.streams = [np.random.SFC64(0) for _ in range(n_nets)]

    def initialise(self, net: int, generator: torch.Generator) -> None:
        """Draw the seed of the stream of one network."""
        self.streams[net] = np.random.SFC64(int(torch.randint(2**62, (1,), generator=generator)))

    def keep(self, nets: list[int]) -> None:
        """Drop the networks that have stopped."""
        self.streams = [self.streams[net] for net in nets]

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        if not self.training or not self.dropped:
            return h
        stays = self._draw(h.shape, weights) >= self.threshold
        return h * stays.to(device=h.device, dtype=h.dtype).mul_(self.factor)

    @property
    def dropped(self) -> int:
        """How many of 65536 units are dropped on average."""
        return min(round(self.p * self.share * LEVELS), LEVELS - 1)

    @property
    def threshold(self) -> int:
        """The least random int16 for which a unit stays."""
        return self.dropped - LEVELS // 2

    @property
    def factor(self) -> float:
        """What units that stay are multiplied by."""
        return LEVELS / (LEVELS - self.dropped)

    def _draw(self, shape: torch.Size, weights: Tensor | None) -> Tensor:
        """Return random int16; rows that only fill a gap (of weight 0) take none from a stream."""
        n_nets, n_features, n_rows = shape
        counts = real_rows(weights, n_nets, n_rows)
        numbers = np.zeros(shape, dtype=np.int16)
        for net, count in enumerate(counts):
            numbers[net, :, :count] = self.draw(net, n_features * count).reshape(n_features, count)
        return torch.from_numpy(numbers)

    def draw(self, net: int, count: int) -> npt.NDArray[np.int16]:
        """Return random numbers from the stream of one network."""
        # A step takes whole words of the stream; four numbers are in each.
        return self.streams[net].random_raw(-(-count // 4)).view(np.int16)[:count]


def real_rows(weights: Tensor | None, n_nets: int, n_rows: int) -> list[int]:
    """Return how many rows of a batch each network has; rows of weight 0 come last and only fill a gap."""
    if weights is None:
        return [n_rows] * n_nets
    counts: list[int] = (weights > 0).sum(1).tolist()
    return counts
