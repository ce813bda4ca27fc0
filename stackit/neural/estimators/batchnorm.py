"""What nets with batch norm have in common: their parameters, and statistics over other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from stackit.neural.batchnorm.bn_statistics import recompute_statistics
from stackit.neural.estimators.fitted import choose_device
from stackit.neural.estimators.network import NetEstimator
from stackit.neural.estimators.parameters import BatchNormParameters
from stackit.neural.training.folds import input_table
from stackit.neural.training.losses import Dataset, NetSpec
from stackit.validation import invalid_value

__all__ = ["BatchNormNetwork"]


@dataclass(eq=False, repr=False)
class BatchNormNetwork(BatchNormParameters, NetEstimator):
    """A net with batch norm, for tables or images, for classes or numbers."""

    def recompute_statistics(self, X: Any, sample_weight: Any = None) -> Any:
        """Recompute the statistics of batch norm over other rows, without their labels.

        Rows from another source (a later year, another scanner) have other means and variances in every layer
        than the training rows. With their own statistics the same weights often predict them better; gamma,
        beta, weights and the scaling of inputs do not change.

        Parameters
        ----------
        X : array-like or data frame with n rows
            At least two; as many as possible of the rows to be predicted.
        sample_weight : (n,) array-like, optional
            The number of times that each row counts.

        Returns
        -------
        self
            The statistics are changed in place; make a `copy.deepcopy` first to keep them.

        Raises
        ------
        ValueError
            When there are fewer than two rows.

        References
        ----------
        Li, Y. et al. (2016). Revisiting batch normalization for practical domain adaptation. arXiv
        1603.04779.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from stackit.neural import BatchNormMLPClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> net = BatchNormMLPClassifier((16,), random_state=0).fit(X, y)
        >>> shifted = 2 * X + 100
        >>> bool(net.score(shifted, y) < 0.5)
        True
        >>> bool(net.recompute_statistics(shifted).score(shifted, y) > 0.9)
        True
        """
        check_is_fitted(self)
        X, _ = self._read(X, None, reset=False)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        rows = np.arange(len(X)) if weights is None else np.flatnonzero(weights)
        if len(rows) < 2:
            advice = "Pass more rows, of weights above 0"
            got = f"n_samples = {len(rows)}"
            raise invalid_value("X", "of two rows or more for batch norm", got, advice)
        device, dtype = choose_device(self.device), self.network_.inputs.centre.dtype
        dataset = Dataset(
            input_table(self.columns_, X, device, dtype),
            torch.zeros(len(X), dtype=torch.int64, device=device),
            None if weights is None else torch.as_tensor(weights, dtype=dtype, device=device),
        )
        # On a copy, so that an error leaves the statistics unchanged.
        states = [self.network_.state_of(net) for net in range(self.network_.n_nets)]
        network = self.network_.of_states(states).to(device)
        recompute_statistics(network, dataset, [NetSpec(rows, 0)] * network.n_nets, 2)
        self.network_ = network.cpu()
        return self
