"""Layers of several networks at once: every parameter and statistic has the networks as its first axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stackit.neural.batchnorm.running_statistics import warm_decay
from stackit.neural.batchnorm.transform import fold_batch_norm
from stackit.neural.layers.activations import mish
from stackit.neural.layers.products import scaled_product

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Affine",
    "BatchNorm",
    "Conv",
    "Dense",
    "Flatten",
    "MaxPool",
    "fold",
]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "identity": lambda h: h,
    "logistic": torch.sigmoid,
    "mish": mish,
    "relu": torch.relu,
    "selu": F.selu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


class _Weighted(nn.Module):
    """The weights (K, n_out, n_in, ...) and biases (K, n_out) of a layer of K networks.

    With `ntk`, weights are N(0, 1) and divided by sqrt(fan-in) in each use, so that steps of the optimiser
    are small compared to them at any width; otherwise they are Glorot's (2010, eq. 16). A bias before batch
    norm would have no effect.
    """

    def __init__(self, shape: tuple[int, ...], *, bias: bool, ntk: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(shape[:2])) if bias else None
        self.ntk = ntk

    @property
    def kernel(self) -> Tensor:
        """The weights as the layer uses them."""
        return self.weight * self.ntk_factor if self.ntk else self.weight

    @property
    def ntk_factor(self) -> float:
        """One over the root of the fan-in."""
        return 1 / math.sqrt(math.prod(self.weight.shape[2:]))

    def initialise(self, net: int, generator: torch.Generator) -> None:
        """Draw the weights of one network, in float64, so that they are equal up to rounding anywhere."""
        weight = torch.empty(self.weight.shape[1:], dtype=torch.float64)
        if self.ntk:
            weight.normal_(generator=generator)
        else:
            n_out, n_in, *area = weight.shape
            bound = math.sqrt(6 / ((n_in + n_out) * math.prod(area)))
            weight.uniform_(-bound, bound, generator=generator)
        self.weight.data[net] = weight


class Dense(_Weighted):
    """W h + b for K networks: h of shape (K, n_in, B) gives (K, n_out, B), features before rows."""

    def __init__(self, n_nets: int, n_in: int, n_out: int, *, bias: bool, ntk: bool = False) -> None:
        super().__init__((n_nets, n_out, n_in), bias=bias, ntk=ntk)

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        if self.ntk:
            return scaled_product(self.weight, h, self.bias, self.ntk_factor)
        if self.bias is None:
            return torch.bmm(self.weight, h)
        return torch.baddbmm(self.bias.unsqueeze(2), self.weight, h)


class Conv(_Weighted):
    """Convolutions of K networks by groups: (B, K·n_in, H, W) gives (B, K·n_out, H', W').

    The kernel is a square of `size` pixels; padding is "valid" or "same", with zeros.
    """

    def __init__(
        self, n_nets: int, n_in: int, n_out: int, size: int, *, padding: str, bias: bool, ntk: bool = False
    ) -> None:
        super().__init__((n_nets, n_out, n_in, size, size), bias=bias, ntk=ntk)
        self.padding = padding

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        bias = None if self.bias is None else self.bias.flatten()
        return F.conv2d(h, self.kernel.flatten(0, 1), bias, padding=self.padding, groups=self.weight.shape[0])


class BatchNorm(nn.Module):
    """Batch normalisation of K networks, each by its own rows: y = gamma (x - mean) / sqrt(var + eps) + beta.

    In training, mean and (biased) variance are those of the batch, for images over rows and pixels, and the
    running ones move towards the batch's mean and unbiased variance; prediction uses the running ones (arXiv
    1502.03167, algorithms 1 and 2).

    The running statistics keep the part `decay` in each update ("ema"), min(decay, (1 + n) / (10 + n)) after
    n updates ("ema_warmup", and "population", which is recomputed after training), or are the mean over all
    batches ("cumulative").
    """

    gamma: nn.Parameter
    beta: nn.Parameter
    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        n_nets: int,
        n_features: int,
        *,
        statistics: str = "population",
        decay: float = 0.99,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(n_nets, n_features))
        self.beta = nn.Parameter(torch.zeros(n_nets, n_features))
        self.register_buffer("running_mean", torch.zeros(n_nets, n_features))
        self.register_buffer("running_var", torch.ones(n_nets, n_features))
        self.statistics, self.decay, self.eps, self.n_updates = statistics, decay, eps, 0
        # In a compiled graph, the momentum would cause a new compilation in each step, as it changes.
        self.defers_statistics = False
        self.follows = True  # False leaves the running statistics as they are
        self.moments: tuple[Tensor, Tensor] | None = None

    def reset_statistics(self) -> None:
        """Reset the running statistics: from here on they are the mean over all batches."""
        self.running_mean.zero_()
        self.running_var.fill_(1)
        self.statistics, self.n_updates, self.follows = "cumulative", 0, True

    @property
    def momentum(self) -> float:
        """The weight of the next batch in the running statistics: one minus the decay."""
        if self.statistics == "cumulative":
            return 1 / (self.n_updates + 1)
        return 1 - (self.decay if self.statistics == "ema" else warm_decay(self.decay, self.n_updates))

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        if self.training and weights is not None:
            return self._weighted(h, weights)
        if self.training and h.dim() == 3:
            return self._by_channel(h)
        # With the channels of all networks on one axis, one call normalises each by its own statistics.
        channels = h.reshape(1, -1, h.shape[-1]) if h.dim() == 3 else h
        if self.training and self.defers_statistics:
            var, mean = torch.var_mean(channels.detach(), (0, 2, 3))
            self._set_moments(mean.view_as(self.gamma), var.view_as(self.gamma))
            gamma, beta = self.gamma.view(-1), self.beta.view(-1)
            return F.batch_norm(channels, None, None, gamma, beta, True, 0.0, self.eps).view(h.shape)
        normal = F.batch_norm(
            channels,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.gamma.view(-1),
            self.beta.view(-1),
            self.training,
            self.momentum,
            self.eps,
        )
        self.n_updates += self.training
        return normal.view(h.shape)

    def _by_channel(self, h: Tensor) -> Tensor:
        """Normalise (K, C, B) as groups of one channel: torch's batch norm takes up to nine times as long."""
        n, (gamma, beta) = h.shape[-1], (self.gamma.view(-1), self.beta.view(-1))
        channels, n_groups = h.reshape(1, -1, n), gamma.numel()
        normal, mean, root = torch.native_group_norm(
            channels, gamma, beta, 1, n_groups, n, n_groups, self.eps
        )
        if self.follows:
            var = root.detach().pow(-2).sub_(self.eps).clamp_min_(0).mul_(n / max(n - 1, 1))
            self._set_moments(mean.detach().view_as(self.gamma), var.view_as(self.gamma))
        return normal.view(h.shape)

    def update_running_stats(self) -> None:
        """Update the running statistics with the moments of the last batch."""
        if self.moments is not None:
            self.running_mean.lerp_(self.moments[0], self.momentum)
            self.running_var.lerp_(self.moments[1], self.momentum)
            self.n_updates, self.moments = self.n_updates + 1, None

    def _weighted(self, h: Tensor, weights: Tensor) -> Tensor:
        """Normalise rows with weights (K, B): a row of weight 0 has no effect on the statistics."""
        x, w, area = h.to(self.gamma.dtype), weights[:, None].to(self.gamma.dtype), 1
        rows: tuple[int, ...] = (2,)
        if h.dim() == 4:  # (B, K, C, pixels)
            x = x.reshape(len(h), *self.gamma.shape, -1)
            w, rows, area = w.permute(2, 0, 1)[..., None], (0, 3), x.shape[3]
        total = weights.sum(1, keepdim=True) * area
        mean = (w * x).sum(rows) / total
        centred = x - mean[:, :, None]
        var = (w * centred.square()).sum(rows) / total
        # Weights are counts of rows, so that weight 2 is the same as a row that occurs twice; small weights
        # do not make a batch smaller than its number of rows.
        n = torch.maximum(weights.sum(1), (weights > 0).sum(1))[:, None] * area
        if self.follows:
            self._set_moments(mean.detach(), var.detach() * n / (n - 1).clamp_min(1))
        factor = self.gamma * (var + self.eps).rsqrt()
        return (centred * factor[:, :, None] + self.beta[:, :, None]).reshape(h.shape).to(h.dtype)

    def _set_moments(self, mean: Tensor, var: Tensor) -> None:
        """Keep the mean and the unbiased variance of a batch for the running statistics."""
        self.moments = mean, var
        if not self.defers_statistics:
            self.update_running_stats()


