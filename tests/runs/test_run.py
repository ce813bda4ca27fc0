"""A run from two CSV files: what is in its folder, and that it fits together."""

import numpy as np
import pandas as pd
import pytest

from stackit.runs import RunConfig, RunFolder, run
from tests.runs.conftest import N_TEST, N_TRAIN


def test_the_folder_has_all_files(finished):
    names = {path.name for path in finished.path.iterdir()}
    assert names >= {
        "stackit.toml", "folds.csv", "oof", "test", "scores.csv", "submission.csv", "model.stackit",
        "manifest.json", "README.md", "store",
    }  # fmt: skip
    assert not [*finished.path.rglob("*.part")]


def test_it_is_read_back(finished, settings):
    opened = RunFolder.open(finished.path)
    assert opened.is_finished
    assert opened.manifest == finished.manifest
    assert opened.config.target == "Survived"
    assert opened.oof.shape == (N_TRAIN, 4)
    assert opened.test.shape == (N_TEST, 4)
    assert opened.oof.index.tolist() == [str(number) for number in range(1, N_TRAIN + 1)]
    assert opened.scores.index[0] == "stack"
    assert opened.folds.n_samples == N_TRAIN


def test_the_score_is_that_of_the_out_of_fold_file(finished, tables):
    from sklearn.metrics import roc_auc_score

    y = pd.read_csv(tables / "train.csv")["Survived"]
    parts = [roc_auc_score(y[rows], finished.oof["stack"].iloc[rows]) for _, rows in finished.folds.splits]
    assert finished.manifest["score"] == pytest.approx(np.mean(parts))
    assert finished.manifest["score"] > 0.7


def test_the_stack_predicts_the_test_file(finished, tables):
    stack = finished.stack()
    test = pd.read_csv(tables / "test.csv").drop(columns="PassengerId")
    assert np.allclose(stack.predict_proba(test)[:, 1], finished.test["stack"], atol=1e-12)


def test_the_submission_is_like_the_sample(finished, tables):
    from stackit.submission import check_submission

    check_submission(finished.submission, tables / "sample.csv")
    table = pd.read_csv(finished.submission)
    assert (table["Survived"].to_numpy() == (finished.test["stack"] > 0.5).to_numpy()).all()


def test_a_finished_run_is_not_repeated(finished, settings):
    before = {path: path.stat().st_mtime_ns for path in finished.path.rglob("*")}
    again = run(RunConfig(**settings, output=finished.path))
    assert again.is_finished
    assert {path: path.stat().st_mtime_ns for path in finished.path.rglob("*")} == before


def test_other_settings_in_the_same_folder_are_refused(finished, settings):
    other = RunConfig(**{**settings, "random_state": 1}, output=finished.path)
    with pytest.raises(ValueError, match="other settings or data: random_state was 0 and is 1"):
        run(other)
