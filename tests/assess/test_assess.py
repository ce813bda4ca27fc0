"""Honest scores: cross-fitted, nested, and compared in pairs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from stackit import (
    MemoryStore,
    StackingClassifier,
    StackingRegressor,
    compare,
    gain,
    make_folds,
    nested_score,
    out_of_fold,
)
from stackit.assess import PairedTest, paired_folds, paired_rows
from stackit.assess.candidates import BEST, MEAN, PRIOR
from stackit.assess.losses import LOSSES, row_losses
from stackit.assess.stacking_gain import Gain
from stackit.combine import ConvexClassifier, MeanClassifier, MeanRegressor
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import score_predictions
from stackit.target import classification_target, regression_target
from tests.assess.overfitting_cases import One

X, Y = load_breast_cancer(return_X_y=True)
X, Y = X[:240], Y[:240]
XI, YI = load_iris(return_X_y=True)
XR, YR = load_diabetes(return_X_y=True)
NB, TREE = GaussianNB(), DecisionTreeClassifier(max_depth=3, random_state=0)
LR = make_pipeline(StandardScaler(), LogisticRegression())
MEMBERS = [("nb", NB), ("tree", TREE), ("lr", LR)]
REGRESSORS = [("ridge", Ridge(0.1)), ("knn", KNeighborsRegressor(10))]
RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.uniform(0.5, 2, size=len(Y))


def shuffled(y, n_splits=4, **options):
    return make_folds(y, scheme="stratified", n_splits=n_splits, random_state=0, **options)


@pytest.fixture(scope="module")
def run():
    return out_of_fold(MEMBERS, X, Y, cv=shuffled(Y), scoring="neg_log_loss", n_jobs=1)


# Row losses


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_mean_of_row_losses_is_the_metric(name, seed):
    random = np.random.default_rng(seed)
    rows, weights = np.arange(40), random.uniform(0.1, 3, size=40)
    if name in ("accuracy", "neg_log_loss", "neg_brier_score"):
        n_classes = int(random.integers(2, 5))
        y = np.r_[np.arange(n_classes), random.integers(n_classes, size=40 - n_classes)]
        target, kind = classification_target(y), ("predict_proba", "probability")
        predictions = random.dirichlet(np.ones(n_classes), size=40)
    else:
        target, kind = regression_target(random.exponential(size=40)), ("predict", "number")
        predictions = random.exponential(size=(40, 1))
    spec = PredictionSpec("any", *kind, target.type)
    losses = row_losses(target, rows, predictions, spec, name)
    given_weights = None if name == "r2" else weights  # R2 is in units of a variance without weights
    mean = np.average(losses, weights=given_weights)
    score = score_predictions(target, rows, predictions, spec, name, given_weights)
    expected = 1 - score if name in ("accuracy", "r2") else -score
    assert_allclose(np.sqrt(mean) if "root" in name else mean, expected, rtol=1e-9)


def test_scorers_are_known_by_what_they_do_and_areas_have_no_row_losses():
    target = classification_target(Y)
    spec, rows = PredictionSpec("any", "predict_proba", "probability", target.type), np.arange(len(Y))
    predictions = RANDOM.dirichlet([1, 1], size=len(Y))
    same = row_losses(target, rows, predictions, spec, get_scorer("neg_log_loss"))
    assert_array_equal(same, row_losses(target, rows, predictions, spec, "neg_log_loss"))
    assert row_losses(target, rows, predictions, spec, "roc_auc") is None
    decisions = PredictionSpec("any", "decision_function", "decision", target.type)
    assert np.isnan(row_losses(target, rows, predictions[:, :1], decisions, "neg_log_loss")).all()


# Paired tests


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 60))
def test_by_rows_it_is_the_paired_t_test(seed, n):
    d = np.random.default_rng(seed).normal(0.3, 1, size=n)
    test, theirs = paired_rows(d), stats.ttest_1samp(d, 0)
    assert_allclose([test.p_value, test.difference], [theirs.pvalue, d.mean()])
    assert_allclose([test.low, test.high], theirs.confidence_interval(0.95))
    assert_allclose(paired_rows(d, groups=np.arange(n)).p_value, test.p_value)
    assert_allclose(paired_rows(d, sample_weight=np.full(n, 3.0)).p_value, test.p_value)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), times=st.integers(2, 5))
def test_rows_that_are_repeated_within_their_group_are_no_further_evidence(seed, times):
    d = np.random.default_rng(seed).normal(0.3, 1, size=12)
    one, many = paired_rows(d), paired_rows(np.repeat(d, times), groups=np.repeat(np.arange(12), times))
    assert_allclose([many.difference, many.standard_error], [one.difference, one.standard_error])
    assert many.n == 12
    assert paired_rows(np.repeat(d, times)).standard_error < one.standard_error


def test_rows_of_no_weight_are_no_rows():
    d = RANDOM.normal(size=20)
    weights = np.r_[np.ones(10), np.zeros(10)]
    one, other = paired_rows(d, weights), paired_rows(d[:10])
    assert (one.n, one.method) == (10, "paired t-test by rows")
    assert_allclose([one.p_value, one.difference], [other.p_value, other.difference])


def test_the_paired_tests_by_hand():
    # 9 rows better, 2 worse: P(Bin(11, 1/2) <= 2) + P(>= 9) = 2 (1 + 11 + 55) / 2048.
    test = paired_rows([1] * 9 + [-1] * 2 + [0] * 30)
    assert test.method == "McNemar's exact test"
    assert_allclose(test.p_value, 134 / 2048)
    # Nadeau and Bengio: mean 2, variance 1, (1/3 + 1/2) * 1 = 5/6, 2 degrees of freedom.
    test = paired_folds([1, 2, 3], ratio=0.5)
    assert_allclose(test.standard_error, np.sqrt(5 / 6))
    assert_allclose(test.p_value, 2 * stats.t.sf(2 / np.sqrt(5 / 6), 2))


def test_where_there_is_too_little_to_tell_there_is_no_p_value():
    assert np.isnan(paired_rows([0.3]).p_value)
    assert np.isnan(paired_folds([0.3], 0.2).p_value)
    assert np.isnan(paired_rows([0.3, 0.4, 0.2], groups=["a", "a", "a"]).p_value)
    assert paired_rows([0.0, 0.0]).p_value == 1
    with pytest.raises(ValueError, match=r"level must be between 0 and 1; got level=95\. Pass level=0.95"):
        paired_rows([1, 2], level=95)


def test_p_values_of_nothing_are_uniform():
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 5)
    by_groups = [
        paired_rows(random.normal(size=40)[groups] + random.normal(size=200), groups=groups).p_value
        for _ in range(400)
    ]
    by_rows = [paired_rows(random.normal(size=200)).p_value for _ in range(400)]
    for found in (by_groups, by_rows):
        assert stats.kstest(found, "uniform").pvalue > 0.001


# Comparison


def test_base_estimators_have_the_scores_of_the_run(run):
    table = compare(run).table
    assert_allclose(table.loc[["nb", "tree", "lr"], "whole"], run.summary["whole"])
    assert_allclose(table.loc[["nb", "tree", "lr"], "mean"], run.summary["mean"])
    assert_allclose(table.loc[["nb", "tree", "lr"], "sem"], run.summary["sem"])
    assert table["kind"].tolist() == ["estimator"] * 3 + ["choice"] + ["final"] * 5
    assert table.index.tolist()[3:] == [BEST, PRIOR, MEAN, "convex", "greedy", "stack"]


def test_final_estimators_are_cross_fitted(run):
    found = compare(run, [("own", LogisticRegression()), ("convex", ConvexClassifier())])
    for name, final in (("own", LogisticRegression()), ("convex", ConvexClassifier())):
        by_hand = cross_val_predict(final, run.meta_train.to_numpy(), Y, cv=run.folds, method="predict_proba")
        assert_allclose(found.finals[0].average(name), by_hand)
        assert_allclose(found.losses(name), -np.log(by_hand[np.arange(len(Y)), Y]))
    mean = run.meta_train.mean(axis=1).to_numpy()
    assert_allclose(found.finals[0].average(MEAN)[:, 1], mean)


def test_a_stack_is_compared_by_its_own_final_estimator():
    final = LogisticRegression(C=0.01)
    stack = StackingClassifier(MEMBERS, final, cv=shuffled(Y)).fit(X, Y)
    found = compare(stack, scoring="neg_log_loss").table.loc["stack", "whole"]
    own = compare(stack.oof_, [("own", final)], scoring="neg_log_loss").table.loc["own", "whole"]
    assert found == own


def test_the_best_member_of_a_fold_is_chosen_without_the_fold():
    """Two columns, each right on one half: the half that is not predicted praises the wrong one."""
    y = np.tile([0, 1], 20)
    half = np.arange(40) < 20
    halves = [(np.flatnonzero(half), np.flatnonzero(~half)), (np.flatnonzero(~half), np.flatnonzero(half))]
    oof = out_of_fold(
        [("a", Oracle(0)), ("b", Oracle(1))], np.column_stack([y, half]), y, cv=halves, n_jobs=1
    )
    found = compare(oof)
    assert found.chosen == [["a", "b"]]
    assert found.table["whole"].round(2).loc[["a", "b", BEST]].tolist() == [0.5, 0.5, 0.0]


class Oracle(ClassifierMixin, BaseEstimator):
    """Predicts the label of one half, which is given, and the wrong one of the other."""

    def __init__(self, wrong=0):
        self.wrong = wrong

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        right = np.where(X[:, 1] == self.wrong, 1 - X[:, 0], X[:, 0])
        return np.column_stack([1 - right, right])

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def test_with_random_labels_the_choice_made_without_the_fold_is_not_better_than_chance():
    """The best member by all rows beats chance; so does the stack, and the verdict warns of it."""
    found, verdicts = [], []
    for seed in range(8):
        random = np.random.default_rng(seed)
        noise, y = random.normal(size=(200, 15)), random.integers(0, 2, size=200)
        oof = out_of_fold([(f"m{at}", One(at)) for at in range(15)], noise, y, cv=shuffled(y), n_jobs=1)
        compared = compare(oof, [("stack", LogisticRegression())])
        found.append(compared.table["whole"])
        verdicts.append(gain(compared).verdict)
    table = pd.DataFrame(found)
    assert table[[f"m{at}" for at in range(15)]].max(axis=1).mean() > 0.53
    for name in (BEST, MEAN):
        assert table[name].mean() < 0.5 + 3 * table[name].std() / np.sqrt(8)
    assert table["stack"].mean() > 0.55  # it learned from predictions of estimators that saw the row's label
    assert not any("gains over" in verdict for verdict in verdicts)
    assert any("of such stacks are optimistic, so use nested_score" in verdict for verdict in verdicts)


def test_the_plain_mean_of_a_row_does_not_know_the_rows_label(run):
    flipped = Y.copy()
    flipped[7] = 1 - flipped[7]
    again = out_of_fold(MEMBERS, X, flipped, cv=run.folds, n_jobs=1)
    means = [compare(each, []).finals[0].average(MEAN)[7] for each in (run, again)]
    assert_array_equal(*means)


def test_with_folds_in_time_all_are_judged_on_the_same_rows():
    oof = out_of_fold(REGRESSORS, XR[:100], YR[:100], cv=TimeSeriesSplit(4), n_jobs=1)
    found = compare(oof)
    judged = found.repeats[0].judged
    assert np.flatnonzero(judged.coverage).tolist() == list(range(40, 100))
    assert np.flatnonzero(~np.isnan(found.losses("stack"))).tolist() == list(range(40, 100))
    assert found.folds.shape == (8, 3)
    meta = oof.meta_train.to_numpy()
    by_hand = Ridge().fit(meta[20:40], YR[20:40]).predict(meta[40:60])
    own = compare(oof, [("ridge on top", Ridge())])
    assert_allclose(own.finals[0].average("ridge on top")[40:60, 0], by_hand)
    with pytest.raises(ValueError, match="Outside each fold too few rows have out-of-fold predictions"):
        compare(out_of_fold(REGRESSORS, XR[:100], YR[:100], cv=[(range(50), range(50, 100))], n_jobs=1))


def test_repeats_are_cross_fitted_one_by_one_and_make_no_error_smaller():
    folds = shuffled(Y, n_repeats=3)
    oof = out_of_fold(MEMBERS, X, Y, cv=folds, scoring="neg_log_loss", n_jobs=1)
    found = compare(oof, [("stack", LogisticRegression())])
    singles = [compare(oof.of_repeat(at), [("stack", LogisticRegression())]) for at in range(3)]
    assert found.folds.shape == (7, 12)
    assert_allclose(
        found.table["whole"], np.mean([single.table["whole"] for single in singles], axis=0), rtol=1e-12
    )
    errors = np.array([single.table["sem"] for single in singles])
    assert_allclose(found.table["sem"], np.sqrt((errors**2).mean(axis=0)))
    losses = np.mean([single.losses("stack") for single in singles], axis=0)
    assert_allclose(found.losses("stack"), losses)


def test_other_folds_for_the_final_estimator():
    oof = out_of_fold(REGRESSORS, XR, YR, cv=5, n_jobs=1)
    found = compare(oof, [("ridge on top", Ridge())], cv=KFold(3, shuffle=True, random_state=1))
    splits = KFold(3, shuffle=True, random_state=1)
    by_hand = cross_val_predict(Ridge(), oof.meta_train.to_numpy(), YR, cv=splits)
    assert_allclose(found.finals[0].average("ridge on top")[:, 0], by_hand)
    assert_allclose(found.table.loc["knn", "whole"], oof.summary.loc["knn", "whole"])


def test_weights_reach_scores_final_estimators_and_tests():
    oof = out_of_fold([("nb", NB), ("tree", TREE)], X, Y, cv=shuffled(Y), sample_weight=WEIGHTS, n_jobs=1)
    found = compare(oof, [("stack", LogisticRegression())], scoring="neg_log_loss")
    for name in ("nb", "stack"):
        assert_allclose(np.average(found.losses(name), weights=WEIGHTS), -found.table.loc[name, "whole"])
    train, held_out = oof.folds.splits[0]
    meta = oof.meta_train.to_numpy()
    by_hand = LogisticRegression().fit(meta[train], Y[train], WEIGHTS[train]).predict_proba(meta[held_out])
    assert_allclose(found.finals[0].average("stack")[held_out], by_hand)
    d = found.losses(BEST) - found.losses("stack")
    assert_allclose(gain(found).tests[BEST].difference, np.average(d, weights=WEIGHTS))


def test_estimators_that_predict_in_different_ways_have_a_calibrated_mean():
    oof = out_of_fold([("nb", NB), ("svm", RidgeClassifier())], X, Y, cv=3, n_jobs=1)
    found = compare(oof)
    assert found.table.index.tolist() == ["nb", "svm", BEST, PRIOR, MEAN, "convex", "greedy", "stack"]
    assert list(gain(found).tests) == [BEST, MEAN]


def test_several_classes_and_several_numbers():
    oof = out_of_fold([("nb", NB), ("knn", KNeighborsClassifier())], XI, YI, cv=shuffled(YI), n_jobs=1)
    assert compare(oof, scoring="neg_log_loss").table["whole"].notna().all()
    numbers = out_of_fold(REGRESSORS, XR, np.column_stack([YR, -YR]), cv=3, n_jobs=1)
    assert gain(compare(numbers)).tests[MEAN].n == len(YR)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"run": 3}, "run must be what out_of_fold returned, or a fitted stack; got run=3"),
        ({"final_estimators": [("nb", Ridge())]}, "Rename 'nb'"),
        ({"final_estimators": [("r", Ridge())]}, r"final_estimators must be classifiers; \['r'\] are not"),
        ({"scoring": "best"}, "scoring must be the name of a scikit-learn scorer"),
        ({"groups": [1, 2]}, "groups must be one value per row"),
    ],
)
def test_what_cannot_be_compared_is_refused(run, options, text):
    with pytest.raises(ValueError, match=text):
        compare(**{"run": run, **options})


def test_greedy_search_is_left_out_where_it_takes_long():
    oof = out_of_fold([("nb", NB), ("tree", TREE)], X, Y, cv=3, n_jobs=1)
    for scoring, there in (("roc_auc", True), ("f1", False), ("neg_brier_score", True)):
        assert ("greedy" in compare(oof, scoring=scoring).table.index) is there


def test_names_of_combiners_are_not_those_of_estimators():
    oof = out_of_fold([("stack", NB), ("tree", TREE)], X, Y, cv=3, n_jobs=1)
    with pytest.raises(ValueError, match=r"Base estimators have the names of candidates: \['stack'\]"):
        compare(oof)
    assert compare(oof, [("top", LogisticRegression())]).table.index.tolist()[-1] == "top"


# What stacking gains


def test_a_mean_gains_nothing_over_itself(run):
    found = gain(compare(run, [("same", MeanClassifier())]))
    assert found.tests[MEAN].difference == 0
    assert found.tests[MEAN].p_value == 1
    assert "will do" in found.verdict or "worse" in found.verdict


def test_a_stack_of_halves_gains():
    """Each of two estimators sees one half of what decides."""
    random = np.random.default_rng(1)
    halves = random.normal(size=(600, 2))
    y = (halves.sum(axis=1) + 0.3 * random.normal(size=600) > 0).astype(int)
    members = [(f"half {at}", One(at)) for at in range(2)]
    oof = out_of_fold(members, halves, y, cv=shuffled(y), scoring="neg_log_loss", n_jobs=1)
    found = gain(compare(oof))
    assert found.tests[BEST].p_value < 1e-6
    assert found.verdict.startswith("'stack' gains over the best member and the plain mean (log loss 0.")
    assert found.verdict in repr(found)
    areas = gain(compare(oof, scoring="roc_auc"), "stack")
    assert areas.tests[BEST].method == "corrected resampled t-test by folds"
    assert areas.tests[BEST].n == 4
    errors = gain(compare(oof, scoring="accuracy"))
    assert errors.tests[BEST].method == "McNemar's exact test"


def test_groups_are_the_independent_pieces():
    groups = np.arange(len(Y)) // 4
    oof = out_of_fold([("nb", NB), ("tree", TREE)], X, Y, cv=4, groups=groups, n_jobs=1)
    found = compare(oof, scoring="neg_log_loss")
    assert gain(found).tests[BEST].n == 60
    other = gain(found, groups=np.arange(len(Y)) // 8).tests[BEST]
    assert (other.n, other.method) == (30, "paired t-test by groups")


def verdict_of(best, mean, members=(1, 0.01), nested=False):
    """The verdict on tests given as (difference, p-value)."""
    test = {
        name: PairedTest(difference, 0.1, -1, 1, p, 9, "paired t-test by rows")
        for name, (difference, p) in ((BEST, best), (MEAN, mean), (PRIOR, members))
    }
    return Gain("stack", "log loss", {BEST: test[BEST], MEAN: test[MEAN]}, test[PRIOR], 0.05, nested).verdict


def test_verdicts():
    assert "'stack' gains over the best member and the plain mean" in verdict_of((1, 0.01), (1, 0.01))
    assert "gains nothing that chance does not explain" in verdict_of((1, 0.3), (-1, 0.2))
    assert "but not over the plain mean" in verdict_of((1, 0.01), (1, 0.2))
    assert "take the best member." in verdict_of((1, 0.2), (1, 0.01))
    assert "'stack' is worse than the plain mean" in verdict_of((1, 0.01), (-1, 0.01))
    nan = float("nan")
    assert "'stack' cannot be tested against the best member or the plain mean" in verdict_of(
        (1, nan), (1, nan)
    )
    assert "'stack' cannot be tested against the plain mean (" in verdict_of((1, 0.01), (nan, nan))
    for members in ((1, 0.3), (-1, 0.01)):
        assert "no member is better than the prior" in verdict_of((1, 0.01), (1, 0.01), members)
        assert "'stack' gains over" in verdict_of((1, 0.01), (1, 0.01), members, nested=True)


def test_rows_that_a_metric_refuses_are_not_left_out_of_the_test():
    """There is no squared log error of -1 or less: a test of the other rows alone would flatter."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(80, 2)), random.exponential(size=80)
    target = regression_target(y)
    low = PredictionSpec("any", "predict", "number", target.type)
    predictions = np.r_[-1.0, -5.0, np.ones(78)][:, np.newaxis]
    losses = row_losses(target, np.arange(80), predictions, low, "neg_mean_squared_log_error")
    assert_array_equal(np.isinf(losses), predictions[:, 0] <= -1)
    members = [("ridge", Ridge()), ("wild", make_pipeline(StandardScaler(), NegativeOutlierRidge()))]
    oof = out_of_fold(members, x, y, cv=4, scoring="neg_mean_squared_log_error", n_jobs=1)
    with pytest.warns(UserWarning, match="cannot be scored"):
        found = gain(compare(oof, [("wild mean", MeanRegressor([0, 1]))]))
    assert "'wild mean' cannot be tested against the best member" in found.verdict
    assert np.isnan(found.tests[BEST].p_value)


