"""What the engine must know of an estimator before each of its fits, looked up once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackit.arrays.isolation import Reader, inspect_reader
from stackit.estimators.estimator_type import is_classifier
from stackit.estimators.label_encoding.fitting import encoded_parts
from stackit.estimators.seeds import Seeds, seeds_of

__all__ = ["EstimatorTraits", "inspect_estimator", "set_seeds"]

THREAD_PARAMETERS = ("n_jobs", "nthread", "num_threads")


@dataclass(frozen=True, eq=False)
class EstimatorTraits:
    """What holds for an estimator in all of its fits."""

    seeds: Seeds
    n_jobs: dict[str, int | None]  # parameters, also of parts, that ask for more threads than a task may use
    reader: Reader
    is_classifier: bool
    encoded_parts: tuple[str, ...] = ()  # as `label_encoding.fitting.encoded_parts`; none of regressors

    @property
    def is_trusted_library(self) -> bool:
        """Whether it comes from libraries that are known not to write into their tables."""
        return self.reader.is_trusted_library


def inspect_estimator(estimator: Any, threads: int = 1) -> EstimatorTraits:
    """Look up the traits of any object with fit; a task may use so many threads.

    >>> from sklearn.ensemble import RandomForestClassifier
    >>> traits = inspect_estimator(RandomForestClassifier(n_jobs=-1))
    >>> traits.seeds.unseeded, traits.n_jobs, traits.is_classifier
    (('random_state',), {'n_jobs': -1}, True)
    """
    params = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    classifies = is_classifier(estimator)
    return EstimatorTraits(
        seeds=seeds_of(estimator, params),
        n_jobs={
            name: value
            for spelling in THREAD_PARAMETERS
            for name, value in params.items()
            if name.rpartition("__")[2] == spelling and _wants_more(value, estimator, params, name, threads)
        },
        reader=inspect_reader(estimator),
        is_classifier=classifies,
        encoded_parts=encoded_parts(estimator, params) if classifies else (),
    )


def set_seeds(estimator: Any, seed: int | None) -> None:
    """Set each parameter that seeds an estimator and is None, in place, each to a number of its own."""
    params = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    seeds_of(estimator, params).set(estimator, seed)


def _wants_more(value: Any, estimator: Any, params: Mapping[str, Any], name: str, threads: int) -> bool:
    """Whether a number of threads is more than a task may use; for lightgbm None means one per core."""
    if value is None:
        part = name.rpartition("__")[0]
        return type(params[part] if part else estimator).__module__.startswith("lightgbm.")
    return isinstance(value, int) and not 0 <= value <= threads
