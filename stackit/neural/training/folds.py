"""Several estimators fitted by one training: those whose networks have one plan and equally many batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stackit.neural.batchnorm.bn_statistics import population_batches
from stackit.neural.estimators.columns import InputColumns
from stackit.neural.layers.network import Network, NetworkPlan
from stackit.neural.training.batches import Ints, n_batches
from stackit.neural.training.inputs import Table, standardisation
from stackit.neural.training.loop import Trained, Training, train
from stackit.neural.training.losses import Dataset, NetSpec
from stackit.progress import progress_bar

__all__ = ["Fit", "Outcome", "fit_together", "table_of"]


@dataclass(frozen=True)
class Fit:
    """One fit that is to be done: on which rows, and with which seeds.

    Parameters
    ----------
    rows, watched : (n_k,), (n_w,) arrays of int
        To learn from, and to watch the loss on.
    seeds : tuple of int
        One a network of the estimator.
    columns : Columns
        Of its table; the levels of categories are those of its own rows.
    plan : Plan
        What its networks are made of.
    training : Training
        How they are trained.
    classes : tuple of int
        The positions of the classes that are among its rows, one an output; none for numbers.
    class_weight : (len(classes),) array, optional
        How much the loss of each class counts.
    centre, factor : (n_outputs,) arrays, optional
        How numbers to be predicted are standardised.
    """

    rows: Ints
    watched: Ints
    seeds: tuple[int, ...]
    columns: InputColumns
    plan: NetworkPlan
    training: Training
    classes: tuple[int, ...] = ()
    class_weight: npt.NDArray[np.float64] | None = None
    centre: npt.NDArray[np.float64] | None = None
    factor: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a fit: its networks, one a seed and snapshot, and the history of each training."""

    network: Network
    trained: list[Trained]


def fit_together(
    fits: Sequence[Fit],
    X: Any,
    targets: npt.NDArray[Any],
    weights: npt.NDArray[np.float64] | None,
    *,
    scaling: str | None,
    device: torch.device,
    verbose: int = 0,
) -> list[Outcome]:
    """Do several fits on rows of one table, as many at once as can be.

    Parameters
    ----------
    fits : sequence of Fit
        What is to be done.
    X : (n, d) array, (n, channels, height, width) array or data frame
        The table.
    targets : (n,) array of class positions, or (n, n_outputs) array of numbers
        What is to be learned.
    weights : (n,) array, optional
        Of the rows.
    scaling : {"standard", "robust", None}
        See `stackit.neural.training.inputs.standardisation`.
    device : torch.device
        Where.
    verbose : int
        1 shows a progress bar.

    Returns
    -------
    list of Outcome
        One a fit, on the CPU.
    """
    outcomes: dict[int, Outcome] = {}
    cohorts = _cohorts(fits)
    with progress_bar(len(cohorts) * fits[0].training.n_epochs, verbose) as advance:
        for cohort in cohorts:
            training = fits[cohort[0]].training
            dtype = torch.float64 if training.precision == torch.float64 else torch.float32
            examples = _examples(fits[cohort[0]], X, targets, weights, device, dtype)
            own = [_scaled(fits[at], X, weights, scaling) for at in cohort]
            trained = _train(own, examples, training, dtype, lambda: advance("epoch"))
            outcomes |= dict(zip(cohort, trained, strict=True))
    return [outcomes[at] for at in range(len(fits))]


@dataclass(frozen=True)
class _Scaled:
    """A fit, and how its inputs are standardised."""

    fit: Fit
    centre: npt.NDArray[np.float64]
    factor: npt.NDArray[np.float64]


def _cohorts(fits: Sequence[Fit]) -> list[list[int]]:
    """Put fits together that go in step: equal plans, levels, trainings and numbers of batches."""
    cohorts: dict[Any, list[int]] = {}
    widest = {plan: Network(plan, 1).widest for plan in {fit.plan for fit in fits}}
    for at, fit in enumerate(fits):
        n, batch_size = len(fit.rows), fit.training.batch_size
        steps = n_batches(n, batch_size), population_batches(n, batch_size, widest[fit.plan])
        key = fit.plan, fit.columns, fit.classes, fit.training, steps, len(fit.watched) > 0
        cohorts.setdefault(key, []).append(at)
    return list(cohorts.values())


