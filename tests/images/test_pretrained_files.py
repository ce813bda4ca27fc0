"""Files of published networks: fetched by their checksum, and never with another one's preprocessing."""

import dataclasses
import functools
import hashlib
import http.server
import re
import threading

import numpy as np
import pytest
import safetensors.torch
import torch

from stackit.images import (
    CNNCodes,
    Preprocessing,
    cifar_resnet,
    mobilenet,
    pretrained,
    read_arrays,
    read_weights,
    vgg,
)
from stackit.images.weights.catalogue import PUBLISHED, Published


def tiny_vgg(seed=0):
    torch.manual_seed(seed)
    return vgg("D", n_classes=3, image_size=32, channels=(2, 2, 2, 2, 2), hidden=4)


def numbered(network, dense):
    """The state of a VGG network under numbers, with those given for its dense layers."""
    parts = [name for name, _ in network.named_children()]
    numbers = dict(zip(("fc6", "fc7", "fc8"), dense, strict=True))
    names = {
        part: f"classifier.{numbers[part]}" if part in numbers else f"features.{parts.index(part)}"
        for part in parts
    }
    return {
        f"{names[name.split('.')[0]]}.{name.split('.')[1]}": tensor
        for name, tensor in network.state_dict().items()
    }


def as_keras(network):
    arrays = {}
    for name, tensor in network.state_dict().items():
        layer, kind = name.split(".")
        array = tensor.numpy()
        if kind == "weight":
            kind, array = "kernel", array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
        arrays[f"{layer}/{kind}"] = array
    return arrays


def assert_same(network, like):
    for name, part in like.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], part, rtol=0, atol=0)


@pytest.fixture
def tiny_published(monkeypatch):
    """The two VGG16s, small."""
    for name in ("vgg16", "vgg16_oxford"):
        monkeypatch.setitem(PUBLISHED, name, dataclasses.replace(PUBLISHED[name], make=tiny_vgg, sha256=""))


# --- which network weights belong to


@pytest.mark.parametrize("dense", [(1, 4, 6), (0, 3, 6)])
def test_dense_layers_are_found_by_their_order_whatever_their_numbers(tmp_path, dense):
    """VGG's own weights for torch count 1, 4, 6; torchvision's 0, 3, 6."""
    network = tiny_vgg()
    torch.save(numbered(network, dense), tmp_path / "vgg.pth")
    read = tiny_vgg(seed=1)
    read_weights(read, tmp_path / "vgg.pth")
    assert_same(read, network)


def test_the_authors_own_file_is_read_by_its_name(tmp_path, tiny_published):
    torch.save(numbered(tiny_vgg(), (1, 4, 6)), tmp_path / "vgg16-00b39a1b.pth")
    network = pretrained("vgg16_oxford", tmp_path)
    assert_same(network.network, tiny_vgg())
    assert network.preprocessing == Preprocessing.caffe()


def test_a_file_that_is_known_as_another_ones_is_refused(tmp_path, tiny_published):
    path = tmp_path / "vgg16-00b39a1b.pth"
    torch.save(tiny_vgg().state_dict(), path)
    with pytest.raises(
        ValueError,
        match=r"are those of 'vgg16_oxford', not of 'vgg16'. Pass name='vgg16_oxford', or vgg16-397923af.pth",
    ):
        pretrained("vgg16", path)
    with pytest.raises(ValueError, match="Pass name='vgg16_oxford'"):
        CNNCodes("vgg16", weights=path).fit()


@pytest.mark.parametrize(
    ("write", "writer"),
    [
        (lambda path: np.savez(path, **as_keras(tiny_vgg())), "Keras"),
        (lambda path: torch.save(numbered(tiny_vgg(), (1, 4, 6)), path), "VGG's authors"),
    ],
)
def test_weights_that_are_not_torchvisions_do_not_get_its_preprocessing(
    tmp_path, tiny_published, write, writer
):
    path = tmp_path / "own.npz"
    write(path)
    text = f"the names of {writer}, and 'vgg16' has torchvision's weights .* Pass name='vgg16_oxford'"
    with pytest.raises(ValueError, match=text):
        pretrained("vgg16", path)
    assert_same(pretrained("vgg16_oxford", path).network, tiny_vgg())


def test_keras_arrays_of_a_network_that_is_torchvisions_alone_are_refused(tmp_path):
    np.savez(tmp_path / "keras.npz", **{"conv1_conv/kernel": np.zeros((7, 7, 3, 64))})
    text = "of Keras, and 'resnet50' has torchvision's .*Make a PretrainedNetwork of it"
    with pytest.raises(ValueError, match=text):
        pretrained("resnet50", tmp_path / "keras.npz")


# --- TensorFlow-Slim


