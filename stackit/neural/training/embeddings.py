"""What columns of a table become in the first layer: numbers with waves, categories as vectors."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from stackit.arrays import Floats
from stackit.neural.training.scaling import standardisation

__all__ = ["Periodic", "embedding_width", "is_one_hot", "level_table", "scaled_one_hot"]

MOST_COLUMNS = 8  # levels of a category; those of more are embedded
SCALED_WIDTH = 8  # of an embedding, with "scaled"


class Periodic(nn.Module):
    """Embeds numbers (K, d, B) as (K, d·4, B): each x, and three learned sums of sixteen cosines of it.

    The cosines are cos(2 pi w x + b) with learned w and b (arXiv 2203.05556). With `random_bias`, the biases
    of the sums do not begin at 0 ("PBLD" in arXiv 2407.04491).
    """

    N_WAVES, WIDTH = 16, 4

    def __init__(self, n_nets: int, n_numbers: int, random_bias: bool = False) -> None:
        super().__init__()
        self.random_bias = random_bias
        self.frequency = nn.Parameter(torch.empty(n_nets, n_numbers, self.N_WAVES))
        self.phase = nn.Parameter(torch.empty(n_nets, n_numbers, self.N_WAVES))
        self.weight = nn.Parameter(torch.empty(n_nets, n_numbers, self.WIDTH - 1, self.N_WAVES))
        self.bias = nn.Parameter(torch.zeros(n_nets, n_numbers, self.WIDTH - 1))

    def initialise(self, net: int, generator: torch.Generator) -> None:
        """Draw the parameters of one network."""
        shapes = self.frequency[net], self.phase[net], self.weight[net]
        frequency, phase, weight = (torch.empty(part.shape, dtype=torch.float64) for part in shapes)
        bound = self.N_WAVES**-0.5
        self.frequency.data[net] = frequency.normal_(std=0.1, generator=generator)
        self.phase.data[net] = phase.uniform_(-math.pi, math.pi, generator=generator)
        self.weight.data[net] = weight.uniform_(-bound, bound, generator=generator)
        if self.random_bias:
            bias = torch.empty(self.bias[net].shape, dtype=torch.float64)
            self.bias.data[net] = bias.uniform_(-bound, bound, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        n_nets, d, n_rows = x.shape
        turns = 2 * math.pi * self.frequency[..., None] * x[:, :, None]
        waves = torch.cos(turns.add_(self.phase[..., None])).flatten(0, 1)
        sums = torch.baddbmm(self.bias.view(n_nets * d, -1, 1), self.weight.flatten(0, 1), waves)
        return torch.cat([x[:, :, None], sums.view(n_nets, d, -1, n_rows)], dim=2).flatten(1, 2)


def level_table(n_nets: int, n_levels: int, categories: str) -> nn.Parameter:
    """Return the vectors of the levels of a category for K networks, after that of an unknown level.

    With "one_hot", levels are columns of zeros and ones; with "embedding", learned vectors; with "auto", the
    first up to eight levels, and the second above. "scaled" is "auto" with embeddings of eight numbers, and
    with the columns of `scaled_one_hot`, which are known when the training rows are.
    """
    if not is_one_hot(n_levels, categories):
        width = SCALED_WIDTH if categories == "scaled" else embedding_width(n_levels)
        return nn.Parameter(torch.zeros(n_nets, n_levels + 1, width))
    columns = _binary() if categories == "scaled" and n_levels == 2 else _one_hot(n_levels)
    fixed = torch.as_tensor(columns, dtype=torch.get_default_dtype())
    return nn.Parameter(fixed.expand(n_nets, -1, -1).clone(), requires_grad=False)


def is_one_hot(n_levels: int, categories: str) -> bool:
    """Return whether the levels of a category are columns, and not learned vectors."""
    return categories == "one_hot" or (categories in ("auto", "scaled") and n_levels <= MOST_COLUMNS)


def scaled_one_hot(n_levels: int, codes: npt.NDArray[np.int64], weights: Floats | None) -> Floats:
    """Return the vectors of levels as columns that are scaled and clipped like numbers (arXiv 2407.04491).

    Two levels are one column of 1 and -1, others have a column each; an unknown level is 0 before scaling.
    """
    table = _binary() if n_levels == 2 else _one_hot(n_levels)
    centre, factor = standardisation(table[codes], weights, "robust")
    scaled = (table - centre) * factor
    return np.asarray(scaled / np.sqrt(1 + np.square(scaled / 3)))


def embedding_width(n_levels: int) -> int:
    """Return the width of the embedding of a category: 1.6 n^0.56, at most 50."""
    width: int = round(1.6 * n_levels**0.56)
    return min(50, width)


def _binary() -> Floats:
    return np.array([[0.0], [1.0], [-1.0]])


def _one_hot(n_levels: int) -> Floats:
    return np.concatenate([np.zeros((1, n_levels)), np.eye(n_levels)])
