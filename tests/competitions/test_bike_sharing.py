"""The Bike Sharing stack: nothing may come from the future."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from typer.testing import CliRunner

from competitions.bike_sharing import solve
from competitions.bike_sharing.features import GAP, AboveLevel, describe
from competitions.bike_sharing.lineup import base_estimators
from competitions.bike_sharing.order import cross_fitted_forward, forward, month_by_month
from competitions.data import find
from competitions.finals import weighted_averages
from stackit import out_of_fold


@pytest.fixture(scope="module")
def folder():
    try:
        return find("bike_sharing", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def hours(folder):
    return tuple(pd.read_csv(folder / file, parse_dates=["datetime"]) for file in solve.FILES)


def some_hours(n_days, seed=0):
    random = np.random.default_rng(seed)
    times = pd.date_range("2011-01-01", periods=24 * n_days, freq="h")
    n = len(times)
    return pd.DataFrame(
        {
            "datetime": times,
            "holiday": 0,
            "workingday": (times.day_of_week < 5).astype(int),
            "weather": random.integers(1, 4, n),
            **{name: random.random(n) for name in ("temp", "atemp", "humidity", "windspeed")},
            "count": random.integers(0, 300, n),
        }
    )


def test_levels_by_hand():
    rows = some_hours(60)
    described = describe(rows, rows)
    at = 50 * 24 + 7
    # The 28 days that end 13 days before: days 10 to 37.
    past = rows[10 * 24 : 38 * 24]
    at_seven = past[past["datetime"].dt.hour == 7]
    same = at_seven[at_seven["workingday"] == rows["workingday"][at]]
    expected = [np.log1p(part["count"]).mean() for part in (past, at_seven, same)]
    names = ["level", "level_at_hour", "level_at_hour_of_week"]
    np.testing.assert_allclose(described.loc[at, names].astype(float), expected)
    assert described[names].iloc[: 13 * 24].isna().all(axis=None)


@pytest.mark.parametrize("at", [24 * 20, 24 * 41 + 13, 24 * 59 + 23])
def test_nothing_within_the_gap_or_after_it_reaches_the_features_of_an_hour(at):
    rows = some_hours(60)
    recent = rows["datetime"] >= rows["datetime"][at] - GAP
    turned = rows.assign(count=rows["count"].where(~recent, 12_345))
    one = rows.loc[[at]]
    described = describe(one, rows)
    pd.testing.assert_frame_equal(described, describe(one, turned))
    # What is older does reach them: the test would see a leak.
    old = rows.assign(count=rows["count"].where(recent, 12_345))
    assert not described.equals(describe(one, old))


def test_counts_of_rows_themselves_are_not_looked_at():
    rows = some_hours(40)
    pd.testing.assert_frame_equal(describe(rows.drop(columns="count"), rows), describe(rows, rows))


def test_each_fold_trains_on_what_is_over_twelve_days_before(hours):
    times = hours[0]["datetime"]
    folds = forward(times, times, n_splits=23)
    for train, held_out in folds.splits:
        assert times.iloc[train].max() < times.iloc[held_out].min() - GAP
    assert (folds.coverage > 0).mean() > 0.95


def test_a_count_changes_no_prediction_of_the_hours_up_to_twelve_days_after_it():
    rows = some_hours(120)
    times = rows["datetime"]
    # In the last fold: after everything that anything is trained on for it.
    at = 24 * 100
    louder = rows.assign(count=rows["count"].where(np.arange(len(rows)) != at, 100_000))
    tables = []
    for known in (rows, louder):
        y = np.log1p(known["count"])
        folds = forward(y, times, n_splits=4)
        oof = out_of_fold(base_estimators(quick=True), describe(known, known), y, cv=folds, n_jobs=1)
        second = cross_fitted_forward(weighted_averages(), oof, y, times)
        tables.append(oof.meta_train.join(second.meta_train))
    until = times <= times[at] + GAP
    pd.testing.assert_frame_equal(tables[0][until], tables[1][until])
    # Later ones know of it: the test would see a leak.
    assert not tables[0][~until].equals(tables[1][~until])


def test_final_estimators_learn_from_covered_rows_of_the_past():
    rows = some_hours(120)
    y, times = np.log1p(rows["count"]), rows["datetime"]
    oof = out_of_fold(
        [("ols", AboveLevel(base_estimators(quick=True)[1][1]))],
        describe(rows, rows),
        y,
        cv=forward(y, times, 4),
        n_jobs=1,
    )
    second = cross_fitted_forward(weighted_averages(), oof, y, times)
    covered = np.flatnonzero(oof.coverage)
    assert second.index.tolist() == covered.tolist()
    for train, held_out in second.folds.splits:
        assert times.iloc[covered[train]].max() < times.iloc[covered[held_out]].min() - GAP


def test_hidden_hours_are_forecast_from_known_ones_before_them(hours):
    train, test = hours
    rows = pd.concat([train, test], ignore_index=True)
    is_known = rows["count"].notna().to_numpy()
    folds = month_by_month(rows["datetime"], is_known)
    assert len(folds.splits) == 24
    for past, held_out in folds.splits:
        assert is_known[past].all()
        assert not is_known[held_out].any()
        assert rows["datetime"].iloc[past].max() < rows["datetime"].iloc[held_out].min()
    assert (folds.coverage[~is_known] == 1).all()


def test_above_level_predicts_growth_beyond_what_it_has_seen():
    X = pd.DataFrame({"level": np.arange(10.0), "hour": np.tile([0.0, 1.0], 5)})
    y = X["level"] + 2 * X["hour"]
    later = X.assign(level=X["level"] + 100)
    above = AboveLevel(LinearRegression(), "level").fit(X, y)
    np.testing.assert_allclose(above.predict(later), y + 100)


def test_above_level_wants_its_column():
    with pytest.raises(ValueError, match="X must be a data frame with the column 'level'; got none such"):
        AboveLevel(LinearRegression(), "level").fit(pd.DataFrame({"hour": [1.0]}), [1.0])


@pytest.mark.slow
def test_bike_sharing_forecasts_all_hidden_hours_and_says_what_it_did(folder, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    arguments = ["--data", str(folder), "--out", str(tmp_path), "--quick", "--n-jobs", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    submission, test = pd.read_csv(tmp_path / "submission.csv"), pd.read_csv(folder / "test.csv")
    half_a_year = test[test["datetime"] < "2011-07"]
    assert submission["datetime"].tolist() == half_a_year["datetime"].tolist()
    assert submission["count"].between(0, 2000).all()
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["covered"]["final"] < report["covered"]["base"] < 2_700
    # Always the same count is off by 1.4.
    assert report["scores"]["stack"]["repeats"][0] < 0.7
