"""Published weight files: every format, put into torch's layout; incomplete or untrusted ones are refused."""

import hashlib
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from stackit.images import (
    cifar_resnet,
    mobilenet,
    read_arrays,
    read_weights,
    resnet,
    squeezenet,
    swap_channels,
    vgg,
)

ROOT = Path(__file__).parent.parent.parent
KERAS = {"running_mean": "moving_mean", "running_var": "moving_variance", "bias": "bias"}


def published(name):
    """A real file, where the data are."""
    folders = [Path(os.environ.get("STACKIT_DATA", ROOT / "data")), ROOT.parent / "shared" / "data"]
    places = [folder / "pretrained" / name for folder in folders]
    found = [place for place in places if place.is_file()]
    return found[0] if found else pytest.skip(f"{name} is in none of {', '.join(map(str, places))}")


def tiny_vgg(seed=0, **options):
    torch.manual_seed(seed)
    options = {"n_classes": 3, "image_size": 64, "channels": (2, 3, 4, 5, 6), "hidden": 7} | options
    return vgg("D", **options).eval()


def unlike_new(network, seed=1):
    """Random running statistics, so that losing them shows."""
    generator = torch.Generator().manual_seed(seed)
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return network.eval()


def as_keras(network):
    """The arrays of a network as Keras lays them out."""
    arrays = {}
    for name, layer in network.named_modules():
        path = name.replace(".", "/")
        for part, tensor in layer.state_dict().items():
            if "." in part or part == "num_batches_tracked":
                continue
            kind, array = KERAS.get(part), tensor.numpy()
            if isinstance(layer, torch.nn.BatchNorm2d):
                kind = {"weight": "gamma", "bias": "beta"}.get(part, kind)
            elif part == "weight" and array.ndim == 4 and layer.groups > 1:
                kind, array = "depthwise_kernel", array.transpose(2, 3, 0, 1)
            elif part == "weight":
                kind, array = "kernel", array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
            arrays[f"{path}/{kind}"] = array
    return arrays


def outputs(network, size=64):
    torch.manual_seed(9)
    with torch.no_grad():
        return network.eval()(torch.randn(2, 3, size, size))


def assert_reads(network, path, like, size=64, **options):
    read_weights(network, path, **options)
    torch.testing.assert_close(outputs(network, size), outputs(like, size), rtol=0, atol=0)


@pytest.mark.parametrize("form", ["safetensors", "torch", "checkpoint", "npz"])
def test_a_state_dict_comes_back_from_every_format(tmp_path, form):
    network, path = unlike_new(cifar_resnet(8)), tmp_path / "weights"
    state = network.state_dict()
    if form == "safetensors":
        safetensors.torch.save_file(state, path)
    elif form == "torch":
        torch.save(state, path)
    elif form == "checkpoint":
        torch.save(
            {"state_dict": {f"module.{name}": part for name, part in state.items()}, "best": 0.9}, path
        )
    else:
        np.savez(path, **{name: part.numpy() for name, part in state.items()})
        path = path.with_suffix(".npz")
    assert_reads(cifar_resnet(8), path, network, 32)
    with torch.device("meta"):
        empty = cifar_resnet(8)
    assert_reads(empty, path, network, 32)


@pytest.mark.parametrize(
    "make",
    [
        lambda: mobilenet(0.25, n_classes=5),
        lambda: squeezenet(n_classes=4),
        lambda: tiny_vgg(batch_norm=True, image_size=32),
    ],
    ids=["depthwise", "fire", "vgg"],
)
def test_a_network_written_as_keras_does_is_read_to_the_bit(tmp_path, make):
    network = unlike_new(make())
    np.savez(tmp_path / "keras.npz", **as_keras(network))
    assert_reads(unlike_new(make(), seed=2), tmp_path / "keras.npz", network)


def in_tensorflow(flat_last, arrays):
    """Dense layers as Keras computes them, from images with channels last."""
    hidden = np.maximum(flat_last @ arrays["fc6/kernel"] + arrays["fc6/bias"], 0)
    hidden = np.maximum(hidden @ arrays["fc7/kernel"] + arrays["fc7/bias"], 0)
    return hidden @ arrays["fc8/kernel"] + arrays["fc8/bias"]


@pytest.mark.parametrize("names", ["own", "keras"])
def test_the_first_dense_layer_after_a_flattening_reads_channels_last(tmp_path, names):
    """The classic trap: with a plain transpose all shapes fit, and the codes are wrong."""
    network, rng = tiny_vgg(), np.random.default_rng(0)
    arrays = as_keras(network)
    arrays["fc6/kernel"] = rng.normal(size=(2 * 2 * 6, 7)).astype(np.float32)
    renamed = arrays
    if names == "keras":
        keras = {"fc6": "fc1", "fc7": "fc2", "fc8": "predictions"}
        renamed = {
            re.sub(
                r"^conv(\d)_(\d)/",
                r"block\1_conv\2/block\1_conv\2/",
                re.sub("^fc[678]", lambda m: keras[m[0]], name),
            )
            + ":0": array
            for name, array in arrays.items()
        }
    np.savez(tmp_path / "vgg.npz", **renamed)
    read_weights(network, tmp_path / "vgg.npz")
    with torch.no_grad():
        image = torch.randn(2, 3, 64, 64)
        last = network[: list(dict(network.named_children())).index("flatten")](image).permute(0, 2, 3, 1)
        expected = in_tensorflow(last.reshape(2, -1).numpy(), arrays)
        np.testing.assert_allclose(network(image), expected, rtol=1e-4, atol=1e-5)
        network.fc6.weight.copy_(torch.from_numpy(arrays["fc6/kernel"].T))
        assert not np.allclose(network(image), expected, atol=1e-3)


