"""What goes into the networks: numbers, each standardised by its own training part, and categories."""

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

__all__ = ["InputRows", "Inputs", "Table", "embedding_width", "standardisation"]

READY = 2**22  # numbers of a table that is standardised once for each network


@dataclass(frozen=True)
class Table:
    """All rows that the networks of a program read, on their device; they share it.

    Parameters
    ----------
    numbers : (n, d) or (n, channels, height, width) tensor
        Images may be of integers.
    codes : (n, c) tensor of int64, optional
        Categories; 0 is one that is not known.
    """

    numbers: Tensor
    codes: Tensor | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Tensor, dtype: torch.dtype) -> InputRows:
        """Gather rows (K, B), those of all networks at once."""
        numbers = self.numbers.index_select(0, rows.flatten()).to(dtype)
        numbers = numbers.view(*rows.shape, *numbers.shape[1:])
        return InputRows(numbers, None if self.codes is None else self.codes[rows])

    def keep(self, nets: list[int]) -> Table:
        """Networks are gone; the rows are those of all."""
        return self

    def part(self, at: slice, n_nets: int, dtype: torch.dtype) -> InputRows:
        """The same rows for each of K networks, without copies."""
        numbers = self.numbers[at].to(dtype)
        codes = None if self.codes is None else self.codes[at].expand(n_nets, -1, -1)
        return InputRows(numbers.expand(n_nets, *numbers.shape), codes)


@dataclass(frozen=True)
class ReadyTable:
    """All rows as each network reads them, standardised once.

    Parameters
    ----------
    numbers : (K, n, d) tensor
        Standardised, and bent if that is asked for.
    codes : (n, c) tensor of int64, optional
        As in `Table`.
    """

    numbers: Tensor
    codes: Tensor | None = None

    def take(self, rows: Tensor, dtype: torch.dtype) -> InputRows:
        """Gather rows (K, B), those of all networks at once."""
        numbers = self.numbers.flatten(0, 1).index_select(0, (rows + self._firsts).flatten())
        codes = None if self.codes is None else self.codes[rows]
        return InputRows(numbers.view(*rows.shape, self.numbers.shape[2]), codes, ready=True)

    @cached_property
    def _firsts(self) -> Tensor:
        """Where the rows of each network begin."""
        n_nets, n, _ = self.numbers.shape
        return torch.arange(0, n_nets * n, n, device=self.numbers.device)[:, None]

    def keep(self, nets: list[int]) -> ReadyTable:
        """Forget the networks that are gone."""
        return ReadyTable(self.numbers[nets], self.codes)


@dataclass(frozen=True)
class InputRows:
    """Some rows of each network: numbers (K, B, ...), perhaps standardised, and perhaps codes (K, B, c)."""

    numbers: Tensor
    codes: Tensor | None = None
    ready: bool = False


