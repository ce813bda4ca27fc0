"""One network for many: threads, clones and caches get what it gives now, and nobody else's codes."""

import threading

import numpy as np
import pytest
import torch
from sklearn.pipeline import FeatureUnion

from stackit.images import CNNCodes, Preprocessing, PretrainedNetwork, cifar_resnet, tapped


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(seed, height=40, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def small(seed=0):
    torch.manual_seed(seed)
    return PretrainedNetwork(cifar_resnet(8), Preprocessing.torchvision(32, 36), "flatten", "tiny")


IMAGES = np.stack([noise(number) for number in range(6)])


def close(codes, expected):
    np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=1e-5)


# --- threads


def test_a_layer_is_tapped_in_one_thread_while_another_one_taps_another_layer():
    """Thread A waits inside the network, its way out at `bn1` laid, while this thread passes through."""
    network, batch = cifar_resnet(8).eval(), torch.rand(2, 3, 32, 32)
    inside, onward, found = threading.Event(), threading.Event(), {}
    with torch.no_grad():
        layer1, bn1 = tapped(network, "layer1", batch), tapped(network, "bn1", batch)

    def wait(module, given):
        if threading.current_thread().name == "A":
            inside.set()
            onward.wait(10)

    def tap():
        with torch.no_grad():
            found["bn1"] = tapped(network, "bn1", batch)

    network.register_forward_pre_hook(wait)
    other = threading.Thread(target=tap, name="A")
    other.start()
    assert inside.wait(10)
    with torch.no_grad():
        found["layer1"] = tapped(network, "layer1", batch)
        found["all"] = network(batch)
    onward.set()
    other.join()
    assert torch.equal(found["layer1"], layer1)
    assert torch.equal(found["bn1"], bn1)
    assert found["all"].shape == (2, 10)


def test_layers_of_one_network_side_by_side_in_threads(tmp_path):
    import joblib

    network = small()
    layers = ["layer1", "bn1", "layer2"]
    expected = np.hstack([network.codes(IMAGES, layer) for layer in layers])
    union = FeatureUnion(
        [(layer, CNNCodes(network, layer, batch_size=1, cache=tmp_path)) for layer in layers], n_jobs=3
    )
    with joblib.parallel_config("threading"):
        close(union.fit_transform(IMAGES), expected)
        close(union.fit_transform(IMAGES), expected)  # what was kept was right, too
