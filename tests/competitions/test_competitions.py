"""The competition scripts, on the real files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from typer.testing import CliRunner

from competitions import run
from competitions.data import find
from competitions.titanic import solve
from competitions.titanic.features import GroupSurvival, companies, describe, preprocessing
from competitions.titanic.lineup import base_estimators, most_regularised
from competitions.titanic.rule import women_and_boys
from stackit import make_folds, out_of_fold
from stackit.validation import import_optional

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def titanic():
    try:
        folder = find("titanic", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    return folder


@pytest.fixture(scope="module")
def tables(titanic):
    train, test = pd.read_csv(titanic / "train.csv"), pd.read_csv(titanic / "test.csv")
    return *describe(train, test), train["Survived"].to_numpy()


def test_missing_files_are_named_with_their_page_and_place(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.csv, test\.csv.*Get them from the page.*--data"):
        find("titanic", ["train.csv", "test.csv"], "the page", tmp_path)


def test_a_script_without_its_files_says_so_in_one_line(tmp_path):
    command = [
        sys.executable,
        "-m",
        "competitions.titanic.solve",
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "gender_submission.csv" in done.stderr


def test_a_script_without_an_extra_says_how_to_install_it(monkeypatch):
    def main() -> None:
        import_optional("no_such_library", "boost")

    monkeypatch.setattr(sys, "argv", ["solve"])
    with pytest.raises(SystemExit, match=r"no_such_library is needed.*pip install 'stackit\[boost\]'"):
        run(main)


def test_data_are_found_in_the_folder_given_or_below_it(tmp_path):
    (tmp_path / "titanic").mkdir()
    (tmp_path / "titanic" / "train.csv").touch()
    assert find("titanic", ["train.csv"], "a page", tmp_path) == tmp_path / "titanic"
    assert find("titanic", ["train.csv"], "a page", tmp_path / "titanic") == tmp_path / "titanic"


def test_data_are_found_through_the_environment(tmp_path, monkeypatch):
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "somewhere" / "rows.csv").touch()
    monkeypatch.setenv("STACKIT_DATA", str(tmp_path))
    assert find("somewhere", ["rows.csv"], "a page") == tmp_path / "somewhere"


# --- Titanic: nothing that the features say of a row knows its own label


def test_descriptions_do_not_know_the_labels(titanic):
    train, test = pd.read_csv(titanic / "train.csv"), pd.read_csv(titanic / "test.csv")
    turned = train.assign(Survived=1 - train["Survived"])
    for described, other in zip(describe(train, test), describe(turned, test), strict=True):
        pd.testing.assert_frame_equal(described, other)


def test_no_passengers_own_label_reaches_the_rate_of_its_party(tables):
    X, _, y = tables
    rates = GroupSurvival().fit_transform(X[["Party"]], y)
    turned = GroupSurvival().fit_transform(X[["Party"]], 1 - y)
    # With the own label left out, turning all labels mirrors each rate at the prior of one half.
    np.testing.assert_allclose(rates + turned, 1.0)
    for row in range(0, len(y), 29):
        one_turned = y.copy()
        one_turned[row] = 1 - y[row]
        assert GroupSurvival().fit_transform(X[["Party"]], one_turned)[row] == rates[row]


def test_rates_of_parties_by_hand():
    rates = GroupSurvival(smooth=1, prior=0.5).fit_transform([[1], [1], [1], [2], [np.nan]], [1, 1, 0, 1, 1])
    np.testing.assert_allclose(rates.ravel(), [(1 + 0.5) / 3, (1 + 0.5) / 3, (2 + 0.5) / 3, 0.5, 0.5])


def test_random_labels_are_predicted_at_chance(tables):
    X, _, y = tables
    shuffled = np.random.default_rng(0).permutation(y)
    some = [pair for pair in base_estimators() if pair[0] in ("women_and_boys", "neighbors", "xgboost")]
    oof = out_of_fold(some, X, shuffled, cv=make_folds(shuffled, random_state=0))
    for name in oof.meta_train:
        # Three standard errors of an AUC of 342 against 549.
        assert abs(roc_auc_score(shuffled, oof.meta_train[name]) - 0.5) < 3 * 0.020


def test_the_rule_by_hand(tables):
    X, _, y = tables
    decided = women_and_boys().fit(X[:600], y[:600]).predict(X[600:])
    known = pd.Series(y[:600], X.index[:600]).groupby(X["Party"][:600]).mean()
    for (_, row), live in zip(X[600:].iterrows(), decided, strict=True):
        fate = known.get(row["Party"], 0.5)
        assert live == (row["Sex"] == "female" if fate == 0.5 else fate > 0.5)


def test_no_passengers_own_label_decides_its_fate_by_the_rule(tables):
    X, _, y = tables
    folds = make_folds(y, scheme="stratified", n_splits=5, random_state=0)
    oof = out_of_fold([("rule", women_and_boys())], X, y, cv=folds, n_jobs=1)
    for row in (0, 7, 58, 310):
        turned = y.copy()
        turned[row] = 1 - y[row]
        other = out_of_fold([("rule", women_and_boys())], X, turned, cv=folds, n_jobs=1)
        decisions = [each.meta_train["rule"].iloc[row] > 0.5 for each in (oof, other)]
        assert decisions[0] == decisions[1]


def test_companies_are_parties_or_single_passengers(tables):
    X, _, _ = tables
    groups = companies(X)
    in_party = X["Party"].notna()
    assert groups[~in_party].is_unique
    assert (groups[in_party] == X["Party"][in_party]).all()
    assert not set(groups[~in_party]) & set(groups[in_party])


def test_preprocessing_leaves_no_missing_value(tables):
    X, X_test, y = tables
    for more in (False, True):
        fitted = preprocessing(more).fit(X[:600], y[:600])
        assert np.isfinite(fitted.transform(X_test)).all()


def test_the_most_regularised_within_one_standard_error_is_taken():
    folds = [[-0.50, -0.40, -0.38], [-0.50, -0.36, -0.36], [-0.50, -0.41, -0.34]]
    results = {f"split{at}_test_score": np.array(scores) for at, scores in enumerate(folds)}
    # The best, the last, scores -0.36 with a standard error of 0.0115: -0.39 of the second is not within it.
    assert most_regularised(results) == 2
    results["split0_test_score"] = np.array([-0.50, -0.37, -0.38])
    assert most_regularised(results | {"split2_test_score": np.array([-0.5, -0.36, -0.34])}) == 1


def test_titanic_writes_a_valid_submission_and_says_what_it_did(titanic, tmp_path, monkeypatch):
    monkeypatch.setattr(solve, "N_REPEATS", 2)
    app = solve.typer.Typer()
    app.command()(solve.main)
    result = CliRunner().invoke(app, ["--data", str(titanic), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "train meta-features: 891×9" in result.stdout
    assert "test meta-features: 418×9" in result.stdout
    assert "folds of 713/178 and 712/179 rows" in result.stdout
    submission, sample = (
        pd.read_csv(tmp_path / "submission.csv"),
        pd.read_csv(titanic / "gender_submission.csv"),
    )
    assert submission.columns.tolist() == sample.columns.tolist()
    assert submission["PassengerId"].tolist() == sample["PassengerId"].tolist()
    assert set(submission["Survived"]) == {0, 1}
    assert pd.read_csv(tmp_path / "folds.csv").columns.tolist() == ["id", "kfold", "kfold_1"]
    assert pd.read_csv(tmp_path / "oof.csv").shape == (891, 11)
    report = json.loads((tmp_path / "report.json").read_text())
    scores, trial = report["scores"], report["trial"]
    # Above what sex alone reaches (0.787) by more than ten standard errors of a repeat.
    assert scores["stack"]["mean"] > 0.83
    assert scores["women_and_boys"]["mean"] > 0.82
    train, test = pd.read_csv(titanic / "train.csv"), pd.read_csv(titanic / "test.csv")
    X, X_test = describe(train, test)
    by_rule = women_and_boys().fit(X, train["Survived"]).predict(X_test)
    departed = by_rule != submission["Survived"].to_numpy()
    assert departed.sum() == trial["test rows that depart"]["accepted"]
    accepted = [(one["rule"], one["candidate"]) for one in trial["departures"] if one["accepted"]]
    assert {*zip(by_rule[departed], submission["Survived"][departed], strict=True)} <= {*accepted}
    # What the stack gains is what all kinds of departures gain.
    gained = sum(one["gain"] for one in trial["departures"])
    accuracy = trial["accuracy"]
    by_stack = accuracy["stack"]["accuracy"] - accuracy["women_and_boys"]["accuracy"]
    assert gained == pytest.approx(by_stack, abs=3e-4)
    assert len(scores["stack"]["folds"]) == 5


def test_the_note_on_iris_is_replayed_by_the_folds_of_its_time():
    """Each class cut into three blocks, as scikit-learn's stratified folds were made before version 0.22."""
    iris = load_iris()
    X, y = iris.data[:, 1:3], iris.target
    of_row = np.tile(np.repeat([0, 1, 2], [17, 17, 16]), 3)
    folds = [(np.flatnonzero(of_row != fold), np.flatnonzero(of_row == fold)) for fold in range(3)]
    estimators = [("nearest", KNeighborsClassifier(n_neighbors=1)), ("bayes", GaussianNB())]
    oof = out_of_fold(estimators, X, y, cv=folds, n_jobs=1)
    scores = oof.scores.groupby("estimator")["score"].agg(["mean", lambda of_fold: of_fold.std(ddof=0)])
    np.testing.assert_allclose(scores.loc["nearest"], [0.9065, 0.0110], atol=5e-5)
    np.testing.assert_allclose(scores.loc["bayes"], [0.9208, 0.0266], atol=5e-5)
