"""Hospital stays: patients are kept whole, and what becomes of claims that ignore them."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from competitions.data import find
from competitions.diabetes_hospital import solve
from competitions.diabetes_hospital.claims import mean_and_error
from competitions.diabetes_hospital.features import describe, fates
from competitions.diabetes_hospital.lineup import base_estimators
from stackit import make_folds, out_of_fold
from stackit.estimators.early_stopping.splitter import ValidationSplitter
from stackit.target import classification_target


@pytest.fixture(scope="module")
def folder():
    try:
        return find("diabetes_hospital", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def stays(folder):
    return solve.read(folder)[:4000]


def test_a_description_knows_neither_the_end_nor_other_stays(stays):
    described = describe(stays)
    pd.testing.assert_frame_equal(describe(stays.drop(columns="readmitted")), described)
    pd.testing.assert_frame_equal(describe(stays.iloc[50:60]), described.iloc[50:60])


def test_made_columns_by_hand(stays):
    first, second, third = (describe(stays).iloc[at] for at in range(3))
    assert (first["age_in_years"], first["diag_1"], first["n_drugs"]) == (5, 250.83, 0)
    assert np.isnan(first["diag_2"])
    # Diagnoses 648 (pregnancy), 250 (diabetes) and V27; glipizide is steady.
    assert (second["diag_1"], second["diag_2"], second["diag_3"], second["n_drugs"]) == (648, 250, 2027, 1)
    assert second["chapter_2"] == third["chapter_2"] == first["chapter_1"]
    assert second["chapter_1"] != second["chapter_2"]


def test_fates_of_new_patients_are_those_of_all(stays):
    y = stays["readmitted"]
    fitted = fates().fit(describe(stays), y)
    new = describe(stays[:5]).assign(patient_nbr=[-1, -2, -3, -4, -5])
    assert len(np.unique(fitted.transform(new), axis=0)) == 1
    assert len(np.unique(fitted.transform(describe(stays)), axis=0)) > 3


def test_folds_keep_patients_whole_on_both_levels(stays):
    folds = solve.both_ways(stays)
    patients = stays["patient_nbr"].to_numpy()
    oof = out_of_fold(
        base_estimators(quick=True)[:1],
        describe(stays),
        stays["readmitted"],
        cv=folds["groups kept"],
        n_jobs=1,
    )
    for train, held_out in oof.of_repeat(0).folds.splits:
        assert not np.isin(patients[train], patients[held_out]).any()
    # And folds that ignore them do not.
    train, held_out = folds["groups ignored"].splits[0]
    assert np.isin(patients[train], patients[held_out]).any()


def test_boosting_that_stops_early_watches_other_patients(stays):
    patients = stays["patient_nbr"].to_numpy()
    folds = make_folds(stays["readmitted"], scheme="group", groups=patients)
    scheme = ValidationSplitter(folds, classification_target(stays["readmitted"]))
    fit, watched = scheme.split(folds.splits[0][0], 0.1, np.random.default_rng(0), "of fold 0")
    assert not np.isin(patients[fit], patients[watched]).any()


def test_random_ends_are_not_predicted_where_patients_are_kept_whole(stays):
    # All stays of a patient end alike, at random: whoever knows the patient knows the end.
    random = np.random.default_rng(0)
    patients = stays["patient_nbr"] % 700
    drawn = pd.Series(random.integers(0, 3, 700)).map({0: "NO", 1: "<30", 2: ">30"})
    table = describe(stays).assign(patient_nbr=patients)
    y = pd.Series(drawn[patients].to_numpy())
    line_up = base_estimators(quick=True)[:1]
    shown = stays.assign(patient_nbr=patients, readmitted=y)
    accuracy = {
        way: out_of_fold(line_up, table, y, cv=folds, n_jobs=1).summary["whole"]["same_patient"]
        for way, folds in solve.both_ways(shown).items()
    }
    assert accuracy["groups ignored"] > 0.95
    assert accuracy["groups kept"] < 0.45


def test_errors_of_means_know_that_stays_of_a_patient_go_together():
    random = np.random.default_rng(0)
    losses = random.random(400)
    mean, error = mean_and_error(losses, np.arange(400))
    assert mean == pytest.approx(losses.mean())
    assert error == pytest.approx(losses.std(ddof=1) / 20)
    # Each stay four times over is no more evidence than once.
    again = mean_and_error(np.repeat(losses, 4), np.repeat(np.arange(400), 4))
    assert again == pytest.approx((mean, error))


@pytest.mark.slow
def test_claims_with_patients_kept_whole_hold_for_new_patients(folder, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    arguments = ["--data", str(folder), "--out", str(tmp_path), "--quick", "--n-jobs", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report["claims"]) == {"groups kept", "groups ignored"}
    for way in report["claims"]:
        assert set(report["claims"][way]["stack"]) == {"claimed", "new patients"}
    kept = report["claims"]["groups kept"]["stack"]
    assert abs(kept["claimed"]["log loss"] - kept["new patients"]["log loss"]) < 4 * np.hypot(
        kept["claimed"]["standard error"], kept["new patients"]["standard error"]
    )
