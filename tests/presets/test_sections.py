"""What notebooks show of a preset: the leaderboard, the folds and the raw columns."""

import math

import numpy as np
import pytest

from stackit import TabularStackClassifier
from stackit.presets import tabular_stack
from tests.presets.tiny_members import classifiers, raw_table


@pytest.fixture(scope="module")
def stack():
    frame, labels, _ = raw_table(90)
    frame["<b>"] = np.arange(90)[::-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular_stack, "portfolio", lambda preset, shape: classifiers())
        patch.setattr(tabular_stack, "left_out", lambda preset, shape: {"<huge>": "the table is too large"})
        return TabularStackClassifier("quick", cv=3, n_jobs=1, verbose=0).fit(frame, labels)


def test_the_leaderboard_comes_first_and_the_rest_is_closed(stack):
    board, folds, columns = stack.display_sections()
    assert board.title.startswith(f"roc_auc {stack.score_:.5g} (standard error ")
    assert f"blended by {stack.blend_.name}" in board.title
    assert [row[0] for row in board.rows] == stack.leaderboard_.index.tolist()
    assert board.rows[-1][-1] == "left out: the table is too large"
    assert math.isnan(board.rows[-1][board.columns.index("score")])
    assert len(folds.rows) == 3
    assert (board.is_open, folds.is_open, columns.is_open) == (True, False, False)
    assert [row[0] for row in columns.rows] == stack.columns_.index.tolist()


def test_names_are_escaped_below_the_diagram(stack):
    page = stack._repr_mimebundle_()["text/html"]
    assert "&lt;huge&gt;" in page
    assert '<th scope="row">&lt;b&gt;</th>' in page
    assert "<huge>" not in page


def test_before_fit_there_is_the_diagram_alone():
    assert TabularStackClassifier().display_sections() == []
    assert "stackit-view" not in TabularStackClassifier()._repr_mimebundle_()["text/html"]


def test_a_file_shows_the_leaderboard_without_folds(stack, tmp_path):
    stack.save(tmp_path / "it.stackit")
    trusted = [
        "sklearn.tree._tree.Tree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
    ]
    loaded = TabularStackClassifier.load(tmp_path / "it.stackit", trusted=trusted)
    board, columns = loaded.display_sections()
    assert board.rows[0][:3] == stack.display_sections()[0].rows[0][:3]
    assert columns.title == f"{len(stack.columns_)} raw columns"