class Inputs(nn.Module):
    """The first layer: (K, B, d) numbers and (K, B, c) codes give (K, features, B); images (B, K·C, H, W).

    Parameters
    ----------
    n_nets, n_numbers : int
        The shape; for images `n_numbers` is the number of channels.
    n_levels : sequence of int
        How many levels each category has.
    categories : {"auto", "one_hot", "embedding"}
        "auto" embeds those of more than eight levels.
    embedding : None or "periodic"
        Whether each number x also comes as a learned function of cos(2 pi (w x + b)).
    clip : bool
        Whether numbers are bent smoothly into (-3, 3): x / sqrt(1 + (x / 3)^2).
    scaling : bool
        Whether each input has a learned factor.

    References
    ----------
    Gorishniy, Y., Rubachev, I. and Babenko, A. (2022). On embeddings for numerical features in tabular deep
    learning. arXiv 2203.05556.
    Holzmueller, D., Grinsztajn, L. and Steinwart, I. (2024). Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data. arXiv 2407.04491.
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
        """Draw the embeddings of one network; one-hot columns are what they are."""
        if self.periodic:
            self.periodic.initialise(net, generator)
        for level in self.levels:
            if level.requires_grad:
                drawn = torch.empty(level[net, 1:].shape, dtype=torch.float64)
                level.data[net, 1:] = drawn.normal_(generator=generator)

    def forward(self, rows: InputRows) -> Tensor:
        if rows.numbers.dim() == 5:
            return self._images(rows.numbers)
        x = rows.numbers if rows.ready else self._standardised(rows.numbers)
        h = x.transpose(1, 2)
        if self.periodic:
            h = self.periodic(h)
        if rows.codes is not None:
            h = torch.cat([h, *self._categories(rows.codes)], dim=1)
        return h if self.scale is None else h * self.scale[:, :, None]

    def ready(self, table: Table, dtype: torch.dtype) -> Table | ReadyTable:
        """Standardise the rows of a small table once, and not in each step."""
        if table.numbers.dim() > 2 or self.centre.numel() * len(table) > READY:
            return table
        return ReadyTable(self._standardised(table.numbers.to(dtype)[None]), table.codes)

    def _standardised(self, x: Tensor) -> Tensor:
        x = (x - self.centre[:, None]) * self.factor[:, None]
        return x * (1 + (x / 3).square()).rsqrt() if self.clip else x

    def _images(self, x: Tensor) -> Tensor:
        x = (x - self.centre[:, None, :, None, None]) * self.factor[:, None, :, None, None]
        return x.transpose(0, 1).flatten(1, 2)

    def _categories(self, codes: Tensor) -> list[Tensor]:
        nets = torch.arange(len(codes), device=codes.device)[:, None]
        # Not level[nets, codes]: its gradient is added up by several threads in no fixed order.
        return [
            F.embedding(codes[:, :, at] + nets * level.shape[1], level.flatten(0, 1)).transpose(1, 2)
            for at, level in enumerate(self.levels)
        ]


class Periodic(nn.Module):
    """Numbers (K, d, B) as (K, d·4, B): each x, and three learned sums of sixteen cosines of it."""

    N_WAVES, WIDTH = 16, 4

    def __init__(self, n_nets: int, n_numbers: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.empty(n_nets, n_numbers, self.N_WAVES))
        self.phase = nn.Parameter(torch.empty(n_nets, n_numbers, self.N_WAVES))
        self.weight = nn.Parameter(torch.empty(n_nets, n_numbers, self.WIDTH - 1, self.N_WAVES))
        self.bias = nn.Parameter(torch.zeros(n_nets, n_numbers, self.WIDTH - 1))

    def initialise(self, net: int, generator: torch.Generator) -> None:
        """Draw the waves of one network."""
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
    """Return how wide a category is embedded: 1.6 n^0.56, at most 50.

    Examples
    --------
    >>> [embedding_width(n) for n in (3, 10, 1000)]
    [3, 6, 50]
    """
    width: int = round(1.6 * n_levels**0.56)
    return min(50, width)


def _level(n_nets: int, n: int, categories: str) -> nn.Parameter:
    """Return what stands for each of n levels, after the zeros that stand for none of them."""
    one_hot = categories == "one_hot" or (categories == "auto" and n <= 8)
    if not one_hot:
        return nn.Parameter(torch.zeros(n_nets, n + 1, embedding_width(n)))
    fixed = torch.cat([torch.zeros(1, n), torch.eye(n)])
    return nn.Parameter(fixed.expand(n_nets, -1, -1).clone(), requires_grad=False)


def standardisation(x: Floats, weights: Floats | None, kind: str | None) -> tuple[Floats, Floats]:
    """Return the centre and the factor of each column; a column that is constant gets the factor 0.

    Parameters
    ----------
    x : (n, d) array
        The training rows; for images (n, channels, pixels).
    weights : (n,) array, optional
        Of the rows; quantiles take no notice of them.
    kind : {"standard", "robust", None}
        Mean and standard deviation; or median and the range between quartiles (for columns of which half the
        values are equal half the whole range); or none.

    Returns
    -------
    centre, factor : (d,) arrays
        Of (x - centre) * factor.
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
