"""Files of weights: they hold all, come back as they were, and an incomplete one is refused."""

import os
import pickle
import re
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.datasets import load_digits

from stackit.neural import load_weights, save_weights

PIXELS = torch.from_numpy(load_digits().data[:200]).float() / 16
LABELS = torch.from_numpy(load_digits().target[:200])


def net(seed=0, sizes=(64, 100, 50, 25, 10)):
    """Dense layers without bias, each normalised, the logits too."""
    torch.manual_seed(seed)
    layers = []
    for n_inputs, n_outputs in pairwise(sizes):
        layers += [torch.nn.Linear(n_inputs, n_outputs, bias=False), torch.nn.BatchNorm1d(n_outputs)]
        layers += [torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


@cache
def trained():
    module = net()
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(PIXELS), LABELS).backward()
        optimiser.step()
    return module.eval()


def accuracy(module):
    return (module.eval()(PIXELS).argmax(1) == LABELS).float().mean().item()


def written(tmp_path, state):
    path = tmp_path / "net.safetensors"
    safetensors.torch.save_file(state, path)
    return path


def test_a_net_comes_back_to_the_bit(tmp_path):
    path, module = tmp_path / "net.safetensors", trained()
    save_weights(module, path, {"epochs": "30"})
    copy = net(seed=1)
    assert load_weights(copy, path) == {"epochs": "30"}
    for name, tensor in module.state_dict().items():
        assert (copy.state_dict()[name] == tensor).all()
    assert (copy.eval()(PIXELS) == module(PIXELS)).all()


def test_a_file_without_running_statistics_is_refused_and_would_have_predicted_badly(tmp_path):
    module, copy = trained(), net(seed=1)
    before = copy.state_dict()["0.weight"].clone()
    path = written(tmp_path, {name: tensor.detach() for name, tensor in module.named_parameters()})
    text = r"lacks the running statistics 1.running_mean, 1.running_var, .*and 3 more, without which"
    with pytest.raises(ValueError, match=text):
        load_weights(copy, path)
    assert (copy.state_dict()["0.weight"] == before).all()
    copy.load_state_dict(dict(module.named_parameters()), strict=False)
    assert accuracy(module) > 0.97
    assert accuracy(copy) < 0.8


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.pop("1.bias"), "lacks 1.bias"),
        (lambda s: s.pop("1.num_batches_tracked"), "lacks 1.num_batches_tracked"),
        (lambda s: s.pop("1.running_var"), "lacks the running statistics 1.running_var"),
        (lambda s: s.update(extra=torch.ones(1)), "has the unexpected tensors extra"),
        (
            lambda s: s.update({"1.bias": torch.ones(3)}),
            r"tensors of other shapes: 1.bias \(3,\), not \(100,\)",
        ),
    ],
)
def test_misfits_are_named_and_change_nothing(tmp_path, change, text):
    state, copy = trained().state_dict(), net(seed=1)
    change(state)
    with pytest.raises(ValueError, match=text):
        load_weights(copy, written(tmp_path, state))
    for name, tensor in net(seed=1).state_dict().items():
        assert (copy.state_dict()[name] == tensor).all()


class MakesFolderWhenLoaded:
    def __reduce__(self):
        return os.mkdir, ("trap",)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_refused_unread(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": MakesFolderWhenLoaded()}, "net.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"must be safetensors; got 'net.pt' \(a pickle, which can run any"):
        load_weights(net(), "net.pt")
    assert not (tmp_path / "trap").exists()
    assert pickle.PROTO == b"\x80"


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_a_file_cut_short_is_refused(tmp_path, kept):
    path = tmp_path / "net.safetensors"
    save_weights(net(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=re.escape(f"must be safetensors; got {str(path)!r}")):
        load_weights(net(), path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"
    save_weights(net(), path)
    old = path.read_bytes()

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_weights(net(seed=1), path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_tied_weights_views_and_empty_metadata(tmp_path):
    path = tmp_path / "net.safetensors"
    module, copy = (torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)) for _ in range(2))
    module[1].weight = module[0].weight
    module[0].weight.data = torch.arange(16.0).reshape(4, 4).T
    save_weights(module, path)
    assert load_weights(copy, path) == {}
    np.testing.assert_array_equal(copy[0].weight.detach(), module[0].weight.detach())
    np.testing.assert_array_equal(copy[1].weight.detach(), module[0].weight.detach())


def test_metadata_are_text(tmp_path):
    with pytest.raises(ValueError, match=r"metadata must be text to text; got metadata=\{'epochs': 30\}"):
        save_weights(net(), tmp_path / "net.safetensors", {"epochs": 30})
