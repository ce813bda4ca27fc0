"""The CIFAR-10 script: moved and mirrored copies, groups that differ in batch norm alone, and a short run."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from competitions.cifar10 import solve
from competitions.cifar10.groups import GROUPS, group
from competitions.cifar10.photographs import SHIFT, doubled, read
from competitions.data import find
from competitions.lost_statistics.statistics import accuracy, network_of

pytestmark = pytest.mark.usefixtures("single_torch_thread")


@pytest.fixture(scope="module")
def folder():
    try:
        return find("cifar10", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def test_copies_are_moved_or_mirrored_images_with_their_labels():
    # A bright dot in the middle says where an image went.
    X = np.zeros((200, 1, 15, 15), dtype=np.uint8)
    X[:, 0, 7, 8] = 255
    images, labels = doubled(X, np.arange(200), seed=0)
    np.testing.assert_array_equal(images[:200], X)
    np.testing.assert_array_equal(labels, np.tile(np.arange(200), 2))
    copies, _, rows, columns = np.nonzero(images[200:])
    np.testing.assert_array_equal(copies, np.arange(200))
    assert set(rows) == set(range(7 - SHIFT, 8 + SHIFT))
    assert set(columns) == set(range(6 - SHIFT, 9 + SHIFT))  # around 8, and around its mirror image 6
    again, _ = doubled(X, np.arange(200), seed=0)
    np.testing.assert_array_equal(again, images)
    assert not np.array_equal(doubled(X, np.arange(200), seed=1)[0], images)


def test_groups_differ_in_batch_norm_alone():
    random = np.random.default_rng(0)
    X, y = random.random((20, 3, 32, 32), dtype=np.float32), np.arange(20) % 10
    nets = [group(places, 1, "float32", seed=0).fit(X, y) for places in GROUPS.values()]
    assert [len(net.network_.norms) for net in nets] == [4, 1, 0]
    weights = [
        [tuple(value.shape) for name, value in net.network_.named_parameters() if name.endswith("weight")]
        for net in nets
    ]
    assert weights[0] == weights[1] == weights[2]
    # Kernels and dense weights of the notes, biases only where no batch norm follows, gamma and beta.
    kernels = 96 * 363 + 120 * 96 + 10 * 30_720 + 10 * 10
    of_group = [2 * (96 + 96 + 120 + 10) + 10, 96 + 120 + 2 * 10 + 10, 96 + 120 + 10 + 10]
    assert [net.network_.n_parameters - kernels for net in nets] == of_group


def test_accuracy_by_running_statistics_is_the_estimators_own(folder):
    X, y = read(folder / "cifar10_subset.zip", "train", 6)
    images = X.astype(np.float32) / 255
    net = group((1, 2, 3, 4), 1, "float32", seed=0).fit(images, y)
    assert accuracy(network_of(net), images, y, [np.arange(30), np.arange(30, 60)]) == pytest.approx(
        net.score(images, y)
    )


def test_images_are_read_in_the_order_of_their_classes(folder):
    X, y = read(folder / "cifar10_subset.zip", "test", 3)
    assert (X.shape, X.dtype) == ((30, 3, 32, 32), np.uint8)
    assert y.tolist() == np.repeat(np.arange(10), 3).tolist()
    # Ships (8) have more blue than frogs (6), aeroplanes (0) too.
    more, _ = read(folder / "cifar10_subset.zip", "test", 50)
    blue = more[:, 2].mean((1, 2)).reshape(10, 50).mean(1) - more[:, 0].mean((1, 2)).reshape(10, 50).mean(1)
    assert min(blue[0], blue[8]) > blue[6]


@pytest.mark.slow
def test_a_short_run_writes_what_it_found(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(solve.SIZES["quick"], "train", 10)
    app = solve.typer.Typer()
    app.command()(solve.main)
    result = CliRunner().invoke(app, ["--data", str(folder), "--out", str(tmp_path), "--quick"])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["learned from"], report["watched"]) == (160, 20)
    assert list(report["scores"]) == list(GROUPS)
    none = report["scores"]["in none"]
    assert none["test, running statistics"] == none["test, recomputed"]
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("curves.png", "activations.png"))