class NegativeOutlierRidge(Ridge):
    """Predicts less than any count can be, here and there."""

    def predict(self, X):
        return super().predict(X) - 5.0 * (X[:, 0] > 1)


def test_what_is_no_comparison_or_no_final_estimator_is_refused(run):
    with pytest.raises(ValueError, match="is not what compare returns"):
        gain(run)
    with pytest.raises(
        ValueError, match=r"stack='nb' must be the name of .* one of prior, plain mean, convex"
    ):
        gain(compare(run, [("convex", ConvexClassifier())]), "nb")
    with pytest.raises(ValueError, match=r"is not in the table\. Pass one of nb, tree, lr, best m\w+, prior"):
        compare(run, []).losses("who")


# Nested


class RowRecordingClassifier(ClassifierMixin, BaseEstimator):
    """Remembers in a list given from outside which rows each fit saw: the first column numbers rows."""

    def __init__(self, seen=None):
        self.seen = seen

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.share_ = np.average(y == self.classes_[1], weights=sample_weight)
        SEEN[self.seen].append((X[:, 0].astype(int), sample_weight))
        return self

    def predict_proba(self, X):
        return np.tile([1 - self.share_, self.share_], (len(X), 1))


SEEN: dict[str, list] = {}


@pytest.mark.parametrize(
    "options", [{}, {"refit": True}, {"passthrough": True}, {"cv": KFold(3, shuffle=True, random_state=0)}]
)
def test_nested_scores_are_those_of_the_stack_as_an_estimator(options):
    final = DecisionTreeClassifier(max_depth=2, random_state=0)
    stack = StackingClassifier(MEMBERS, final, **({"cv": 3} | options))
    folds = shuffled(Y, 3)
    found = nested_score(stack, X, Y, cv=folds, scoring="neg_log_loss")
    by_hand = cross_val_predict(stack, X, Y, cv=folds, method="predict_proba")
    assert_allclose(found.finals[0].average("stack"), by_hand, rtol=1e-9)
    train, held_out = folds.splits[1]
    one = clone(stack).fit(X[train], Y[train])
    own = one.oof_.transform_refitted(X[held_out]) if stack.refit else one.oof_.transform(X[held_out])
    assert_allclose(found.repeats[0].known.meta_train.to_numpy()[held_out], own)
    assert_allclose(found.finals[0].average(MEAN)[held_out, 1], own.mean(axis=1))
    assert found.table.index.tolist() == ["nb", "tree", "lr", BEST, PRIOR, MEAN, "stack"]
    assert gain(found).stack == "stack"
    assert "nested" in repr(found)


