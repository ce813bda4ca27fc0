"""What is done with finished runs: new rows, comparison, a list, and blends of out-of-fold files."""

import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stackit.runs import RunConfig, blend_files, compare_runs, list_runs, predict_table, run
from stackit.runs.manifest import read_manifest, write_manifest
from tests.runs.conftest import N_TEST, N_TRAIN, tiny_members


@pytest.fixture(scope="session")
def other(settings, tmp_path_factory):
    """The folder of a run with other folds."""
    with tiny_members():
        changed = {**settings, "random_state": 5, "sample": None}
        return run(RunConfig(**changed, output=tmp_path_factory.mktemp("runs") / "other"))


def test_new_rows_are_predicted_as_the_test_rows(finished, tables):
    table = predict_table(finished.path, tables / "test.csv")
    assert table.columns.tolist() == ["PassengerId", "Survived", "Survived__0", "Survived__1"]
    assert table["PassengerId"].tolist() == finished.test.index.tolist()
    assert np.allclose(table["Survived__1"], finished.test["stack"], atol=1e-12)
    assert (table["Survived"] == (table["Survived__1"] > 0.5)).all()


def test_columns_in_another_order_and_other_columns_do_not_matter(finished, tables):
    table = pd.read_csv(tables / "test.csv")[["Fare", "Sex", "Age"]].assign(extra=1)
    assert predict_table(finished, table)["Survived__1"].to_numpy() == pytest.approx(
        finished.test["stack"].to_numpy()
    )


def test_missing_columns_are_named(finished, tables):
    table = pd.read_csv(tables / "test.csv").drop(columns=["Fare", "Sex"])
    with pytest.raises(ValueError, match=r"The table lacks 2 of the 3 columns .*: Sex, Fare"):
        predict_table(finished, table)


def test_a_run_is_as_good_as_itself(finished):
    found = compare_runs(finished, finished)
    assert found.test.difference == 0
    assert found.same_folds
    assert not found.is_sure
    assert found.n_rows == N_TRAIN
    assert "equally good on 120 rows" in found.sentence


def test_two_runs_are_compared_row_by_row(finished, other, tables):
    found = compare_runs(finished, other, metric="neg_brier_score")
    y = pd.read_csv(tables / "train.csv")["Survived"].to_numpy()
    losses = [(each.oof["stack"].to_numpy() - y) ** 2 for each in (finished, other)]
    assert found.test.difference == pytest.approx((losses[1] - losses[0]).mean())
    error = (losses[1] - losses[0]).std(ddof=1) / np.sqrt(N_TRAIN)
    assert found.test.standard_error == pytest.approx(error)
    assert not found.same_folds
    assert found.scores[str(finished.path)] == pytest.approx(-losses[0].mean())
    assert [*found.members.index] == ["linear", "forest", "neighbors", "stack"]


def test_the_score_of_a_comparison_is_that_of_the_run(finished, other):
    found = compare_runs(finished, other)
    assert found.scores[str(finished.path)] == pytest.approx(finished.manifest["score"])


