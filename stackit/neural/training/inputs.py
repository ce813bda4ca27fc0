"""The inputs of networks: numbers, standardised by the training rows of each network, and categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stackit.arrays import Floats

__all__ = ["InputRows", "InputTable", "Inputs", "embedding_width", "standardisation"]

# Numbers of a table that is standardised once per network, and not in each step.
MAX_STANDARDISED = 2**22


@dataclass(frozen=True)
class InputTable:
    """The rows that all networks share: (n, d) numbers or (n, channels, height, width) images, (n, c) codes.

    Images may be of integers. Codes of categories are positions from 1; 0 is an unknown level.
    """

    numbers: Tensor
    codes: Tensor | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Tensor, dtype: torch.dtype) -> InputRows:
        """Return the rows (K, B) of all networks."""
        numbers = self.numbers.index_select(0, rows.flatten()).to(dtype)
        numbers = numbers.view(*rows.shape, *numbers.shape[1:])
        return InputRows(numbers, None if self.codes is None else self.codes[rows])

    def keep(self, nets: list[int]) -> InputTable:
        """Return this table: networks that have stopped do not change it."""
        return self

    def expand(self, n_nets: int, dtype: torch.dtype) -> InputRows:
        """Return all rows for each of K networks, without copies."""
        numbers = self.numbers.to(dtype)
        codes = None if self.codes is None else self.codes.expand(n_nets, -1, -1)
        return InputRows(numbers.expand(n_nets, *numbers.shape), codes)


@dataclass(frozen=True)
class StandardisedTable:
    """All rows as each network reads them: (K, n, d) standardised numbers and the (n, c) shared codes."""

    numbers: Tensor
    codes: Tensor | None = None

    def take(self, rows: Tensor, dtype: torch.dtype) -> InputRows:
        """Return the rows (K, B) of all networks."""
        numbers = self.numbers.flatten(0, 1).index_select(0, (rows + self._starts).flatten())
        codes = None if self.codes is None else self.codes[rows]
        return InputRows(numbers.view(*rows.shape, self.numbers.shape[2]), codes, is_standardised=True)

    @cached_property
    def _starts(self) -> Tensor:
        """The first row of each network."""
        n_nets, n, _ = self.numbers.shape
        return torch.arange(0, n_nets * n, n, device=self.numbers.device)[:, None]

    def keep(self, nets: list[int]) -> StandardisedTable:
        """Drop the networks that have stopped."""
        return StandardisedTable(self.numbers[nets], self.codes)


@dataclass(frozen=True)
class InputRows:
    """Some rows of each network: numbers (K, B, ...), perhaps standardised, and codes (K, B, c) or None."""

    numbers: Tensor
    codes: Tensor | None = None
    is_standardised: bool = False


class Inputs(nn.Module):
    """The first layer: (K, B, d) numbers and (K, B, c) codes give (K, features, B); images (B, K·C, H, W).

    With embedding="periodic", each number x is also embedded by learned functions of cos(2 pi (w x + b))
    (arXiv 2203.05556); with `clip`, numbers become x / sqrt(1 + (x / 3)^2); with `scaling`, each input has a
    learned factor (both arXiv 2407.04491). categories="auto" embeds those of more than eight levels.
    """

    centre: Tensor
    factor: Tensor

    def __init__(
        self,
        n_nets: int,
        n_numbers: int,
        n_levels: Sequence[int] = (),
        *,
        categories: str = "auto",
        embedding: str | None = None,
        clip: bool = False,
        scaling: bool = False,
    ) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(n_nets, n_numbers))
        self.register_buffer("factor", torch.ones(n_nets, n_numbers))
        self.n_levels, self.clip = tuple(n_levels), clip
        self.periodic = Periodic(n_nets, n_numbers) if embedding and n_numbers else None
        width = n_numbers * (Periodic.WIDTH if self.periodic else 1)
        self.levels = nn.ParameterList(_level(n_nets, n, categories) for n in self.n_levels)
        self.n_features = width + sum(level.shape[2] for level in self.levels)
        self.scale = nn.Parameter(torch.ones(n_nets, self.n_features)) if scaling else None

    def initialise(self, net: int, generator: torch.Generator) -> None:
        """Draw the embeddings of one network; one-hot columns are fixed."""
        if self.periodic:
            self.periodic.initialise(net, generator)
        for level in self.levels:
            if level.requires_grad:
                drawn = torch.empty(level[net, 1:].shape, dtype=torch.float64)
                level.data[net, 1:] = drawn.normal_(generator=generator)

    def forward(self, rows: InputRows) -> Tensor:
        if rows.numbers.dim() == 5:
            return self._images(rows.numbers)
        x = rows.numbers if rows.is_standardised else self._standardise(rows.numbers)
        h = x.transpose(1, 2)
        if self.periodic:
            h = self.periodic(h)
        if rows.codes is not None:
            h = torch.cat([h, *self._categories(rows.codes)], dim=1)
        return h if self.scale is None else h * self.scale[:, :, None]

    def standardise(self, table: InputTable, dtype: torch.dtype) -> InputTable | StandardisedTable:
        """Standardise a small table once; others are standardised in each step."""
        if table.numbers.dim() > 2 or self.centre.numel() * len(table) > MAX_STANDARDISED:
            return table
        return StandardisedTable(self._standardise(table.numbers.to(dtype)[None]), table.codes)

    def _standardise(self, x: Tensor) -> Tensor:
        x = (x - self.centre[:, None]) * self.factor[:, None]
        return x * (1 + (x / 3).square()).rsqrt() if self.clip else x

    def _images(self, x: Tensor) -> Tensor:
        x = (x - self.centre[:, None, :, None, None]) * self.factor[:, None, :, None, None]
        return x.transpose(0, 1).flatten(1, 2)

    def _categories(self, codes: Tensor) -> list[Tensor]:
        nets = torch.arange(len(codes), device=codes.device)[:, None]
        # Not level[nets, codes]: several threads sum its gradient in no fixed order.
        return [
            F.embedding(codes[:, :, at] + nets * level.shape[1], level.flatten(0, 1)).transpose(1, 2)
            for at, level in enumerate(self.levels)
        ]


class Periodic(nn.Module):
    """Embeds numbers (K, d, B) as (K, d·4, B): each x, and three learned sums of sixteen cosines of it."""

    N_WAVES, WIDTH = 16, 4

    def __init__(self, n_nets: int, n_numbers: int) -> None:
        super().__init__()
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

    def forward(self, x: Tensor) -> Tensor:
        n_nets, d, n_rows = x.shape
        turns = 2 * math.pi * self.frequency[..., None] * x[:, :, None]
        waves = torch.cos(turns + self.phase[..., None]).flatten(0, 1)
        sums = torch.baddbmm(self.bias.view(n_nets * d, -1, 1), self.weight.flatten(0, 1), waves)
        return torch.cat([x[:, :, None], sums.view(n_nets, d, -1, n_rows)], dim=2).flatten(1, 2)


def embedding_width(n_levels: int) -> int:
    """Return the width of the embedding of a category: 1.6 n^0.56, at most 50."""
    width: int = round(1.6 * n_levels**0.56)
    return min(50, width)


def _level(n_nets: int, n: int, categories: str) -> nn.Parameter:
    """Return the vectors of n levels, after zeros for an unknown level."""
    one_hot = categories == "one_hot" or (categories == "auto" and n <= 8)
    if not one_hot:
        return nn.Parameter(torch.zeros(n_nets, n + 1, embedding_width(n)))
    fixed = torch.cat([torch.zeros(1, n), torch.eye(n)])
    return nn.Parameter(fixed.expand(n_nets, -1, -1).clone(), requires_grad=False)


def standardisation(x: Floats, weights: Floats | None, kind: str | None) -> tuple[Floats, Floats]:
    """Return the (d,) centre and factor of (x - centre) * factor; a constant column has the factor 0.

    Parameters
    ----------
    x : (n, d) array
        The training rows; for images (n, channels, pixels).
    weights : (n,) array, optional
        Of the rows; quantiles ignore them.
    kind : {"standard", "robust", None}
        Mean and standard deviation; or median and interquartile range (half the whole range for columns where
        this is 0); or none.
    """
    if not x.shape[1]:
        return np.zeros(0), np.zeros(0)
    axes = (0,) if x.ndim == 2 else (0, 2)
    lowest, highest = x.min(axis=axes), x.max(axis=axes)
    varies = highest > lowest
    if kind is None:
        return np.zeros(len(varies)), np.ones(len(varies))
    if kind == "robust":
        low, centre, high = np.quantile(x, [0.25, 0.5, 0.75], axis=axes)
        spread = np.where(high > low, high - low, (highest - lowest) / 2)
    else:
        rows = None if weights is None else weights.reshape(-1, *[1] * (x.ndim - 1)) * np.ones_like(x)
        centre = np.average(x, axis=axes, weights=rows)
        shifted = x - (centre if x.ndim == 2 else centre[:, np.newaxis])
        spread = np.sqrt(np.average(np.square(shifted), axis=axes, weights=rows))
    factor = np.divide(1.0, spread, where=varies & (spread > 0), out=np.zeros(len(varies)))
    return centre, factor