def test_the_best_member_of_an_outer_fold_is_the_best_inside_it():
    stack, folds = StackingClassifier(MEMBERS[:2], cv=2), shuffled(Y, 2, n_repeats=2)
    found = nested_score(stack, X, Y, cv=folds, scoring="neg_log_loss")
    for (repeat, fold), (train, held_out) in zip(folds.labels, folds.splits, strict=True):
        oof = clone(stack).fit(X[train], Y[train]).oof_
        best = replace(oof, scoring="neg_log_loss").summary["whole"].idxmax()
        assert found.chosen[repeat][fold] == best
        own = found.repeats[repeat].known.average(best)[held_out, 1]
        assert_allclose(own, oof.transform(X[held_out])[best])


def test_nested_folds_may_be_ordered_in_time():
    inner, outer = TimeSeriesSplit(2), TimeSeriesSplit(3)
    found = nested_score(StackingRegressor(REGRESSORS, cv=inner), XR[:120], YR[:120], cv=outer)
    assert found.folds.shape == (6, 3)
    assert gain(found).tests[BEST].n == 90


def test_nested_numbers():
    stack = StackingRegressor(REGRESSORS, cv=3)
    found = nested_score(stack, XR, YR, cv=3)
    assert_allclose(found.finals[0].average("stack")[:, 0], cross_val_predict(stack, XR, YR, cv=3))


