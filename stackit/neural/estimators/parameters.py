"""What the parameters of nets may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from stackit.validation import invalid_value

__all__ = ["PRECISIONS", "check_choice", "check_parameters"]

PRECISIONS = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
CHOICES: dict[str, tuple[Any, ...]] = {
    "learning_rate": ("constant", "linear", "cosine", "one_cycle", "cyclic"),
    "precision": ("auto", *PRECISIONS),
    "scaling": ("standard", "robust", None),
    "solver": ("adam", "sgd", "adadelta"),
    "statistics": ("population", "ema_warmup", "ema", "cumulative"),
}

# The least a number may be, and what it must be below.
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


def check_parameters(net: Any) -> None:
    """Refuse parameters of an estimator that cannot be meant."""
    for name, allowed in CHOICES.items():
        check_choice(name, getattr(net, name), allowed)
    for name in ("max_iter", "n_estimators", "n_snapshots", "n_iter_no_change"):
        _check_count(name, getattr(net, name), 1)
    if net.batch_size != "auto":
        _check_count("batch_size", net.batch_size, 2)
    for name, (least, below) in RANGES.items():
        _check_number(name, getattr(net, name), least, below)
    if net.weight_averaging is not None:
        _check_number("weight_averaging", net.weight_averaging, 0.0, 1.0)
    if net.n_snapshots > 1 and net.learning_rate != "cyclic":
        got = f"{net.n_snapshots=} with {net.learning_rate=}".replace("net.", "")
        raise invalid_value("n_snapshots", "1 without cycles", got, "Pass learning_rate='cyclic'")
    alone = {"early_stopping": net.early_stopping, "n_snapshots": net.n_snapshots > 1}
    alone["weight_averaging"] = net.weight_averaging is not None
    if sum(alone.values()) > 1:
        both = [name for name, used in alone.items() if used]
        raise invalid_value("Ways to choose weights", "one at a time", " and ".join(both), "Drop all but one")


def check_choice(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Refuse a value that is not among those allowed."""
    if value not in allowed:
        names = " or ".join(map(repr, allowed))
        raise invalid_value(name, names, f"{name}={value!r}", f"Pass {name}={allowed[0]!r}")


def _check_count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int | np.integer) or value < least:
        raise invalid_value(
            name, f"an integer, {least} or more", f"{name}={value!r}", f"Pass {name}={max(least, 10)}"
        )


def _check_number(name: str, value: Any, least: float, below: float) -> None:
    if not isinstance(value, int | float | np.number) or not least <= value < below:
        positive, end = least > 0, "" if below == np.inf else f" and below {below:g}"
        expected = f"a number {'above 0' if positive else 'of 0 or more'}{end}"
        raise invalid_value(name, expected, f"{name}={value!r}", f"Look {name} up in the docstring")
