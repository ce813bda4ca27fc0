"""The MNIST script: its file format, its networks and a short run."""

import gzip
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from competitions.data import find
from competitions.mnist import solve
from competitions.mnist.images import read_idx
from competitions.mnist.lineup import convnet, final_estimator, mlp, plain_mlp
from competitions.mnist.scores import alone, score

pytestmark = pytest.mark.usefixtures("single_torch_thread")


@pytest.fixture(scope="module")
def folder():
    try:
        return find("mnist", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def idx(numbers, kind=8):
    header = struct.pack(f">HBB{numbers.ndim}i", 0, kind, numbers.ndim, *numbers.shape)
    return gzip.compress(header + numbers.tobytes())


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_idx_files_are_read_as_they_were_written(tmp_path_factory, shape):
    numbers = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    path = tmp_path_factory.mktemp("idx") / "numbers.gz"
    path.write_bytes(idx(numbers))
    np.testing.assert_array_equal(read_idx(path), numbers)


def test_other_idx_files_are_refused(tmp_path):
    path = tmp_path / "numbers.gz"
    numbers = np.zeros((3, 2), dtype=np.uint8)
    for content in (idx(numbers, kind=13), gzip.compress(gzip.decompress(idx(numbers))[:-1])):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"unsigned bytes.*got numbers\.gz of kind"):
            read_idx(path)


def test_both_networks_have_the_parameters_of_the_notes():
    random = np.random.default_rng(0)
    X, y = random.random((20, 784), dtype=np.float32), np.arange(20) % 10
    nets = convnet(1, "float32").fit(X, y), mlp(1, "float32").fit(X, y)
    assert [net.network_.n_parameters for net in nets] == [601_002, 1_541_020]
    counted = [sum(2 * norm.running_mean.numel() for norm in net.network_.norms) for net in nets]
    assert counted == [384, 4_520]
    plain = plain_mlp(1, "float32").fit(X, y)
    assert not plain.network_.norms
    # Without gamma and beta (2 · 2260), but with biases of all layers but those in front of batch norm: 2260.
    assert plain.network_.n_parameters == 1_536_500 + 2260


@pytest.mark.slow
def test_the_files_are_mnist(folder):
    X, y, X_test, y_test = solve.read(folder, solve.SIZES["short"])
    assert (X.shape, X_test.shape) == ((60_000, 784), (10_000, 784))
    assert np.bincount(y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(y_test)[:3].tolist() == [980, 1135, 1032]
    assert X.dtype == np.float32
    assert 0 == X.min() < X.max() == 1


def test_scores_by_hand():
    found = score([0, 1], np.eye(10)[[0, 2]] * 0.98 + 0.002)
    assert found["accuracy"] == 0.5
    assert found["loss"] == pytest.approx(-(np.log(0.982) + np.log(0.002)) / 2)


def test_the_final_estimator_repeats_a_good_member_next_to_a_useless_one():
    random = np.random.default_rng(0)
    y = random.integers(0, 10, 2000)
    knows = np.full((2000, 10), 0.01)
    knows[np.arange(2000), y] = 0.91
    guesses = random.dirichlet(np.ones(10), 2000)
    final = final_estimator().fit(np.hstack([knows, guesses])[:1500], y[:1500])
    assert final.score(np.hstack([knows, guesses])[1500:], y[1500:]) > 0.99


def test_what_is_finished_is_not_trained_again(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    tables = [random.random((30, 784), dtype=np.float32), np.arange(30) % 10] * 2
    first = alone(mlp(1, "float32"), tables, tmp_path / "mlp.json")
    assert alone(mlp(1, "float32"), tables, tmp_path / "mlp.json") == first
    assert len(alone(mlp(2, "float32"), tables, tmp_path / "mlp.json")["history"]) == 2


@pytest.mark.slow
def test_a_quick_run_writes_what_it_found(folder, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    options = ["--data", str(folder), "--out", str(tmp_path), "--quick", "--precision", "float32"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    for part in ("out of fold", "test"):
        assert list(report[part]) == ["convnet", "mlp", "trees", "average", "stack"]
        assert min(one["accuracy"] for one in report[part].values()) > 0.5
    assert (tmp_path / "folds.csv").read_text().count("\n") == 601
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("curves.png", "activations.png"))
    again = CliRunner().invoke(app, options)
    assert again.exit_code == 0
    assert json.loads((tmp_path / "report.json").read_text()) == report
