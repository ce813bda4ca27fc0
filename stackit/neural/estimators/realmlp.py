"""RealMLP, a multilayer perceptron with strong defaults for tables, as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import Tags
from torch import Tensor

from stackit.arrays import Floats, Rows
from stackit.neural.estimators.network import NetEstimator
from stackit.neural.estimators.outputs import NetClassifier, NetRegressor
from stackit.neural.estimators.parameters import check_choice, check_number, check_sizes
from stackit.neural.layers.layers import ACTIVATIONS
from stackit.neural.layers.network import Layer, NetworkPlan
from stackit.neural.training.config import TrainingConfig
from stackit.neural.training.folds import FitOutcome, FitSpec

__all__ = ["RealMLPClassifier", "RealMLPRegressor"]

# The factors of the learning rate and of the weight decay. In the authors' program, with which the published
# results were measured, a factor of the rate enters the decay twice.
LEARNING = (
    ("inputs.scale", 6.0, 36.0),
    ("inputs.periodic.*", 0.1, 0.01),
    ("inputs.levels.*", 1.0, 1.0),
    ("*.slope", 0.1, 0.01),
    ("*.bias", 0.1, 0.0),
)
RATES = ("coslog4", "cosine", "constant", "linear", "one_cycle")


@dataclass(eq=False, repr=False)
class _RealMLP(NetEstimator):
    """The parameters and the architecture of RealMLP."""

    _finite = "allow-nan"

    hidden_layer_sizes: Sequence[int] = (256, 256, 256)
    activation: str = "selu"
    _: KW_ONLY
    dropout: float = 0.15
    embedding: str | None = "pbld"
    batch_norm: bool = False
    alpha: float = 0.02
    batch_size: int | str = 256
    learning_rate: str = "coslog4"
    learning_rate_init: float = 0.04
    max_iter: int = 256
    n_iter_no_change: int = 256
    tol: float = 0.0
    scaling: str | None = "robust"
    beta_2: float = 0.95
    precision: str = "float32"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags

    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
        check_choice("activation", self.activation, tuple(ACTIVATIONS))
        check_choice("embedding", self.embedding, ("pbld", None))
        check_choice("learning_rate", self.learning_rate, RATES)
        check_number("dropout", self.dropout, 0.0, 1.0)
        norm: list[Layer] = ["batch_norm"] if self.batch_norm else []
        hidden: list[Layer] = [
            layer
            for size in check_sizes(self.hidden_layer_sizes)
            for layer in (("dense", size), *norm, ("parametric", self.activation), ("dropout", self.dropout))
        ]
        return NetworkPlan(
            layers=(*hidden, ("dense", n_outputs)),
            shape=shape,
            n_levels=n_levels,
            ntk=True,
            categories="scaled",
            embedding=self.embedding,
            clip=True,
            scaling=True,
            missing=True,
            fitted=True,
            learning=LEARNING,
        )

    def _training_config(self, n_rows: int) -> TrainingConfig:
        config = super()._training_config(n_rows)
        rate = self.learning_rate_init
        return replace(
            config,
            alpha=self.alpha * rate,
            regularization="flat_cos",
            population=self.batch_norm,
            drop_last=True,
        )


@dataclass(eq=False, repr=False)
class RealMLPClassifier(_RealMLP, NetClassifier):
    """RealMLP-TD for classes: a multilayer perceptron of many parts that were tuned together.

    Numbers are scaled by median and quartiles, smoothly clipped to (-3, 3), and embedded by learned cosines;
    categories of up to eight levels are columns, the others learned vectors. Each input has a learned factor.
    Hidden layers are parametric activations of W h / sqrt(n) + b with dropout; initial weights and biases fit
    the training rows. Adam's rate rises and falls four times; dropout and decay fall in the second half.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The width of each hidden layer.
    activation : {"selu", "mish", "relu", "tanh", "logistic", "identity", "gelu", "silu"}
        The nonlinearity; each unit learns how much of it is used.
    dropout : float
        The probability that a hidden unit is dropped, in the first half of the training.
    embedding : {"pbld", None}
        Whether numbers are embedded by cosines.
    batch_norm : bool
        Whether batch norm comes before each nonlinearity; it is not part of the recipe.
    alpha : float
        Decoupled weight decay, in the first half of the training: each step subtracts this part of the
        weights times the learning rate. Biases do not decay, factors of inputs 36 times as much, and slopes
        and embeddings of numbers a hundredth as much.
    batch_size : int or "auto"
        The number of rows per batch, or all rows where there are fewer; the rows that are left over are left
        out, others in each epoch. "auto" is as in `BatchNormMLPClassifier`.
    learning_rate : {"coslog4", "cosine", "constant", "linear", "one_cycle"}
        How the learning rate changes: see `learning_rates`.
    learning_rate_init : float
        Its highest value.
    max_iter : int
        The number of epochs.
    early_stopping : bool
        Whether the weights after the best epoch are kept, by the loss on a part of the training rows;
        otherwise those after the last epoch are.
    validation_fraction : float
        The size of this part, stratified by class.
    n_iter_no_change, tol : int, float
        With early stopping, the number of epochs without a better loss after which the training stops, and
        the smallest decrease that counts. By default all epochs are trained, since the rate rises again.
    label_smoothing : float
        The part of each label that is spread over all classes. The recipe has 0.1 for accuracy and recommends
        0 for log loss and AUC, which is the default here.
    class_weight, n_estimators, scaling, beta_1, beta_2, device, random_state, verbose
        As in `BatchNormMLPClassifier`.
    precision : {"float32", "float64", "bfloat16", "auto"}
        As in `BatchNormMLPClassifier`.

    Attributes
    ----------
    classes_, network_, columns_, history_, n_iter_
        As in `BatchNormMLPClassifier`.

    Notes
    -----
    X may have missing numbers (NaN): they become the median, and each column with such training rows gets one
    more column that says where. A missing category is a level, and a level that the training rows lack is
    unknown.

    References
    ----------
    Holzmueller, D., Grinsztajn, L. and Steinwart, I. (2024). Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data. arXiv 2407.04491, section 3 and appendix A.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> X[::9, 0] = float("nan")
    >>> net = RealMLPClassifier((32, 32), max_iter=40, random_state=0).fit(X, y)
    >>> net.predict_proba(X).shape
    (178, 3)
    >>> bool(net.score(X, y) > 0.9)
    True
    """


@dataclass(eq=False, repr=False)
class RealMLPRegressor(_RealMLP, NetRegressor):
    """RealMLP-TD for numbers: squared error of the standardised target; predictions stay in its range.

    Parameters
    ----------
    hidden_layer_sizes, activation, dropout, embedding, batch_norm, alpha, batch_size
        As in `RealMLPClassifier`; the activation is Mish.
    learning_rate, learning_rate_init, max_iter, early_stopping, validation_fraction, n_iter_no_change, tol
        As in `RealMLPClassifier`, with a rate of 0.2.
    n_estimators, scaling, beta_1, beta_2, precision, device, random_state, verbose
        As in `RealMLPClassifier`.

    Attributes
    ----------
    centre_, scale_ : (n_outputs,) arrays
        Mean and standard deviation of the target in the training rows; 0 where it is constant.
    lowest_, highest_ : (n_outputs,) arrays
        The range of the target in the training rows, in which each network predicts.
    network_, columns_, history_, n_iter_
        As in `BatchNormMLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = RealMLPRegressor((32, 32), max_iter=20, random_state=0).fit(X, y)
    >>> bool(net.predict(X).max() <= y.max())
    True
    """

    activation: str = "mish"
    _: KW_ONLY
    learning_rate_init: float = 0.2

    def _target_options(
        self, targets: npt.NDArray[Any], weights: Floats | None, rows: Rows, classes: tuple[int, ...]
    ) -> dict[str, Any]:
        own = targets[rows]
        options = super()._target_options(targets, weights, rows, classes)
        return options | {"lowest": own.min(axis=0), "highest": own.max(axis=0)}

    def _set_fitted(self, spec: FitSpec, outcome: FitOutcome) -> None:
        super()._set_fitted(spec, outcome)
        self.lowest_, self.highest_ = spec.lowest, spec.highest

    def _bounded(self, outputs: Tensor) -> Tensor:
        scale = np.where(self.scale_ > 0, self.scale_, 1.0)
        low, high = (
            torch.as_tensor((limit - self.centre_) / scale)[:, None]
            for limit in (self.lowest_, self.highest_)
        )
        return outputs.clamp(low, high)
