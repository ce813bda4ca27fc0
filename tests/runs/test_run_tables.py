"""Tables that no one has prepared end in a run, or in one sentence that says what is wrong."""

import numpy as np
import pandas as pd
import pytest

from stackit import make_folds
from stackit.runs import RunConfig, dry_run
from stackit.runs.run_tables import read_tables


@pytest.fixture
def read(tables, tmp_path):
    """Read the tables after a change of the training and the test table."""

    def read(train=lambda table: table, test=lambda table: table, **settings):
        train(pd.read_csv(tables / "train.csv")).to_csv(tmp_path / "train.csv", index=False)
        test(pd.read_csv(tables / "test.csv")).to_csv(tmp_path / "test.csv", index=False)
        files = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv"}
        return read_tables(RunConfig(**{**files, "target": "Survived", "id": "PassengerId", **settings}))

    return read


def without_some_targets(table):
    return table.assign(Survived=table["Survived"].where(table.index % 10 > 0))


def test_columns_that_are_no_features_are_left_out(read):
    found = read(drop=["Fare"], groups="Sex")
    assert found.X.columns.tolist() == found.X_test.columns.tolist() == ["Age"]
    assert found.training.groups.tolist()[0] in ("male", "female")


def test_categories_that_are_features_are_handed_on(read, tables):
    assert read().categories is None
    assert read(categories=["Age", "Fare"], drop=["Fare"]).categories == ["Age"]
    with pytest.raises(ValueError, match=r"has no column 'Agee' \(a category\)\. Did you mean 'Age'"):
        read(categories=["Agee"])
    files = {"train": tables / "train.csv", "target": "Survived", "preset": "quick", "folds": 3}
    assert dry_run(RunConfig(**files)).columns.loc["Age", "kind"] == "number"
    assert dry_run(RunConfig(**files, categories=["Age"])).columns.loc["Age", "kind"] == "category"


def test_rows_without_a_target_are_left_out(read):
    found = read(without_some_targets)
    assert len(found.X) == len(found.training.ids) == 108
    assert "1" not in found.training.ids
    assert found.notes == ("12 of 120 training rows have no 'Survived' and are left out.",)


def test_folds_of_all_rows_fit_those_with_a_target(read, tables, tmp_path):
    y = pd.read_csv(tables / "train.csv")["Survived"]
    make_folds(y, n_splits=3, random_state=0).save(tmp_path / "folds.csv", ids=range(1, 121))
    found = read(without_some_targets, folds=tmp_path / "folds.csv")
    assert found.cv.n_samples == 108
    whole = read(folds=tmp_path / "folds.csv")
    assert whole.cv.n_samples == 120
    kept = np.flatnonzero(np.arange(120) % 10)
    assert (found.cv.assignment[:, 0] == whole.cv.assignment[kept, 0]).all()


def test_columns_that_the_test_table_lacks_are_left_out(read):
    found = read(lambda table: table.assign(casual=1, count=2))
    assert found.X.columns.tolist() == ["Age", "Sex", "Fare"]
    assert "has no casual, count: left out of training too" in found.notes[0]


def test_ids_keep_their_zeros(read):
    def padded(table):
        return table.assign(PassengerId=table["PassengerId"].map("{:05d}".format))

    assert read(padded, padded).test_ids[0] == "00121"


def test_the_sample_names_the_ids(read, tables):
    assert read(id=None, sample=tables / "sample.csv").id_column == "PassengerId"
    assert read(id=None).training.ids[:2].tolist() == ["0", "1"]


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (None, {"target": "Survivd"}, "has no column 'Survivd' (the target). Did you mean 'Survived'?"),
        (None, {"id": "9"}, "has no column '9' (the ids). Its columns are PassengerId, Survived"),
        (None, {"groups": "Family"}, "has no column 'Family' (the groups)."),
        (None, {"drop": ["Tickt"]}, "has no column 'Tickt' (left out)."),
        (None, {"target": "PassengerId"}, "target must be a column of its own; got target='PassengerId'"),
        (lambda table: table.assign(PassengerId=7), {}, "must be unique; got 1 repeated (7)"),
        (lambda table: table.assign(Survived=None), {}, "is empty in all rows"),
        (lambda table: table.assign(Survived=1), {}, "'Survived' must have at least two distinct values"),
        (lambda table: table[["PassengerId", "Survived"]], {}, "has no columns to learn from"),
        (
            lambda table: table.rename(columns={"Age": "a", "Sex": "b"}),
            {},
            "lacks 2 of the 3 columns of",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_wrong_is_one_sentence(read, change, settings, message):
    with pytest.raises(ValueError, match=r".") as refusal:
        read(change or (lambda table: table), **settings)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_dry_run_fits_and_writes_nothing(settings, tmp_path):
    config = RunConfig(**settings, output=tmp_path / "run", time_limit="10m")
    plan = dry_run(config)
    assert not config.folder.exists()
    assert plan.columns["kind"].to_dict() == {"Age": "number", "Sex": "category", "Fare": "number"}
    assert len(plan.folds.splits) == 3
    assert plan.members.index.tolist() == ["linear", "lgbm_td", "extra_trees"]
    assert 0 < plan.seconds < 600
    assert "3 members on 3 folds: about" in plan.summary
    assert dry_run(config.model_copy(update={"preset": "best"})).n_repeats == 3
