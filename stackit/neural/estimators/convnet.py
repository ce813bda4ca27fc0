"""Convolutional networks with batch norm for small images, as a scikit-learn estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_array,
    check_X_y,
)

from stackit.neural.estimators.network import BatchNormNetwork
from stackit.neural.estimators.outputs import Classifies
from stackit.neural.estimators.parameters import check_choice
from stackit.neural.layers.network import Layer, NetworkPlan
from stackit.validation import invalid_value

__all__ = ["BatchNormConvNetClassifier"]


class BatchNormConvNetClassifier(Classifies, BatchNormNetwork):
    """A convolutional network with batch norm after every convolution and dense layer, for classes of images.

    Parameters
    ----------
    layers : sequence
        The hidden layers in their order: ``("conv", channels, size)`` with a square kernel, also
        ``("conv", channels, size, "same")`` with zeros around, ``"batch_norm"``, ``("max_pool", size)``,
        ``"flatten"``, ``("dense", width)``, or an activation's name. A convolution or dense layer in front of
        batch norm has no bias. The last layer, one output a class, is added.
    image_shape : tuple of int, optional
        (channels, height, width), where X has a row of pixels for each image. One of them may be -1, for what
        is left: (1, 1, -1) takes rows as signals of any length.
    output : {"linear", "batch_norm"}
        Whether the last layer is W h + b, or BN(W h).
    batch_size : int or "auto"
        As in `BatchNormMLPClassifier`.
    scaling : {"standard", "robust", None}
        How each channel is standardised, by the training images.
    solver, alpha, learning_rate, learning_rate_init, decay_after, max_iter
        As in `BatchNormMLPClassifier`.
    early_stopping, validation_fraction, n_iter_no_change, tol
        As in `BatchNormMLPClassifier`.
    statistics, decay, eps, parametrization, label_smoothing, class_weight
        As in `BatchNormMLPClassifier`.
    n_estimators, n_snapshots, weight_averaging, momentum, beta_1, beta_2
        As in `BatchNormMLPClassifier`.
    precision, compile, device, random_state, verbose
        As in `BatchNormMLPClassifier`.

    Attributes
    ----------
    classes_, network_, history_, n_iter_
        As in `BatchNormMLPClassifier`.
    shape_ : (channels, height, width)
        Of each image.
    n_features_in_ : int
        How many numbers an image has.

    Notes
    -----
    The default is the network for MNIST of 601 002 trainable parameters: two convolutions of 32 channels, one
    pooling, 128 dense units. Images are (n, height, width), or (n, channels, height, width).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> small = [("conv", 8, 3), "batch_norm", "relu", ("max_pool", 2), "flatten"]
    >>> net = BatchNormConvNetClassifier(small, max_iter=8, random_state=0)
    >>> bool(net.fit(X.reshape(-1, 8, 8), y).score(X.reshape(-1, 8, 8), y) > 0.9)
    True
    """

    shape_: tuple[int, ...]

    def __init__(  # noqa: PLR0913 - what can be chosen of a network, all by keyword but the first
        self,
        layers: Sequence[Layer] = (
            ("conv", 32, 3),
            "batch_norm",
            "relu",
            ("conv", 32, 3),
            "batch_norm",
            "relu",
            ("max_pool", 2),
            "flatten",
            ("dense", 128),
            "batch_norm",
            "relu",
        ),
        *,
        image_shape: tuple[int, int, int] | None = None,
        output: str = "linear",
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 5e-3,
        decay_after: int | None = None,
        max_iter: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        statistics: str = "population",
        decay: float = 0.99,
        eps: float = 1e-5,
        parametrization: str = "standard",
        scaling: str | None = "standard",
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        n_estimators: int = 1,
        n_snapshots: int = 1,
        weight_averaging: float | None = None,
        momentum: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        precision: str = "auto",
        compile: bool = False,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.layers = layers
        self.image_shape = image_shape
        self.output = output
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.decay_after = decay_after
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.statistics = statistics
        self.decay = decay
        self.eps = eps
        self.parametrization = parametrization
        self.scaling = scaling
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.n_estimators = n_estimators
        self.n_snapshots = n_snapshots
        self.weight_averaging = weight_averaging
        self.momentum = momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.precision = precision
        self.compile = compile
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
        check_choice("output", self.output, ("linear", "batch_norm"))
        check_choice("parametrization", self.parametrization, ("standard", "ntk"))
        hidden = [layer if isinstance(layer, str) else tuple(layer) for layer in self.layers]
        last: list[Layer] = [("dense", n_outputs)]
        return NetworkPlan(
            layers=(*hidden, *last, *(["batch_norm"] if self.output == "batch_norm" else [])),
            shape=shape,
            ntk=self.parametrization == "ntk",
            statistics=self.statistics,
            decay=self.decay,
            eps=self.eps,
        )

    def _read(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Check images: (n, channels, height, width) come out."""
        checks = {"dtype": "numeric", "allow_nd": True, "estimator": self}
        if y is None:
            images = check_array(X, input_name="X", **checks)
        else:
            images, y = check_X_y(X, y, **checks)
        if self.image_shape is not None and images.ndim == 2:
            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, images, reset=reset)
            images = _shaped(images, self.image_shape)
        images = images[:, np.newaxis] if images.ndim == 3 else images
        known = None if reset else self.shape_
        if images.ndim != 4 or (known and images.shape[1:] != known):
            raise invalid_value(
                "X",
                f"images (n, channels, height, width) or (n, height, width){f' of {known}' if known else ''}",
                f"X of shape {np.shape(X)}",
                "Reshape it, or pass image_shape=(channels, height, width) for rows of pixels",
            )
        if reset:
            self.shape_, self.n_features_in_ = images.shape[1:], math.prod(images.shape[1:])
        return images, y if y is None else self._read_y(images, y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = True
        return tags


def _shaped(rows: npt.NDArray[Any], image_shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Rows of pixels as images."""
    try:
        return rows.reshape(len(rows), *image_shape)
    except (TypeError, ValueError) as error:
        expected = f"(channels, height, width) of {rows.shape[1]} pixels, one of them perhaps -1"
        advice = "Pass the shape of one image, as in image_shape=(1, 28, 28)"
        raise invalid_value("image_shape", expected, f"{image_shape=}", advice) from error
