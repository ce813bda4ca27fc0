"""The Amazon stack: ids with many values tell nothing of their own row, and the script on the real file."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from competitions.amazon_employee_access import solve
from competitions.amazon_employee_access.features import (
    FILES,
    IDS,
    PAGE,
    OtherRows,
    describe,
    encoded,
    indicators,
    read,
)
from competitions.amazon_employee_access.lineup import forest, logistic
from competitions.data import find
from stackit import make_folds, out_of_fold


@pytest.fixture(scope="module")
def folder():
    try:
        return find("amazon_employee_access", FILES, PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def requests(folder):
    return read(folder, 900)


def test_a_description_does_not_know_the_end_and_names_pairs_as_ids_do(requests):
    described = describe(requests)
    pd.testing.assert_frame_equal(describe(requests.drop(columns="ACTION")), described)
    assert described.shape == (900, 8 + 28)
    for a, b in (("RESOURCE", "MGR_ID"), ("ROLE_TITLE", "ROLE_FAMILY")):
        pairs = requests.groupby([a, b]).ngroup()
        assert len(np.unique(np.column_stack([pairs, described[f"{a} {b}"]]), axis=0)) == pairs.nunique()
        assert described[f"{a} {b}"].nunique() == pairs.nunique()


def test_the_column_left_out_is_another_one_under_other_numbers(folder):
    every = read(folder)
    assert every.groupby("ROLE_CODE")["ROLE_TITLE"].nunique().max() == 1
    assert every.groupby("ROLE_TITLE")["ROLE_CODE"].nunique().max() == 1
    assert "ROLE_CODE" not in IDS


def test_counts_are_of_other_rows():
    table = pd.DataFrame({"a": [1, 1, 1, 2], "b": [5, 6, 5, 7]})
    own = np.expm1(OtherRows().fit_transform(table))
    np.testing.assert_allclose(own, [[2, 1], [2, 0], [2, 1], [0, 0]])
    new = np.expm1(OtherRows().fit(table).transform(pd.DataFrame({"a": [1, 3], "b": [6, 5]})))
    np.testing.assert_allclose(new, [[3, 1], [0, 2]])


def test_no_request_has_a_part_in_the_means_that_stand_for_its_ids(requests):
    X, y = describe(requests), requests["ACTION"].to_numpy()
    before = encoded().fit_transform(X, y)
    # The overall mean of a part moves by at most one row in 720.
    for row in (3, 77, 400):
        turned = y.copy()
        turned[row] = 1 - y[row]
        moved = np.abs(encoded().fit_transform(X, turned) - before)
        assert moved[row].max() < 2 / 720
        assert moved.max() > 10 / 720


def test_indicators_are_one_per_id_that_occurs_twice(requests):
    X = describe(requests)
    table = indicators().fit_transform(X)
    repeated = sum((X[name].value_counts() >= 2).sum() for name in X)
    rare = sum((X[name].value_counts() < 2).any() for name in X)
    assert table.shape == (900, repeated + rare)


def test_random_ends_are_not_predicted(requests):
    X = describe(requests)
    shuffled = np.random.default_rng(0).permutation(np.arange(len(X)) % 4 > 0).astype(int)
    folds = make_folds(shuffled, scheme="stratified", n_splits=3, random_state=0)
    some = [("logistic", logistic()), ("forest", forest(20))]
    oof = out_of_fold(some, X, shuffled, cv=folds, n_jobs=2)
    for name in oof.meta_train:
        # Three standard errors of an AUC of 225 against 675.
        assert abs(roc_auc_score(shuffled, oof.meta_train[name]) - 0.5) < 3 * 0.022


def test_amazon_writes_what_it_claims(folder, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    arguments = ["--data", str(folder), "--out", str(tmp_path), "--quick", "--n-jobs", "2"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    scores = json.loads((tmp_path / "report.json").read_text())["scores"]
    assert set(scores) == {"logistic", "forest", "catboost", "plain average", "convex", "stack"}
    area = scores["stack"]["AUC"]
    assert area["mean"] > 0.5 + 2 * area["standard_error"]
    oof = pd.read_csv(tmp_path / "oof.csv")
    assert oof["row"].tolist() == list(range(1500))
    actual = read(folder, 1500)["ACTION"]
    assert roc_auc_score(actual, oof["stack"]) == pytest.approx(area["mean"], abs=1e-3)
