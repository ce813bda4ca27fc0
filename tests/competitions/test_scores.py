"""What is said of estimators over folds and repeats, and the examples of the competitions."""

import doctest
import importlib
import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error

from competitions.scores import cross_fitted, repeats_of, scores_of, show, spread
from stackit import make_folds, out_of_fold
from stackit.combine import ConvexRegressor, MeanRegressor


@pytest.fixture(scope="module")
def run():
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3))
    y = X @ [1.0, 2.0, 3.0] + random.normal(size=60)
    folds = make_folds(y, scheme="kfold", n_splits=3, n_repeats=2)
    how = {"cv": folds, "scoring": "neg_root_mean_squared_error", "n_jobs": 1}
    return y, out_of_fold(
        [("ols", LinearRegression()), ("bare", LinearRegression(fit_intercept=False))], X, y, **how
    )


def test_losses_are_given_as_losses_a_repeat_at_a_time(run):
    y, oof = run
    score = scores_of(repeats_of(oof))["ols"]
    expected = [root_mean_squared_error(y, one.meta_train["ols"]) for one in repeats_of(oof)]
    assert score["repeats"] == pytest.approx(expected)
    assert score["mean"] == pytest.approx(np.mean(expected))
    assert score["standard_error"] == pytest.approx(abs(expected[0] - expected[1]) / 2)
    held_out = oof.folds.splits[0][1]
    by_hand = root_mean_squared_error(y[held_out], oof.of_repeat(0).meta_train["ols"][held_out])
    assert score["folds"][0] == pytest.approx(by_hand, abs=1e-5)


def test_one_repeat_has_the_error_of_its_folds(run):
    _, oof = run
    score = scores_of(repeats_of(oof)[:1])["ols"]
    assert score["standard_error"] == pytest.approx(spread(score["folds"])["standard_error"], abs=1e-5)


def test_final_estimators_are_cross_fitted_on_the_folds_of_their_repeat(run):
    y, oof = run
    seconds = cross_fitted([("stack", ConvexRegressor())], oof)
    assert len(seconds) == 2
    for first, second in zip(repeats_of(oof), seconds, strict=True):
        assert second.folds.digest == first.folds.digest
        train, held_out = first.folds.splits[1]
        meta = first.meta_train.to_numpy()
        by_hand = ConvexRegressor().fit(meta[train], y[train]).predict(meta[held_out])
        np.testing.assert_allclose(second.meta_train["stack"][held_out], by_hand)


def test_final_estimators_know_the_members_by_name_and_learn_nothing_from_rows_aside(run):
    y, oof = run
    named = [("ols alone", MeanRegressor({"ols": 1})), ("linear", LinearRegression())]
    for first, second in zip(repeats_of(oof), cross_fitted(named, oof), strict=True):
        np.testing.assert_allclose(second.meta_train["ols alone"], first.meta_train["ols"])
    aside = np.arange(60) == 7
    far = replace(oof, target=replace(oof.target, y=y + 1e6 * aside, codes=y + 1e6 * aside))
    found, expected = (cross_fitted(named, one, aside)[0].meta_train for one in (far, oof))
    np.testing.assert_allclose(found, expected)


def test_the_table_shows_folds_where_they_fit(run):
    _, oof = run
    scores = scores_of(repeats_of(oof))
    out = io.StringIO()
    show(Console(file=out, width=120), "error", scores)
    assert "fold 2" in out.getvalue()
    assert "2 repeats" in out.getvalue()
    many = {name: {**score, "folds": score["folds"] * 4} for name, score in scores.items()}
    out = io.StringIO()
    show(Console(file=out, width=120), "error", many)
    assert "fold" not in out.getvalue().splitlines()[1]
    assert f"{scores['ols']['mean']:.4f}" in out.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        *["scores", "chances", "house_prices.remainder", "bike_sharing.features", "bike_sharing.order"],
        *["titanic.features", "titanic.rule", "amazon_employee_access.features"],
    ],
)
def test_examples_give_what_they_show(name):
    found = doctest.testmod(importlib.import_module(f"competitions.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
