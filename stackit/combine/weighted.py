"""One weight per estimator: the blend of averages, least squares and searches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.arrays import Floats
from stackit.combine.columns import estimator_names
from stackit.validation import format_list

__all__ = ["Weighted", "check_weights", "normalize_weights"]


class Weighted(ABC):
    """A mixin for combiners that blend by `weights_`; subclasses say how to find them.

    It comes before a combiner in a class's bases, as scikit-learn's mixins do.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights.
    named_weights_ : dict of str to float
        The same by the names of the estimators.
    """

    n_features_in_: int

    @property
    def unused_columns(self) -> npt.NDArray[np.bool_]:
        """The columns of estimators with weight 0, as an (n_features_in_,) array of bool."""
        return np.repeat(self.weights_ == 0, self._column_counts(len(self.weights_)))

    @property
    def named_weights_(self) -> dict[str, float]:
        """The weight of each estimator by its name.

        Names are those of the columns of the data frame passed to fit, up to ``__``; without a
        data frame they are x0, x1, ...
        """
        return dict(zip(self._names(len(self.weights_)), self.weights_.tolist(), strict=True))

    def _names(self, n_estimators: int) -> list[str]:
        return estimator_names(getattr(self, "feature_names_in_", None), self._column_counts(n_estimators))

    def _column_counts(self, n_estimators: int) -> list[int]:
        """Return how many columns each estimator has; a classifier has stored it."""
        width = self.n_features_in_ // n_estimators
        return getattr(self, "_widths", [width] * n_estimators)

    @abstractmethod
    def _weigh(self, blocks: Floats, target: Floats, weights: Floats) -> Floats:
        """Return one weight per estimator from (n, n_estimators, width) blocks and the (n, width) target."""

    def _learn(self, blocks: Floats, target: Floats, weights: Floats) -> None:
        self.weights_ = self._weigh(blocks, target, weights)

    def _blend(self, blocks: Floats) -> Floats:
        return np.asarray(np.einsum("nmc,m->nc", blocks, self.weights_))


def normalize_weights(weights: Any, names: list[str]) -> Floats:
    """Return given weights of the named estimators with sum 1.

    Weights are by position, or by name, where estimators that are not named get 0; None is all equal.
    """
    given = weights
    if isinstance(weights, Mapping):
        _check_names(weights, names)
        given = [weights.get(name, 0.0) for name in names]
    values = np.ones(len(names)) if given is None else _as_numbers(given)
    if values.shape != (len(names),) or not (values >= 0).all() or not 0 < values.sum() < np.inf:
        raise ValueError(
            f"weights must be None or {len(names)} numbers of at least 0, not all 0: one per estimator. "
            f"They are {weights!r}."
        )
    return np.asarray(values / values.sum())


def check_weights(combiner: Any, names: list[str], complete: bool = True) -> None:
    """Raise before anything is fitted where given weights cannot be those of the named estimators.

    The combiners inside calibrations are checked; combiners that learn their weights pass. Where the table
    will have further columns (not `complete`), only the names are checked.
    """
    while getattr(combiner, "combiner", None) is not None:
        combiner = combiner.combiner
    weights = getattr(combiner, "weights", None) if isinstance(combiner, Weighted) else None
    if weights is not None and complete:
        normalize_weights(weights, names)
    elif isinstance(weights, Mapping):
        _check_names(weights, names)


def _check_names(weights: Mapping[str, float], names: list[str]) -> None:
    unknown = [name for name in weights if name not in names]
    if unknown:
        raise ValueError(
            f"weights name {format_list(unknown)}, but the estimators are {format_list(names)}. Use their "
            "names, and pass meta-features as a data frame with these names."
        )


def _as_numbers(given: Any) -> Floats:
    """Return weights as an array; an empty one if they are not numbers."""
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([])
