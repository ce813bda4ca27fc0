"""TabM: many multilayer perceptrons that share their weights, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.utils import Tags

from stackit.arrays import Floats, Rows
from stackit.neural.estimators.network import NetEstimator
from stackit.neural.estimators.outputs import NetClassifier, NetRegressor
from stackit.neural.estimators.parameters import (
    PRECISIONS,
    check_choice,
    check_count,
    check_number,
    check_sizes,
)
from stackit.neural.layers.network import Layer, NetworkPlan
from stackit.neural.training.config import TrainingConfig
from stackit.neural.training.folds import FitSpec
from stackit.neural.training.quantiles import n_quantiles
from stackit.validation import invalid_value

__all__ = ["TabMClassifier", "TabMRegressor"]


@dataclass(eq=False, repr=False)
class _TabM(NetEstimator):
    """The parameters and the architecture of TabM."""

    _finite = "allow-nan"
    _scalings = ("quantile", "standard", "robust", None)

    hidden_layer_sizes: Sequence[int] = (512, 512, 512)
    _: KW_ONLY
    n_heads: int = 32
    dropout: float = 0.1
    categories: str = "one_hot"
    max_norm: float | None = 1.0
    alpha: float = 0.0
    batch_size: int | str = "auto"
    learning_rate_init: float = 2e-3
    max_iter: int = 200
    early_stopping: bool = True
    validation_fraction: float = 0.2
    n_iter_no_change: int = 16
    tol: float = 0.0
    scaling: str | None = "quantile"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags

    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
        check_choice("categories", self.categories, ("one_hot", "auto", "embedding"))
        check_choice("precision", self.precision, ("auto", "float32", "float64"))
        check_count("n_heads", self.n_heads, 1)
        check_number("dropout", self.dropout, 0.0, 1.0)
        if self.max_norm is not None:
            check_number("max_norm", self.max_norm, 1e-300, np.inf)
        sizes = check_sizes(self.hidden_layer_sizes)
        if not sizes:
            got, advice = f"hidden_layer_sizes={self.hidden_layer_sizes!r}", "Pass hidden_layer_sizes=(512,)"
            raise invalid_value("hidden_layer_sizes", "one layer or more", got, advice)
        hidden: list[Layer] = [("shared", size, int(self.n_heads), float(self.dropout)) for size in sizes]
        return NetworkPlan(
            layers=(*hidden, ("heads", n_outputs)),
            shape=shape,
            n_levels=n_levels,
            categories=self.categories,
            missing=True,
        )

    def _fit_spec(
        self, X: Any, targets: Any, weights: Floats | None, rows: Rows, validation: Rows
    ) -> FitSpec:
        spec = super()._fit_spec(X, targets, weights, rows, validation)
        count = n_quantiles(len(spec.rows)) if self.scaling == "quantile" and spec.plan.shape[0] else 0
        return replace(spec, plan=replace(spec.plan, n_quantiles=count))

    def _training_config(self, n_rows: int) -> TrainingConfig:
        config = super()._training_config(n_rows)
        size = _batch_size(n_rows) if self.batch_size == "auto" else config.batch_size
        return replace(
            config, batch_size=size, learning_rate="constant", alpha=self.alpha * self.learning_rate_init
        )

    def _precision(self, n_rows: int) -> torch.dtype:
        return PRECISIONS["float32" if self.precision == "auto" else self.precision]


@dataclass(eq=False, repr=False)
class TabMClassifier(_TabM, NetClassifier):
    """TabM, for classes: an ensemble of multilayer perceptrons that share most of their weights.

    Each hidden layer is relu(((h * r) W) * s + b), where all `n_heads` perceptrons have the same W, and each
    has its own r, s and b; the last layer is each head's own. Heads are trained side by side, each with a
    loss of its own, and stop together, when their average is best.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The width of each hidden layer.
    n_heads : int
        The number of perceptrons.
    dropout : float
        The part of the units of each hidden layer that is set to 0 in a step.
    categories : {"one_hot", "auto", "embedding"}
        How columns of a frame that are not numbers are encoded; "auto" embeds those of more than eight
        levels.
    max_norm : float, optional
        Gradients of a larger norm are scaled down to it.
    alpha : float
        Decoupled weight decay: each step subtracts this part, times the learning rate, of the shared weights
        and of the last layer.
    batch_size : int or "auto"
        The approximate number of rows per batch: all batches of an epoch have the same size, or differ by one
        row. "auto" is a 64th of the rows, rounded to a power of 2, but at least 32 and at most 1024, near the
        sizes of the paper; with the same number of epochs, more rows per batch take as long and learn less.
    learning_rate_init : float
        The learning rate, which is constant.
    max_iter : int
        The largest number of epochs.
    early_stopping : bool
        Whether training stops when the loss on validation rows has not fallen for `n_iter_no_change` epochs,
        and the best weights are kept. Validation rows are those that are passed, or else a part of the
        training rows.
    validation_fraction : float
        The size of this part, stratified by class.
    n_iter_no_change, tol : int, float
        The number of epochs to wait, and the smallest decrease of the loss that counts.
    scaling : {"quantile", "standard", "robust", None}
        How numbers are standardised by the training rows: "quantile" gives them a normal distribution; mean
        and standard deviation; or median and quartiles. A missing number becomes 0, and a column with missing
        numbers has one more category that says so.
    label_smoothing : float
        The part of each label that is spread over all classes; use 0 for log loss.
    class_weight : dict, "balanced" or None
        The weight of each class in the loss.
    n_estimators : int
        The number of networks of different seeds, trained at once and averaged.
    beta_1, beta_2 : float
        Of Adam.
    precision : {"auto", "float32", "float64"}
        "auto" is float32.
    device : str
        "auto" is CUDA, then Apple's GPU, then the CPU.
    random_state : int, RandomState or None
        The seed of weights, batches, dropout and splits.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : (n_classes,) array
        The labels.
    network_ : stackit.neural.layers.network.Network
        The networks, with all heads.
    columns_ : stackit.neural.estimators.columns.InputColumns
        The columns that are numbers, and the levels of the others.
    history_ : list of dict
        For each network and epoch: loss (the mean over heads), learning rate and, with validation rows, the
        loss and accuracy there of the average of heads.
    n_iter_ : int
        The number of epochs.

    References
    ----------
    Gorishniy, Y., Kotelnikov, A. and Babenko, A. (2025). TabM: advancing tabular deep learning with
    parameter-efficient ensembling. ICLR 2025. arXiv 2410.24210.
    Wen, Y., Tran, D. and Ba, J. (2020). BatchEnsemble: an alternative approach to efficient ensemble and
    lifelong learning. arXiv 2002.06715.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> net = TabMClassifier((32, 32), n_heads=4, max_iter=30, random_state=0).fit(X, y)
    >>> net.predict_proba(X).shape
    (178, 3)
    >>> bool(net.score(X, y) > 0.9)
    True
    """


@dataclass(eq=False, repr=False)
class TabMRegressor(_TabM, NetRegressor):
    """TabM, for numbers: squared error of the standardised target.

    Parameters
    ----------
    hidden_layer_sizes, n_heads, dropout, categories, max_norm, alpha, batch_size, learning_rate_init
        As in `TabMClassifier`.
    max_iter, early_stopping, validation_fraction, n_iter_no_change, tol, scaling, n_estimators
        As in `TabMClassifier`.
    beta_1, beta_2, precision, device, random_state, verbose
        As in `TabMClassifier`.

    Attributes
    ----------
    centre_, scale_ : (n_outputs,) arrays
        Mean and standard deviation of the target in the training rows; 0 where it is constant.
    network_, columns_, history_, n_iter_
        As in `TabMClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = TabMRegressor((32, 32), n_heads=4, max_iter=30, random_state=0).fit(X, y)
    >>> net.predict(X).shape
    (442,)
    """


def _batch_size(n_rows: int) -> int:
    """Return a 64th of the rows, from 32 to 1024."""
    return int(np.clip(2 ** round(np.log2(max(n_rows, 1) / 64)), 32, 1024))
