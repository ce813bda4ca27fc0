"""Pictures of networks: what enters activation functions is what the layers before them say."""

import numpy as np
import torch

from competitions.pictures import activations
from stackit.neural import BatchNormMLPClassifier


def test_what_enters_an_activation_function_is_the_normalised_layer_before_it():
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    X, y = random.normal(size=(300, 5)), np.arange(300) % 3
    net = BatchNormMLPClassifier((16, 8), max_iter=2, batch_size=300, random_state=0).fit(X, y)
    first, second = activations(net, X)
    assert (first.shape, second.shape) == ((16 * 300,), (8 * 300,))
    norm = net.network_.norms[0]
    # Over the training rows, in one batch, each unit has mean beta and standard deviation gamma.
    units = first.reshape(16, 300)
    np.testing.assert_allclose(units.mean(1), norm.beta[0].detach(), atol=1e-6)
    np.testing.assert_allclose(units.std(1, ddof=1), norm.gamma[0].detach(), rtol=1e-3)


def test_looking_changes_nothing():
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 2
    net = BatchNormMLPClassifier((8,), max_iter=2, random_state=0).fit(X, y)
    before = net.predict_proba(X)
    activations(net, X)
    np.testing.assert_array_equal(net.predict_proba(X), before)
