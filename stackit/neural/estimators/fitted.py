"""What a fitted net can do: give outputs, go into a file and come back, and take other rows' statistics."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted
from torch import Tensor

from stackit.neural.batchnorm.bn_statistics import recompute_statistics
from stackit.neural.estimators.columns import InputColumns
from stackit.neural.estimators.files import load_estimator, save_estimator
from stackit.neural.layers.network import Network
from stackit.neural.training.folds import table_of
from stackit.neural.training.losses import Dataset, NetSpec
from stackit.validation import invalid_value

__all__ = ["FittedNetwork", "device_of"]

PREDICTED_AT_ONCE = 4096, 2**24  # rows, and numbers in the largest layer of all networks


def device_of(device: str) -> torch.device:
    """Return the device that is meant: "auto" is CUDA, then Apple's, then the CPU.

    Examples
    --------
    >>> device_of("cpu")
    device(type='cpu')
    """
    if device != "auto":
        try:
            torch.zeros(1, device=device).item()  # 'cuda' is known to torch also where there is none
            return torch.device(device)
        except (RuntimeError, AssertionError, TypeError) as error:
            expected = "'auto', or one that torch can use here, such as 'cpu', 'cuda', 'cuda:1', 'mps'"
            raise invalid_value("device", expected, f"{device=}", "Pass device='auto'") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class FittedNetwork(BaseEstimator, ABC):  # type: ignore[misc]
    """What there is of an estimator once it is fitted."""

    columns_: InputColumns
    network_: Network
    device: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file of safetensors: weights, statistics, labels, parameters.

        Parameters
        ----------
        path : path
            The file; its folder is there already. It is there whole, or not at all.

        Raises
        ------
        ValueError
            When a label or a level of a category is neither text, number nor truth value.
        """
        check_is_fitted(self)
        save_estimator(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a fitted estimator that `save` wrote; it predicts the same to the bit.

        Nothing in the file is executed. A file without running statistics is refused.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        estimator
            Of the class that is asked.

        Raises
        ------
        ValueError
            When the file is of another class, of another format, or not complete.
        """
        loaded: Self = load_estimator(cls, path)
        return loaded

    def recompute_statistics(self, X: Any, sample_weight: Any = None) -> Any:
        """Compute the statistics of batch norm anew over other rows, whose labels are not needed.

        Rows from another source (a later year, another scanner) have other means and variances in every
        layer than those that the training rows left behind. With the statistics of their own the same
        weights often predict them better; gamma, beta, weights and the inputs' scaling stay.

        Parameters
        ----------
        X : array-like or data frame with n rows
            At least two, as large a part of the rows that are to be predicted as there is.
        sample_weight : (n,) array-like, optional
            How often each row counts.

        Returns
        -------
        self
            The statistics are changed in place; `copy.deepcopy` it first to keep them.

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
        >>> elsewhere = 2 * X + 100
        >>> bool(net.score(elsewhere, y) < 0.5)
        True
        >>> bool(net.recompute_statistics(elsewhere).score(elsewhere, y) > 0.9)
        True
        """
        check_is_fitted(self)
        X, _ = self._read(X, None, reset=False)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        rows = np.arange(len(X)) if weights is None else np.flatnonzero(weights)
        if len(rows) < 2:
            got = f"n_samples = {len(rows)}"
            raise invalid_value(
                "X", "of two rows or more for batch norm", got, "Pass more rows, of weights above 0"
            )
        device, dtype = device_of(self.device), self.network_.inputs.centre.dtype
        examples = Dataset(
            table_of(self.columns_, X, device, dtype),
            torch.zeros(len(X), dtype=torch.int64, device=device),
            None if weights is None else torch.as_tensor(weights, dtype=dtype, device=device),
        )
        # On copies: if it fails, the statistics are what they were.
        states = [self.network_.state_of(net) for net in range(self.network_.n_nets)]
        network = self.network_.of_states(states).to(device)
        recompute_statistics(network, examples, [NetSpec(rows, 0)] * network.n_nets, 2)
        self.network_ = network.cpu()
        return self

    @torch.no_grad()
    def _outputs(self, X: Any) -> Iterator[Tensor]:
        """Yield the (networks, outputs, rows) outputs, some thousand rows at a time."""
        check_is_fitted(self)
        X, _ = self._read(X, None, reset=False)
        device = device_of(self.device)
        network = self.network_.folded().to(device)
        dtype = self.network_.inputs.centre.dtype
        n_rows, numbers = PREDICTED_AT_ONCE
        n_rows = min(n_rows, max(1, numbers // (self.network_.widest * self.network_.n_nets)))
        for start in range(0, len(X), n_rows):
            at = slice(start, start + n_rows)
            table = table_of(self.columns_, X.iloc[at] if hasattr(X, "iloc") else X[at], device, dtype)
            yield network(table.part(slice(None), self.network_.n_nets, dtype)).cpu()

    @abstractmethod
    def _read(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Check X, and y where it is given."""
