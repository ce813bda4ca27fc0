"""One weight an estimator: the blend that averages and least squares share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from stackit.combine.combiner import Blocks, Weights

__all__ = ["Weighted"]


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
        width = self.n_features_in_ // len(self.weights_)
        columns = getattr(self, "feature_names_in_", None)
        numbered = [f"x{at}" for at in range(len(self.weights_))]
        names = numbered if columns is None else [name.split("__")[0] for name in columns[::width]]
        return dict(zip(names, self.weights_.tolist(), strict=True))

    @abstractmethod
    def _weigh(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> Weights:
        """Return one weight an estimator from (n, n_estimators, width) blocks and the (n, width) target."""

    def _learn(self, blocks: Blocks, target: npt.NDArray[np.float64], weights: Weights) -> None:
        self.weights_ = self._weigh(blocks, target, weights)

    def _blend(self, blocks: Blocks) -> npt.NDArray[np.float64]:
        return np.asarray(np.einsum("nmc,m->nc", blocks, self.weights_))
