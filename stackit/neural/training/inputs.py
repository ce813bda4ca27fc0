"""The inputs of networks: numbers, standardised by the training rows of each network, and categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stackit.neural.training.embeddings import Periodic, level_table
from stackit.neural.training.quantiles import Quantiles

__all__ = ["InputRows", "InputTable", "Inputs"]

# Numbers of a table that is standardised once per network, and not in each step.
MAX_STANDARDISED = 2**22
FAR = 1e15  # all numbers from here on are clipped to 3, and have a square in float32


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

    With an embedding, each number x is also embedded by learned functions of cosines (see `Periodic`); with
    `clip`, numbers become x / sqrt(1 + (x / 3)^2); with `scaling`, each input has a learned factor (both
    arXiv 2407.04491); with `missing`, numbers that are NaN become the centre; with `quantiles`, numbers
    become those. For categories see `level_table`.
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
        missing: bool = False,
    ) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(n_nets, n_numbers))
        self.register_buffer("factor", torch.ones(n_nets, n_numbers))
        self.n_levels, self.clip, self.missing = tuple(n_levels), clip, missing
        self.quantiles: Quantiles | None = None
        random_bias = embedding == "pbld"
        self.periodic = Periodic(n_nets, n_numbers, random_bias) if embedding and n_numbers else None
        width = n_numbers * (Periodic.WIDTH if self.periodic else 1)
        self.levels = nn.ParameterList(level_table(n_nets, n, categories) for n in self.n_levels)
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
        x = self.quantiles(x) if self.quantiles else x - self.centre[:, None]
        x = x * self.factor[:, None]
        x = x.nan_to_num(nan=0.0) if self.missing else x
        return _smoothly_clipped(x) if self.clip else x

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


def _smoothly_clipped(x: Tensor) -> Tensor:
    """Return x / sqrt(1 + (x / 3)^2)."""
    x = x.clamp(-FAR, FAR)
    return x * (1 + (x / 3).square()).rsqrt()
