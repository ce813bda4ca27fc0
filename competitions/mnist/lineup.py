"""The base estimators of the MNIST stack, and its final estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from stackit.neural import BatchNormConvNetClassifier, BatchNormMLPClassifier

__all__ = ["HIDDEN", "convnet", "final_estimator", "mlp", "plain_mlp", "trees"]

HIDDEN = (1000, 500, 250, 250, 250)


def convnet(n_epochs: int, precision: str) -> BatchNormConvNetClassifier:
    """Return the net of the notes, the default of its class: 601 002 parameters.

    Batches of 128 in place of the notes' 32 suit a CPU better, and a falling learning rate makes up for the
    steps that they cost.
    """
    return BatchNormConvNetClassifier(
        image_shape=(1, 28, 28),
        max_iter=n_epochs,
        batch_size=128,
        learning_rate="cosine",
        learning_rate_init=3e-3,
        alpha=1e-2,
        precision=precision,
        random_state=0,
    )


def mlp(n_epochs: int, precision: str) -> BatchNormMLPClassifier:
    """Return the 7-layer perceptron of the notes: 1 541 020 parameters, batch norm on the outputs too.

    The notes' rate, 0.02 for weights divided by sqrt(fan-in), stays as it is for the first 15 of 100 epochs;
    here for the same share of them.
    """
    return BatchNormMLPClassifier(
        HIDDEN,
        max_iter=n_epochs,
        batch_size=120,
        learning_rate="linear",
        learning_rate_init=0.02,
        decay_after=round(0.15 * n_epochs),
        alpha=0.0,
        parametrization="ntk",
        output="batch_norm",
        scaling=None,
        precision=precision,
        random_state=0,
    )


def plain_mlp(n_epochs: int, precision: str) -> BatchNormConvNetClassifier:
    """Return the same perceptron without any batch norm, to compare its activations."""
    hidden = [layer for width in HIDDEN for layer in (("dense", width), "relu")]
    net = convnet(n_epochs, precision)
    # Without batch norm the perceptron's rate of 0.02 makes the loss run away.
    return net.set_params(layers=["flatten", *hidden], parametrization="ntk", scaling=None, alpha=0.0)


def trees(n_trees: int) -> ExtraTreesClassifier:
    """Return trees with random cuts on the pixels: another kind of estimator, which errs elsewhere."""
    return ExtraTreesClassifier(n_trees, random_state=0)


def final_estimator() -> Pipeline:
    """Return a logistic regression on the logarithms of the probabilities.

    With a weight of 1 on a net's own class and 0 elsewhere it would repeat that net's predictions; so it can
    do no worse but by what it learns of chance. Its strength was chosen by out-of-fold rows, not by the test.
    """
    return make_pipeline(FunctionTransformer(_logarithms), LogisticRegression(C=1e-2, max_iter=500))


def _logarithms(probabilities: Any) -> npt.NDArray[np.float64]:
    return np.log(np.clip(np.asarray(probabilities, dtype=np.float64), 1e-4, 1.0))
