"""The fault of the lost running statistics: what each kind of statistics does to the predictions."""

import json
from itertools import islice

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from competitions.lost_statistics import solve
from competitions.lost_statistics.cases import convergence, measure, perceptron, refusal
from competitions.lost_statistics.statistics import (
    accuracy,
    batches,
    counted,
    network_of,
    parameters_only,
    recomputed,
    running,
)


@pytest.fixture(scope="module")
def tables():
    torch.set_num_threads(1)
    return solve.digits()


@pytest.fixture(scope="module")
def net(tables):
    X, _, y, _ = tables
    return perceptron(solve.QUICK["hidden"], 15).fit(X, y)


def test_each_kind_of_statistics_does_what_the_notes_saw(net, tables):
    found = measure(net, tables, (100, 300))
    full, of_batch, lost = (
        found[name] for name in ("full state", "statistics of the batch", "parameters only")
    )
    assert full[0] == full[1] >= 0.97
    assert of_batch[0] >= 0.90
    assert of_batch[1] <= 0.45  # the other rows of a batch decide
    assert lost[0] == lost[1] <= 0.80  # bad, but the same for all company
    assert lost[0] < found["100 updates"][0] < found["300 updates"][0] + 1e-9
    assert found["recomputed"][0] == found["recomputed"][1] >= 0.97


def test_predictions_do_not_depend_on_the_other_rows(net, tables):
    _, X_test, _, y_test = tables
    network = network_of(net)
    together = accuracy(network, X_test, y_test, [np.arange(len(y_test))])
    assert together == accuracy(network, X_test, y_test, [[row] for row in range(len(y_test))])
    assert together == pytest.approx(net.score(X_test, y_test))


def test_predicting_by_the_statistics_of_the_batch_changes_nothing(net, tables):
    _, X_test, _, y_test = tables
    network = network_of(net)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    accuracy(network, X_test, y_test, batches(len(y_test), 30, 0), of_batch=True)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_parameters_alone_lack_the_running_statistics_and_are_refused(net):
    network = network_of(net)
    lost, missing = parameters_only(network)
    assert len(missing) == 2 * len(network.norms) == 12
    assert all("running" in name for name in missing)
    assert not running(lost, "mean").any()
    assert (running(lost, "var") == 1).all()
    assert "lacks the running statistics" in refusal(net)


def test_recomputed_statistics_are_the_means_over_the_batches(net, tables):
    X, *_ = tables
    network, parts = network_of(net), batches(len(X), 120, 1)
    # By hand, for the first layer: the paper's algorithm 2 over the same batches.
    first = torch.as_tensor(X) @ network.layers[0].kernel[0].T
    fresh = recomputed(network, X, parts).norms[0]
    means = torch.stack([first[rows].mean(0) for rows in parts]).mean(0)
    variances = torch.stack([first[rows].var(0) for rows in parts]).mean(0)
    torch.testing.assert_close(fresh.running_mean[0], means.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fresh.running_var[0], variances.detach(), rtol=1e-4, atol=1e-5)
    # The estimator's own, of one batch of all rows, differ only in how rows fell into batches.
    whole = recomputed(network, X, [np.arange(len(X))])
    np.testing.assert_allclose(running(network, "mean"), running(whole, "mean"), rtol=0.1, atol=0.05)


def test_a_fixed_decay_comes_back_slowest(net, tables):
    tracks = convergence(net, tables, 60)
    far = {name: track[-1][1] for name, track in tracks.items()}
    assert far["mean of all"] < far["decay 0.99, warm"] < far["decay 0.99"] < far["decay 0.997"]
    # After n updates the old value, zero, still has the weight decay^n.
    assert far["decay 0.997"] == pytest.approx(0.997**60, rel=0.05)
    assert tracks["decay 0.99, warm"][-1][2] > 0.95 > tracks["decay 0.997"][-1][2]


def test_counting_changes_statistics_alone(net, tables):
    X, *_ = tables
    network = network_of(net)
    before = {name: value.clone() for name, value in network.named_parameters()}
    (*_, after) = islice(counted(network, X, batches(len(X), 120, 1), "ema", 0.9), 5)
    assert not after.training
    assert all(torch.equal(value, before[name]) for name, value in after.named_parameters())


@pytest.mark.slow
def test_the_script_runs_and_writes_what_it_found(tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    result = CliRunner().invoke(app, ["--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report["accuracy"]) >= {"full state", "parameters only", "100 updates", "recomputed"}
    assert (tmp_path / "convergence.png").stat().st_size > 10_000
