"""The iris script as it is: its accuracies are those of its page, and its pictures are drawn."""

import json

import numpy as np
import pytest

from competitions.iris.solve import NOTE, main

pytest.importorskip("matplotlib")


def run(tmp_path, **options):
    main(tmp_path / "out", **options)
    return json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))


def assert_pictures_are_drawn(folder):
    from matplotlib.image import imread

    for name in ("regions.png", "learning_curves.png"):
        picture = imread(folder / name)
        assert picture.shape[:2] == (960, 1200)
        quarters = [
            picture[rows, columns]
            for rows in (slice(480), slice(480, None))
            for columns in (slice(600), slice(600, None))
        ]
        assert all(quarter.std() > 0.05 for quarter in quarters)  # one for each of the four classifiers


def test_the_quick_run_draws_and_reports_what_its_page_says(tmp_path, capsys):
    report = run(tmp_path, quick=True)
    assert report["note"].keys() == NOTE.keys() == report["once"].keys() == report["repeated"].keys()
    assert {len(scores) for scores in report["once"].values()} == {3}
    assert {len(scores) for scores in report["repeated"].values()} == {6}
    # Nothing of these two depends on how many trees and repeats there are.
    assert np.mean(report["once"]["nearest neighbour"]) == pytest.approx(0.947, abs=5e-4)
    assert np.mean(report["once"]["naive Bayes"]) == pytest.approx(0.920, abs=5e-4)
    assert all(0.85 < np.mean(scores) < 1 for scores in report["repeated"].values())
    printed = capsys.readouterr().out
    assert "0.91 ± 0.01" in printed
    assert "0.947 ± 0.034" in printed
    assert "ours, 2 repeats" in " ".join(printed.split())
    assert_pictures_are_drawn(tmp_path / "out")


@pytest.mark.slow
def test_the_whole_run_gives_the_figures_of_its_page(tmp_path):
    report = run(tmp_path)
    once = {name: np.mean(scores) for name, scores in report["once"].items()}
    repeated = {name: np.mean(scores) for name, scores in report["repeated"].items()}
    assert list(once.values()) == pytest.approx([0.947, 0.940, 0.920, 0.920], abs=5e-4)
    assert list(repeated.values()) == pytest.approx([0.9203, 0.9343, 0.9193, 0.9343], abs=2e-3)
    assert_pictures_are_drawn(tmp_path / "out")