def test_a_rows_own_label_does_not_reach_its_nested_prediction():
    """At no level, though all folds are shared: in `compare` it reaches the stack by the others' columns."""
    flipped = Y.copy()
    flipped[5] = 1 - flipped[5]
    stack, folds = StackingClassifier(MEMBERS, cv=3), shuffled(Y, 3)
    one, other = (nested_score(stack, X, y, cv=folds).finals[0] for y in (Y, flipped))
    assert_array_equal(one.average("stack")[5], other.average("stack")[5])
    assert (one.average("stack") != other.average("stack")).any()


def test_nested_scores_of_random_labels_are_those_of_chance():
    found = []
    for seed in range(100, 105):
        random = np.random.default_rng(seed)
        noise, y = random.normal(size=(200, 8)), random.integers(0, 2, size=200)
        stack = StackingClassifier([(f"m{at}", One(at)) for at in range(8)], cv=3)
        found.append(nested_score(stack, noise, y, cv=shuffled(y, 3)).table["whole"])
    table = pd.DataFrame(found)
    # An accuracy of 200 rows has a standard error of 0.035.
    assert (table[[BEST, MEAN, "stack"]].mean() < 0.5 + 3 * 0.035 / np.sqrt(5)).all()


def test_groups_stay_whole_and_weights_reach_both_levels():
    groups = np.arange(len(Y)) // 6
    table = np.column_stack([np.arange(len(Y)), X])
    for key in ("base", "final"):
        SEEN[key] = []
    stack = StackingClassifier(
        [("base", RowRecordingClassifier("base"))], RowRecordingClassifier("final"), cv=3
    )
    found = nested_score(stack, table, Y, cv=4, groups=groups, sample_weight=WEIGHTS)
    assert len(SEEN["base"]) == 4 * 3
    assert len(SEEN["final"]) == 4
    for rows, weights in SEEN["base"]:
        left = np.setdiff1d(np.arange(len(Y)), rows)
        assert not set(groups[rows]) & set(groups[left])
        assert_array_equal(weights, WEIGHTS[rows])
    for (_, weights), (train, _) in zip(SEEN["final"], found.repeats[0].judged.folds.splits, strict=True):
        assert_array_equal(weights, WEIGHTS[train])
    assert gain(found).tests[BEST].n == 40


