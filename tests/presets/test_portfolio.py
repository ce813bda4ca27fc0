"""The portfolios: which members a table gets, and that each of them can be fitted on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from stackit import make_folds, out_of_fold
from stackit.presets import TableShape, portfolio
from stackit.presets.members.member import model_of
from stackit.presets.portfolio import PRESETS, left_out


def table(n: int, n_classes: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a typed frame with a gap and a level that only few rows have, and its target."""
    random = np.random.default_rng(0)
    size, age = random.normal(size=(2, n))
    city = random.choice(["a", "b", "c"], n)
    signal = size + (city == "a") + 0.3 * random.normal(size=n)
    frame = pd.DataFrame({"size": size, "age": age, "city": pd.Categorical(city, categories=["a", "b", "c"])})
    frame.loc[3, "age"] = np.nan
    frame.loc[5, "city"] = None
    return frame, signal if n_classes == 0 else pd.qcut(signal, n_classes, labels=False)


SHORT = {
    "extra_trees": {"model__n_estimators": 5},
    "random_forest": {"model__n_estimators": 5},
    "nets": {"model__max_iter": 2},
    "ebm": {"model__max_rounds": 10},
}
MEMBERS = {member.name: member for member in PRESETS["best"]}


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("name", MEMBERS)
def test_a_scout_is_fitted_and_its_rounds_are_used_for_the_other_folds(name, n_classes):
    frame, y = table(120, n_classes)
    member, shape = MEMBERS[name], TableShape.of(frame, n_classes=n_classes)
    if member.left_out(shape) is not None:
        pytest.skip(member.left_out(shape))
    folds = make_folds(y, scheme="stratified" if n_classes else "kfold", n_splits=2, random_state=0)
    scout = member.scout(shape)
    if member.rounds is not None:
        scout.set_params(**{f"model__{member.rounds.parameter}": 6})
    scout.set_params(**SHORT.get(member.family, {}))
    oof = out_of_fold([(name, scout)], frame, y, cv=folds, n_jobs=1)
    fitted = oof[name].fold_estimators[0]
    assert np.isfinite(oof.meta_train.to_numpy()).all()
    final = member.final(shape, fitted)
    if member.rounds is not None:
        best = member.rounds.count(model_of(fitted))
        assert 1 <= best <= 6
        assert final.get_params()[f"model__{member.rounds.parameter}"] == max(1, round(1.1 * best))
        assert final.get_params().get(f"model__{member.rounds.stopping}") is None
    assert clone(final).get_params().keys() == final.get_params().keys()


@pytest.mark.parametrize("preset", PRESETS)
def test_each_member_is_in_a_portfolio_or_says_why_it_is_not(preset):
    shape = TableShape(n_rows=1_000_000, n_numbers=50, n_classes=2)
    taken = [member.name for member in portfolio(preset, shape)]
    missing = left_out(preset, shape)
    assert sorted([*taken, *missing]) == sorted(member.name for member in PRESETS[preset])
    assert all(missing.values())


def test_a_member_of_a_library_that_is_not_installed_is_left_out_with_the_command(monkeypatch):
    monkeypatch.setattr("stackit.presets.members.member.find_spec", lambda name: None)
    shape = TableShape(n_rows=100, n_numbers=3)
    assert "pip install" in MEMBERS["lgbm_td"].left_out(shape)
    assert MEMBERS["linear"].left_out(shape) is None


def test_forests_are_left_out_where_their_trees_do_not_fit_into_memory():
    shape = TableShape(n_rows=20_000, n_numbers=3, n_classes=50, memory=10**9)
    assert "would take 4.6 GB" in MEMBERS["extra_trees"].left_out(shape)
    assert MEMBERS["extra_trees"].left_out(replace(shape, memory=None)) is None


