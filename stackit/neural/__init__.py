"""Neural networks for tables and images, and batch normalisation as functions."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.neural.batchnorm.gradients import batch_norm_backward, scale_invariance
    from stackit.neural.batchnorm.running_statistics import (
        cumulative_decay,
        moving_average,
        pooled_moments,
        population_moments,
        warm_decay,
    )
    from stackit.neural.batchnorm.transform import batch_moments, batch_norm, fold_batch_norm, normalize
    from stackit.neural.batchnorm.whitening import Whitening, whiten
    from stackit.neural.estimators.convnet import BatchNormConvNetClassifier
    from stackit.neural.estimators.mlp import BatchNormMLPClassifier, BatchNormMLPRegressor
    from stackit.neural.estimators.presets import modern_mlp_classifier, modern_mlp_regressor
    from stackit.neural.estimators.realmlp import RealMLPClassifier, RealMLPRegressor
    from stackit.neural.estimators.tabm import TabMClassifier, TabMRegressor
    from stackit.neural.training.learning_rates import SCHEDULES, cycle_ends, learning_rates
    from stackit.neural.weights import load_weights, save_weights

__all__ = [
    "SCHEDULES",
    "BatchNormConvNetClassifier",
    "BatchNormMLPClassifier",
    "BatchNormMLPRegressor",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "TabMClassifier",
    "TabMRegressor",
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

__getattr__, __dir__, _ = lazy_names(
    "stackit.neural",
    {
        "batchnorm.gradients": ["batch_norm_backward", "scale_invariance"],
        "batchnorm.running_statistics": [
            "cumulative_decay",
            "moving_average",
            "pooled_moments",
            "population_moments",
            "warm_decay",
        ],
        "batchnorm.transform": ["batch_moments", "batch_norm", "fold_batch_norm", "normalize"],
        "batchnorm.whitening": ["Whitening", "whiten"],
        "estimators.convnet": ["BatchNormConvNetClassifier"],
        "estimators.mlp": ["BatchNormMLPClassifier", "BatchNormMLPRegressor"],
        "estimators.presets": ["modern_mlp_classifier", "modern_mlp_regressor"],
        "estimators.realmlp": ["RealMLPClassifier", "RealMLPRegressor"],
        "estimators.tabm": ["TabMClassifier", "TabMRegressor"],
        "training.learning_rates": ["SCHEDULES", "cycle_ends", "learning_rates"],
        "weights": ["load_weights", "save_weights"],
    },
    extra="torch",
)
