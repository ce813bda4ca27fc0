"""The House Prices stack: what features know, and the script on the real files."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from competitions.data import find
from competitions.house_prices import solve
from competitions.house_prices.features import describe, outliers, standardised, target_encoded
from competitions.house_prices.lineup import base_estimators
from stackit import make_folds, out_of_fold


@pytest.fixture(scope="module")
def folder():
    try:
        return find("house_prices", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def houses(folder):
    return pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "test.csv")


def test_a_description_knows_neither_prices_nor_other_houses(houses):
    train, test = houses
    described = describe(train)
    pd.testing.assert_frame_equal(describe(train.assign(SalePrice=1.0)), described)
    pd.testing.assert_frame_equal(describe(train.iloc[40:50]), described.iloc[40:50])
    assert describe(test).columns.tolist() == described.columns.tolist()


def test_made_columns_by_hand(houses):
    first = describe(houses[0]).iloc[0]
    # 856 square feet of basement and first floor each, 854 of the second; built 2003, sold February 2008.
    assert first["TotalArea"] == 856 + 856 + 854
    assert first["FinishedArea"] == 1710 + 706
    assert (first["Age"], first["Baths"], first["MonthSold"]) == (5, 3.5, 26)
    assert (first["ExterQual"], first["FireplaceQu"], first["BsmtFinType1"]) == (4, 0, 6)


def test_what_is_missing_is_zero_where_a_house_lacks_it_and_filled_where_it_was_not_recorded(houses):
    train, test = houses
    everything = describe(pd.concat([train, test], ignore_index=True))
    assert set(everything.columns[everything.isna().any()]) <= {
        "LotFrontage",
        "KitchenQual",
        "Functional",
        "KitchenArea",
    }
    y = np.log(train["SalePrice"])
    for table in (standardised(), target_encoded()):
        fitted = table.fit(describe(train), y)
        assert np.isfinite(fitted.transform(describe(test))).all()


def test_outliers_are_the_two_known_ones(houses):
    assert houses[0].loc[outliers(houses[0]), "Id"].tolist() == [524, 1299]


@pytest.mark.parametrize("table", [standardised, target_encoded])
def test_no_house_has_a_part_in_the_mean_price_that_stands_for_its_neighbourhood(houses, table):
    X, y = describe(houses[0])[:300], np.log(houses[0]["SalePrice"].to_numpy())[:300]
    before = table().fit_transform(X, y)
    for row in (3, 77, 200):
        raised = y.copy()
        raised[row] += 3.0
        after = table().fit_transform(X, raised)
        # The means of other rows have moved, the scales with them; its own has, at most, by the overall mean.
        own, others = np.abs(after - before)[row].max(), np.abs(after - before).max()
        assert own < others / 3


def test_random_prices_are_not_predicted(houses):
    X = describe(houses[0])
    shuffled = np.random.default_rng(0).permutation(np.log(houses[0]["SalePrice"]))
    folds = make_folds(shuffled, scheme="kfold", n_splits=3, random_state=0)
    oof = out_of_fold(base_estimators(quick=True), X, shuffled, cv=folds, n_jobs=1)
    for name in oof.meta_train:
        # Three standard errors of a correlation of independent columns.
        assert np.corrcoef(oof.meta_train[name], shuffled)[0, 1] < 3 / np.sqrt(len(shuffled))


@pytest.mark.slow
def test_house_prices_writes_a_valid_submission_and_says_what_it_did(folder, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    arguments = ["--data", str(folder), "--out", str(tmp_path), "--quick", "--n-jobs", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    submission, sample = (
        pd.read_csv(path) for path in (tmp_path / "submission.csv", folder / "sample_submission.csv")
    )
    assert submission.columns.tolist() == sample.columns.tolist()
    assert submission["Id"].tolist() == sample["Id"].tolist()
    assert submission["SalePrice"].between(10_000, 1_500_000).all()
    report = json.loads((tmp_path / "report.json").read_text())
    scores = report["scores"]
    assert sum(report["weights"].values()) == pytest.approx(1, abs=0.01)
    # The mean price scores 0.40, and the best of three quick estimators well below half of that.
    assert scores["stack"]["mean"] < 0.15
    assert scores["stack"]["mean"] < min(scores[name]["mean"] for name in report["weights"]) + 0.002
    oof = pd.read_csv(tmp_path / "oof.csv")
    assert len(oof) == 1460
    assert oof.notna().all(axis=None)
    assert pd.read_csv(tmp_path / "folds.csv").columns.tolist() == ["id", "kfold", "kfold_1"]