@pytest.mark.parametrize("published", [False, True], ids=["own names", "slim's names"])
def test_names_of_slim_are_read(tmp_path, published):
    """Batch norm inside the layer that it follows, and depthwise_weights."""
    torch.manual_seed(0)
    network, arrays = mobilenet(0.25, n_classes=3), {}
    for name, layer in network.named_modules():
        own = name.removesuffix("_bn")
        if published:
            own = re.sub(r"^conv_dw_(\d+)$", r"MobilenetV1/Conv2d_\1_depthwise", own)
            own = re.sub(r"^conv_pw_(\d+)$", r"MobilenetV1/Conv2d_\1_pointwise", own)
            own = re.sub(r"^conv1$", "MobilenetV1/Conv2d_0", own)
            own = own.replace("conv_preds", "MobilenetV1/Logits/Conv2d_1c_1x1")
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_()
            kinds = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean"}
            kinds |= {"running_var": "moving_variance"}
            for part, kind in kinds.items():
                arrays[f"{own}/BatchNorm/{kind}"] = getattr(layer, part).detach().numpy()
        elif isinstance(layer, torch.nn.Conv2d):
            axes, kind = (
                ((2, 3, 0, 1), "depthwise_weights") if layer.groups > 1 else ((2, 3, 1, 0), "weights")
            )
            arrays[f"{own}/{kind}"] = layer.weight.detach().numpy().transpose(axes)
            if layer.bias is not None:
                arrays[f"{own}/biases"] = layer.bias.detach().numpy()
    np.savez(tmp_path / "slim.npz", **arrays)
    read = mobilenet(0.25, n_classes=3)
    read_weights(read, tmp_path / "slim.npz")
    assert_same(read, network)


# --- numbers


def state():
    torch.manual_seed(0)
    return {name: part.numpy() for name, part in cifar_resnet(8).state_dict().items()}


@pytest.mark.parametrize("kind", [">f4", np.longdouble, np.float64])
def test_numbers_of_other_machines_and_more_digits_are_read(tmp_path, kind):
    np.savez(tmp_path / "w.npz", **{name: part.astype(kind) for name, part in state().items()})
    network = cifar_resnet(8)
    read_weights(network, tmp_path / "w.npz")
    for name, part in state().items():
        np.testing.assert_array_equal(network.state_dict()[name], part)


def test_weights_of_eight_bits_are_read(tmp_path):
    parts = {name: torch.tensor(part) for name, part in state().items()}
    short = {
        name: part.to(torch.float8_e4m3fn) if part.is_floating_point() else part
        for name, part in parts.items()
    }
    safetensors.torch.save_file(short, tmp_path / "w.safetensors")
    network = cifar_resnet(8)
    read_weights(network, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(network.state_dict()["conv1.weight"], short["conv1.weight"].float())


@pytest.mark.parametrize(
    ("name", "array", "complaint"),
    [
        ("note", np.array("trained in May"), "with note, which are not arrays of real numbers"),
        ("day", np.zeros(3, "M8[s]"), "with day, which are not arrays of real numbers"),
        ("bn1.bias", np.zeros(16, complex), "with bn1.bias, which are not arrays of real numbers"),
        ("bn1.bias", np.full(16, 1e300), "finite.*in bn1.bias"),
    ],
)
def test_what_is_no_number_of_a_network_is_refused(tmp_path, name, array, complaint):
    np.savez(tmp_path / "w.npz", **state() | {name: array})
    with pytest.raises(ValueError, match=rf"{complaint}"):
        read_weights(cifar_resnet(8), tmp_path / "w.npz")


def test_what_is_said_of_a_bare_pickle_can_be_done(tmp_path):
    path = tmp_path / "old.pth"
    torch.save(cifar_resnet(20).state_dict(), path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match=r"a bare pickle.*Call read_weights with the published sha256"):
        pretrained("cifar10_resnet20", path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_arrays(path, digest)
    read_weights(cifar_resnet(20), path, sha256=digest)


# --- fetched


@pytest.fixture
def page(tmp_path):
    """A folder that is on the web as long as a test lasts."""
    folder = tmp_path / "page"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_published_file_is_fetched_once_and_by_its_checksum(tmp_path, monkeypatch, page):
    folder, url = page
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    network, stem = cifar_resnet(8), folder / "tiny.pth"
    torch.save(network.state_dict(), stem)
    digest = hashlib.sha256(stem.read_bytes()).hexdigest()[:8]
    file = stem.rename(folder / f"tiny-{digest}.pth").name
    scale = Preprocessing.torchvision(32, 32)
    make = functools.partial(cifar_resnet, 8)
    monkeypatch.setitem(PUBLISHED, "tiny", Published(make, scale, "flatten", file, digest, url))
    message = (
        rf"Call pretrained\('tiny', download=True\), get it from {url}{file}, or pass its path as weights"
    )
    for ask in (lambda: pretrained("tiny"), lambda: CNNCodes("tiny").fit()):
        with pytest.raises(FileNotFoundError, match=message):
            ask()
    assert_same(pretrained("tiny", download=True).network, network)
    kept = tmp_path / "home" / ".cache" / "stackit" / "pretrained" / file
    assert [path.name for path in kept.parent.iterdir()] == [file]
    (folder / file).unlink()
    assert CNNCodes("tiny").fit().n_codes_ == 64  # it is there now
    (folder / file).write_bytes(b"forged")
    kept.unlink()
    with pytest.raises(ValueError, match=rf"not the published file .*{digest}"):
        pretrained("tiny", download=True)
    assert list(kept.parent.iterdir()) == []
    (folder / file).unlink()
    with pytest.raises(OSError, match=r"cannot be downloaded .File not found.*yourself"):
        pretrained("tiny", download=True)