@pytest.mark.parametrize(("n_rows", "n_fifths"), [(20_000, 3), (20_001, 1)])
def test_many_rows_have_no_neighbors_and_one_fifth_for_the_linear_penalty(n_rows, n_fifths):
    shape = TableShape(n_rows=n_rows, n_numbers=3, n_classes=2)
    assert MEMBERS["linear"].pipeline(shape)["model"].cv.get_n_splits() == n_fifths
    assert (MEMBERS["neighbors"].left_out(shape) is None) == (n_fifths == 3)


@pytest.mark.parametrize(
    ("n_rows", "nets"), [(50_000, {"net", "realmlp", "tabm"}), (50_001, {"net", "realmlp"}), (500_001, set())]
)
def test_nets_are_left_out_where_they_take_too_long(n_rows, nets):
    names = {
        member.name for member in portfolio("best", TableShape(n_rows=n_rows, n_numbers=20, n_classes=2))
    }
    assert names & {"net", "realmlp", "tabm"} == nets


@pytest.mark.parametrize("n_classes", [0, 2])
def test_realmlp_has_enough_steps_on_small_tables(n_classes):
    net = MEMBERS["realmlp"].pipeline(TableShape(n_rows=500, n_numbers=3, n_classes=n_classes))["model"]
    assert (net.max_iter, net.batch_size) == (32, "auto")


@pytest.mark.parametrize(("n_rows", "n_classes", "pace"), [(1_000, 2, 1), (1_000, 8, 1.5), (300_000, 0, 3)])
def test_boosters_learn_faster_the_more_rows_times_classes_there_are(n_rows, n_classes, pace):
    small = MEMBERS["lgbm_td"].pipeline(TableShape(n_rows=100, n_numbers=3, n_classes=min(n_classes, 2)))
    shape = TableShape(n_rows=n_rows, n_numbers=3, n_classes=n_classes)
    model = MEMBERS["lgbm_td"].pipeline(shape)["model"]
    assert model.learning_rate == pytest.approx(pace * small["model"].learning_rate)
    assert model.n_estimators == round(small["model"].n_estimators / 2 / pace) * (2 if pace == 1 else 1)


def test_scouts_that_learn_slowly_wait_longer_on_small_tables():
    small, large = (TableShape(n_rows=n, n_numbers=3, n_classes=2) for n in (1_000, 10_000))
    patience = {
        name: MEMBERS[name].patience(small) for name in ("lgbm_td", "xgb_td", "lgbm_xt", "prep_small")
    }
    assert patience == {"lgbm_td": 60, "xgb_td": 60, "lgbm_xt": 134, "prep_small": 160}
    assert {MEMBERS[name].patience(large) for name in patience} == {60}
    assert MEMBERS["lgbm_xt"].patience(TableShape(n_rows=50_000, n_numbers=3, n_classes=2)) == 30


@pytest.mark.parametrize(
    ("n_rows", "n_classes", "rate"), [(1_000, 2, 0.08), (50_000, 2, 0.1), (1_000, 20, 0.24)]
)
def test_xgboost_learns_no_faster_than_a_tenth_where_classes_are_few(n_rows, n_classes, rate):
    shape = TableShape(n_rows=n_rows, n_numbers=3, n_classes=n_classes)
    assert MEMBERS["xgb_td"].pipeline(shape)["model"].learning_rate == pytest.approx(rate)


def test_an_unknown_preset_is_an_error_that_names_those_there_are():
    with pytest.raises(ValueError, match=r"preset must be 'quick' or 'good' or 'best'; got 'extreme'"):
        portfolio("extreme", TableShape(n_rows=100, n_numbers=1))


def test_the_page_of_the_portfolio_has_the_hyperparameters_of_each_member():
    page = (Path(__file__).parents[2] / "docs" / "guide" / "portfolio.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{member.name}` | {member.family} | {'yes' if member.calibrated else ''} "
        f"| {member.hyperparameters} | {member.source} |"
        for member in PRESETS["best"]
    ]
