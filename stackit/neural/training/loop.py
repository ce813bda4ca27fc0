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
from stackit.neural.training.batches import BatchRows, batches
from stackit.neural.training.config import TrainingConfig
from stackit.neural.training.losses import Dataset, Loss, NetSpec, weighted_mean
from stackit.neural.training.optimizers import clip_norms, make_optimizer

__all__ = ["TrainedNet", "train"]

# Rows of a validation batch, and numbers of the largest layer of all networks in it.
VALIDATION_ROWS, VALIDATION_NUMBERS = 2048, 2**22


@dataclass
class TrainedNet:
    """The states of a network, one per snapshot, and its record of each epoch."""

    states: list[State] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    best_loss: float = np.inf
    best_epoch: int = -1
    best: State | None = None


def train(
    network: Network,
    dataset: Dataset,
    specs: Sequence[NetSpec],
    config: TrainingConfig,
    advance: Callable[[], Any] = lambda: None,
) -> list[TrainedNet]:
    """Train K networks in one loop; each gets the batches that it would get if it were trained alone.

    Parameters
    ----------
    network : Network
        K initialised networks. They are changed in place, and those that stop early are dropped from it.
    dataset : Dataset
        The n rows that all networks share.
    specs : sequence of K NetSpec
        The rows, the seed and the scaling of the target of each network. All must have the same number of
        batches per epoch.
    config : TrainingConfig
        How to train.
    advance : callable
        Called without arguments after each epoch.

    Returns
    -------
    list of K TrainedNet
        The states and the history of each network.

    Raises
    ------
    ValueError
        When a training loss is not finite.

    Examples
    --------
    >>> from stackit.neural.layers import NetworkPlan
    >>> from stackit.neural.training import InputTable
    >>> x = torch.linspace(-1, 1, 40)[:, None]
    >>> network = Network(NetworkPlan((("dense", 1),), shape=(1,)), n_nets=2).initialise([0, 1])
    >>> specs = [NetSpec(np.arange(30), seed=0), NetSpec(np.arange(10, 40), seed=1)]
    >>> trained = train(network, Dataset(InputTable(x), x), specs, TrainingConfig(n_epochs=3, batch_size=10))
    >>> [len(one.history) for one in trained]
    [3, 3]
    """
    trainer = _Trainer(network, dataset, specs, config)
    for epoch in range(config.n_epochs):
        trainer.epoch(epoch)
        advance()
        if not trainer.active:
            break
    return trainer.finish()


