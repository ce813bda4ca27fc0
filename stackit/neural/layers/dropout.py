"""Dropout of several networks at once, each from its own stream of random numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Dropout"]

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
        dropped = round(self.p * self.share * LEVELS)
        if not self.training or not dropped:
            return h
        stays = self._draw(h.shape, weights) >= dropped - LEVELS // 2
        return h * stays.to(device=h.device, dtype=h.dtype).mul_(LEVELS / (LEVELS - dropped))

    def _draw(self, shape: torch.Size, weights: Tensor | None) -> Tensor:
        """Return random int16; rows that only fill a gap (of weight 0) take none from a stream."""
        n_nets, n_features, n_rows = shape
        counts = [n_rows] * n_nets if weights is None else (weights > 0).sum(1).tolist()
        numbers = np.zeros(shape, dtype=np.int16)
        for of_net, stream, count in zip(numbers, self.streams, counts, strict=True):
            # A step takes whole words of the stream; four numbers are in each.
            words = stream.random_raw(-(-n_features * count // 4))
            of_net[:, :count] = words.view(np.int16)[: n_features * count].reshape(n_features, count)
        return torch.from_numpy(numbers)
