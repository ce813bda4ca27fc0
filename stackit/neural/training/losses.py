"""Training data of several networks, and their losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stackit.arrays import Rows
from stackit.neural.training.batches import BatchRows
from stackit.neural.training.inputs import InputTable

__all__ = ["Dataset", "Loss", "NetSpec", "weighted_mean"]


@dataclass(frozen=True)
class Dataset:
    """The n rows that all networks of a training share."""

    table: InputTable
    targets: Tensor  # (n,) positions of classes in int64, or (n, n_outputs) numbers
    weights: Tensor | None = None  # (n,): 2 is the same as a row that occurs twice

    def targets_of(self, batch: BatchRows) -> Tensor:
        """Return the target of each row."""
        targets = self.targets.index_select(0, batch.rows.flatten())
        return targets.view(*batch.rows.shape, *targets.shape[1:])

    def row_weights(self, batch: BatchRows) -> Tensor | None:
        """Return the weight of each row in the statistics of batch norm."""
        if self.weights is None:
            return None if batch.real is None else batch.real.to(torch.get_default_dtype())
        weights = self.weights[batch.rows]
        return weights if batch.real is None else weights * batch.real


@dataclass(frozen=True)
class NetSpec:
    """What one network is trained on."""

    rows: Rows  # for training
    seed: int  # of its weights and of the order of its rows
    centre: Tensor | None = None  # (n_outputs,): a target that is a number is (y - centre) * factor
    factor: Tensor | None = None
    class_weight: Tensor | None = None  # one per class
    validation: Rows = field(default_factory=lambda: np.array([], dtype=np.intp))


class Loss:
    """The loss of each row: cross-entropy of classes, or squared error of standardised numbers."""

    def __init__(self, dataset: Dataset, specs: Sequence[NetSpec], label_smoothing: float = 0.0) -> None:
        self.dataset, self.smoothing = dataset, label_smoothing
        self.is_classification = not dataset.targets.is_floating_point()
        self.centre, self.factor, self.class_weight = (
            None if getattr(specs[0], name) is None else torch.stack([getattr(spec, name) for spec in specs])
            for name in ("centre", "factor", "class_weight")
        )

    def keep(self, nets: list[int]) -> None:
        """Drop the networks that have stopped."""
        self.centre, self.factor, self.class_weight = (
            None if one is None else one[nets] for one in (self.centre, self.factor, self.class_weight)
        )

    def __call__(
        self, outputs: Tensor, batch: BatchRows, weights: Tensor | None, smooth: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Return the loss of each row (K, B), and its weight: None where all weights are equal.

        Outputs with heads (K, n_outputs, heads, B) have the mean of the losses of heads.
        """
        if outputs.dim() == 4:
            n_heads = outputs.shape[2]
            rows = BatchRows(batch.rows.repeat(1, n_heads))
            losses, of_class = self(outputs.flatten(2), rows, None, smooth)
            mean = losses.view(len(losses), n_heads, -1).mean(1)
            return mean, _product(weights, of_class, mean.shape[1])
        targets = self.dataset.targets_of(batch)
        if not self.is_classification:
            if self.centre is not None and self.factor is not None:
                targets = (targets - self.centre[:, None]) * self.factor[:, None]
            return (outputs.transpose(1, 2) - targets.to(outputs.dtype)).square().mean(2), weights
        smoothing = self.smoothing if smooth else 0.0
        losses = F.cross_entropy(outputs, targets, reduction="none", label_smoothing=smoothing)
        if self.class_weight is None:
            return losses, weights
        of_class = self.class_weight.gather(1, targets)
        return losses, of_class if weights is None else of_class * weights

    def average(self, outputs: Tensor) -> Tensor:
        """Return the average over heads: log probabilities of classes, or numbers."""
        if outputs.dim() < 4:
            return outputs
        if not self.is_classification:
            return outputs.mean(2)
        return outputs.log_softmax(1).logsumexp(2) - math.log(outputs.shape[2])

    def score(self, outputs: Tensor, batch: BatchRows, losses: Tensor) -> Tensor:
        """Return 1 for each row that is classified correctly, 0 otherwise; for numbers minus the loss."""
        if not self.is_classification:
            return -losses
        return (outputs.argmax(1) == self.dataset.targets_of(batch)).to(losses.dtype)


def _product(weights: Tensor | None, of_class: Tensor | None, n_rows: int) -> Tensor | None:
    """Return the weights of rows times those of their classes, which are repeated for all heads."""
    own = None if of_class is None else of_class[:, :n_rows]
    return own if weights is None else weights if own is None else weights * own


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean of each row of a table (K, B)."""
    return (losses * weights).sum(1) / weights.sum(1).clamp_min(torch.finfo(losses.dtype).tiny)