class Affine(nn.Module):
    """A factor and a shift per feature: batch norm in prediction."""

    factor: Tensor
    shift: Tensor

    def __init__(self, factor: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("factor", factor)
        self.register_buffer("shift", shift)

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        if h.dim() == 3:
            return h * self.factor[:, :, None] + self.shift[:, :, None]
        return h * self.factor.reshape(1, -1, 1, 1) + self.shift.reshape(1, -1, 1, 1)


class Activation(nn.Module):
    """A nonlinearity, by name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        return ACTIVATIONS[self.name](h)


class MaxPool(nn.Module):
    """The maximum of each square of `size` by `size` pixels."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        return F.max_pool2d(h, self.size)


class Flatten(nn.Module):
    """(B, K·C, H, W) gives (K, n_features, B), with n_features = C·H·W."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.n_features = n_features

    def forward(self, h: Tensor, weights: Tensor | None = None) -> Tensor:
        return h.reshape(len(h), -1, self.n_features).permute(1, 2, 0)


def fold(before: nn.Module | None, norm: BatchNorm) -> nn.Module:
    """Return one layer that does what a `Dense` or `Conv` and the batch norm after it do in prediction.

    After any other layer, batch norm becomes an `Affine`.
    """
    statistics = norm.gamma.detach(), norm.beta.detach(), norm.running_mean, norm.running_var
    if isinstance(before, Dense | Conv):
        weight, bias = fold_batch_norm(before.kernel.detach(), before.bias, *statistics, eps=norm.eps)
        folded = before.__class__.__new__(before.__class__)
        nn.Module.__init__(folded)
        vars(folded).update(ntk=False, padding=getattr(before, "padding", ""))
        folded.weight, folded.bias = nn.Parameter(weight), nn.Parameter(bias)
        return folded
    factor = statistics[0] * (norm.running_var + norm.eps).rsqrt()
    return Affine(factor, statistics[1] - norm.running_mean * factor)
