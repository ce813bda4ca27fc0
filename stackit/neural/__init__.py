"""Batch-normalised neural networks, and what there is to know about batch normalisation, as functions."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stackit.check import require

if TYPE_CHECKING:
    from stackit.neural.batchnorm import batch_moments, batch_norm, fold_batch_norm, normalize
    from stackit.neural.convnet import BatchNormConvNetClassifier
    from stackit.neural.gradients import batch_norm_backward, scale_invariance
    from stackit.neural.mlp import BatchNormMLPClassifier, BatchNormMLPRegressor
    from stackit.neural.presets import modern_mlp_classifier, modern_mlp_regressor
    from stackit.neural.schedule import SCHEDULES, cycle_ends, learning_rates
    from stackit.neural.statistics import (
        cumulative_decay,
        moving_average,
        pooled_moments,
        population_moments,
        warm_decay,
    )
    from stackit.neural.weights import load_weights, save_weights
    from stackit.neural.whitening import Whitening, whiten

__all__ = [
    "SCHEDULES",
    "BatchNormConvNetClassifier",
    "BatchNormMLPClassifier",
    "BatchNormMLPRegressor",
    "Whitening",
    "batch_moments",
    "batch_norm",
    "batch_norm_backward",
    "cumulative_decay",
    "cycle_ends",
    "fold_batch_norm",
    "learning_rates",
    "load_weights",
    "modern_mlp_classifier",
    "modern_mlp_regressor",
    "moving_average",
    "normalize",
    "pooled_moments",
    "population_moments",
    "save_weights",
    "scale_invariance",
    "warm_decay",
    "whiten",
]

_FILE_OF = {
    "SCHEDULES": "schedule",
    "BatchNormConvNetClassifier": "convnet",
    "BatchNormMLPClassifier": "mlp",
    "BatchNormMLPRegressor": "mlp",
    "Whitening": "whitening",
    "batch_moments": "batchnorm",
    "batch_norm": "batchnorm",
    "batch_norm_backward": "gradients",
    "cumulative_decay": "statistics",
    "cycle_ends": "schedule",
    "fold_batch_norm": "batchnorm",
    "learning_rates": "schedule",
    "load_weights": "weights",
    "modern_mlp_classifier": "presets",
    "modern_mlp_regressor": "presets",
    "moving_average": "statistics",
    "normalize": "batchnorm",
    "pooled_moments": "statistics",
    "population_moments": "statistics",
    "save_weights": "weights",
    "scale_invariance": "gradients",
    "warm_decay": "statistics",
    "whiten": "whitening",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: torch is loaded by what needs it, and not before."""
    if name not in _FILE_OF:
        raise AttributeError(
            f"module 'stackit.neural' has no attribute {name!r}; it has {', '.join(__all__)}"
        )
    try:
        return getattr(import_module(f"stackit.neural.{_FILE_OF[name]}"), name)
    except ModuleNotFoundError as error:
        require(error.name or "torch", "torch")  # says how to install it
        raise


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
