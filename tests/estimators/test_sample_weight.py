"""Sample weights: one rule for what they may be, and results that do not depend on their unit."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import (
    Level,
    LevelsClassifier,
    LevelsRegressor,
    StackingClassifier,
    StackingRegressor,
    compare,
    nested_score,
    out_of_fold,
)
from stackit.combine import (
    ConvexClassifier,
    ConvexRegressor,
    GreedyClassifier,
    GreedyRegressor,
    HillClimbClassifier,
    IsotonicClassifier,
    LogisticClassifier,
    MeanClassifier,
    MeanRegressor,
    NonNegativeClassifier,
    NonNegativeRegressor,
    RankClassifier,
    TemperatureClassifier,
)
from stackit.estimators.sample_weight import check_sample_weight, rescale_weights
from tests.doubles import FailingClassifier, NeverFittedBayes, ResamplingPipeline, RowDoubling

N = 120
X, Y = make_classification(N, 5, n_informative=3, flip_y=0.2, random_state=0)
YR = X[:, 0] * 3 + X[:, 1] + np.random.default_rng(1).normal(size=N)
WEIGHTS = np.random.default_rng(0).uniform(0.2, 2, N)
MEMBERS = [("tree", DecisionTreeClassifier(max_depth=3, random_state=0)), ("nb", GaussianNB())]
REGRESSORS = [
    ("tree", DecisionTreeRegressor(max_depth=3, random_state=0)),
    ("stump", DecisionTreeRegressor(max_depth=1, random_state=0)),
]

WRONG = {
    "negative": (np.r_[-1.0, np.ones(N - 1)], "sample_weight is negative in 1 rows, as low as -1"),
    "NaN": (np.r_[np.nan, np.ones(N - 1)], "finite; got NaN or infinity in 1 rows"),
    "infinite": (np.r_[np.ones(N - 2), np.inf, -np.inf], "finite; got NaN or infinity in 2 rows"),
    "missing": (pd.array([None] + [1.0] * (N - 1), dtype="Float64"), "sample_weight must be"),
    "all zero": (np.zeros(N), "sample_weight has only zero weights"),
    "short": (np.ones(N - 1), r"one value per row, of shape \(120,\); got shape=\(119,\)"),
    "a column": (np.ones((N, 1)), r"one value per row, of shape \(120,\); got shape=\(120, 1\)"),
    "one number": (2.0, r"one value per row, of shape \(120,\); got shape=\(\)"),
    "text": (["1"] * N, "one number per row; got values of the type <U1"),
    "text as objects": (np.array(["1", *[1.0] * (N - 1)], dtype=object), "one number per row"),
    "complex": (np.ones(N, dtype=complex), "one number per row"),
    "dates": (np.full(N, "2020-01-01", dtype="datetime64[D]"), "one number per row"),
}
META = np.column_stack([np.linspace(0, 1, N), np.linspace(1, 0, N) ** 2])
ENTRIES = {
    "engine": lambda w: out_of_fold([("ridge", Ridge())], X, YR, sample_weight=w, cv=3, n_jobs=1),
    "stack": lambda w: StackingClassifier(MEMBERS, cv=3).fit(X, Y, sample_weight=w),
    "levels": lambda w: LevelsClassifier([MEMBERS], cv=3).fit(X, Y, sample_weight=w),
    "nested score": lambda w: nested_score(StackingClassifier(MEMBERS, cv=3), X, Y, sample_weight=w, cv=3),
    "combiner": lambda w: MeanClassifier().fit(META, Y, sample_weight=w),
    "combiner of numbers": lambda w: NonNegativeRegressor().fit(META, YR, sample_weight=w),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("entry", ENTRIES)
def test_one_rule_says_which_weights_are_none(entry, kind):
    weights, text = WRONG[kind]
    with pytest.raises(
        ValueError, match=f"sample_weight must be {text}" if "sample_weight" not in text else text
    ):
        ENTRIES[entry](weights)


@pytest.mark.parametrize(
    "weights",
    [
        [1] * N,
        pd.Series(np.ones(N), index=np.arange(N)[::-1]),
        np.ones(N, dtype=bool),
        np.ones(N, dtype=np.float16),
        np.ones(N, dtype=object),
    ],
    ids=["list", "series", "mask", "half", "objects"],
)
def test_weights_of_one_are_none_in_any_container(weights):
    expected = StackingClassifier(MEMBERS, cv=3).fit(X, Y).predict_proba(X)
    found = StackingClassifier(MEMBERS, cv=3).fit(X, Y, sample_weight=weights).predict_proba(X)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_weights_that_are_given_are_not_changed():
    weights = WEIGHTS.copy()
    StackingClassifier(MEMBERS, cv=3).fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(weights, WEIGHTS)


@pytest.mark.parametrize("face", [StackingClassifier(MEMBERS, cv=3), LevelsClassifier([MEMBERS], cv=3)])
def test_a_training_part_without_weight_is_refused_before_any_fit(face):
    folds = [(np.arange(60), np.arange(60, N)), (np.arange(60, N), np.arange(60))]
    weights = np.r_[np.zeros(60), np.ones(60)]
    text = "only zero weights in the training part of repeat 0 fold 0"
    with pytest.raises(ValueError, match=text):
        face.set_params(cv=folds).fit(X, Y, sample_weight=weights)
    with pytest.raises(ValueError, match=text):
        out_of_fold([("trap", NeverFittedBayes())], X, Y, sample_weight=weights, cv=folds)


def test_a_fold_without_weight_on_its_held_out_rows_has_no_score():
    folds = [(np.r_[0:40, 80:N], np.arange(40, 80)), (np.arange(80), np.arange(80, N))]
    weights = np.r_[np.ones(80), np.zeros(40)]
    oof = out_of_fold(MEMBERS[:1], X, Y, sample_weight=weights, cv=folds, n_jobs=1)
    with pytest.warns(UserWarning, match="'tree' cannot be scored .*have the weight 0") as caught:
        scores = oof.scores["score"]
    assert len(caught) == 1
    assert np.isnan(scores[1])
    assert scores[0] == pytest.approx(oof.summary.loc["tree", "whole"])


# --- the unit of weights


@pytest.mark.parametrize("unit", [1e-3, 1e3, 1e-300, 1e300], ids=str)
@pytest.mark.parametrize(
    "combiner",
    [
        ConvexClassifier(),
        ConvexClassifier("squared_error"),
        GreedyClassifier("roc_auc"),
        HillClimbClassifier(),
        IsotonicClassifier(),
        LogisticClassifier(),
        MeanClassifier(),
        NonNegativeClassifier(),
        RankClassifier(),
        TemperatureClassifier(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_combiners_of_classes_do_not_depend_on_the_unit(combiner, unit):
    rng = np.random.default_rng(3)
    meta = np.clip(Y[:, None] * 0.3 + rng.uniform(0, 0.7, (N, 3)), 0.01, 0.99)
    one = combiner.fit(meta, Y, sample_weight=WEIGHTS).predict_proba(meta)
    other = combiner.fit(meta, Y, sample_weight=WEIGHTS * unit).predict_proba(meta)
    np.testing.assert_allclose(other, one, rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-3, 1e3, 1e-300, 1e300], ids=str)
@pytest.mark.parametrize("combiner", [ConvexRegressor(), GreedyRegressor(), NonNegativeRegressor()])
def test_combiners_of_numbers_do_not_depend_on_the_unit(combiner, unit):
    meta = YR[:, None] + np.random.default_rng(3).normal(size=(N, 3))
    one = combiner.fit(meta, YR, sample_weight=WEIGHTS).weights_
    np.testing.assert_allclose(combiner.fit(meta, YR, sample_weight=WEIGHTS * unit).weights_, one, atol=1e-9)


# Trees break ties by the last digit, which other factors than powers of two change.
@pytest.mark.parametrize("unit", [2.0**-10, 2.0**10], ids=str)
@pytest.mark.parametrize(
    ("face", "y"),
    [
        (StackingClassifier(MEMBERS, cv=3), Y),
        (StackingRegressor(REGRESSORS, cv=3), YR),
        (LevelsClassifier([MEMBERS, MEMBERS], cv=3), Y),
        (LevelsRegressor([REGRESSORS], cv=3), YR),
        (StackingClassifier(MEMBERS, ConvexClassifier(), cv=3), Y),
    ],
    ids=["stack", "regression", "levels", "levels of numbers", "combiner"],
)
def test_ensembles_of_scale_free_estimators_predict_the_same_in_any_unit(face, y, unit):
    expected = face.fit(X, y, sample_weight=WEIGHTS).predict(X[:20])
    proba = face.predict_proba(X) if y is Y else expected
    found = face.fit(X, y, sample_weight=WEIGHTS * unit)  # and says nothing: warnings are errors here
    np.testing.assert_allclose(found.predict_proba(X) if y is Y else found.predict(X[:20]), proba, rtol=1e-6)


def test_the_default_final_estimator_still_learns_with_weights_of_one_in_n():
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(200, 2)), rng.normal(size=200)
    y = (X[:, 0] + noise > 0).astype(int)
    stack = StackingClassifier([("lr", LogisticRegression(C=1e6))], cv=5)
    plain = stack.fit(X, y, sample_weight=np.ones(200)).predict_proba(X)
    with pytest.warns(
        UserWarning, match=r"has a mean of 0.005, and the fits of lr depend on its scale"
    ) as caught:
        scaled = stack.fit(X, y, sample_weight=np.full(200, 1 / 200)).predict_proba(X)
    assert len(caught) == 1
    np.testing.assert_allclose(scaled, plain, atol=0.005)  # lr itself has the last word, with C / 200
    assert log_loss(y, scaled) < 0.6


def test_compare_judges_the_default_final_estimator_in_the_unit_in_which_it_is_fitted():
    tables = []
    for unit in (1.0, 1e-3):
        stack = StackingClassifier(MEMBERS, cv=3, random_state=0).fit(X, Y, sample_weight=WEIGHTS * unit)
        tables.append(compare(stack, scoring="neg_log_loss", n_jobs=1).table["whole"])
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "depends"),
    [
        (LogisticRegression(), True),
        (make_pipeline(StandardScaler(), LogisticRegression()), True),
        (GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2), True),
        (HistGradientBoostingClassifier(max_iter=2), True),
        (RandomForestClassifier(3, max_samples=0.5, random_state=0), True),
        (RandomForestClassifier(3, random_state=0), False),
        (RandomForestClassifier(3, max_samples=50, random_state=0), False),
        (make_pipeline(StandardScaler(), GaussianNB()), False),
        (GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1]}, cv=2), False),
    ],
    ids=str,
)
def test_only_estimators_that_depend_on_the_scale_are_named(estimator, depends):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out_of_fold([("one", estimator)], X, Y, sample_weight=WEIGHTS / N, cv=2, n_jobs=1)
    said = [str(each.message) for each in caught if "depend on its scale" in str(each.message)]
    assert len(said) == depends
    assert not depends or "the fits of one depend" in said[0]


@pytest.mark.parametrize(
    "weights", [WEIGHTS, WEIGHTS * 5, np.arange(1.0, N + 1)], ids=["one", "five", "counts"]
)
def test_usual_weights_and_counts_of_rows_need_no_warning(weights):
    out_of_fold([("lr", LogisticRegression())], X, Y, sample_weight=weights, cv=2, n_jobs=1)


def test_refitted_stacks_warn_of_their_final_estimator_too():
    with pytest.warns(UserWarning, match="the fits of final_estimator depend on its scale"):
        StackingClassifier(MEMBERS, cv=3, refit=True).fit(X, Y, sample_weight=WEIGHTS / N)


# --- who cannot take weights


def resampling(last):
    return ResamplingPipeline([("twice", RowDoubling()), ("last", last)])


@pytest.mark.parametrize(
    "estimator",
    [
        resampling(LogisticRegression()),
        make_pipeline("passthrough", resampling(LogisticRegression())),
        GridSearchCV(resampling(LogisticRegression()), {"last__C": [1]}, cv=2, scoring="neg_log_loss"),
        CalibratedClassifierCV(resampling(LogisticRegression()), cv=2),
        TunedThresholdClassifierCV(LogisticRegression(), cv=2),
    ],
    ids=["resampler", "in a pipeline", "in a search", "calibrated", "threshold"],
)
def test_members_that_weights_cannot_reach_are_named_once_and_fitted(estimator):
    line_up = [("one", estimator), ("lr", LogisticRegression())]
    with pytest.warns(UserWarning, match="sample_weight is not passed to one: ") as caught:
        oof = out_of_fold(line_up, X, Y, sample_weight=WEIGHTS, cv=3, n_jobs=1)
    assert len(caught) == 1
    alone = out_of_fold([("one", estimator)], X, Y, cv=3, n_jobs=1)
    np.testing.assert_array_equal(oof.meta_train["one"], alone.meta_train["one"])
    assert oof.summary["whole"].notna().all()


def test_a_selection_hands_weights_on_to_its_estimator():
    oof = out_of_fold([("rfe", RFE(LogisticRegression()))], X, Y, sample_weight=WEIGHTS, cv=3, n_jobs=1)
    train, held_out = oof.folds.splits[0]
    theirs = RFE(LogisticRegression()).fit(X[train], Y[train], sample_weight=WEIGHTS[train])
    np.testing.assert_array_equal(oof.meta_train["rfe"][held_out], theirs.predict_proba(X[held_out])[:, 1])


# --- weights of members, one of which has failed


FAILING = [MEMBERS[0], ("broken", FailingClassifier()), MEMBERS[1]]


@pytest.mark.parametrize(
    "weights", [{"tree": 3, "broken": 4, "nb": 1}, [3, 4, 1], (3, 4, 1), np.array([3, 4, 1])]
)
@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("refit", [False, True])
def test_the_weight_of_a_member_that_failed_goes_to_the_others(weights, calibrated, refit):
    final = MeanClassifier(weights)
    final = TemperatureClassifier(final) if calibrated else final
    stack = StackingClassifier(FAILING, final, cv=3, on_error="skip", refit=refit, random_state=0)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030 - both are looked at
        stack.fit(X, Y)
    said = [str(each.message) for each in caught]
    assert len(said) == 2
    assert re.search("Estimator 'broken' failed and is left out: MemoryError", said[0])
    assert re.search("The given weights of broken, which failed, go to the other estimators", said[1])
    inner = stack.final_estimator_.combiner_ if calibrated else stack.final_estimator_
    assert inner.named_weights_ == {"tree": 0.75, "nb": 0.25}
    assert final.get_params()["combiner__weights" if calibrated else "weights"] is weights
    assert stack.predict_proba(X).shape == (N, 2)


def test_no_weight_is_missed_for_an_estimator_that_failed():
    stack = StackingClassifier(FAILING, MeanClassifier({"tree": 1, "broken": 0}), cv=3, on_error="skip")
    with pytest.warns(UserWarning, match="'broken' failed") as caught:
        stack.fit(X, Y)
    assert len(caught) == 1
    assert stack.final_estimator_.named_weights_ == {"tree": 1.0, "nb": 0.0}


def test_where_all_weight_has_failed_the_error_says_so():
    stack = StackingClassifier(FAILING, MeanClassifier({"broken": 1}), cv=3, on_error="skip")
    with (
        pytest.warns(UserWarning, match="'broken' failed"),
        pytest.raises(ValueError, match=r"All estimators with a weight above 0 have failed \(broken;"),
    ):
        stack.fit(X, Y)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("refit", [False, True])
def test_levels_share_the_weight_of_a_member_that_failed(nested, refit):
    above = Level([("mean", MeanClassifier([3, 4, 1])), ("nb", GaussianNB())], nested=nested)
    levels = LevelsClassifier(
        [FAILING, above], MeanClassifier({"mean": 1}), cv=3, on_error="skip", refit=refit
    )
    with pytest.warns(UserWarning) as caught:  # noqa: PT030 - several, and in all of them
        levels.fit(X, Y)
    assert any("The given weights of broken, which failed" in str(each.message) for each in caught)
    for fitted in levels.oof_["mean"].fold_estimators:
        assert fitted.named_weights_ == {"tree": 0.75, "nb": 0.25}
    assert np.isfinite(levels.predict_proba(X)).all()


def test_regressors_share_it_too():
    class BrokenRegressor(DecisionTreeRegressor):
        def fit(self, X, y, sample_weight=None):
            raise MemoryError("too large")

    line_up = [*REGRESSORS, ("broken", BrokenRegressor())]
    stack = StackingRegressor(line_up, MeanRegressor([1, 3, 4]), cv=3, on_error="skip")
    with (
        pytest.warns(UserWarning, match="'broken' failed"),
        pytest.warns(UserWarning, match="given weights of broken"),
    ):
        stack.fit(X, YR)
    assert stack.final_estimator_.weights_.tolist() == [0.25, 0.75]


def test_a_check_passes_floats_on():
    assert check_sample_weight(None, 3) is None
    assert check_sample_weight([True, False, True], 3).tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1 / 7, 2e5])
def test_numbers_of_rows_are_recognised_in_any_unit(unit):
    counts = np.array([0, 1, 2, 2, 5, 3])
    np.testing.assert_array_equal(rescale_weights(unit * counts), counts)
    np.testing.assert_array_equal(rescale_weights(np.full(6, unit)), np.ones(6))


def test_other_weights_get_the_mean_one():
    drawn = np.random.default_rng(0).random(9)
    for weights in ([1.0, 2.5, 2.5], [4.9e-324, 1e308], [1e5 + 1, 2e5, 3e5], drawn):
        rescaled = rescale_weights(np.asarray(weights))
        assert rescaled.mean() == pytest.approx(1)
        np.testing.assert_allclose(rescaled * np.mean(weights), weights, atol=1e-300)


def test_a_weight_of_two_is_the_row_twice_for_the_default_final_estimator():
    """It is what scikit-learn's check of equivalence wants, in whatever unit the weights are."""
    random = np.random.default_rng(0)
    X, counts = random.normal(size=(80, 2)), random.integers(1, 4, size=80)
    y = (X[:, 0] + random.normal(size=80) > 0).astype(int)
    rows = np.repeat(np.arange(80), counts)
    prefit = [("lr", LogisticRegression().fit(X, y))]
    repeated = StackingClassifier(prefit, cv="prefit").fit(X[rows], y[rows])
    for unit in (1.0, 1e-3):
        weighted = StackingClassifier(prefit, cv="prefit").fit(X, y, sample_weight=unit * counts)
        np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)
