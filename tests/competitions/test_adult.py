"""The Adult stack: what features know, and the script on the real files."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from competitions.adult import solve
from competitions.adult.features import CATEGORIES, FILES, PAGE, describe, indicators, ordinal, read
from competitions.adult.lineup import base_estimators
from competitions.data import find
from stackit import make_folds, out_of_fold


@pytest.fixture(scope="module")
def folder():
    try:
        return find("adult", FILES, PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def adults(folder):
    return read(folder, 1000)


def test_labels_of_both_files_are_the_same_two(adults):
    assert [sorted(table["income"].unique()) for table in adults] == [["<=50K", ">50K"]] * 2


def test_a_description_knows_neither_incomes_nor_other_adults(adults):
    train, test = adults
    described = describe(train)
    pd.testing.assert_frame_equal(describe(train.assign(income=">50K")), described)
    pd.testing.assert_frame_equal(describe(train.iloc[40:50]), described.iloc[40:50])
    assert describe(test).columns.tolist() == described.columns.tolist()


def test_what_is_missing_is_a_word_of_its_own(adults):
    # In its row 27 the file has "?" for workclass and occupation.
    row = describe(adults[0]).loc[27]
    assert (row["workclass"], row["occupation"], row["native-country"]) == ("unknown", "unknown", "South")
    assert describe(adults[0]).notna().all(axis=None)


@pytest.mark.parametrize("table", [indicators, ordinal])
def test_unseen_categories_are_transformed(adults, table):
    fitted = table().fit(describe(adults[0]))
    new = describe(adults[1]).assign(**{name: "never seen" for name in CATEGORIES})
    assert np.isfinite(fitted.transform(new)).all()


def test_random_incomes_are_not_predicted(adults):
    X = describe(adults[0])
    shuffled = np.random.default_rng(0).permutation(adults[0]["income"])
    folds = make_folds(shuffled, scheme="stratified", n_splits=3, random_state=0)
    oof = out_of_fold(base_estimators(quick=True), X, shuffled, cv=folds, scoring="roc_auc", n_jobs=1)
    # Three standard errors of an AUC of 240 against 760.
    assert (abs(oof.summary["whole"] - 0.5) < 3 * 0.0214).all()


def test_adult_scores_its_claim_on_the_test_file(folder, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    arguments = ["--data", str(folder), "--out", str(tmp_path), "--quick", "--n-jobs", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    scores = json.loads((tmp_path / "report.json").read_text())["scores"]
    claimed, held = (scores[part]["stack"]["log loss"] for part in ("out of fold", "test file"))
    assert abs(claimed["mean"] - held["mean"]) < 3 * np.hypot(
        claimed["standard_error"], held["standard_error"]
    )
    # Shares of the classes alone have 0.55 and 0.76.
    assert claimed["mean"] < 0.36
    assert scores["test file"]["stack"]["accuracy"]["mean"] > 0.82
    assert pd.read_csv(tmp_path / "oof.csv").shape == (2000, 7)
    assert pd.read_csv(tmp_path / "folds.csv").columns.tolist() == ["id", "kfold"]
