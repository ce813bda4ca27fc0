"""The parameters that all nets have, their defaults and their valid values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from stackit.validation import invalid_value

__all__ = [
    "PRECISIONS",
    "BatchNormParameters",
    "NetParameters",
    "check_choice",
    "check_count",
    "check_number",
    "check_parameters",
    "check_sizes",
]

PRECISIONS = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
CHOICES: dict[str, tuple[Any, ...]] = {
    "learning_rate": ("constant", "linear", "cosine", "one_cycle", "cyclic", "coslog4"),
    "output": ("linear", "batch_norm"),
    "parametrization": ("standard", "ntk"),
    "precision": ("auto", *PRECISIONS),
    "solver": ("adam", "sgd", "adadelta"),
    "statistics": ("population", "ema_warmup", "ema", "cumulative"),
} | dict.fromkeys(
    ("batch_norm", "compile", "early_stopping", "learned_scaling", "smooth_clip"), (False, True)
)
COUNTS = {"max_iter", "n_estimators", "n_snapshots", "n_iter_no_change"}
# The smallest allowed number, and a number that is too large.
RANGES: dict[str, tuple[float, float]] = {
    "alpha": (0.0, 1.0),
    "beta_1": (0.0, 1.0),
    "beta_2": (0.0, 1.0),
    "decay": (0.0, 1.0),
    "eps": (1e-12, np.inf),
    "label_smoothing": (0.0, 1.0),
    "learning_rate_init": (1e-300, np.inf),
    "momentum": (0.0, 1.0),
    "tol": (0.0, np.inf),
    "validation_fraction": (1e-12, 1.0),
}


@dataclass(eq=False, repr=False, kw_only=True)
class NetParameters:
    """The parameters of all nets; scikit-learn reads their names from the signature that this generates."""

    _scalings: ClassVar[tuple[str | None, ...]] = ("standard", "robust", None)  # valid values of `scaling`

    alpha: float = 0.03
    batch_size: int | str = "auto"
    learning_rate_init: float = 1e-2
    max_iter: int = 20
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4
    scaling: str | None = "standard"
    n_estimators: int = 1
    beta_1: float = 0.9
    beta_2: float = 0.999
    precision: str = "auto"
    device: str = "auto"
    random_state: Any = None
    verbose: int = 0


@dataclass(eq=False, repr=False, kw_only=True)
class BatchNormParameters(NetParameters):
    """The further parameters of nets with batch norm."""

    solver: str = "adam"
    learning_rate: str = "cosine"
    decay_after: int | None = None
    statistics: str = "population"
    decay: float = 0.99
    eps: float = 1e-5
    parametrization: str = "standard"
    output: str = "linear"
    n_snapshots: int = 1
    weight_averaging: float | None = None
    momentum: float = 0.9
    compile: bool = False


def check_parameters(net: Any) -> None:
    """Raise ValueError when a parameter of a net is not valid; checks are for those that it has."""
    own = net.get_params(deep=False)
    choices = CHOICES | {"scaling": net._scalings}
    for name in choices.keys() & own.keys():
        check_choice(name, own[name], choices[name])
    for name in COUNTS & own.keys():
        check_count(name, own[name], 1)
    if net.batch_size != "auto":
        check_count("batch_size", net.batch_size, 2)
    for name in RANGES.keys() & own.keys():
        check_number(name, own[name], *RANGES[name])
    if "n_snapshots" in own:
        _check_choice_of_weights(net)


def _check_choice_of_weights(net: Any) -> None:
    """Raise ValueError when parameters choose the weights that predict in different ways."""
    if net.weight_averaging is not None:
        check_number("weight_averaging", net.weight_averaging, 0.0, 1.0)
    if net.n_snapshots > 1 and net.learning_rate != "cyclic":
        got = f"n_snapshots={net.n_snapshots} with learning_rate={net.learning_rate!r}"
        raise invalid_value("n_snapshots", "1 without cycles", got, "Pass learning_rate='cyclic'")
    exclusive = {
        "early_stopping": net.early_stopping,
        "n_snapshots": net.n_snapshots > 1,
        "weight_averaging": net.weight_averaging is not None,
    }
    if sum(exclusive.values()) > 1:
        used = " and ".join(name for name, is_used in exclusive.items() if is_used)
        raise ValueError(f"{used} choose the weights in different ways. Use one of them.")


def check_choice(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise ValueError unless a value is allowed."""
    if value not in allowed:
        names = " or ".join(map(repr, allowed))
        raise invalid_value(name, names, f"{name}={value!r}", f"Pass {name}={allowed[0]!r}")


def check_sizes(hidden_layer_sizes: Any) -> list[int]:
    """Return the widths of hidden layers; raise ValueError unless they are whole numbers above 0."""
    sizes = np.atleast_1d(np.asarray(hidden_layer_sizes, dtype=object)).tolist()
    if not all(isinstance(size, int | np.integer) and size > 0 for size in sizes):
        raise invalid_value(
            "hidden_layer_sizes",
            "whole numbers above 0",
            f"{hidden_layer_sizes=}",
            "Pass hidden_layer_sizes=(128, 64)",
        )
    return [int(size) for size in sizes]


def check_count(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless a value is a whole number, `least` or more."""
    if not isinstance(value, int | np.integer) or value < least:
        expected, advice = f"an integer, {least} or more", f"Pass {name}={max(least, 10)}"
        raise invalid_value(name, expected, f"{name}={value!r}", advice)


def check_number(name: str, value: Any, least: float, limit: float) -> None:
    """Raise ValueError unless a value is a number from `least` to below `limit`."""
    if not isinstance(value, int | float | np.number) or not least <= value < limit:
        end = "" if limit == np.inf else f" and below {limit:g}"
        expected = f"a number {'above 0' if least > 0 else 'of 0 or more'}{end}"
        raise invalid_value(name, expected, f"{name}={value!r}", f"See {name} in the docstring")
