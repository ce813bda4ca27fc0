"""One weight an estimator: the blend that averages and least squares share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.combine.combiner import Blocks, Weights
from stackit.validation import format_list, invalid_value

__all__ = ["Weighted", "check_weights", "normalize_weights"]


class Weighted(ABC):
    """The half of a combiner that blends by `weights_`; subclasses say how to find them.

    It stands before a combiner in a class's bases, as scikit-learn's mixins do.

    Attributes
    ----------
    weights_ : (n_estimators,) array
        The weights.
    named_weights_ : dict of str to float
        The same by the names of the estimators.
    """

    n_features_in_: int

    @property
    def named_weights_(self) -> dict[str, float]:
        """The weight of each estimator by its name.

        Names are those of the columns of the data frame that was learned from, up to ``__``; without a
        data frame they are x0, x1, ...
        """
        return dict(zip(self._names(len(self.weights_)), self.weights_.tolist(), strict=True))

    def _names(self, n_estimators: int) -> list[str]:
        if hasattr(self, "_member_names"):
            names: list[str] = self._member_names()
            return names
        columns = getattr(self, "feature_names_in_", None)
        if columns is None:
            return [f"x{at}" for at in range(n_estimators)]
        return [name.split("__")[0] for name in columns[:: self.n_features_in_ // n_estimators]]

    @abstractmethod
    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        """Return one weight an estimator from (n, n_estimators, width) blocks and the (n, width) target."""

    def _learn(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> None:
        self.weights_ = self._weigh(blocks, target, weights)

    def _blend(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        return np.asarray(np.einsum("nmc,m->nc", blocks, self.weights_))


def normalize_weights(weights: Any, names: list[str]) -> Weights:
    """Return given weights with sum 1, one an estimator.

    Parameters
    ----------
    weights : (n_estimators,) array-like, dict of str to float, or None
        By position, or by the names of estimators, where those not named get 0; None is all equal.
    names : list of str
        The names of the estimators.

    Raises
    ------
    ValueError
        When there is not one number of at least 0 an estimator, with a sum above 0, or a name is unknown.

    Examples
    --------
    >>> normalize_weights({"forest": 3, "ridge": 1}, ["ridge", "bayes", "forest"]).tolist()
    [0.25, 0.0, 0.75]
    """
    given = weights
    if isinstance(weights, Mapping):
        _check_names(weights, names)
        given = [weights.get(name, 0.0) for name in names]
    values = np.ones(len(names)) if given is None else _numbers(given)
    if values.shape != (len(names),) or not (values >= 0).all() or not 0 < values.sum() < np.inf:
        raise invalid_value(
            "weights",
            f"{len(names)} numbers of at least 0, not all 0",
            f"weights={weights!r}",
            "Pass one weight an estimator, or None",
        )
    return np.asarray(values / values.sum())


def check_weights(combiner: Any, names: list[str], complete: bool = True) -> None:
    """Raise where the weights that a combiner was given cannot be those of some estimators.

    It asks what `shares` will ask, when there are no columns yet, so that nothing is fitted in vain.

    Parameters
    ----------
    combiner : combiner
        Not fitted; calibrations are looked into. One that finds its weights itself is passed over.
    names : list of str
        The names of the estimators.
    complete : bool
        Whether there will be no other columns than theirs; otherwise names alone are checked.

    Raises
    ------
    ValueError
        As of `shares`.

    Examples
    --------
    >>> from stackit.combine import MeanClassifier, TemperatureClassifier
    >>> check_weights(TemperatureClassifier(MeanClassifier({"forrest": 2})), ["forest", "bayes"])
    Traceback (most recent call last):
        ...
    ValueError: weights must be of estimators that are there (forest, bayes); got weights of forrest. ...
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
        raise invalid_value(
            "weights",
            f"of estimators that are there ({format_list(names)})",
            f"weights of {format_list(unknown)}",
            "Name these, and pass meta-features as a data frame with their names",
        )


def _numbers(given: Any) -> Weights:
    """Return weights as an array; what are no numbers as none."""
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([])
