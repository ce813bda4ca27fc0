"""The notMNIST script: no image is in two parts, and a short run."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

from competitions.data import find
from competitions.notmnist import solve
from competitions.notmnist.letters import parts, read, unique_images


@pytest.fixture(scope="module")
def folder():
    try:
        return find("notmnist", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@given(
    arrays(np.uint8, (30, 2), elements=st.integers(0, 2)), arrays(np.uint8, 30, elements=st.integers(0, 1))
)
def test_each_image_is_left_once_and_only_with_one_label(X, y):
    kept, labels, counts = unique_images(X, y)
    seen = {}
    for row, label in zip(map(tuple, X), y, strict=True):
        seen.setdefault(row, set()).add(label)
    assert {row: {label} for row, label in zip(map(tuple, kept), labels, strict=True)} == {
        row: of_row for row, of_row in seen.items() if len(of_row) == 1
    }
    assert len(set(map(tuple, kept))) == len(kept)
    assert len(kept) + counts["copies"] + counts["several labels"] == len(X)


def test_no_image_is_in_two_parts(folder):
    X, y = read(folder / "notmnist_small.npz")
    assert X.shape == (18_724, 28, 28)
    found = parts(*unique_images(X, y)[:2], (3000, 2000), seed=0)
    rows = np.concatenate([images for images, _ in found.values()])
    assert len(np.unique(rows, axis=0)) == len(rows) == 18_230
    assert {name: len(labels) for name, (_, labels) in found.items()} == {
        "train": 13_230,
        "valid": 2000,
        "test": 3000,
    }
    again = parts(*unique_images(X, y)[:2], (3000, 2000), seed=0)
    np.testing.assert_array_equal(again["test"][0], found["test"][0])


def test_a_short_run_writes_what_it_found(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(solve.QUICK, "images", 1000)
    app = solve.typer.Typer()
    app.command()(solve.main)
    options = ["--data", str(folder), "--out", str(tmp_path), "--quick", "--precision", "float32"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["left out"] == {"copies": 486, "several labels": 8}
    assert report["parameters"] == 1_541_020
    assert report["scores"]["test"]["accuracy"] > 0.6
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("curves.png", "activations.png"))