def test_other_targets_are_not_compared(finished, tables, tmp_path):
    table = pd.read_csv(tables / "train.csv")
    table["Survived"] = 1 - table["Survived"]
    table.to_csv(tmp_path / "train.csv", index=False)
    shutil.copytree(finished.path, tmp_path / "run")
    text = (tmp_path / "run" / "stackit.toml").read_text(encoding="utf-8")
    lines = ['train = "../train.csv"' if line.startswith("train") else line for line in text.splitlines()]
    (tmp_path / "run" / "stackit.toml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match="have different targets for 120 of 120 rows"):
        compare_runs(finished, tmp_path / "run")


def test_runs_are_listed_with_what_is_wrong(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "a")
    shutil.copytree(finished.path, tmp_path / "b" / "c")
    later = read_manifest(tmp_path / "a") | {"format": 99}
    write_manifest(tmp_path / "a", later)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text('{"format": 1, "icons": []}')
    listed = list_runs(tmp_path)
    assert listed.index.tolist() == [f"{tmp_path.as_posix()}/b/c", f"{tmp_path.as_posix()}/a"]
    assert listed["status"].iloc[0] == "finished"
    assert listed["members"].iloc[0] == 3
    assert "later stackit" in listed["status"].iloc[1]
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        list_runs(tmp_path / "nothing")


def test_files_are_blended_by_id(finished, tables, tmp_path):
    shuffled = pd.read_csv(finished.path / "oof" / "linear.csv").sample(frac=1, random_state=0)
    shuffled.to_csv(tmp_path / "linear.csv", index=False)
    oof = [tmp_path / "linear.csv", finished.path / "oof" / "forest.csv"]
    test = [finished.path / "test" / name for name in ("linear.csv", "forest.csv")]
    found = blend_files(
        oof, train=tables / "train.csv", target="Survived", test=test, folds=finished.path / "folds.csv"
    )
    assert [*found.blend.weights] == ["linear", "forest"]
    assert found.oof.index.tolist() == finished.oof.index.tolist()
    assert found.test.index.tolist() == finished.test.index.tolist()
    assert found.test.shape == (N_TEST, 1)
    y = pd.read_csv(tables / "train.csv")["Survived"]
    parts = [roc_auc_score(y[rows], finished.oof["linear"].iloc[rows]) for _, rows in finished.folds.splits]
    assert found.scores.loc["linear", "score"] == pytest.approx(np.mean(parts))
    assert found.scores.index[0] == "stack"
    assert found.n_left_out == 0
    assert "cross-fitted on 120 rows; the best of 2 members" in found.sentence


def test_members_of_the_same_name_are_distinguished(finished, other, tables):
    known = {"train": tables / "train.csv", "target": "Survived"}
    files = [each.path / "oof" / name for name in ("linear.csv", "stack.csv") for each in (finished, other)]
    found = blend_files([*files[:2], files[0]], **known)
    assert [*found.blend.weights] == ["linear", "other/linear"]
    stacks = blend_files(files[2:], **known)
    assert [*stacks.blend.weights] == ["titanic/stack", "other/stack"]
    assert "the best of 2 members" in stacks.sentence


def test_the_stack_is_left_out_where_its_members_are_blended(finished, other, tables):
    known = {"train": tables / "train.csv", "target": "Survived"}
    folder = finished.path / "oof"
    with pytest.warns(UserWarning, match=r"stack\.csv is left out: it is the blend of the others"):
        found = blend_files([folder / "stack.csv", folder / "linear.csv", folder / "forest.csv"], **known)
    assert [*found.blend.weights] == ["linear", "forest"]
    kept = blend_files([folder / "stack.csv", other.path / "oof" / "linear.csv"], **known)
    assert [*kept.blend.weights] == ["titanic/stack", "linear"]


def test_rows_that_some_file_lacks_are_left_out(finished, tables, tmp_path):
    part = pd.read_csv(finished.path / "oof" / "linear.csv").iloc[:100]
    part.to_csv(tmp_path / "linear.csv", index=False)
    paths = [tmp_path / "linear.csv", finished.path / "oof" / "forest.csv"]
    found = blend_files(paths, train=tables / "train.csv", target="Survived")
    assert found.n_left_out == 20
    assert len(found.oof) == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.assign(linear=table["linear"] * 2), "probabilities between 0 and 1"),
        (lambda table: table.assign(PassengerId=range(1000, 1120)), "No row of .* is predicted by all files"),
        (lambda table: pd.concat([table, table]), "unique"),
    ],
    ids=["no probabilities", "other ids", "repeated ids"],
)
def test_files_that_cannot_be_blended(change, message, finished, tables, tmp_path):
    table = pd.read_csv(finished.path / "oof" / "linear.csv")
    change(table).to_csv(tmp_path / "linear.csv", index=False)
    with pytest.raises(ValueError, match=message):
        blend_files([tmp_path / "linear.csv"], train=tables / "train.csv", target="Survived")


def test_test_files_must_be_those_of_the_same_names(finished, tables):
    with pytest.raises(
        ValueError, match=r"There are no predictions of test rows in files called linear\.csv"
    ):
        blend_files(
            [finished.path / "oof" / "linear.csv"],
            train=tables / "train.csv",
            target="Survived",
            test=[finished.path / "test" / "forest.csv"],
        )