class _Trainer:
    """The state of a training; networks that have stopped are dropped from all tensors."""

    def __init__(
        self, network: Network, dataset: Dataset, specs: Sequence[NetSpec], config: TrainingConfig
    ) -> None:
        self.network, self.dataset, self.specs, self.config = network, dataset, specs, config
        self.active = list(range(len(specs)))
        self.trained = [TrainedNet() for _ in specs]
        self.orders = [np.random.default_rng(spec.seed) for spec in specs]
        self.n_steps = config.n_batches(len(specs[0].rows))
        self.rates, self.snapshots = config.rates(self.n_steps), config.snapshots(self.n_steps)
        self.shares = config.regularization_shares(self.n_steps)
        learned = network.learned
        self.learned = [one.parameter for one in learned]
        self.optimizer = make_optimizer(config, self.learned, [one.rate for one in learned])
        self.decayed = {
            factor: [one.parameter for one in learned if one.decay == factor]
            for factor in sorted({one.decay for one in learned} - {0.0})
        }
        for norm in network.norms:  # statistics that nothing reads before they are recomputed take time
            norm.follows = not config.population or len(specs[0].validation) > 0
        self.dropouts = network.dropouts  # finding them takes as long as a layer of a small network
        self.averages: list[dict[str, Tensor]] = []
        self.n_averaged = 0
        self.device, self.dtype = dataset.targets.device, network.inputs.centre.dtype
        self.forward = _compile(network) if config.compile else network
        is_half = config.precision == torch.bfloat16
        self.autocast = partial(torch.autocast, self.device.type, torch.bfloat16) if is_half else nullcontext
        self.loss = Loss(dataset, specs, config.label_smoothing)
        self.table = network.inputs.standardise(dataset.table, self.dtype)

    def epoch(self, epoch: int) -> None:
        """Train on every row once, then record the losses."""
        loss = self._train_epoch(epoch)
        _check_finite(loss, epoch)
        record = {"epoch": epoch + 1, "learning_rate": self.rates[(epoch + 1) * self.n_steps - 1]}
        self._record(record, {"loss": loss})
        if self.config.average_from is not None:
            self._average(epoch)
        if len(self.specs[0].validation):
            losses, scores = self._validate()
            self._record({}, {"validation_loss": losses, "validation_score": scores}, same_epoch=True)
            if self.config.patience is not None:
                self._stop_early(epoch, losses)

    def finish(self) -> list[TrainedNet]:
        """Return the states of all networks, with the statistics that they predict with."""
        for trained in self.trained:
            if trained.best is not None:
                trained.states = [trained.best]
        for trained, average in zip(self.trained, self.averages, strict=False):
            trained.states = [average]
        if self.network.norms and (self.config.population or self.averages):
            for at in range(len(self.trained[0].states)):
                self._recompute(at)
        return self.trained

    def _train_epoch(self, epoch: int) -> Tensor:
        if not self.network.training:
            self.network.train()
        rows = [self.specs[net].rows for net in self.active]
        orders = [
            self.orders[net].permutation(own)[self.config.rows_of_epoch(len(own))]
            for net, own in zip(self.active, rows, strict=True)
        ]
        total = torch.zeros(len(self.active), device=self.device, dtype=self.dtype)
        for step, batch in enumerate(batches(orders, self.n_steps, self.device), start=epoch * self.n_steps):
            total += self._step(batch, self.rates[step], self.shares[step])
            if step + 1 in self.snapshots:
                self._keep_states()
        return total / self.n_steps

    def _step(self, batch: BatchRows, rate: float, share: float) -> Tensor:
        """Take one step with every network, with this share of the regularization; return their losses."""
        for dropout in self.dropouts:
            dropout.share = share
        losses, weights = self._losses_of(batch)
        mean = losses.mean(1) if weights is None else weighted_mean(losses, weights)
        gradients = torch.autograd.grad(mean, self.learned, torch.ones_like(mean))
        if alpha := self.config.alpha * share * rate / self.config.learning_rate_init:
            for factor, parameters in self.decayed.items():
                torch._foreach_mul_([p.data for p in parameters], 1 - factor * alpha)
        if self.config.max_norm is not None:
            clip_norms(gradients, self.config.max_norm)
        self.optimizer.step(gradients, rate)
        return mean.detach()

    def _losses_of(self, batch: BatchRows) -> tuple[Tensor, Tensor | None]:
        """Return the loss of each row (K, B), and its weight."""
        weights = self.dataset.row_weights(batch)
        with self.autocast():
            outputs = self.forward(self.table.take(batch.rows, self.dtype), weights)
        if self.config.compile:
            for norm in self.network.norms:
                norm.update_running_stats()
        return self.loss(outputs.to(self.dtype), batch, weights)

    @torch.no_grad()
    def _validate(self) -> tuple[Tensor, Tensor]:
        """Return each network's loss and accuracy (or minus loss) on its validation rows."""
        self.network.eval()
        rows = [self.specs[net].validation for net in self.active]
        size = VALIDATION_NUMBERS // (len(rows) * self.network.widest)
        count = -(-max(map(len, rows)) // max(1, min(VALIDATION_ROWS, size)))
        sums = torch.zeros(3, len(self.active), device=self.device, dtype=self.dtype)
        for batch in batches(rows, min(count, min(map(len, rows))), self.device):
            sums += self._validate_batch(batch)
        return sums[0] / sums[2], sums[1] / sums[2]

    def _validate_batch(self, batch: BatchRows) -> Tensor:
        outputs = self.loss.average(self.network(self.table.take(batch.rows, self.dtype)))
        losses, weights = self.loss(outputs, batch, self.dataset.row_weights(batch), smooth=False)
        scores = self.loss.score(outputs, batch, losses)
        weights = torch.ones_like(losses) if weights is None else weights
        return torch.stack([(part * weights).sum(1) for part in (losses, scores, torch.ones_like(losses))])

    def _stop_early(self, epoch: int, losses: Tensor) -> None:
        """Keep the best states, and drop networks that have not improved for `patience` epochs."""
        for at, (net, loss) in enumerate(zip(self.active, losses.tolist(), strict=True)):
            trained = self.trained[net]
            if trained.best is None or loss < trained.best_loss - self.config.tol:
                trained.best_loss, trained.best_epoch = loss, epoch
                trained.best = self.network.state_of(at)
        patience = self.config.patience or 0
        going = [at for at, net in enumerate(self.active) if epoch - self.trained[net].best_epoch < patience]
        if len(going) < len(self.active):
            self.active = [self.active[at] for at in going]
            self.network.keep(going)
            self.optimizer.keep(going)
            self.loss.keep(going)
            self.table = self.table.keep(going)

    def _keep_states(self) -> None:
        for at, net in enumerate(self.active):
            self.trained[net].states.append(self.network.state_of(at))

    def _average(self, epoch: int) -> None:
        """Add the weights after this epoch to the average."""
        if epoch + 1 <= (self.config.average_from or 0) * self.config.n_epochs:
            return
        states = [self.network.state_of(at) for at in range(len(self.active))]
        self.n_averaged += 1
        if self.n_averaged == 1:
            self.averages = states
        for average, state in zip(self.averages, states, strict=True):
            for name, value in average.items():
                value.lerp_(state[name], 1 / self.n_averaged)

    def _recompute(self, at: int) -> None:
        network = self.network.of_states([trained.states[at] for trained in self.trained])
        recompute_statistics(network, self.dataset, self.specs, self.config.batch_size)
        for net, trained in enumerate(self.trained):
            trained.states[at] = network.state_of(net)

    def _record(self, record: dict[str, float], by_net: dict[str, Tensor], same_epoch: bool = False) -> None:
        values = {name: tensor.tolist() for name, tensor in by_net.items()}
        for at, net in enumerate(self.active):
            history = self.trained[net].history
            if not same_epoch:
                history.append(dict(record))
            history[-1] |= {name: numbers[at] for name, numbers in values.items()}


def _compile(network: Network) -> Any:
    """Compile networks with torch; numbers that change in each step stay outside."""
    for norm in network.norms:
        norm.defers_statistics = True
    return torch.compile(network)


def _check_finite(losses: Tensor, epoch: int) -> None:
    if not torch.isfinite(losses).all():
        numbers = [round(loss, 3) for loss in losses.tolist()]
        raise ValueError(
            f"The training loss is not finite in epoch {epoch + 1}: {numbers}. Pass a lower "
            "learning_rate_init or alpha, scaling='robust', or sample weights around 1."
        )
