"""What networks learn from, and what is to be made small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stackit.neural.training.batches import Batch, Ints
from stackit.neural.training.inputs import Table

__all__ = ["Dataset", "Losses", "NetSpec", "average_of"]


@dataclass(frozen=True)
class Dataset:
    """What all networks of a program learn from.

    Parameters
    ----------
    table : Table
        n rows.
    targets : (n,) tensor of int64, or (n, n_outputs) tensor
        Class positions, or numbers: of float64, where the device has it, for these may be far from 0.
    weights : (n,) tensor, optional
        Of the rows: 2 is the same as a row that is there twice.
    """

    table: Table
    targets: Tensor
    weights: Tensor | None = None

    def row_weights(self, batch: Batch) -> Tensor | None:
        """Return how much each row counts in the statistics of batch norm."""
        if self.weights is None:
            return None if batch.real is None else batch.real.to(torch.get_default_dtype())
        weights = self.weights[batch.rows]
        return weights if batch.real is None else weights * batch.real


@dataclass(frozen=True)
class NetSpec:
    """One network's part of the work.

    Parameters
    ----------
    rows : (n_k,) array of int
        Which it learns from.
    seed : int
        Of its weights and of the order of its rows.
    centre, factor : (n_outputs,) tensors, optional
        Of numbers: it learns (y - centre) * factor.
    class_weight : (n_classes,) tensor, optional
        How much the loss of each class counts.
    watched : (n_w,) array of int
        The rows on which its loss is watched; may be none.
    """

    rows: Ints
    seed: int
    centre: Tensor | None = None
    factor: Tensor | None = None
    class_weight: Tensor | None = None
    watched: Ints = field(default_factory=lambda: np.array([], dtype=np.intp))


class Losses:
    """What is to be made small: cross-entropy of classes, or squared error of standardised numbers."""

    def __init__(self, examples: Dataset, jobs: Sequence[NetSpec], label_smoothing: float = 0.0) -> None:
        self.examples, self.smoothing = examples, label_smoothing
        self.classifies = not examples.targets.is_floating_point()
        self.centre, self.factor, self.class_weight = (
            None if getattr(jobs[0], name) is None else torch.stack([getattr(job, name) for job in jobs])
            for name in ("centre", "factor", "class_weight")
        )

    def keep(self, nets: list[int]) -> None:
        """Forget the networks that are gone."""
        self.centre, self.factor, self.class_weight = (
            None if one is None else one[nets] for one in (self.centre, self.factor, self.class_weight)
        )

    def __call__(
        self, outputs: Tensor, batch: Batch, weights: Tensor | None, smooth: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Return the loss of each row (K, B), and how much it counts: None where all count the same."""
        targets = self.examples.targets[batch.rows]
        if not self.classifies:
            wanted = targets
            if self.centre is not None and self.factor is not None:
                wanted = (targets - self.centre[:, None]) * self.factor[:, None]
            return (outputs.transpose(1, 2) - wanted.to(outputs.dtype)).square().mean(2), weights
        smoothing = self.smoothing if smooth else 0.0
        losses = F.cross_entropy(outputs, targets, reduction="none", label_smoothing=smoothing)
        if self.class_weight is None:
            return losses, weights
        of_class = self.class_weight.gather(1, targets)
        return losses, of_class if weights is None else of_class * weights

    def right(self, outputs: Tensor, batch: Batch, losses: Tensor) -> Tensor:
        """Return 1 for each row that is classified rightly; for numbers minus the loss."""
        if not self.classifies:
            return -losses
        return (outputs.argmax(1) == self.examples.targets[batch.rows]).to(losses.dtype)


def average_of(losses: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean of each row of a table (K, B)."""
    return (losses * weights).sum(1) / weights.sum(1).clamp_min(torch.finfo(losses.dtype).tiny)