def test_fixed_inner_folds_are_cut_to_the_rows_of_each_outer_fold():
    table = np.column_stack([np.arange(len(Y)), X])
    inner = shuffled(Y, 3, n_repeats=2)
    SEEN["base"] = []
    stack = StackingClassifier([("base", RowRecordingClassifier("base"))], LogisticRegression(), cv=inner)
    outer = make_folds(Y, scheme="stratified", n_splits=2, random_state=9)
    nested_score(stack, table, Y, cv=outer)
    whole = [set(np.intersect1d(train, rows)) for train, _ in outer.splits for rows, _ in inner.splits]
    assert sorted(map(sorted, whole)) == sorted(sorted(set(rows)) for rows, _ in SEEN["base"])
    SEEN["base"] = []
    nested_score(stack, table, Y, cv=outer, inner_cv=list(inner.splits[:3]))
    assert len(SEEN["base"]) == 6


def test_nested_fits_are_kept_in_the_store():
    store, stack = PutCountingStore(), StackingClassifier([("nb", NB)], LogisticRegression(), cv=3)
    found = []
    for _ in range(2):
        found.append(nested_score(stack, X, Y, cv=3, store=store).table["whole"])
        assert (store.n_kept, len(store)) == (9, 9)
    assert found[0].equals(found[1])
    assert stack.store is None


