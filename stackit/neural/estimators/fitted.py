"""A fitted net: its outputs and its file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from stackit.arrays import FilePath
from stackit.neural.estimators.columns import InputColumns
from stackit.neural.estimators.files import load_estimator, save_estimator
from stackit.neural.layers.network import Network
from stackit.neural.training.folds import input_table
from stackit.validation import invalid_value

__all__ = ["FittedNetwork", "choose_device"]

MAX_ROWS = 4096  # per prediction step
MAX_NUMBERS = 2**24  # per prediction step, in the largest layer of all networks


def choose_device(device: str) -> torch.device:
    """Return a device by name; "auto" is CUDA, then Apple's, then the CPU."""
    if device != "auto":
        try:
            torch.zeros(1, device=device).item()  # torch accepts 'cuda' also where there is none
            return torch.device(device)
        except (RuntimeError, AssertionError, TypeError) as error:
            expected = "'auto', or one that torch can use here, such as 'cpu', 'cuda', 'cuda:1', 'mps'"
            raise invalid_value("device", expected, f"{device=}", "Pass device='auto'") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class FittedNetwork(BaseEstimator, ABC):  # type: ignore[misc]
    """What a fitted net has and does."""

    classes_: npt.NDArray[Any]
    columns_: InputColumns
    history_: list[dict[str, float]]
    n_iter_: int
    network_: Network
    shape_: tuple[int, ...]
    device: str

    def save(self, path: FilePath) -> None:
        """Write the fitted estimator to a file of safetensors: weights, statistics, labels, parameters.

        Parameters
        ----------
        path : path
            The file; its folder must exist. The write is atomic.

        Raises
        ------
        ValueError
            When a label or a level of a category is neither text, number nor boolean.
        """
        check_is_fitted(self)
        save_estimator(self, path)

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """Read a fitted estimator that `save` wrote; its predictions are the same to the bit.

        Nothing in the file is executed. A file without running statistics is refused.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        estimator
            Of this class.

        Raises
        ------
        ValueError
            When the file is of another class, of another format, or not complete.
        """
        loaded: Self = load_estimator(cls, path)
        return loaded

    @torch.no_grad()
    def _outputs(self, X: Any) -> Iterator[Tensor]:
        """Yield the (networks, outputs, rows) outputs, some thousand rows at a time."""
        check_is_fitted(self)
        X, _ = self._read(X, None, reset=False)
        device = choose_device(self.device)
        network = self.network_.folded().to(device)
        dtype = self.network_.inputs.centre.dtype
        step = min(MAX_ROWS, max(1, MAX_NUMBERS // (self.network_.widest * self.network_.n_nets)))
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            table = input_table(self.columns_, X.iloc[rows] if hasattr(X, "iloc") else X[rows], device, dtype)
            outputs = network(table.expand(self.network_.n_nets, dtype)).cpu()
            # Heads count as networks.
            yield outputs if outputs.dim() == 3 else outputs.transpose(1, 2).flatten(0, 1)

    @abstractmethod
    def _read(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Check X, and y unless it is None."""
