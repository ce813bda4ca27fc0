"""Batch-normalised neural networks, and what there is to know about batch normalisation, as functions."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackit.neural.batchnorm import (
        batch_moments,
        batch_norm,
        fold_batch_norm,
        normalize,
    )
    from stackit.neural.schedule import SCHEDULES, cycle_ends, learning_rates

__all__ = [
    "SCHEDULES",
    "batch_moments",
    "batch_norm",
    "cycle_ends",
    "fold_batch_norm",
    "learning_rates",
    "normalize",
]

_FILE_OF = {
    "SCHEDULES": "schedule",
    "batch_moments": "batchnorm",
    "batch_norm": "batchnorm",
    "cycle_ends": "schedule",
    "fold_batch_norm": "batchnorm",
    "learning_rates": "schedule",
    "normalize": "batchnorm",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: torch is loaded by what needs it, and not before."""
    if name not in _FILE_OF:
        raise AttributeError(
            f"module 'stackit.neural' has no attribute {name!r}; it has {', '.join(__all__)}"
        )
    return getattr(import_module(f"stackit.neural.{_FILE_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
