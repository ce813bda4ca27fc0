"""Joint training of several estimators: those with one architecture and the same number of batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stackit.arrays import Floats, Rows
from stackit.neural.batchnorm.bn_statistics import population_batches
from stackit.neural.estimators.columns import InputColumns
from stackit.neural.layers.network import Network, NetworkPlan
from stackit.neural.training.config import TrainingConfig
from stackit.neural.training.embeddings import is_one_hot, scaled_one_hot
from stackit.neural.training.initial_values import fit_initial_values
from stackit.neural.training.inputs import InputTable
from stackit.neural.training.loop import TrainedNet, train
from stackit.neural.training.losses import Dataset, NetSpec
from stackit.neural.training.quantiles import fit_quantiles
from stackit.neural.training.scaling import standardisation
from stackit.progress import progress_bar

__all__ = ["FitOutcome", "FitSpec", "fit_jointly", "input_table"]


@dataclass(frozen=True)
class FitSpec:
    """One fit to be done."""

    rows: Rows  # for training
    validation: Rows
    seeds: tuple[int, ...]  # one per network
    columns: InputColumns  # with the levels in its own rows
    plan: NetworkPlan
    config: TrainingConfig
    classes: tuple[int, ...] = ()  # positions of the classes in its rows, one per output; none for numbers
    class_weight: Floats | None = None  # one per class
    centre: Floats | None = None  # (n_outputs,): targets that are numbers are (y - centre) * factor
    factor: Floats | None = None
    lowest: Floats | None = None  # (n_outputs,): the range of the targets that are numbers
    highest: Floats | None = None


@dataclass(frozen=True)
class FitOutcome:
    """The result of a fit: its networks, one per seed and snapshot, and the record of each training."""

    network: Network
    trained: list[TrainedNet]


@dataclass(frozen=True)
class _ScaledFit:
    """A fit, and how its inputs are standardised."""

    spec: FitSpec
    centre: Floats
    factor: Floats
    levels: dict[int, Floats]  # vectors of the categories that are scaled too
    quantiles: Floats | None = None


def fit_jointly(
    specs: Sequence[FitSpec],
    X: Any,
    targets: npt.NDArray[Any],
    weights: Floats | None,
    *,
    scaling: str | None,
    device: torch.device,
    verbose: int = 0,
) -> list[FitOutcome]:
    """Do several fits on rows of one table, as many in one training loop as possible; results are on the CPU.

    X is an (n, d) array, an (n, channels, height, width) array or a data frame; targets are (n,) positions of
    classes, or (n, n_outputs) numbers.
    """
    outcomes: dict[int, FitOutcome] = {}
    groups = _group(specs)
    with progress_bar(len(groups) * specs[0].config.n_epochs, verbose) as advance:
        for group in groups:
            config = specs[group[0]].config
            dtype = torch.float64 if config.precision == torch.float64 else torch.float32
            dataset = _dataset(specs[group[0]], X, targets, weights, device, dtype)
            scaled = [_scale(specs[at], X, weights, scaling) for at in group]
            trained = _train(scaled, dataset, config, dtype, lambda: advance("epoch"))
            outcomes |= dict(zip(group, trained, strict=True))
    return [outcomes[at] for at in range(len(specs))]


def input_table(columns: InputColumns, X: Any, device: torch.device, dtype: torch.dtype) -> InputTable:
    """Return a table on a device; images of bytes are converted only when they are used."""
    numbers, codes = columns.read(X)
    are_bytes = numbers.ndim == 4 and numbers.dtype == np.uint8
    numbers = np.require(numbers, requirements=["C", "W"])
    return InputTable(
        torch.as_tensor(numbers, dtype=None if are_bytes else dtype, device=device),
        None if codes is None else torch.as_tensor(codes, device=device),
    )


def _group(specs: Sequence[FitSpec]) -> list[list[int]]:
    """Group fits that can be trained in step: equal plans, levels, configurations and numbers of batches."""
    groups: dict[Any, list[int]] = {}
    widest = {plan: Network(plan, 1).widest for plan in {spec.plan for spec in specs}}
    for at, spec in enumerate(specs):
        n, batch_size = len(spec.rows), spec.config.batch_size
        steps = spec.config.n_batches(n), population_batches(n, batch_size, widest[spec.plan])
        key = spec.plan, spec.columns, spec.classes, spec.config, steps, len(spec.validation) > 0
        groups.setdefault(key, []).append(at)
    return list(groups.values())


def _dataset(
    spec: FitSpec,
    X: Any,
    targets: npt.NDArray[Any],
    weights: Floats | None,
    device: torch.device,
    dtype: torch.dtype,
) -> Dataset:
    if spec.classes:  # no row of another class is among the fit's
        targets = np.searchsorted(spec.classes, targets)
    target_dtype = _widest_float(device) if targets.dtype.kind == "f" else None
    return Dataset(
        input_table(spec.columns, X, device, dtype),
        torch.as_tensor(np.require(targets, requirements="W"), dtype=target_dtype, device=device),
        None if weights is None else torch.as_tensor(weights, dtype=dtype, device=device),
    )


def _scale(spec: FitSpec, X: Any, weights: Floats | None, scaling: str | None) -> _ScaledFit:
    numbers, codes = spec.columns.read(X.iloc[spec.rows] if hasattr(X, "iloc") else X[spec.rows])
    flat = numbers.reshape(*numbers.shape[:2], -1) if numbers.ndim == 4 else numbers
    own = None if weights is None else weights[spec.rows]
    flat = flat.astype(np.float64)
    levels = {}
    if codes is not None and spec.plan.categories == "scaled":
        sizes = enumerate(spec.plan.n_levels)
        levels = {at: scaled_one_hot(n, codes[:, at], own) for at, n in sizes if is_one_hot(n, "scaled")}
    quantiles = fit_quantiles(flat, own, spec.plan.n_quantiles) if spec.plan.n_quantiles else None
    return _ScaledFit(spec, *standardisation(flat, own, scaling), levels, quantiles)


def _train(
    fits: list[_ScaledFit], dataset: Dataset, config: TrainingConfig, dtype: torch.dtype, advance: Any
) -> list[FitOutcome]:
    """Train a group of fits, each with all its seeds."""
    members = [(fit, seed) for fit in fits for seed in fit.spec.seeds]
    device = dataset.targets.device
    network = Network(fits[0].spec.plan, len(members)).initialise(seed for _, seed in members)
    network = network.to(device=device, dtype=dtype)
    for net, (fit, _) in enumerate(members):
        network.inputs.centre[net] = torch.as_tensor(fit.centre)
        network.inputs.factor[net] = torch.as_tensor(fit.factor)
        for at, level in fit.levels.items():
            network.inputs.levels[at].data[net] = torch.as_tensor(level)
        if network.inputs.quantiles is not None:
            network.inputs.quantiles.values[net] = torch.as_tensor(fit.quantiles)
    specs = [_net_spec(fit.spec, seed, device, dtype) for fit, seed in members]
    if fits[0].spec.plan.fitted:
        fit_initial_values(network, dataset, specs)
    trained = iter(train(network, dataset, specs, config, advance))
    return [_outcome(network, [next(trained) for _ in fit.spec.seeds]) for fit in fits]


def _widest_float(device: torch.device) -> torch.dtype:
    """Return the dtype of targets, which can be far from 0 and are standardised before they are rounded."""
    return torch.float32 if device.type == "mps" else torch.float64


def _net_spec(spec: FitSpec, seed: int, device: torch.device, dtype: torch.dtype) -> NetSpec:
    def tensor(values: Floats | None, dtype: torch.dtype) -> Tensor | None:
        return None if values is None else torch.as_tensor(values, dtype=dtype, device=device)

    return NetSpec(
        rows=spec.rows,
        seed=seed,
        centre=tensor(spec.centre, _widest_float(device)),
        factor=tensor(spec.factor, _widest_float(device)),
        class_weight=tensor(spec.class_weight, dtype),
        validation=spec.validation,
    )


def _outcome(network: Network, trained: list[TrainedNet]) -> FitOutcome:
    """Return the networks of one fit; the states that they are built from are dropped."""
    states = [state for one in trained for state in one.states]
    records = [replace(one, states=[], best=None) for one in trained]
    return FitOutcome(network.of_states(states).to("cpu").eval(), records)