def _examples(
    fit: Fit,
    X: Any,
    targets: npt.NDArray[Any],
    weights: npt.NDArray[np.float64] | None,
    device: torch.device,
    dtype: torch.dtype,
) -> Dataset:
    if fit.classes:  # a row of any other class is none of the fit's
        targets = np.searchsorted(fit.classes, targets)
    far = _widest_float(device) if targets.dtype.kind == "f" else None
    return Dataset(
        table_of(fit.columns, X, device, dtype),
        torch.as_tensor(np.require(targets, requirements="W"), dtype=far, device=device),
        None if weights is None else torch.as_tensor(weights, dtype=dtype, device=device),
    )


def table_of(columns: InputColumns, X: Any, device: torch.device, dtype: torch.dtype) -> Table:
    """Put a table on a device; images of small integers stay what they are until they are used."""
    numbers, codes = columns.read(X)
    as_it_is = numbers.ndim == 4 and numbers.dtype == np.uint8
    numbers = np.require(numbers, requirements=["C", "W"])
    return Table(
        torch.as_tensor(numbers, dtype=None if as_it_is else dtype, device=device),
        None if codes is None else torch.as_tensor(codes, device=device),
    )


def _scaled(fit: Fit, X: Any, weights: npt.NDArray[np.float64] | None, scaling: str | None) -> _Scaled:
    numbers, _ = fit.columns.read(X.iloc[fit.rows] if hasattr(X, "iloc") else X[fit.rows])
    flat = numbers.reshape(*numbers.shape[:2], -1) if numbers.ndim == 4 else numbers
    own = None if weights is None else weights[fit.rows]
    return _Scaled(fit, *standardisation(flat.astype(np.float64), own, scaling))


def _train(
    own: list[_Scaled], examples: Dataset, training: Training, dtype: torch.dtype, advance: Any
) -> list[Outcome]:
    """Train a cohort, each fit with all its seeds."""
    members = [(scaled, seed) for scaled in own for seed in scaled.fit.seeds]
    device = examples.targets.device
    network = Network(own[0].fit.plan, len(members)).initialise(seed for _, seed in members)
    network = network.to(device=device, dtype=dtype)
    for net, (scaled, _) in enumerate(members):
        network.inputs.centre[net] = torch.as_tensor(scaled.centre)
        network.inputs.factor[net] = torch.as_tensor(scaled.factor)
    jobs = [_job(scaled.fit, seed, device, dtype) for scaled, seed in members]
    trained = iter(train(network, examples, jobs, training, advance))
    return [_outcome(network, [next(trained) for _ in scaled.fit.seeds]) for scaled in own]


def _widest_float(device: torch.device) -> torch.dtype:
    """Numbers to be predicted may be far from 0, and are standardised before they are rounded."""
    return torch.float32 if device.type == "mps" else torch.float64


def _job(fit: Fit, seed: int, device: torch.device, dtype: torch.dtype) -> NetSpec:
    def tensor(values: npt.NDArray[np.float64] | None, dtype: torch.dtype) -> Tensor | None:
        return None if values is None else torch.as_tensor(values, dtype=dtype, device=device)

    return NetSpec(
        rows=fit.rows,
        seed=seed,
        centre=tensor(fit.centre, _widest_float(device)),
        factor=tensor(fit.factor, _widest_float(device)),
        class_weight=tensor(fit.class_weight, dtype),
        watched=fit.watched,
    )


def _outcome(network: Network, trained: list[Trained]) -> Outcome:
    """Take the networks of one fit out, and forget the states that they were made of."""
    states = [state for one in trained for state in one.states]
    return Outcome(
        network.of_states(states).to("cpu").eval(), [replace(one, states=[], best=None) for one in trained]
    )
