"""The training loop of several networks at once, each on its own rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stackit.neural.batchnorm.bn_statistics import recompute_statistics
from stackit.neural.layers.network import Network, State
from stackit.neural.training.batches import Batch, batches, n_batches
from stackit.neural.training.learning_rates import cycle_ends, learning_rates
from stackit.neural.training.losses import Dataset, Losses, NetSpec, average_of
from stackit.neural.training.optimizers import optimizer_of
from stackit.validation import invalid_value

__all__ = ["Trained", "Training", "train"]

WATCHED_AT_ONCE = 2048


@dataclass(frozen=True)
class Training:
    """How networks are trained.

    Parameters
    ----------
    n_epochs, batch_size : int
        How long, and in batches of about which size.
    solver : {"adam", "sgd", "adadelta"}
        The optimiser.
    learning_rate, learning_rate_init, decay_after
        See `stackit.neural.training.learning_rates.learning_rates`.
    alpha : float
        Decay of weights: the part that is taken off in each step, times what is left of the learning rate;
        gamma, beta and biases do not decay.
    momentum : float
        Of "sgd" (Nesterov's).
    beta_1, beta_2 : float
        The decays of "adam".
    label_smoothing : float
        The part of each label's probability that is dealt out over all classes.
    patience : int or None
        After how many epochs without a better loss on the watched rows a network is stopped.
    tol : float
        By how much a loss must be lower to be better.
    n_snapshots : int
        How many cycles of the learning rate, at the end of each of which the weights are kept.
    average_from : float or None
        The part of the epochs after which the weights after each epoch are averaged.
    population : bool
        Whether the statistics of batch norm are computed anew after training.
    precision : torch.dtype
        What matrix products are done in: float32, float64 or bfloat16.
    compile : bool
        Whether torch compiles the networks.

    References
    ----------
    Huang, G. et al. (2017). Snapshot ensembles: train 1, get M for free. arXiv 1704.00109.
    Izmailov, P. et al. (2018). Averaging weights leads to wider optima and better generalization.
    arXiv 1803.05407.
    """

    n_epochs: int
    batch_size: int
    solver: str = "adam"
    learning_rate: str = "constant"
    learning_rate_init: float = 1e-3
    decay_after: int | None = None
    alpha: float = 0.0
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    label_smoothing: float = 0.0
    patience: int | None = None
    tol: float = 1e-4
    n_snapshots: int = 1
    average_from: float | None = None
    population: bool = True
    precision: torch.dtype = torch.float32
    compile: bool = False

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

    def snapshots(self, n_steps: int) -> set[int]:
        """Return after how many steps states are kept: none where something else chooses them."""
        if self.patience is not None or self.average_from is not None:
            return set()
        return set(cycle_ends(self.n_epochs * n_steps, self.n_snapshots).tolist())


@dataclass
class Trained:
    """What became of a network: its states, one a snapshot, and what was noted in each epoch."""

    states: list[State] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    best_loss: float = np.inf
    best_epoch: int = -1
    best: State | None = None


def train(
    network: Network,
    examples: Dataset,
    jobs: Sequence[NetSpec],
    training: Training,
    advance: Callable[[], Any] = lambda: None,
) -> list[Trained]:
    """Train K networks at once, each on the rows and in the order that it would have if trained alone.

    Parameters
    ----------
    network : Network
        K networks, initialised; they are used up.
    examples : Examples
        What they share.
    jobs : sequence of K Job
        What is each one's own; all of them have the same number of batches an epoch.
    training : Training
        How to train.
    advance : callable
        Called after each epoch.

    Returns
    -------
    list of K Trained
    """
    trainer = _Trainer(network, examples, jobs, training)
    for epoch in range(training.n_epochs):
        trainer.epoch(epoch)
        advance()
        if not trainer.alive:
            break
    return trainer.finished()


class _Trainer:
    """Networks on their way; those that have stopped are gone from all tensors."""

    def __init__(
        self, network: Network, examples: Dataset, jobs: Sequence[NetSpec], training: Training
    ) -> None:
        self.network, self.examples, self.jobs, self.training = network, examples, jobs, training
        self.alive = list(range(len(jobs)))
        self.trained = [Trained() for _ in jobs]
        self.orders = [np.random.default_rng(job.seed) for job in jobs]
        self.n_steps = n_batches(len(jobs[0].rows), training.batch_size)
        self.rates, self.snapshots = training.rates(self.n_steps), training.snapshots(self.n_steps)
        self.learned = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = optimizer_of(training, self.learned)
        self.decaying = [p for name, p in network.named_parameters() if _decays(name, p)]
        self.averages: list[dict[str, Tensor]] = []
        self.n_averaged = 0
        self.device, self.dtype = examples.targets.device, network.inputs.centre.dtype
        self.forward = _compiled(network) if training.compile else network
        half = training.precision == torch.bfloat16
        self.autocast = partial(torch.autocast, self.device.type, torch.bfloat16) if half else nullcontext
        self.losses = Losses(examples, jobs, training.label_smoothing)
        self.table = network.inputs.ready(examples.table, self.dtype)

    def epoch(self, epoch: int) -> None:
        """See every row once, then look how it went."""
        loss = self._learn(epoch)
        _check_finite(loss, epoch)
        record = {"epoch": epoch + 1, "learning_rate": self.rates[(epoch + 1) * self.n_steps - 1]}
        self._note(record, {"loss": loss})
        if self.training.average_from is not None:
            self._average(epoch)
        if len(self.jobs[0].watched):
            losses, scores = self._watch()
            self._note({}, {"validation_loss": losses, "validation_score": scores}, again=True)
            if self.training.patience is not None:
                self._stop_early(epoch, losses)

    def finished(self) -> list[Trained]:
        """Return all networks' states, with the statistics that they are to predict with."""
        for trained in self.trained:
            if trained.best is not None:
                trained.states = [trained.best]
        for trained, average in zip(self.trained, self.averages, strict=False):
            trained.states = [average]
        if self.training.population or self.averages:
            for at in range(len(self.trained[0].states)):
                self._recompute(at)
        return self.trained

    def _learn(self, epoch: int) -> Tensor:
        self.network.train()
        orders = [self.orders[net].permutation(self.jobs[net].rows) for net in self.alive]
        total = torch.zeros(len(self.alive), device=self.device, dtype=self.dtype)
        for step, batch in enumerate(batches(orders, self.n_steps, self.device), start=epoch * self.n_steps):
            total += self._step(batch, self.rates[step])
            if step + 1 in self.snapshots:
                self._keep_states()
        return total / self.n_steps

    def _step(self, batch: Batch, rate: float) -> Tensor:
        """Make one step of every network; return their losses."""
        losses, weights = self._losses_of(batch)
        mean = losses.mean(1) if weights is None else average_of(losses, weights)
        gradients = torch.autograd.grad(mean.sum(), self.learned)
        if self.training.alpha:
            kept = 1 - self.training.alpha * rate / self.training.learning_rate_init
            torch._foreach_mul_([p.data for p in self.decaying], kept)
        self.optimizer.step(gradients, rate)
        return mean.detach()

    def _losses_of(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Return the loss of each row (K, B), and how much it counts."""
        weights = self.examples.row_weights(batch)
        with self.autocast():
            outputs = self.forward(self.table.take(batch.rows, self.dtype), weights)
        if self.training.compile:
            for norm in self.network.norms:
                norm.update_running_stats()
        return self.losses(outputs.to(self.dtype), batch, weights)

    @torch.no_grad()
    def _watch(self) -> tuple[Tensor, Tensor]:
        """Return each network's loss and accuracy (or minus loss) on the rows it does not learn from."""
        self.network.eval()
        watched = [self.jobs[net].watched for net in self.alive]
        count = -(-max(map(len, watched)) // WATCHED_AT_ONCE)
        sums = torch.zeros(3, len(self.alive), device=self.device, dtype=self.dtype)
        for batch in batches(watched, min(count, min(map(len, watched))), self.device):
            sums += self._watch_batch(batch)
        return sums[0] / sums[2], sums[1] / sums[2]

    def _watch_batch(self, batch: Batch) -> Tensor:
        outputs = self.network(self.table.take(batch.rows, self.dtype))
        losses, weights = self.losses(outputs, batch, self.examples.row_weights(batch), smooth=False)
        right = self.losses.right(outputs, batch, losses)
        weights = torch.ones_like(losses) if weights is None else weights
        return torch.stack([(part * weights).sum(1) for part in (losses, right, torch.ones_like(losses))])

    def _stop_early(self, epoch: int, losses: Tensor) -> None:
        """Keep the best states, and let go of networks whose loss has not become better for long."""
        for at, (net, loss) in enumerate(zip(self.alive, losses.tolist(), strict=True)):
            trained = self.trained[net]
            if trained.best is None or loss < trained.best_loss - self.training.tol:
                trained.best_loss, trained.best_epoch = loss, epoch
                trained.best = self.network.state_of(at)
        patience = self.training.patience or 0
        going = [at for at, net in enumerate(self.alive) if epoch - self.trained[net].best_epoch < patience]
        if len(going) < len(self.alive):
            self.alive = [self.alive[at] for at in going]
            self.network.keep(going)
            self.optimizer.keep(going)
            self.losses.keep(going)
            self.table = self.table.keep(going)

    def _keep_states(self) -> None:
        for at, net in enumerate(self.alive):
            self.trained[net].states.append(self.network.state_of(at))

    def _average(self, epoch: int) -> None:
        """Take the weights after this epoch into the average."""
        if epoch + 1 <= (self.training.average_from or 0) * self.training.n_epochs:
            return
        states = [self.network.state_of(at) for at in range(len(self.alive))]
        self.n_averaged += 1
        if self.n_averaged == 1:
            self.averages = states
        for average, state in zip(self.averages, states, strict=True):
            for name, value in average.items():
                value.lerp_(state[name], 1 / self.n_averaged)

    def _recompute(self, at: int) -> None:
        network = self.network.of_states([trained.states[at] for trained in self.trained])
        recompute_statistics(network, self.examples, self.jobs, self.training.batch_size)
        for net, trained in enumerate(self.trained):
            trained.states[at] = network.state_of(net)

    def _note(self, record: dict[str, float], by_net: dict[str, Tensor], again: bool = False) -> None:
        values = {name: tensor.tolist() for name, tensor in by_net.items()}
        for at, net in enumerate(self.alive):
            history = self.trained[net].history
            if not again:
                history.append(dict(record))
            history[-1] |= {name: numbers[at] for name, numbers in values.items()}


def _compiled(network: Network) -> Any:
    """Let torch compile networks; the numbers that change from step to step stay outside."""
    for norm in network.norms:
        norm.catches_up = True
    return torch.compile(network)


def _check_finite(losses: Tensor, epoch: int) -> None:
    if not torch.isfinite(losses).all():
        raise invalid_value(
            "The loss of the training rows",
            "finite",
            f"losses {[round(loss, 3) for loss in losses.tolist()]} in epoch {epoch + 1}",
            "Pass a lower learning_rate_init or alpha, scaling='robust', or sample weights around 1",
        )


def _decays(name: str, parameter: Tensor) -> bool:
    """Weights decay; gamma, beta, biases, factors and what stands for levels do not."""
    return parameter.requires_grad and name.endswith("weight")
