"""How networks are trained: the schedule, the optimizer, and which weights are kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from stackit.neural.training.batches import n_batches
from stackit.neural.training.learning_rates import cycle_ends, flat_cosine, learning_rates

__all__ = ["TrainingConfig"]


@dataclass(frozen=True)
class TrainingConfig:
    """How networks are trained.

    Most fields have the name of the parameter of `BatchNormMLPClassifier` that they hold.

    Parameters
    ----------
    n_epochs : int
        The number of epochs (`max_iter`).
    batch_size : int
        The approximate number of rows per batch.
    drop_last : bool
        Whether batches have exactly this size, and the last rows of each epoch's order are left out.
    solver : {"adam", "sgd", "adadelta"}
        The optimizer.
    learning_rate, learning_rate_init, decay_after
        The schedule, see `stackit.neural.learning_rates`.
    alpha : float
        The weight decay: each step takes off this part of the weights, times the current learning rate over
        `learning_rate_init` and the factor of the parameter (`NetworkPlan.learning`).
    regularization : {"constant", "flat_cos"}
        How dropout and weight decay change: "flat_cos" leaves them for half of the steps, then they fall to 0
        in half a cosine.
    momentum : float
        Nesterov's momentum of "sgd".
    beta_1, beta_2 : float
        The decay rates of "adam".
    max_norm : float or None
        The largest norm of the gradient of a network, over all its parameters; larger ones are scaled down.
    label_smoothing : float
        The part of each label's probability that is spread evenly over all classes.
    patience : int or None
        A network stops after this many epochs without a lower loss on its validation rows
        (`n_iter_no_change`, with early stopping); None never stops.
    tol : float
        A loss is lower if it falls by more than this.
    n_snapshots : int
        The number of cycles of the learning rate; the weights at the end of each cycle are kept.
    average_from : float or None
        The weights after each epoch are averaged from this part of the epochs on (`weight_averaging`).
    population : bool
        Whether the statistics of batch norm are recomputed over all rows after training (`statistics`).
    precision : torch.dtype
        The dtype of matrix products: float32, float64 or bfloat16.
    compile : bool
        Whether torch compiles the networks.

    References
    ----------
    Huang, G. et al. (2017). Snapshot ensembles: train 1, get M for free. arXiv 1704.00109.
    Izmailov, P. et al. (2018). Averaging weights leads to wider optima and better generalization.
    arXiv 1803.05407.

    Examples
    --------
    >>> TrainingConfig(n_epochs=2, batch_size=64, learning_rate_init=0.01).rates(n_steps=3)
    [0.01, 0.01, 0.01, 0.01, 0.01, 0.01]
    """

    n_epochs: int
    batch_size: int
    solver: str = "adam"
    learning_rate: str = "constant"
    learning_rate_init: float = 1e-3
    decay_after: int | None = None
    alpha: float = 0.0
    regularization: str = "constant"
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    max_norm: float | None = None
    label_smoothing: float = 0.0
    patience: int | None = None
    tol: float = 1e-4
    n_snapshots: int = 1
    average_from: float | None = None
    population: bool = True
    drop_last: bool = False
    precision: torch.dtype = torch.float32
    compile: bool = False

    def n_batches(self, n_rows: int) -> int:
        """Return the number of batches per epoch."""
        return max(1, n_rows // self.batch_size) if self.drop_last else n_batches(n_rows, self.batch_size)

    def rows_of_epoch(self, n_rows: int) -> slice:
        """Return which rows of an epoch's order are trained on."""
        full = self.n_batches(n_rows) * self.batch_size
        return slice(full if self.drop_last else n_rows)

    def rates(self, n_steps: int) -> list[float]:
        """Return the learning rate of each step."""
        rates = learning_rates(
            self.learning_rate,
            self.learning_rate_init,
            self.n_epochs,
            n_steps,
            decay_after=self.decay_after,
            n_cycles=self.n_snapshots,
        )
        return [float(rate) for rate in rates]

    def regularization_shares(self, n_steps: int) -> list[float]:
        """Return the part of dropout and of weight decay that is left in each step."""
        total = self.n_epochs * n_steps
        return [1.0] * total if self.regularization == "constant" else flat_cosine(total).tolist()

    def snapshots(self, n_steps: int) -> set[int]:
        """Return the steps after which states are kept; none with early stopping or weight averaging."""
        if self.patience is not None or self.average_from is not None:
            return set()
        return set(cycle_ends(self.n_epochs * n_steps, self.n_snapshots).tolist())
