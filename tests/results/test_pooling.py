"""A whole out-of-fold column has no score by ranks where folds differ in their shares of classes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer_names, make_scorer, roc_auc_score
from sklearn.model_selection import KFold, LeaveOneOut, StratifiedKFold
from sklearn.naive_bayes import GaussianNB

from stackit import compare, diversity, make_folds, out_of_fold, shapley
from stackit.results.pooling import can_be_pooled, is_rank_metric
from stackit.target import classification_target, regression_target

RANDOM = np.random.default_rng(0)
Y = RANDOM.permutation(np.repeat([0, 1], [53, 52]))
X = RANDOM.normal(size=(105, 2)) + 0.5 * Y[:, np.newaxis]
NOTHING = [("nothing", DummyClassifier())]


def rank_correlation(y, predicted):
    return stats.spearmanr(y, predicted).statistic


TEN = StratifiedKFold(10, shuffle=True, random_state=0)
SCORERS = ["roc_auc", "average_precision", make_scorer(roc_auc_score, response_method="predict_proba")]


@pytest.mark.parametrize("scoring", SCORERS, ids=["roc_auc", "average_precision", "own scorer"])
@pytest.mark.parametrize("cv", [TEN, KFold(10, shuffle=True, random_state=0)], ids=["stratified", "not"])
def test_a_model_that_knows_nothing_is_not_scored_below_chance(scoring, cv):
    """Pooled, its area is 0.465 and 0.34, since each fold's constant goes against the fold's share."""
    oof = out_of_fold(NOTHING, X, Y, cv=cv, scoring=scoring, n_jobs=1)
    constants = oof.meta_train.to_numpy()[:, 0]
    assert roc_auc_score(Y, constants) < 0.47
    assert np.isnan(oof.summary.loc["nothing", "whole"])
    if scoring != "average_precision":
        assert oof.summary.loc["nothing", "mean"] == 0.5


def test_leave_one_out_has_no_area_at_all():
    y = np.tile([0, 1], 20)
    oof = out_of_fold(NOTHING, np.zeros((40, 1)), y, cv=LeaveOneOut(), n_jobs=1)
    assert roc_auc_score(y, oof.meta_train.to_numpy()[:, 0]) == 0
    assert not can_be_pooled(oof.folds, oof.target, "roc_auc")
    assert can_be_pooled(oof.folds, oof.target, "neg_log_loss")


def test_what_is_compared_is_not_pooled_either():
    oof = out_of_fold([*NOTHING, ("nb", GaussianNB())], X, Y, cv=TEN, scoring="roc_auc", n_jobs=1)
    table = compare(oof, [("lr", LogisticRegression())]).table
    assert table["whole"].isna().all()
    assert table["mean"].notna().all()
    assert table.loc["prior", "mean"] == 0.5
    assert_allclose(table.loc["best member", "mean"], oof.summary.loc["nb", "mean"])
    chosen = compare(oof, []).chosen[0]
    assert set(chosen) == {"nb"}
    means = oof.summary["mean"]
    both = diversity(oof)
    assert_allclose(both.table["alone"], means)
    assert shapley(oof).score_of_none == 0.5


def test_metrics_of_single_rows_are_pooled_as_ever():
    for scoring in ("accuracy", "neg_log_loss", None):
        oof = out_of_fold([("nb", GaussianNB())], X, Y, cv=TEN, scoring=scoring, n_jobs=1)
        sizes = [len(held_out) for _, held_out in oof.folds.splits]
        assert_allclose(oof.summary["whole"], np.average(oof.scores["score"], weights=sizes))


def test_folds_of_equal_shares_are_pooled():
    x, y = X[:100], np.tile([0, 1], 50)
    folds = make_folds(y, scheme="stratified", n_splits=5, random_state=0)
    oof = out_of_fold([("nb", GaussianNB())], x, y, cv=folds, scoring="roc_auc", n_jobs=1)
    assert_allclose(oof.summary["whole"], roc_auc_score(y, oof.meta_train))
    skewed = make_folds(y, scheme="kfold", n_splits=5, random_state=3)
    assert np.isnan(
        out_of_fold([("nb", GaussianNB())], x, y, cv=skewed, scoring="roc_auc", n_jobs=1).summary["whole"]
    ).all()


def test_weights_count_as_shares():
    y = np.tile([0, 1], 50)
    folds = make_folds(y, scheme="stratified", n_splits=5, random_state=0)
    target, heavy = classification_target(y), np.ones(100)
    heavy[folds.splits[0][1]] = np.where(y[folds.splits[0][1]] == 1, 5.0, 1.0)
    assert can_be_pooled(folds, target, "roc_auc", np.ones(100))
    assert not can_be_pooled(folds, target, "roc_auc", heavy)


def test_large_stratified_folds_differ_by_nothing_that_matters():
    y = RANDOM.permutation(np.repeat([0, 1], [549, 342]))  # Titanic's
    folds = make_folds(y, scheme="stratified", n_splits=5, random_state=0)
    assert can_be_pooled(folds, classification_target(y), "roc_auc")


def test_correlations_of_numbers_are_not_pooled():
    """The mean of the other folds correlates with y by less than 0."""
    y = RANDOM.normal(size=60)
    spearman = make_scorer(rank_correlation)
    oof = out_of_fold(
        [("mean", DummyRegressor()), ("r", Ridge())], X[:60], y, cv=6, scoring=spearman, n_jobs=1
    )
    assert rank_correlation(y, oof.meta_train["mean"]) < -0.05
    with pytest.warns(stats.ConstantInputWarning):
        assert oof.summary["whole"].isna().all()
    r2 = out_of_fold([("r", Ridge())], X[:60], y, cv=6, n_jobs=1)
    assert r2.summary["whole"].notna().all()


def test_three_classes():
    y = np.repeat([0, 1, 2], [34, 35, 36])
    oof = out_of_fold(NOTHING, X, y, cv=TEN, scoring="roc_auc_ovr", n_jobs=1)
    assert oof.summary["mean"].tolist() == [0.5]
    assert oof.summary["whole"].isna().all()


RANKS = {"roc_auc", "average_precision"}
RANKS_OF_MANY = {f"roc_auc_{how}{weighted}" for how in ("ovr", "ovo") for weighted in ("", "_weighted")}


def test_scorers_of_ranks_are_known_by_what_they_do():
    two, three = classification_target(["a", "b"]), classification_target([1, 2, 3])
    judge_rows = [
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
        "neg_log_loss",
        "neg_brier_score",
        "jaccard_macro",
    ]
    codes = classification_target([0, 1])
    assert {name for name in get_scorer_names() if is_rank_metric(name, codes)} >= RANKS
    assert all(is_rank_metric(name, two) for name in ("roc_auc",))
    assert all(is_rank_metric(name, three) for name in RANKS_OF_MANY)
    assert not any(is_rank_metric(name, target) for name in judge_rows for target in (codes, three))
    assert not is_rank_metric("f1", codes)
    numbers = ["r2", "neg_mean_squared_error", "neg_mean_absolute_error", "explained_variance", "max_error"]
    assert not any(is_rank_metric(name, regression_target([1.0, 2.0])) for name in numbers)
    assert is_rank_metric(make_scorer(rank_correlation), regression_target([1.0, 2.0]))
