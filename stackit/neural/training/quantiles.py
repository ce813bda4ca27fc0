"""Numbers as quantiles of the training rows, of the normal distribution."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from stackit.arrays import Floats
from stackit.neural.training.scaling import weighted_quantiles

__all__ = ["Quantiles", "fit_quantiles", "n_quantiles"]

ROWS_PER_QUANTILE, LEAST, MOST = 30, 10, 1000
FARTHEST = -float(ndtri(1e-7 - np.spacing(1)))  # as in scikit-learn


class Quantiles(nn.Module):
    """Turns each number into the normal quantile of its rank in the training rows of its network.

    Ranks are interpolated between the quantiles that scikit-learn's QuantileTransformer finds. A value that
    occurs often has the middle of its ranks, also where it is the lowest or the highest: this is what the
    noise is for that arXiv 2410.24210 adds to training rows, without noise.
    """

    values: Tensor

    def __init__(self, n_nets: int, n_numbers: int, n_values: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(n_nets, n_numbers, n_values))

    def forward(self, x: Tensor) -> Tensor:
        """Return (K, B, d) normal quantiles of numbers (K or 1, B, d); a missing number stays missing."""
        n_nets, n_values = len(self.values), self.values.shape[2]
        numbers = x.transpose(1, 2).expand(n_nets, -1, -1).contiguous()
        lower = torch.searchsorted(self.values, numbers, right=True).sub_(1).clamp_(min=0)
        upper = torch.searchsorted(self.values, numbers).clamp_(max=n_values - 1)
        low, high = self.values.gather(2, lower), self.values.gather(2, upper)
        share = torch.where(high > low, (numbers - low) / (high - low), 0.5)
        ranks = (lower + share * (upper - lower)) / (n_values - 1)
        normal = torch.special.ndtri(ranks).clamp_(-FARTHEST, FARTHEST)
        return torch.where(numbers.isnan(), numbers, normal).transpose(1, 2)


def n_quantiles(n_rows: int) -> int:
    """Return one quantile per 30 rows, but at least 10 and at most 1000."""
    return min(max(n_rows // ROWS_PER_QUANTILE, LEAST), MOST)


def fit_quantiles(x: Floats, weights: Floats | None, count: int) -> Floats:
    """Return (d, count) quantiles of training rows (n, d), which may have missing numbers.

    Weight 2 is the same as a row that occurs twice.
    """
    counts = np.ones(len(x)) if weights is None else weights * max(1.0, len(x) / weights.sum())
    shares = np.linspace(0, 1, count)
    return np.stack([weighted_quantiles(column, counts, shares) for column in x.T])
