"""The transfer script: what is carried over, what is lost on the way, how gaps are measured, a short run."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from competitions.data import find
from competitions.transfer import solve
from competitions.transfer.networks import (
    LAYERS,
    as_if_lost,
    codes,
    fine_tuned,
    fresh,
    lost,
    outputs,
    recomputed,
    source_networks,
)
from competitions.transfer.tasks import FILES, Task, photographs, tasks
from competitions.transfer.ways import by_codes, by_fine_tuning, target_alone, transfer_gap

pytestmark = pytest.mark.usefixtures("single_torch_thread")


def bars(name, n, seed, across):
    """Images with a bright bar in one of ten places, lying or standing, in noise."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 10
    X = 0.3 * random.random((n, 1, 28, 28), dtype=np.float32)
    for image, place in zip(X[:, 0], 2 * y + 3, strict=True):
        (image.T if across else image)[place : place + 2] += 0.7
    return Task(name, X, y)


@pytest.fixture(scope="module")
def task():
    return bars("bars", 300, seed=0, across=False)


@pytest.fixture(scope="module")
def source(task):
    return source_networks(task, n_nets=2, n_epochs=2)


@pytest.fixture(scope="module")
def real():
    try:
        return tasks(None, 200)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def state_without(network, *parts):
    return {name: v for name, v in network.state_dict().items() if not any(part in name for part in parts)}


# --- tasks


@pytest.mark.slow
def test_tasks_are_images_of_one_kind(real):
    assert {name: len(task.y) for name, task in real.items()} == {
        "digits": 60_000,
        "letters": 18_230,
        "photographs": 200,
        "letters labelled at random": 18_230,
    }
    for task in real.values():
        assert task.X.shape == (len(task.y), 1, 28, 28)
        assert task.X.dtype == np.float32
        assert 0 <= task.X.min() < task.X.max() <= 1
        assert set(task.y) == set(range(10))


def test_grey_is_as_bright_as_its_colours(real):
    folder = find("cifar10", *FILES["cifar10"])
    some = photographs(folder, n_of_class=2)
    from competitions.cifar10.photographs import read

    channel_order, labels = read(folder / "cifar10_subset.zip", "train", 2)
    red, green, blue = channel_order[3, :, 10, 12] / 255
    assert some.X[3, 0, 8, 10] == pytest.approx(0.299 * red + 0.587 * green + 0.114 * blue, abs=1e-6)
    np.testing.assert_array_equal(some.y, labels)


def test_random_labels_are_as_many_of_each_and_tell_nothing(task):
    senseless = task.without_sense(seed=0)
    np.testing.assert_array_equal(np.bincount(senseless.y), np.bincount(task.y))
    assert np.mean(senseless.y == task.y) < 0.2
    assert senseless.X is task.X


def test_few_images_are_by_class_and_never_those_of_the_test(task):
    learned, test = task.split(100)
    assert not set(learned) & set(test)
    assert len(learned) + len(test) == 300
    for rows in task.few(learned, 50, range(3)):
        assert set(rows) <= set(learned)
        assert np.bincount(task.y[rows]).tolist() == [5] * 10
    first, second = task.few(learned, 50, range(2))
    assert set(first) != set(second)


# --- networks


def test_codes_are_what_enters_the_last_layer(source, task):
    last = source.layers[len(LAYERS)]
    expected = codes(source, task.X) @ last.weight.detach().numpy().transpose(0, 2, 1)
    expected += last.bias.detach().numpy()[:, None]
    assert codes(source, task.X).shape == (2, 300, 64)
    np.testing.assert_allclose(outputs(source, task.X), expected, rtol=1e-4, atol=1e-4)


def test_a_new_head_on_old_layers_or_on_new_ones(source, task):
    on_old, on_new = (fresh(source, keeps_layers=keeps) for keeps in (True, False))
    np.testing.assert_array_equal(codes(on_old, task.X), codes(source, task.X))
    assert not np.array_equal(outputs(on_old, task.X), outputs(source, task.X))
    assert not np.allclose(codes(on_new, task.X), codes(source, task.X), atol=0.1)
    head = f"layers.{len(LAYERS)}."
    for name, value in on_new.state_dict().items():
        if name.startswith(head):
            assert torch.equal(value, on_old.state_dict()[name])


def test_what_is_lost_are_the_running_statistics_alone(source):
    without = lost(source)
    for name, value in state_without(source, "running").items():
        assert torch.equal(value, without.state_dict()[name])
    assert not any(norm.running_mean.any() for norm in without.norms)
    assert all((norm.running_var == 1).all() for norm in without.norms)
    assert all(norm.running_mean.any() for norm in source.norms)


