"""Early stopping: which rows validate, which estimators get them, and that held-out labels do not leak."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from stackit import (
    DiskStore,
    Folds,
    LevelsRegressor,
    MemoryStore,
    StackingClassifier,
    StackingRegressor,
    make_folds,
    out_of_fold,
)
from stackit.estimators.early_stopping import EarlyStoppingPlan, ValidationSet, fit_with_validation
from stackit.estimators.early_stopping.fitting import has_internal_split, uses_validation_set
from stackit.estimators.early_stopping.splitter import ValidationSplitter
from stackit.target import classification_target, regression_target
from tests.doubles import ResamplingPipeline, RowDoubling

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")


class Listener(RegressorMixin, BaseEstimator):
    """Remembers its training and validation rows, by their numbers in the first column of X."""

    def __init__(self, early_stopping=True, validation_fraction=0.1):
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        self.fitted_on_ = _numbers(X)
        self.validation_ = None if X_val is None else _numbers(X_val)
        self.weights_, self.validation_weights_ = sample_weight, sample_weight_val
        self.y_, self.validation_y_ = np.asarray(y), y_val
        return self

    def predict(self, X):
        validation = self.y_[:0] if self.validation_y_ is None else self.validation_y_
        return np.full(len(X), self.y_.mean() + 1000 * np.sum(validation))


def _numbers(X):
    return np.asarray(X)[:, 0].astype(int)


class Centred(TransformerMixin, BaseEstimator):
    """Takes the mean of other columns than the first off them, and remembers which rows it saw."""

    def fit(self, X, y=None):
        self.fitted_on_ = _numbers(X)
        self.mean_ = X.mean(axis=0) * [0, *np.ones(X.shape[1] - 1)]
        return self

    def transform(self, X):
        return X - self.mean_


def numbered(n, seed=0):
    """A table with the row numbers as its first column."""
    random = np.random.default_rng(seed)
    return np.column_stack([np.arange(n), random.normal(size=(n, 2))])


def task(n=240, seed=0, labels=(0, 1)):
    X, y = make_classification(n, 6, n_informative=3, flip_y=0.3, random_state=seed)
    return X, np.asarray(labels)[y]


def xgb(**params):
    return xgboost.XGBClassifier(**{"n_estimators": 60, "early_stopping_rounds": 3, "n_jobs": 1} | params)


def lgbm(**params):
    defaults = {"n_estimators": 60, "early_stopping_round": 3, "n_jobs": 1, "min_child_samples": 5}
    return lightgbm.LGBMClassifier(**defaults | params)


def rounds_of(fitted):
    bare = fitted.estimator if hasattr(fitted, "estimator") else fitted
    while hasattr(bare, "steps"):
        bare = bare.steps[-1][1]
    return bare.best_iteration if hasattr(bare, "best_iteration") else bare.best_iteration_


STOPPERS = {
    "xgboost": xgb,
    "xgboost callback": lambda: xgb(
        early_stopping_rounds=None, callbacks=[xgboost.callback.EarlyStopping(rounds=3, save_best=True)]
    ),
    "lightgbm": lgbm,
    "lightgbm alias": lambda: lgbm(early_stopping_round=None, n_iter_no_change=3),
    "pipeline": lambda: make_pipeline(StandardScaler(), xgb()),
    "pipeline in a pipeline": lambda: make_pipeline(
        StandardScaler(), make_pipeline(StandardScaler(), lgbm())
    ),
}


# --- Who stops, and by what ----------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [(0, 1), (1, 2), ("no", "yes")], ids=str)
@pytest.mark.parametrize("kind", STOPPERS)
def test_who_stops_early_does_so_in_each_fold_in_silence(kind, labels, capfd):
    X, y = task(labels=labels)
    oof = out_of_fold([("one", STOPPERS[kind]())], X, y, X[:4], cv=3, n_jobs=1)
    fitted = list(oof["one"].fold_estimators)
    assert all(0 <= rounds_of(one) < 59 for one in fitted)
    assert all(list(one.classes_) == list(labels) for one in fitted)
    assert oof.optimistic == set()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("labels", [(0, 1), (1, 2), ("no", "yes")], ids=str)
def test_predictions_are_those_of_fits_by_hand(labels):
    X, y = task(labels=labels)
    folds = make_folds(y, n_splits=3, random_state=0)
    codes = np.searchsorted(labels, y)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    estimators = [("xgb", xgb()), ("lgbm", lgbm())]
    oof = out_of_fold(estimators, X, y, cv=folds, sample_weight=weight, n_jobs=1, random_state=None)
    plan = EarlyStoppingPlan(estimators, folds, classification_target(y), {})
    for train, held_out in folds.splits:
        rows, validation = plan.split("xgb", train, held_out, _label(folds, held_out), None)
        by_hand = xgb().fit(
            X[rows],
            codes[rows],
            sample_weight=weight[rows],
            eval_set=[(X[validation], codes[validation])],
            sample_weight_eval_set=[weight[validation]],
            verbose=False,
        )
        ours = oof.meta_train["xgb"].to_numpy()[held_out]
        assert np.array_equal(ours, by_hand.predict_proba(X[held_out])[:, 1].astype(float))
        stop = lightgbm.early_stopping(3, verbose=False)
        by_hand = lgbm(early_stopping_round=None, verbosity=-1).fit(
            X[rows],
            codes[rows],
            sample_weight=weight[rows],
            eval_X=X[validation],
            eval_y=codes[validation],
            eval_sample_weight=[weight[validation]],
            callbacks=[stop],
        )
        ours = oof.meta_train["lgbm"].to_numpy()[held_out]
        assert np.array_equal(ours, by_hand.predict_proba(X[held_out])[:, 1])


def test_a_pipeline_predicts_as_its_steps_fitted_by_hand():
    X, y = task()
    X = X * 50 + 300  # trees find nothing in validation rows that are not scaled
    splits = [(np.arange(160), np.arange(160, 240))]
    oof = out_of_fold([("piped", STOPPERS["pipeline"]())], X, y, cv=splits, n_jobs=1)
    rows, validation, held_out = X[:144], X[144:160], X[160:]  # in time, the last tenth validates
    scaler = StandardScaler().fit(rows)
    by_hand = xgb().fit(
        scaler.transform(rows), y[:144], eval_set=[(scaler.transform(validation), y[144:160])], verbose=False
    )
    assert np.array_equal(oof["piped"].held_out[0], by_hand.predict_proba(scaler.transform(held_out)))


def _label(folds, held_out):
    return next(
        label for label, split in zip(folds.labels, folds.splits, strict=True) if split[1] is held_out
    )


def test_regressors_stop_too():
    X, _ = task()
    y = X[:, 0] + np.random.default_rng(0).normal(size=len(X))
    estimators = [
        ("xgb", xgboost.XGBRegressor(n_estimators=80, early_stopping_rounds=3, n_jobs=1)),
        ("lgbm", lightgbm.LGBMRegressor(n_estimators=80, early_stopping_rounds=3, n_jobs=1)),
    ]
    oof = out_of_fold(estimators, X, y, cv=3, n_jobs=1)
    assert all(rounds_of(one) < 79 for name in ("xgb", "lgbm") for one in oof[name].fold_estimators)


def test_who_does_not_stop_early_is_fitted_on_all_training_rows():
    X = numbered(60)
    estimators = [("off", Listener(early_stopping=False)), ("loss", Listener(validation_fraction=None))]
    oof = out_of_fold(estimators, X, X[:, 1], cv=KFold(3), n_jobs=1)
    for name in ("off", "loss"):
        for (train, _), fitted in zip(oof.folds.splits, oof[name].fold_estimators, strict=True):
            assert fitted.validation_ is None
            assert fitted.fitted_on_.tolist() == train.tolist()


@pytest.mark.parametrize(("fraction", "n_validation"), [(0.1, 6), (0.25, 15), (7, 7)])
def test_an_estimators_own_share_validates(fraction, n_validation):
    X = numbered(90)
    oof = out_of_fold([("one", Listener(True, fraction))], X, X[:, 1], cv=KFold(3), n_jobs=1)
    assert [len(one.validation_) for one in oof["one"].fold_estimators] == [n_validation] * 3


def test_weights_of_validation_rows_are_theirs():
    X, weight = numbered(60), np.arange(60.0) + 1
    pipeline = make_pipeline(Centred(), Listener())
    oof = out_of_fold(
        [("bare", Listener()), ("piped", pipeline)], X, X[:, 1], sample_weight=weight, cv=3, n_jobs=1
    )
    for fitted in [*oof["bare"].fold_estimators, *(pipe[-1] for pipe in oof["piped"].fold_estimators)]:
        assert np.array_equal(fitted.weights_, weight[fitted.fitted_on_])
        assert np.array_equal(fitted.validation_weights_, weight[fitted.validation_])


def test_steps_before_the_last_do_not_see_validation_rows():
    X = numbered(60)
    oof = out_of_fold([("piped", make_pipeline(Centred(), Listener()))], X, X[:, 1], cv=3, n_jobs=1)
    for (train, _), pipeline in zip(oof.folds.splits, oof["piped"].fold_estimators, strict=True):
        centred, listener = pipeline[0], pipeline[1]
        assert centred.fitted_on_.tolist() == listener.fitted_on_.tolist()
        assert sorted([*listener.fitted_on_, *listener.validation_]) == train.tolist()
        assert pipeline.predict(X[:2]).shape == (2,)


def test_a_pipeline_with_a_memory_comes_out_whole(tmp_path):
    X, y = task()
    plain, kept = (
        out_of_fold([("p", make_pipeline(StandardScaler(), xgb(), memory=memory))], X, y, X[:5], cv=3)
        for memory in (None, str(tmp_path))
    )
    assert plain.meta_train.equals(kept.meta_train)
    assert plain.meta_test.equals(kept.transform(X[:5]))


def test_routed_weights_reach_validation_rows():
    X, y = task()
    options = {"cv": 3, "sample_weight": np.random.default_rng(0).uniform(0.5, 2, len(y)), "n_jobs": 1}
    plain = out_of_fold([("p", make_pipeline(StandardScaler(), xgb()))], X, y, **options)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, xgb().set_fit_request(sample_weight=True))
        routed = out_of_fold([("p", pipeline)], X, y, **options)
    assert routed.meta_train.equals(plain.meta_train)


def test_validation_rows_of_the_caller_are_respected():
    X, y = task()
    with sklearn.config_context(enable_metadata_routing=True):
        wants = xgb().set_fit_request(eval_set=True, verbose=True)
        stack = StackingClassifier([("own", wants)], LogisticRegression(), cv=3)
        stack.fit(X, y, eval_set=[(X[:20], y[:20])], verbose=False)
    train, held_out = stack.oof_.folds.splits[0]
    by_hand = xgb().fit(X[train], y[train], eval_set=[(X[:20], y[:20])], verbose=False)
    assert np.array_equal(stack.oof_["own"].held_out[0], by_hand.predict_proba(X[held_out]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: GridSearchCV(xgb(), {"max_depth": [2]}),
        lambda: BaggingClassifier(lgbm()),
        lambda: make_pipeline(StandardScaler(), GridSearchCV(xgb(), {"max_depth": [2]})),
    ],
)
def test_out_of_reach_is_said_before_anything_is_fitted(make):
    X, y = task()
    with pytest.raises(
        ValueError, match=r"inside 'one' has early stopping switched on, but .* Set its rounds"
    ):
        out_of_fold([("one", make())], X, y, cv=3)


class Boosting(Listener):
    """Must be shown rows by `eval_set` to stop early, as xgboost and lightgbm; counts its fits."""

    fits = 0

    def __init__(self, early_stopping_rounds=None):
        self.early_stopping_rounds = early_stopping_rounds

    def fit(self, X, y, sample_weight=None, eval_set=None):
        Boosting.fits += 1
        if self.early_stopping_rounds and eval_set is None:
            raise ValueError("must have at least 1 validation dataset for early stopping")
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("place", ["engine", "member", "final", "second level", "above"])
def test_behind_a_resampler_it_is_refused_before_any_fit(place):
    def behind():
        return ResamplingPipeline([("twice", RowDoubling()), ("boosting", Boosting(early_stopping_rounds=5))])

    X, other = numbered(60), ("other", Boosting())
    entries = {
        "engine": lambda: out_of_fold([other, ("p", behind())], X, X[:, 1], cv=3, n_jobs=1),
        "member": lambda: StackingRegressor([other, ("p", behind())], cv=3).fit(X, X[:, 1]),
        "final": lambda: StackingRegressor([other], behind(), cv=3).fit(X, X[:, 1]),
        "second level": lambda: LevelsRegressor([[other], [("p", behind())]], cv=3).fit(X, X[:, 1]),
        "above": lambda: LevelsRegressor([[other]], behind(), cv=3).fit(X, X[:, 1]),
    }
    Boosting.fits = 0
    with pytest.raises(ValueError, match=r"Boosting inside .*last step of a pipeline without a resampler"):
        entries[place]()
    assert Boosting.fits == 0


def test_behind_a_resampler_a_fixed_number_of_rounds_is_fitted():
    X = numbered(60)
    pipeline = ResamplingPipeline([("twice", RowDoubling()), ("boosting", Boosting())])
    oof = out_of_fold([("p", pipeline)], X, X[:, 1], cv=3, n_jobs=1)
    assert [len(fitted[-1].fitted_on_) for fitted in oof["p"].fold_estimators] == [80] * 3


class Splitting(ClassifierMixin, BaseEstimator):
    """A wrapper of another library that passes validation rows to its classifier itself."""

    def __init__(self, classifier):
        self.classifier = classifier

    def fit(self, X, y):
        self.fitted_ = clone(self.classifier).fit(X[9:], y[9:], eval_set=[(X[:9], y[:9])], verbose=False)
        self.classes_ = self.fitted_.classes_
        return self

    def predict(self, X):
        return self.fitted_.predict(X)


def test_the_wrappers_of_others_see_to_their_own():
    X, y = task()
    assert out_of_fold([("one", Splitting(xgb()))], X, y, cv=2, n_jobs=1).coverage.all()


def test_a_nested_stack_sees_to_its_own():
    X, y = task()
    inner = StackingClassifier([("xgb", xgb())], LogisticRegression(), cv=2)
    oof = out_of_fold([("stack", inner)], X, y, cv=2, n_jobs=1)
    assert all(rounds_of(one) < 59 for one in oof["stack"].fold_estimators[0].estimators_[0])


# --- No leak -------------------------------------------------------------------------------------------


def flipped(y, rows):
    other = y.copy()
    other[rows] = 1 - other[rows]
    return other


LEAKS = {
    "xgboost": (xgb, None),
    "lightgbm": (lgbm, None),
    "pipeline": (STOPPERS["pipeline"], None),
    "groups": (xgb, "group"),
    "time": (xgb, "forward"),
    "histogram groups": (lambda: HistGradientBoostingClassifier(early_stopping=True, max_iter=40), "group"),
    "histogram time": (lambda: HistGradientBoostingClassifier(early_stopping=True, max_iter=40), "forward"),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_held_out_labels_do_not_reach_their_own_predictions(kind):
    make, scheme = LEAKS[kind]
    X, y = task()
    groups = np.arange(len(y)) // 6
    folds = make_folds(y, scheme=scheme or "kfold", n_splits=3, groups=groups if scheme == "group" else None)
    held_out = folds.splits[1][1]
    before, after = (
        out_of_fold([("one", make())], X, labels, X, cv=folds, n_jobs=1)
        for labels in (y, flipped(y, held_out))
    )
    assert np.array_equal(before["one"].held_out[1], after["one"].held_out[1])
    # The flip is not lost: the other folds have learned from these rows, or are judged by them.
    assert not before.meta_test.equals(after.meta_test)


@pytest.mark.parametrize("make", [xgb, lgbm, lambda: HistGradientBoostingClassifier(early_stopping=True)])
def test_held_out_labels_reach_them_with_early_stopping_held_out(make):
    X, y = task()
    folds = make_folds(y, n_splits=3, scheme="kfold")
    held_out = folds.splits[1][1]
    before, after = (
        stopping_on_held_out([("one", make())], X, labels, cv=folds) for labels in (y, flipped(y, held_out))
    )
    assert not np.array_equal(before["one"].held_out[1], after["one"].held_out[1])


def stopping_on_held_out(estimators, X, y, **options):
    with pytest.warns(UserWarning, match=r"^The scores of .* are optimistic"):
        return out_of_fold(estimators, X, y, n_jobs=1, early_stopping="held_out", **options)


def test_random_labels_look_learnable_only_when_held_out_rows_validate():
    honest, optimistic = [], []
    for seed in range(12):
        random = np.random.default_rng(seed)
        X, y = random.normal(size=(400, 10)), random.integers(0, 2, 400)
        folds = make_folds(y, n_splits=5, random_state=seed)
        estimator = xgb(n_estimators=40, early_stopping_rounds=40, max_depth=2, eval_metric="error")
        honest.append(out_of_fold([("one", estimator)], X, y, cv=folds, n_jobs=1).summary["mean"].iloc[0])
        oof = stopping_on_held_out([("one", estimator)], X, y, cv=folds)
        optimistic.append(oof.summary["mean"].iloc[0])
    assert abs(np.mean(honest) - 0.5) < 0.025
    assert np.mean(optimistic) > np.mean(honest) + 0.03


def test_a_result_names_estimators_with_optimistic_scores():
    X, y = task()
    line_up = [("xgb", xgb()), ("ridge", LogisticRegression())]
    oof = stopping_on_held_out(line_up, X, y, cv=make_folds(y, n_splits=3, n_repeats=2))
    assert oof.optimistic == {"xgb"}
    assert "optimistic scores: xgb" in repr(oof)
    assert oof.summary["optimistic"].to_dict() == {"xgb": True, "ridge": False}
    assert oof.of_repeat(1).optimistic == {"xgb"}
    assert "optimistic" not in out_of_fold(line_up, X, y, cv=3, n_jobs=1).summary


def test_other_modes_are_refused():
    with pytest.raises(
        ValueError, match=r"^early_stopping must be 'training' or 'held_out'; got early_stopping=True"
    ):
        out_of_fold([("one", Ridge())], [[1.0], [2.0]], [1, 2], cv=2, early_stopping=True)


# --- Which rows ----------------------------------------------------------------------------------------


def check_parts(train, rows, validation):
    assert len(rows)
    assert len(validation)
    assert not np.intersect1d(rows, validation).size
    assert np.isin(rows, train).all()
    assert np.isin(validation, train).all()


@given(st.integers(0, 1000), st.integers(8, 80), st.integers(2, 5), st.floats(0.05, 0.5))
@settings(max_examples=60, deadline=None)
def test_plain_rows_are_balanced_and_no_class_is_lost(seed, n, n_classes, share):
    random = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), random.integers(0, n_classes, n)])
    target, train = classification_target(y), random.permutation(len(y))[: len(y) * 4 // 5]
    if len(np.unique(y[train])) == len(train):
        return
    folds = make_folds(y, scheme="kfold", n_splits=2)
    try:
        rows, validation = ValidationSplitter(folds, target).split(
            train, share, np.random.default_rng(seed), "here"
        )
    except ValueError as error:
        assert "too few to be split" in str(error)  # noqa: PT017 - nearly all rows were alone in their class
        return
    check_parts(train, rows, validation)
    assert set(y[rows]) == set(y[train])
    assert sorted([*rows, *validation]) == sorted(train)
    counts, of_train = (np.bincount(y[part], minlength=n_classes) for part in (validation, train))
    assert (np.abs(counts - share * of_train) <= 3).all()


@given(st.integers(0, 1000), st.integers(0, 1))
@settings(max_examples=20, deadline=None)
def test_labels_outside_the_training_part_do_not_choose_validation_rows(seed, kind):
    random = np.random.default_rng(seed)
    y, groups = random.integers(0, 2, 60), random.integers(0, 12, 60)
    y[:2] = 0, 1
    folds = make_folds(y, scheme=("kfold", "group")[kind], n_splits=3, groups=groups)
    train, held_out = folds.splits[0]
    other = y.copy()
    other[held_out] = 1 - other[held_out]
    first, second = (
        ValidationSplitter(folds, classification_target(labels)).split(
            train, 0.2, np.random.default_rng(seed), "here"
        )
        for labels in (y, np.where(other.any() and not other.all(), other, y))
    )
    assert np.array_equal(first[1], second[1])


def test_validation_rows_cover_the_whole_range_of_a_number():
    y = np.random.default_rng(0).normal(size=200)
    folds = make_folds(y, scheme="kfold", n_splits=2)
    _, validation = ValidationSplitter(folds, regression_target(y)).split(
        np.arange(200), 0.1, np.random.default_rng(0), "here"
    )
    ranks = np.argsort(np.argsort(y))[validation]
    assert sorted(ranks // 10) == list(range(20))


@given(st.integers(0, 1000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_groups_stay_whole_on_three_sides(seed, stratified):
    random = np.random.default_rng(seed)
    groups, X = random.integers(0, 20, 120), numbered(120)
    y = random.integers(0, 2, 120)
    scheme = "stratified-group" if stratified else "group"
    folds = make_folds(y, scheme=scheme, n_splits=3, groups=groups, random_state=seed)
    oof = out_of_fold([("one", Listener())], X, y.astype(float), cv=folds, n_jobs=1)
    for (_, held_out), fitted in zip(folds.splits, oof["one"].fold_estimators, strict=True):
        sides = [set(groups[rows]) for rows in (fitted.fitted_on_, fitted.validation_, held_out)]
        assert sum(map(len, sides)) == len(set(groups))
        assert 0.02 < len(fitted.validation_) / 80 < 0.25


@pytest.mark.parametrize("cv", [3, None, GroupKFold(3), KFold(3)], ids=str)
@pytest.mark.filterwarnings("ignore:.*are both trained on and held out")
def test_groups_that_are_passed_stay_whole_whatever_splits(cv):
    groups, X = np.arange(120) % 12, numbered(120)
    oof = out_of_fold([("one", Listener())], X, X[:, 1], cv=cv, groups=groups, n_jobs=1)
    for fitted in oof["one"].fold_estimators:
        assert not set(groups[fitted.fitted_on_]) & set(groups[fitted.validation_])


def test_validation_groups_have_the_classes_of_the_training_part():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    y = np.repeat(random.integers(0, 2, 40), 5)  # each group is all of one class
    folds = make_folds(y, scheme="stratified-group", n_splits=4, groups=groups)
    for seed, (train, _) in enumerate(folds.splits):
        _, validation = ValidationSplitter(folds, classification_target(y)).split(
            train, 0.2, np.random.default_rng(seed), "here"
        )
        assert abs(y[validation].mean() - y[train].mean()) < 0.15


@pytest.mark.parametrize("gap", [0, 3, "5D"])
def test_in_time_the_last_stretch_validates_after_the_gap(gap):
    random, X = np.random.default_rng(0), numbered(160)
    days = random.permutation(160) // 2  # two rows a day, in no order
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D")
    folds = make_folds(X[:, 1], scheme="forward", n_splits=3, time=when, gap=gap)
    oof = out_of_fold([("one", Listener())], X, X[:, 1], cv=folds, n_jobs=1)
    for (train, held_out), fitted in zip(folds.splits, oof["one"].fold_estimators, strict=True):
        last, first = days[fitted.fitted_on_].max(), days[fitted.validation_].min()
        assert last < first <= days[fitted.validation_].max() < days[held_out].min()
        assert days[fitted.validation_].max() == days[train].max()
        assert 0.05 * len(train) < len(fitted.validation_) < 0.2 * len(train)
        left_out = len(train) - len(fitted.fitted_on_) - len(fitted.validation_)
        assert left_out == {0: 0, 3: 3, "5D": 10}[gap]
        assert first - last >= {0: 1, 3: 2, "5D": 5}[gap]


@pytest.mark.parametrize("as_list", [False, True])
def test_any_splitter_of_rows_in_time_order_counts_as_ordered_in_time(as_list):
    X, cv = numbered(80), TimeSeriesSplit(3, gap=2)
    oof = out_of_fold([("one", Listener())], X, X[:, 1], cv=list(cv.split(X)) if as_list else cv, n_jobs=1)
    for (train, _), fitted in zip(oof.folds.splits, oof["one"].fold_estimators, strict=True):
        assert fitted.validation_.tolist() == train[-len(fitted.validation_) :].tolist()
        assert fitted.validation_.min() - fitted.fitted_on_.max() == 3


def test_groups_in_time_stay_whole_where_the_folds_keep_them_so():
    X, groups = numbered(90), np.arange(90) // 3
    splits = [(np.arange(n), np.arange(n, n + 30)) for n in (30, 60)]
    oof = out_of_fold([("one", Listener(True, 0.2))], X, X[:, 1], cv=splits, groups=groups + 100, n_jobs=1)
    for fitted in oof["one"].fold_estimators:
        assert not set(groups[fitted.fitted_on_]) & set(groups[fitted.validation_])
        assert fitted.fitted_on_.max() < fitted.validation_.min()


def test_a_row_that_is_trained_on_twice_stays_on_one_side():
    X = numbered(40)
    train = np.tile(np.arange(20), 3)
    oof = out_of_fold([("one", Listener())], X, X[:, 1], cv=[(np.r_[train, 30], np.arange(20, 30))], n_jobs=1)
    fitted = oof["one"].fold_estimators[0]
    assert not set(fitted.fitted_on_) & set(fitted.validation_)
    assert len(fitted.fitted_on_) + len(fitted.validation_) == 61


def test_estimators_share_validation_rows_and_other_seeds_have_others():
    X = numbered(60)
    options = {"cv": KFold(3), "n_jobs": 1}
    both = out_of_fold([("a", Listener()), ("b", Listener())], X, X[:, 1], random_state=1, **options)
    other = out_of_fold([("a", Listener())], X, X[:, 1], random_state=2, **options)
    unseeded = [out_of_fold([("a", Listener())], X, X[:, 1], random_state=None, **options) for _ in "ab"]
    validation = [one.validation_.tolist() for one in both["a"].fold_estimators]
    assert validation == [one.validation_.tolist() for one in both["b"].fold_estimators]
    assert validation != [one.validation_.tolist() for one in other["a"].fold_estimators]
    assert unseeded[0].meta_train.equals(unseeded[1].meta_train)


def from_file(folds, tmp_path):
    ids = np.arange(folds.n_samples)
    return Folds.load(folds.save(tmp_path / "folds.csv", ids), ids)


def test_group_folds_from_a_file_need_the_groups(tmp_path):
    X, groups = numbered(60), np.arange(60) % 10
    folds = from_file(make_folds(X[:, 1], scheme="group", n_splits=3, groups=groups), tmp_path)
    with pytest.raises(
        ValueError, match=r"needs the groups that the folds keep whole.*; got groups=None\. Pass groups="
    ):
        out_of_fold([("one", Listener())], X, X[:, 1], cv=folds)
    oof = out_of_fold([("one", Listener())], X, X[:, 1], cv=folds, groups=groups, n_jobs=1)
    assert all(
        not set(groups[one.fitted_on_]) & set(groups[one.validation_]) for one in oof["one"].fold_estimators
    )


def test_forward_folds_from_a_file_need_rows_in_time_order(tmp_path):
    X = numbered(60)
    shuffled = np.random.default_rng(0).permutation(60)
    folds = from_file(make_folds(X[:, 1], scheme="forward", n_splits=3, time=shuffled), tmp_path)
    with pytest.raises(
        ValueError, match=r"needs the times of folds that are ordered in time.*\. Call make_folds"
    ):
        out_of_fold([("one", Listener())], X, X[:, 1], cv=folds)
    assert out_of_fold([("one", Ridge())], X, X[:, 1], cv=folds, n_jobs=1).coverage.any()
    folds = from_file(make_folds(X[:, 1], scheme="forward", n_splits=3, gap=2), tmp_path)
    oof = out_of_fold([("one", Listener())], X, X[:, 1], cv=folds, n_jobs=1)
    assert all(one.validation_.min() - one.fitted_on_.max() == 3 for one in oof["one"].fold_estimators)


@pytest.mark.parametrize(
    ("cv", "groups", "text"),
    [
        (
            GroupKFold(2),
            np.arange(40) % 2,
            "fold 0 has one group only, which cannot be split",
        ),
        (
            [(np.zeros(1, int), np.arange(1, 5))],
            None,
            "of repeat 0 fold 0 has one time only, which cannot be split",
        ),
        ([(np.full(2, 9), np.arange(9))], None, "of repeat 0 fold 0 has 1 rows, too few to be split"),
        (TimeSeriesSplit(2, gap=12), None, "gap=12 leaves no rows of the training part of repeat 0 fold 0"),
    ],
)
def test_what_cannot_be_split_again_is_said(cv, groups, text):
    X = numbered(40)
    with pytest.raises(ValueError, match=text):
        out_of_fold([("one", Listener())], X, X[:, 1], cv=cv, groups=groups)


def test_a_share_out_of_range_is_said():
    X = numbered(30)
    with pytest.raises(ValueError, match=r"^validation_fraction must be .*; got validation_fraction=1.5"):
        out_of_fold([("one", Listener(True, 1.5))], X, X[:, 1], cv=3)


def test_a_class_left_to_the_validation_rows_gets_probability_zero():
    X, y = numbered(200), np.arange(200) % 2
    y[[95, 150]] = 2  # the last tenth of the training part, rows 90 to 99, has the only one there
    folds = Folds(200, ((np.arange(100), np.arange(100, 200)),))
    with pytest.warns(UserWarning, match=r"lack classes .* \(2 of repeat 0 fold 0\)"):
        oof = out_of_fold([("one", xgb(n_estimators=5))], X, y, cv=folds, n_jobs=1)
    table = oof.meta_train.to_numpy()[100:]
    assert (table[:, 2] == 0).all()
    assert np.allclose(table.sum(axis=1), 1)


# --- Scikit-learn's own --------------------------------------------------------------------------------


def test_histogram_gradient_boosting_keeps_its_own_split_of_plain_rows():
    X, y = task()
    estimator = HistGradientBoostingClassifier(early_stopping=True, max_iter=10, random_state=0)
    oof = out_of_fold([("one", estimator)], X, y, cv=3, n_jobs=1)
    with threadpool_limits(1):
        theirs = cross_val_predict(estimator, X, y, cv=3, method="predict_proba")[:, 1]
    assert np.array_equal(oof.meta_train["one"].to_numpy(), theirs)


def test_auto_means_yes_by_the_size_of_the_whole_training_part():
    X = np.random.default_rng(0).normal(size=(15_060, 1))
    estimator = HistGradientBoostingRegressor(max_iter=40, max_leaf_nodes=4, n_iter_no_change=2)
    splits = [(np.arange(10_040), np.arange(10_040, 15_060))]
    oof = out_of_fold([("one", estimator)], X, X[:, 0] ** 2 * 0 + X[::-1, 0], cv=splits, n_jobs=1)
    fitted = oof["one"].fold_estimators[0]
    assert fitted.do_early_stopping_
    assert fitted.n_iter_ < 40
    assert fitted.early_stopping == "auto"


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGDClassifier(early_stopping=True, max_iter=9, tol=1.0, n_iter_no_change=1),
        lambda: GradientBoostingClassifier(n_estimators=5, n_iter_no_change=2),
        lambda: BaggingClassifier(HistGradientBoostingClassifier(early_stopping=True, max_iter=3), 2),
    ],
)
def test_who_splits_by_itself_is_named_where_groups_bind(make):
    X, y = task()
    groups = np.arange(len(y)) // 4
    out_of_fold([("one", make())], X, y, cv=3, n_jobs=1)
    with pytest.warns(UserWarning, match=r"random rows of the training part \(one\) ignore its groups"):
        out_of_fold([("one", make())], X, y, cv=3, groups=groups, n_jobs=1)


# --- All folds at once ---------------------------------------------------------------------------------


class BatchedListener(Listener):
    """Has a batched fit that takes validation rows."""

    def fit_folds(self, X, y, folds, sample_weight=None, watch=None):
        parts = [None] * len(folds.splits) if watch is None else watch
        return [
            clone(self).fit(
                X[train],
                y[train],
                X_val=None if rows is None else X[rows],
                y_val=None if rows is None else y[rows],
            )
            for (train, _), rows in zip(folds.split(), parts, strict=True)
        ]


class Apart(Listener):
    """Has a shared fit that cannot."""

    def fit_folds(self, X, y, folds, sample_weight=None):
        raise AssertionError("no validation rows here")


def test_a_batched_fit_gets_the_validation_rows_of_plain_fits():
    X = numbered(60)
    line_up = [
        ("shared", BatchedListener()),
        ("plain", Listener()),
        ("apart", Apart()),
        ("off", BatchedListener(False)),
    ]
    oof = out_of_fold(line_up, X, X[:, 1], X, cv=KFold(3), n_jobs=1)
    assert {name: result.fit_mode for name, result in oof.items()} == {
        "shared": "batched",
        "plain": "plain",
        "apart": "plain",
        "off": "batched",
    }
    for shared, plain in zip(oof["shared"].fold_estimators, oof["plain"].fold_estimators, strict=True):
        assert shared.validation_.tolist() == plain.validation_.tolist()
        assert shared.fitted_on_.tolist() == plain.fitted_on_.tolist()
    assert all(one.validation_ is None for one in oof["off"].fold_estimators)
    assert np.array_equal(oof.meta_test["shared"], oof.meta_test["plain"])
    held_out = stopping_on_held_out(line_up[:1], X, X[:, 1], cv=KFold(3))
    for (train, rows), fitted in zip(oof.folds.splits, held_out["shared"].fold_estimators, strict=True):
        assert (fitted.fitted_on_.tolist(), fitted.validation_.tolist()) == (train.tolist(), rows.tolist())


# --- The store -----------------------------------------------------------------------------------------


def test_validation_rows_are_in_the_store_key_of_estimators_that_use_them_only():
    X, y = task()
    store, folds = MemoryStore(), make_folds(y, n_splits=3)
    line_up = [("xgb", xgb(random_state=0)), ("logistic", LogisticRegression(random_state=0))]
    options = {"cv": folds, "store": store}
    out_of_fold(line_up, X, y, n_jobs=1, **options)
    assert out_of_fold(line_up, X, y, n_jobs=1, **options).n_stored == 6
    # Another seed draws other validation rows, though no estimator here has a seed left open.
    assert out_of_fold(line_up, X, y, n_jobs=1, random_state=5, **options).n_stored == 3
    assert stopping_on_held_out(line_up, X, y, **options).n_stored == 3
    again = stopping_on_held_out(line_up, X, y, **options)
    assert again.n_stored == 6
    assert again.optimistic == {"xgb"}


def test_the_mode_counts_also_for_who_is_left_to_a_split_of_its_own():
    X, y = task()
    boosting = HistGradientBoostingClassifier(early_stopping=True, max_iter=9, random_state=0)
    options = {"cv": make_folds(y, n_splits=3), "store": MemoryStore()}
    plain = out_of_fold([("one", boosting)], X, y, n_jobs=1, **options)
    held_out = stopping_on_held_out([("one", boosting)], X, y, **options)
    assert (plain.n_stored, held_out.n_stored) == (0, 0)


# --- Stacks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refit", [False, True])
def test_both_levels_of_a_stack_stop_early(refit):
    X, y = task(labels=("no", "yes"))
    stack = StackingClassifier([("xgb", xgb()), ("lgbm", lgbm())], xgb(), cv=3, refit=refit, passthrough=True)
    stack.fit(X, y)
    assert rounds_of(stack.final_estimator_) < 59
    assert list(stack.classes_) == ["no", "yes"]
    assert stack.predict(X[:3]).shape == (3,)
    if refit:
        assert all(rounds_of(one) < 59 for one in stack.estimators_)


def test_a_fit_on_all_rows_validates_on_some_of_them_in_either_mode():
    X = numbered(60)
    stack = StackingRegressor(
        [("one", Listener())], Ridge(), cv=KFold(3), refit=True, early_stopping="held_out"
    )
    with pytest.warns(UserWarning, match="optimistic"):
        stack.fit(X, X[:, 1])
    (refitted,) = stack.estimators_
    assert len(refitted.validation_) == 6
    assert sorted([*refitted.fitted_on_, *refitted.validation_]) == list(range(60))
    for (_, held_out), fitted in zip(stack.oof_.folds.splits, stack.oof_["one"].fold_estimators, strict=True):
        assert fitted.validation_.tolist() == held_out.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(stack).set_params(early_stopping="training").fit(X, X[:, 1])


def test_a_final_estimator_in_time_validates_on_the_last_covered_rows():
    X = numbered(80)
    final = make_pipeline(Listener())
    stack = StackingRegressor([("ridge", Ridge())], final, cv=TimeSeriesSplit(3), passthrough=True)
    stack.fit(X[:, [0, 1]], X[:, 1])
    listener = stack.final_estimator_[-1]
    assert len(listener.validation_) == 6  # a tenth of the 60 covered rows


def test_children_and_threads_give_the_same():
    X, y = task()
    line_up = [("xgb", xgb()), ("piped", STOPPERS["pipeline"]())]
    inline, children = (out_of_fold(line_up, X, y, X[:9], cv=4, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert inline.meta_train.equals(children.meta_train)
    assert inline.meta_test.equals(children.meta_test)


def test_multiclass_labels_of_any_kind():
    X, codes = make_classification(300, 6, n_informative=4, n_classes=3, flip_y=0.3, random_state=0)
    y = np.array(["c", "a", "b"])[codes]
    oof = out_of_fold([("xgb", xgb()), ("lgbm", lgbm())], X, y, cv=3, n_jobs=1)
    assert list(oof.meta_train.columns[:3]) == ["xgb__a", "xgb__b", "xgb__c"]
    assert (oof.summary["whole"] > 0.4).all()


class Unlabelled(ClassifierMixin, Listener):
    """A classifier that remembers the labels of its validation rows."""

    def fit(self, X, y, X_val=None, y_val=None):
        self.classes_ = np.unique(y)
        super().fit(X, np.zeros(len(y)), X_val=X_val, y_val=np.zeros(1))
        self.validation_labels_ = np.asarray(y_val)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_own_classifiers_get_codes_for_validation_rows_too():
    X, y = numbered(60), np.array(["no", "yes"])[np.arange(60) % 2]
    oof = out_of_fold([("one", Unlabelled())], X, y, cv=3, n_jobs=1)
    for fitted in oof["one"].fold_estimators:
        assert np.array(["no", "yes"])[fitted.validation_labels_].tolist() == y[fitted.validation_].tolist()


def test_fold_estimators_of_stored_predictions_stop_where_they_did(tmp_path):
    X, y = task()
    line_up, options = (
        [("xgb", xgb()), ("lgbm", lgbm())],
        {"cv": 3, "store": DiskStore(tmp_path), "n_jobs": 1},
    )
    first = out_of_fold(line_up, X, y, X[:9], **options)
    again = out_of_fold(line_up, X, y, X[:9], **options)
    assert again.n_stored == 6
    assert again.transform(X[:9]).equals(first.meta_test)
    assert [*map(rounds_of, again["xgb"].fold_estimators)] == [*map(rounds_of, first["xgb"].fold_estimators)]


def test_data_frames_with_categories_validate_unchanged():
    X, y = task()
    table = pd.DataFrame(X, columns=[*"abcdef"]).assign(kind=pd.Categorical(np.where(X[:, 0] > 0, "p", "q")))
    line_up = [("xgb", xgb(enable_categorical=True)), ("lgbm", lgbm())]
    oof = out_of_fold(line_up, table, y, table[:7], cv=3, n_jobs=1)
    assert np.isfinite(oof.meta_test.to_numpy()).all()


def test_a_fitted_estimator_is_not_checked_for_early_stopping():
    X, y = task()
    by_itself = SGDClassifier(early_stopping=True, max_iter=9, tol=1.0, n_iter_no_change=1)
    members = [
        ("xgb", xgb().fit(X, y, eval_set=[(X, y)], verbose=False)),
        ("sgd", by_itself.fit(X, y)),
    ]
    stack = StackingClassifier(members, LogisticRegression(), cv="prefit")
    assert stack.fit(X, y, groups=np.arange(len(y))).predict(X).shape == y.shape


def test_a_nested_stack_with_folds_is_stored():
    X, y = task()
    folds = make_folds(y[:120], scheme="forward", n_splits=2, time=np.arange(120))
    inner = StackingClassifier([("xgb", xgb())], LogisticRegression(random_state=0), cv=folds, random_state=0)
    store, splits = MemoryStore(), [(np.arange(120), np.arange(120, 240))]
    out_of_fold([("stack", inner)], X, y, cv=splits, store=store, n_jobs=1)
    assert out_of_fold([("stack", inner)], X, y, cv=splits, store=store, n_jobs=1).n_stored == 1


# --- Single estimators ---------------------------------------------------------------------------------


def test_an_estimator_stops_by_its_validation_set():
    boosting = HistGradientBoostingRegressor(early_stopping=True, max_iter=50, n_iter_no_change=2)
    X = np.arange(90.0).reshape(-1, 1)
    validation = ValidationSet(X[80:], -X[80:, 0], {})
    assert fit_with_validation(boosting, X, X[:, 0], {}, validation).n_iter_ == 2


@pytest.mark.parametrize(("n_train", "expected"), [(10_001, True), (10_000, False)])
def test_auto_uses_a_validation_set_above_10_000_rows(n_train, expected):
    assert uses_validation_set(HistGradientBoostingRegressor(early_stopping="auto"), n_train) is expected


@pytest.mark.parametrize(
    ("estimator", "expected"), [(SGDRegressor(early_stopping=True), True), (SGDRegressor(), False)]
)
def test_stochastic_gradient_descent_has_an_internal_split_if_it_stops_early(estimator, expected):
    assert has_internal_split(estimator, 100) is expected
