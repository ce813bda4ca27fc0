"""Presets on raw columns of competitions: no target among them, and the folds and metrics of the scripts."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from competitions import preset
from competitions.raw_tables import RAW_TABLES

TARGETS = {
    "titanic": ["Survived"],
    "house_prices": ["SalePrice"],
    "otto": ["target"],
    "bike_sharing": ["count", "casual", "registered"],
    "diabetes_hospital": ["readmitted", "patient_nbr"],
    "adult": ["income"],
    "amazon_employee_access": ["ACTION"],
}


def raw(name):
    try:
        return RAW_TABLES[name](None)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", TARGETS)
def test_the_target_is_not_among_the_columns(name):
    table = raw(name)
    assert not set(TARGETS[name]) & set(table.X.columns)
    assert len(table.X) == len(table.y)
    if table.X_test is not None:
        assert table.X_test.columns.tolist() == table.X.columns.tolist()
        assert set(table.y_test) == set(table.y)


def test_hours_are_held_out_forward_in_time():
    table = raw("bike_sharing")
    times = table.X["datetime"].to_numpy()
    for train, held_out in table.cv.splits:
        gap = times[held_out].min() - times[train].max()
        assert gap > np.timedelta64(12, "D")


def test_patients_are_kept_whole():
    table = raw("diabetes_hospital")
    assert len(table.groups) == len(table.X) == 65_027
    assert len(table.X_test) == 16_257


def test_prices_and_counts_are_logarithms():
    assert raw("house_prices").y.between(10, 14).all()
    assert raw("bike_sharing").y.between(0, 7).all()


def test_a_preset_on_a_few_passengers_beats_the_majority(tmp_path):
    raw("titanic")
    app = preset.typer.Typer()
    app.command()(preset.main)
    arguments = ["titanic", "--preset", "quick", "--time-limit", "20", "--n-rows", "300", "--n-jobs", "1"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    # 0.61 of the first 300 passengers were lost; four standard errors above that.
    assert report["scores"]["out of fold"] > 0.61 + 0.11
    assert "Cabin" in result.stdout
    assert "accuracy" in result.stdout


def test_an_unknown_competition_is_named(tmp_path):
    app = preset.typer.Typer()
    app.command()(preset.main)
    result = CliRunner().invoke(app, ["nothing", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "'nothing' is none of titanic, house_prices" in result.output
