"""What notebooks show of a run: a row per estimator, without fits and without hiding warnings."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from stackit import DiskStore, out_of_fold
from stackit.results.sections import failure_sections

X = np.random.default_rng(0).normal(size=(30, 2))
ESTIMATORS = [("<i>", Ridge()), ("mean", DummyRegressor())]


@pytest.fixture
def oof():
    return out_of_fold(ESTIMATORS, X, X[:, 0], cv=3, n_jobs=1)


def test_the_table_has_the_scores_of_the_summary(oof):
    (section,) = oof.display_sections()
    assert section.columns == ["estimator", "R2", "std over folds", "whole column", "columns", "seconds"]
    assert [row[0] for row in section.rows] == ["<i>", "mean"]
    for row in section.rows:
        assert row[1:4] == oof.summary.loc[row[0], ["mean", "std", "whole"]].tolist()
        assert row[4] == 1
        assert row[5] == round(sum(oof[row[0]].seconds), 2)
    assert "<i>" not in oof._repr_html_()


def test_nothing_is_fitted_where_only_predictions_were_stored(tmp_path):
    for _ in range(2):
        tree = ("tree", DecisionTreeRegressor(random_state=0))
        run = out_of_fold([tree], X, X[:, 0], cv=3, n_jobs=1, store=DiskStore(tmp_path))
        run._repr_mimebundle_()
    assert run.n_stored == 3
    assert run["tree"].fold_estimators.n_missing == 3


def test_warnings_of_scores_are_not_used_up(oof):
    seen = replace(oof, passthrough=True, optimistic=set(oof))
    (section,) = seen.display_sections()
    assert section.notes == ["Optimistic scores, of estimators that know the held-out rows: <i>, mean."]
    with pytest.warns(UserWarning, match="are optimistic"):
        _ = seen.scores
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        oof.display_sections()
    assert "summary" in vars(oof)  # where nothing was warned of, scores are computed once


def test_a_scorer_that_fails_leaves_scores_out(oof):
    def fail(*_, **__):
        raise ZeroDivisionError

    (section,) = replace(oof, scoring=fail).display_sections()
    assert section.columns[1] == "your scorer"
    assert section.rows[0][1:4] == [None, None, None]


def test_failures_are_named():
    assert failure_sections({}) == []
    (section,) = failure_sections({"knn": ValueError("<too few> rows")})
    assert section.title == "1 estimator failed"
    assert section.rows == [["knn", "ValueError: <too few> rows"]]