def test_dense_layers_published_as_convolutions_over_the_whole_image_are_read(tmp_path):
    network = tiny_vgg()
    arrays = as_keras(network)
    # (outputs, channels, 2, 2) in torch is (2, 2, channels, outputs) in TensorFlow.
    arrays["fc6/weights"] = network.fc6.weight.detach().numpy().reshape(7, 6, 2, 2).transpose(2, 3, 1, 0)
    del arrays["fc6/kernel"]
    np.savez(tmp_path / "slim.npz", **arrays)
    assert_reads(tiny_vgg(seed=3), tmp_path / "slim.npz", network)


def torchvisions(network, head):
    """The state of a network under torchvision's numbered names."""
    parts = [name for name, _ in network.named_children()]
    split = parts.index(head)
    number = {
        name: f"features.{i}" if i < split else f"classifier.{i - split}" for i, name in enumerate(parts)
    }
    number |= {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}
    return {
        f"{number[name.split('.')[0]]}.{name.split('.', 1)[1]}".replace("squeeze1x1", "squeeze"): tensor
        for name, tensor in network.state_dict().items()
    }


def test_torchvisions_numbers_are_our_names(tmp_path):
    with torch.device("meta"):
        sixteen, normalised, squeezed = vgg("D"), vgg("D", batch_norm=True), squeezenet()
    names = [name for name in torchvisions(sixteen, "avgpool") if name.endswith("weight")]
    convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert names == [f"features.{i}.weight" for i in convolutions] + [
        f"classifier.{i}.weight" for i in (0, 3, 6)
    ]
    means = [name for name in torchvisions(normalised, "avgpool") if name.endswith("running_mean")]
    convolutions = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
    assert means == [f"features.{i + 1}.running_mean" for i in convolutions]
    assert {"features.3.squeeze.weight", "features.12.expand3x3.bias", "classifier.1.weight"} < set(
        torchvisions(squeezed, "drop9")
    )
    network = tiny_vgg(batch_norm=True)
    torch.save(torchvisions(unlike_new(network), "avgpool"), tmp_path / "vgg.pth")
    assert_reads(tiny_vgg(seed=5, batch_norm=True), tmp_path / "vgg.pth", network)
    network = squeezenet(n_classes=3)
    torch.save(torchvisions(network, "drop9"), tmp_path / "squeezenet.pth")
    assert_reads(squeezenet(n_classes=3), tmp_path / "squeezenet.pth", network)


def test_residual_networks_have_torchvisions_names():
    with torch.device("meta"):
        names = set(resnet(50).state_dict())
    assert {
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.running_mean",
    } < names
    assert {"layer3.5.conv3.weight", "layer4.2.bn3.bias", "fc.weight"} < names
    assert len(names) == 320  # as many as torchvision's


@pytest.mark.parametrize("kind", ["gamma", "beta", "moving_mean", "moving_variance"])
def test_each_of_the_four_kinds_of_state_of_batch_norm_must_be_there(tmp_path, kind):
    network = unlike_new(mobilenet(0.25, n_classes=2))
    before = outputs(network)
    np.savez(
        tmp_path / "m.npz",
        **{name: part for name, part in as_keras(network).items() if not name.endswith(kind)},
    )
    is_running = kind.startswith("moving")
    reason = "running statistics .*_bn.running_" if is_running else "lacks conv1_bn.(weight|bias), "
    with pytest.raises(ValueError, match=reason):
        read_weights(network, tmp_path / "m.npz")
    torch.testing.assert_close(outputs(network), before)


@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_a_state_dict_of_parameters_alone_is_refused_with_the_reason(tmp_path, form):
    network, path = cifar_resnet(8), tmp_path / "parameters"
    parameters = {name: part.detach() for name, part in network.named_parameters()}
    if form == "torch":
        torch.save(parameters, path)
    else:
        safetensors.torch.save_file(parameters, path)
    with pytest.raises(
        ValueError, match=r"lacks the running statistics bn1.run.*, without which batch normalisation"
    ):
        read_weights(network, path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda a: a | {"extra/kernel": np.zeros((1, 1, 3, 3))}, "has the unexpected tensors extra.weight"),
        (
            lambda a: a | {"conv1_1/kernel": np.zeros((3, 3, 3, 5))},
            r"conv1_1.weight \(5, 3, 3, 3\), not \(2,",
        ),
        (lambda a: a | {"fc8/bias": np.array([0, np.nan, 1])}, "values that are not finite, .*in fc8.bias"),
        (lambda a: a | {"fc6/kernel": np.zeros((18, 7))}, "of 6 channels of a square image; got shape"),
    ],
)
def test_arrays_that_are_not_the_networks_are_refused(tmp_path, change, complaint):
    network = tiny_vgg()
    np.savez(tmp_path / "v.npz", **change(as_keras(network)))
    with pytest.raises(ValueError, match=complaint):
        read_weights(network, tmp_path / "v.npz")


