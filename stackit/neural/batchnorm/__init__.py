"""Batch normalisation as functions."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.neural.batchnorm.bn_statistics import recompute_statistics

__all__ = ["recompute_statistics"]

__getattr__, __dir__, _ = lazy_names(
    "stackit.neural.batchnorm",
    {
        "bn_statistics": ["recompute_statistics"],
    },
    extra="torch",
)