def test_recomputed_statistics_are_those_of_each_ones_own_rows(source, task):
    rows = [np.arange(40), np.arange(100, 140)]
    fresh = recomputed(source, task, rows).norms[0]
    for net in range(2):
        kernel = source.layers[0].kernel[net]
        maps = torch.nn.functional.conv2d(torch.as_tensor(task.X[rows[net]]), kernel)
        torch.testing.assert_close(fresh.running_mean[net], maps.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(fresh.running_var[net], maps.var((0, 2, 3)), rtol=1e-3, atol=1e-5)


def test_running_statistics_are_no_part_of_what_is_learned_and_fade_at_their_decay(source, task):
    rows, n_steps = [np.arange(100), np.arange(100, 200)], 10  # 5 epochs of 2 batches
    began = fresh(source, keeps_layers=True)
    kept, without = (fine_tuned(one, task, rows, n_steps, 1e-3) for one in (began, lost(began)))
    predicted = as_if_lost(kept, began, n_steps)
    for name, value in state_without(kept, "running").items():
        assert torch.equal(value, without.state_dict()[name]), name
    for one, other in zip(without.norms, predicted.norms, strict=True):
        torch.testing.assert_close(one.running_mean, other.running_mean, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(one.running_var, other.running_var, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(kept.norms[0].running_var, without.norms[0].running_var, atol=1e-2)
    assert not torch.equal(kept.layers[0].weight, began.layers[0].weight)


def test_batches_must_be_whole_epochs(source, task):
    with pytest.raises(
        ValueError, match=r"n_steps must be a multiple of 2 batches an epoch; got n_steps=5\."
    ):
        fine_tuned(source, task, [np.arange(100)] * 2, 5, 1e-3)


def test_a_network_without_its_statistics_knows_less(source, task):
    rows = [np.arange(100)] * 2
    networks = source, recomputed(source, task, rows), lost(source)
    kept, fresh, without = (np.mean(outputs(one, task.X).argmax(2) != task.y) for one in networks)
    assert kept < 0.1
    assert fresh < 0.1
    assert without > 0.3


# --- ways


def test_gaps_are_paired_by_seed():
    alone = np.array([0.1, 0.3, 0.5])
    assert transfer_gap(alone + 0.05, alone) == pytest.approx({"gap": 0.05, "standard error": 0.0})
    assert transfer_gap(alone - 0.05, alone)["gap"] == pytest.approx(-0.05)


def test_every_way_learns_what_the_source_knows_and_nothing_from_random_labels(source, task):
    learned, test = task.split(100)
    for target, low, high in ((task, 0.0, 0.2), (task.without_sense(0), 0.75, 1.0)):
        rows = target.few(learned, 50, range(2))
        tuned = by_fine_tuning(source, target, rows, test, 30, 3e-3)
        by_code = by_codes(source, target, rows, test)
        alone = target_alone(source, target, rows, test, 30, 1e-2)
        for errors in (tuned["kept"], tuned["recomputed"], by_code["kept"], by_code["recomputed"], alone):
            assert errors.shape == (2,)
            assert low <= errors.mean() <= high


def test_predictions_do_not_depend_on_the_test_labels(source, task):
    learned, test = task.split(100)
    rows = task.few(learned, 50, range(2))
    y = task.y.copy()
    y[test] = (y[test] + 1) % 10
    turned = Task("turned", task.X, y)
    for way in (by_codes, lambda *where: by_fine_tuning(*where, 20, 3e-3)):
        right, wrong = (way(source, one, rows, test) for one in (task, turned))
        # Whoever is right for one is wrong for the other: errors would not add up to 1 with a leak.
        for name in right:
            assert (right[name] + wrong[name] >= 1 - 1e-9).all()


@pytest.mark.slow
def test_a_short_run_writes_what_it_found(real, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    result = CliRunner().invoke(app, ["--out", str(tmp_path), "--quick"])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "gaps.csv")
    n_ways = sum(1 + 2 * 3 * len(sources) for sources in solve.PAIRS.values())
    assert len(table) == n_ways * len(solve.QUICK["few"]) * len(solve.QUICK["rates"])
    of_ways = table[table["way"] != "alone"].merge(
        table[table["way"] == "alone"], on=["target", "images", "rate"], suffixes=("", "_alone")
    )
    np.testing.assert_allclose(of_ways["gap"], of_ways["error"] - of_ways["error_alone"], atol=2e-5)
    assert len(json.loads((tmp_path / "report.json").read_text())["found"]) == len(table)
    assert (tmp_path / "gaps.png").stat().st_size > 10_000
