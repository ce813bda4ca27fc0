"""One network for many: threads, clones and caches get what it gives now, and not the codes of another."""

import os
import pickle
import threading

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

from stackit import out_of_fold
from stackit.images import (
    CNNCodes,
    Preprocessing,
    PretrainedNetwork,
    cifar_resnet,
    pretrained,
    swap_channels,
    tapped,
)


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
    network = small()
    layers = ["layer1", "bn1", "layer2"]
    expected = np.hstack([network.codes(IMAGES, layer) for layer in layers])
    union = FeatureUnion(
        [(layer, CNNCodes(network, layer, batch_size=1, cache=tmp_path)) for layer in layers], n_jobs=3
    )
    with joblib.parallel_config("threading"):
        close(union.fit_transform(IMAGES), expected)
        close(union.fit_transform(IMAGES), expected)  # what was kept was right, too


# --- the network as it is now


def test_a_network_in_training_again_predicts_as_in_evaluation():
    module = cifar_resnet(8)
    network = PretrainedNetwork(module, Preprocessing.torchvision(32, 36), "flatten")
    expected = network.codes(IMAGES)
    module.train()
    close(network.codes(IMAGES), expected)
    module.bn1.train()  # a part alone
    close(network.codes(IMAGES[:1]), expected[:1])
    assert not module.bn1.running_mean.any()


def test_weights_can_be_trained_on_when_their_codes_were_taken():
    module = cifar_resnet(8)
    PretrainedNetwork(module, Preprocessing.torchvision(32, 36), "flatten").codes(IMAGES)
    assert all(weights.requires_grad for weights in module.parameters())
    module(torch.rand(2, 3, 32, 32)).sum().backward()
    assert module.conv1.weight.grad is not None


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_networks_of_other_floats_get_their_own(kind):
    network, other = small(), small()
    other.network.to(kind)
    codes = CNNCodes(other).fit_transform(IMAGES)
    assert codes.dtype == np.float32
    tolerance = {torch.float64: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}[kind]
    np.testing.assert_allclose(codes, network.codes(IMAGES), atol=tolerance * codes.max())


# --- cached codes


def test_weights_that_change_make_other_codes_also_where_codes_are_kept(tmp_path):
    network = small()
    kept = CNNCodes(network, cache=tmp_path).fit()
    before, digest = kept.transform(IMAGES), network.digest
    with torch.no_grad():
        network.network.conv1.weight.mul_(-1)
    assert network.digest != digest
    close(kept.transform(IMAGES), network.codes(IMAGES))
    assert not np.allclose(kept.transform(IMAGES), before, atol=1e-3)


class Bent(torch.nn.Module):
    """A network with a function that is in no layer."""

    def __init__(self, bend):
        super().__init__()
        torch.manual_seed(0)
        self.convolution, self.out, self.bend = torch.nn.Conv2d(3, 4, 3), torch.nn.Identity(), bend

    def forward(self, images):
        return self.out(self.bend(self.convolution(images)))


def test_networks_that_differ_in_what_they_do_alone_keep_their_codes_apart(tmp_path):
    one, other = (
        PretrainedNetwork(Bent(bend), Preprocessing.torchvision(32, 36), "out")
        for bend in (torch.relu, torch.tanh)
    )
    for network in (one, other, one):
        close(CNNCodes(network, cache=tmp_path).fit_transform(IMAGES), network.codes(IMAGES))


def test_kept_codes_are_found_by_a_network_that_rounds_otherwise(tmp_path):
    """Sums in another order, as with other threads or on another machine, make no other network."""
    network, passed = small(), []
    first = CNNCodes(network, cache=tmp_path).fit_transform(IMAGES)

    class Rounding(PretrainedNetwork):
        def probe_output(self, layer, pool):
            return super().probe_output(layer, pool) * (1 + 1e-6)

        def codes_of_views(self, pixels, layer, pool="mean"):
            passed.append(len(pixels))
            return super().codes_of_views(pixels, layer, pool)

    again = CNNCodes(Rounding(network.network, network.preprocessing, "flatten"), cache=tmp_path).fit()
    passed.clear()
    np.testing.assert_array_equal(again.transform(IMAGES), first)
    assert passed == []


# --- one copy


def test_clones_and_folds_share_the_network():
    network = small()
    codes = CNNCodes(network)
    assert clone(codes).network is network
    y = np.arange(6) % 2
    oof = out_of_fold([("codes", make_pipeline(codes, LogisticRegression()))], IMAGES, y, cv=3, n_jobs=1)
    found = [fitted[0].network_ for fitted in oof["codes"].fold_estimators]
    assert all(one is network for one in found)
    assert pickle.loads(pickle.dumps(codes)).network is not network


def write(path, seed):
    torch.manual_seed(seed)
    np.savez(path, **{name: part.numpy() for name, part in cifar_resnet(20).state_dict().items()})


def test_a_file_is_read_once_until_it_changes(tmp_path):
    path = tmp_path / "cifar10_resnet20.npz"
    write(path, 0)
    one, other = (CNNCodes("cifar10_resnet20", weights=place).fit() for place in (path, tmp_path))
    assert one.network_ is other.network_
    before = one.transform(IMAGES)
    write(path, 1)
    os.utime(path, ns=(0, 0))
    changed = CNNCodes("cifar10_resnet20", weights=path).fit()
    assert changed.network_ is not one.network_
    assert not np.allclose(changed.transform(IMAGES), before, atol=1e-3)
    close(one.transform(IMAGES), before)


def test_networks_by_name_are_separate_objects(tmp_path):
    """What is done to one, colours swapped or trained on, does not reach another."""
    write(tmp_path / "cifar10_resnet20.npz", 0)
    one, other = (pretrained("cifar10_resnet20", tmp_path) for _ in range(2))
    codes = CNNCodes("cifar10_resnet20", weights=tmp_path).fit()
    swap_channels(one.network)
    assert other.digest == codes.network_.digest != one.digest