class PutCountingStore(MemoryStore):
    """Counts what it is given to keep."""

    def __init__(self):
        super().__init__()
        self.n_kept = 0

    def put(self, key, result):
        self.n_kept += 1
        super().put(key, result)


def test_what_cannot_be_nested_is_refused():
    stack = StackingClassifier(MEMBERS, cv=3)
    with pytest.raises(ValueError, match=r"stack=.* must be a StackingClassifier or StackingRegressor"):
        nested_score(NB, X, Y)
    with pytest.raises(ValueError, match="cv='prefit' cannot be nested"):
        nested_score(StackingClassifier(MEMBERS, cv="prefit"), X, Y)
    with pytest.raises(ValueError, match=r"training part of repeat 0 fold \d lacks the classes"):
        nested_score(stack, XI, YI, cv=KFold(3))
    with pytest.raises(ValueError, match=r"The names \[.*\] of estimators are rows of the table"):
        nested_score(StackingClassifier([("stack", NB)]), X, Y)
    with pytest.raises(ValueError, match="The folds were made for 120 rows, but X has"):
        nested_score(stack, X, Y, inner_cv=shuffled(Y[:120]))
    with pytest.raises(ValueError, match=r"y has several labels\. Score each label"):
        nested_score(stack, X, np.column_stack([Y, 1 - Y]))
