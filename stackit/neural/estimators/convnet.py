"""Convolutional networks with batch norm for small images, as a scikit-learn estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
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

from stackit.neural.estimators.batchnorm import BatchNormNetwork
from stackit.neural.estimators.outputs import NetClassifier
from stackit.neural.layers.network import Layer, NetworkPlan
from stackit.validation import invalid_value

__all__ = ["BatchNormConvNetClassifier"]

MNIST: tuple[Layer, ...] = (
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
)


@dataclass(eq=False, repr=False)
class BatchNormConvNetClassifier(NetClassifier, BatchNormNetwork):
    """A convolutional network with batch norm after every convolution and dense layer, for classes of images.

    Parameters
    ----------
    layers : sequence
        The hidden layers in their order: ``("conv", channels, size)`` with a square kernel, also
        ``("conv", channels, size, "same")`` with zero padding, ``"batch_norm"``, ``("max_pool", size)``,
        ``"flatten"``, ``("dense", width)``, or the name of an activation. A convolution or dense layer before
        batch norm has no bias. The last layer, with one output per class, is added.
    image_shape : tuple of int, optional
        (channels, height, width), where X has a row of pixels per image. One of them may be -1 and is
        inferred: (1, 1, -1) takes rows as signals of any length.
    output : {"linear", "batch_norm"}
        Whether the last layer is W h + b, or BN(W h).
    batch_size : int or "auto"
        As in `BatchNormMLPClassifier`.
    scaling : {"standard", "robust", None}
        How each channel is standardised by the training images.
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
        The numbers per image.

    Notes
    -----
    The default is a network for MNIST with 601 002 trainable parameters: two convolutions of 32 channels, one
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

    layers: Sequence[Layer] = MNIST
    _: KW_ONLY
    image_shape: tuple[int, int, int] | None = None
    alpha: float = 1e-4
    learning_rate_init: float = 5e-3
    max_iter: int = 10

    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
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
        """Check images, and return them as (n, channels, height, width)."""
        checks = {"dtype": "numeric", "allow_nd": True, "estimator": self}
        if y is None:
            images = check_array(X, input_name="X", **checks)
        else:
            images, y = check_X_y(X, y, **checks)
        if self.image_shape is not None and images.ndim == 2:
            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, images, reset=reset)
            images = _reshape(images, self.image_shape)
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


def _reshape(rows: npt.NDArray[Any], image_shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return rows of pixels as images."""
    try:
        return rows.reshape(len(rows), *image_shape)
    except (TypeError, ValueError) as error:
        expected = f"(channels, height, width) of {rows.shape[1]} pixels, one of them may be -1"
        advice = "Pass the shape of one image, as in image_shape=(1, 28, 28)"
        raise invalid_value("image_shape", expected, f"{image_shape=}", advice) from error