def test_a_negative_variance_is_refused(tmp_path):
    network = unlike_new(cifar_resnet(8))
    network.bn1.running_var[3] = -1
    torch.save(network.state_dict(), tmp_path / "r.pt")
    with pytest.raises(ValueError, match=r"negative variances, in bn1.running_var"):
        read_weights(cifar_resnet(8), tmp_path / "r.pt")


class TouchesFileWhenUnpickled:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def bare(canary, path):
    path.write_bytes(pickle.dumps({"conv1.weight": canary}))


def in_torchs_archive(canary, path):
    torch.save({"conv1.weight": canary}, path)


def in_torchs_old_format(canary, path):
    torch.save({"conv1.weight": canary}, path, _use_new_zipfile_serialization=False)


def in_an_npz(canary, path):
    with open(path, "wb") as file:
        np.savez(file, weight=np.array([canary], dtype=object))


def as_npy(canary, path):
    with open(path, "wb") as file:
        np.save(file, np.array({"conv1_1": canary}, dtype=object))


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("write", [bare, in_torchs_archive, in_torchs_old_format, in_an_npz, as_npy])
def test_no_code_of_a_file_is_ever_run(tmp_path, write, trusted):
    """Also where its checksum is the expected one."""
    path = tmp_path / "evil.safetensors"
    write(TouchesFileWhenUnpickled(tmp_path / "sung"), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if trusted else None
    with pytest.raises(
        ValueError, match=r"A file of weights must be safetensors, .npz or a state_dict of torch; got '.*evil"
    ):
        read_arrays(path, digest)
    assert not (tmp_path / "sung").exists()


def test_a_pickle_is_refused_with_what_it_would_call(tmp_path):
    in_torchs_archive(TouchesFileWhenUnpickled(tmp_path / "sung"), tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="a pickle that needs"):
        read_arrays(tmp_path / "evil.pt")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 100, b"PK\x03\x04 broken", b"hello, these are no weights", b"\x89HDF\r\n\x1a\n"],
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ValueError, match="A file of weights must be safetensors"):
        read_arrays(tmp_path / "w.pth")


def test_truncated_files_are_refused(tmp_path):
    for name in ("w.npz", "w.pt"):
        if name == "w.npz":
            np.savez(tmp_path / name, **as_keras(tiny_vgg()))
        else:
            torch.save(cifar_resnet(8).state_dict(), tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="A file of weights must be"):
            read_arrays(tmp_path / name)


@pytest.mark.parametrize("what", [[1, 2], {"a": "text"}, {}])
def test_what_is_no_state_is_refused(tmp_path, what):
    torch.save(what, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="A file of weights must be"):
        read_arrays(tmp_path / "w.pt")


def test_another_checksum_is_refused_before_anything_is_read(tmp_path):
    torch.save(cifar_resnet(8).state_dict(), tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"of the sha256 397923af\.\.\.; got"):
        read_arrays(tmp_path / "w.pt", "397923af")


def test_colours_are_swapped_in_the_first_convolution_alone():
    network, image = tiny_vgg(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        bgr = network(image.flip(1))
        swap_channels(network)
        torch.testing.assert_close(network(image), bgr)
    with pytest.raises(ValueError, match="must take three channels, and it takes 1"):
        swap_channels(torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1)))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: mobilenet(0.75), "mobilenet_v1_0.75_224_imagenet.npz"),
        (lambda: squeezenet(n_classes=None), "squeezenet1.1_imagenet_notop.npz"),
        (cifar_resnet, "cifar10_resnet20.npz"),
    ],
)
def test_published_files_are_read_whole(make, name):
    network, path = make(), published(name)
    read_weights(network, path)
    # Numbers cannot get lost on the way: sums of squares do not depend on the layout.
    with np.load(path) as arrays:
        assert sum(array.size for array in arrays.values()) == sum(
            part.numel() for part in network.state_dict().values() if part.ndim
        )
        squares = sum(float((array.astype(np.float64) ** 2).sum()) for array in arrays.values())
    ours = sum(float((part.double() ** 2).sum()) for part in network.state_dict().values())
    assert ours == pytest.approx(squares, rel=1e-9)


def test_the_published_pickle_is_refused_by_name_and_read_by_its_checksum():
    path = published("cifar10_resnet20-12fca82f.th")
    with pytest.raises(
        ValueError, match=r"got '.*cifar10_resnet20-12fca82f.th' \(a bare pickle, which can run any code\)"
    ):
        read_weights(cifar_resnet(), path)
    network, same = cifar_resnet(), cifar_resnet()
    read_weights(network, path, sha256="12fca82f")
    read_weights(same, published("cifar10_resnet20.npz"))
    torch.testing.assert_close(outputs(network, 32), outputs(same, 32))
