"""The stacking estimators: scikit-learn's own results with refit=True, the average of the folds without."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn import ensemble
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import accuracy_score, make_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import LevelsClassifier, StackingClassifier, StackingRegressor, make_folds
from tests.doubles import FailingClassifier, GroupRecordingRidge

X, Y = make_classification(90, 5, n_informative=3, random_state=0)
X3, Y3 = make_classification(90, 6, n_informative=4, n_classes=3, random_state=1)
XR, YR = make_regression(90, 5, noise=20.0, random_state=2)
NAMES = np.array(["no", "yes"])[Y]
NAMES3 = np.array(["b", "a", "c"])[Y3]
LABELS = np.c_[Y, X[:, 0] > 0, X[:, 1] > 0].astype(int)
OUTPUTS = np.c_[YR, XR[:, 0] * 50, -YR]
WEIGHTS = np.random.default_rng(0).uniform(0.1, 5, 90)
GROUPS = np.arange(90) // 6
NEW = np.random.default_rng(1).normal(size=(25, 5))
LR = LogisticRegression()
NB = GaussianNB()
KNN = KNeighborsClassifier()
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
CLASSIFIERS = [("tree", TREE), ("nb", NB)]
REGRESSORS = [("tree", DecisionTreeRegressor(max_depth=3, random_state=0)), ("ridge", Ridge())]
FOREST = RandomForestClassifier(5, random_state=0)


class Attentive(ClassifierMixin, BaseEstimator):
    """Predicts by naive Bayes and remembers the weights and the rows that its fit was given."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        Attentive.fits += 1
        self.weights_ = sample_weight
        self.rows_ = X
        self.bayes_ = GaussianNB().fit(X, y)
        self.classes_ = self.bayes_.classes_
        return self

    def predict_proba(self, X):
        return self.bayes_.predict_proba(X)

    def predict(self, X):
        return self.bayes_.predict(X)


# --- with refit=True: what scikit-learn's stacks predict

SHUFFLED = StratifiedKFold(4, shuffle=True, random_state=3)
CASES = {
    "binary": (CLASSIFIERS, X, Y, {}),
    "names": (CLASSIFIERS, X, NAMES, {"cv": SHUFFLED}),
    "three classes": (CLASSIFIERS, X3, Y3, {"cv": 3}),
    "three names": (CLASSIFIERS, X3, NAMES3, {"cv": SHUFFLED, "final_estimator": FOREST}),
    "decisions": ([("svm", LinearSVC()), ("svc", SVC())], X, NAMES, {}),
    "decisions of three": ([("svm", LinearSVC()), ("nb", NB)], X3, NAMES3, {"final_estimator": NB}),
    "pairwise decisions": ([("svm", SVC(decision_function_shape="ovo")), ("nb", NB)], X3, Y3, {}),
    "labels": (CLASSIFIERS, X3, NAMES3, {"stack_method": "predict"}),
    "passthrough": (CLASSIFIERS, X, NAMES, {"passthrough": True, "final_estimator": TREE}),
    "sparse passthrough": ([("lr", LR), ("tree", TREE)], sparse.csr_matrix(X), Y, {"passthrough": True}),
    "sparse array passthrough": ([("lr", LR), ("tree", TREE)], sparse.csc_array(X), Y, {"passthrough": True}),
    "a dropped estimator": ([("gone", "drop"), *CLASSIFIERS], X, Y, {}),
    "a regressor among classifiers": ([("nb", NB), ("ridge", Ridge())], X3, Y3, {}),
    "several labels": (
        [("knn", KNN), ("many", MultiOutputClassifier(LR)), ("tree", TREE)],
        X,
        LABELS,
        {"final_estimator": KNN, "cv": KFold(3)},
    ),
    "frozen": ([("frozen", FrozenEstimator(clone(LR).fit(X, NAMES))), ("nb", NB)], X, NAMES, {}),
    "a pipeline": ([("pipe", make_pipeline(StandardScaler(), SVC(random_state=0)))], X, NAMES, {}),
}


@pytest.mark.parametrize(("estimators", "X", "y", "options"), CASES.values(), ids=CASES)
def test_refitted_stacks_classify_as_scikit_learns(estimators, X, y, options):
    theirs = ensemble.StackingClassifier(estimators, **options).fit(X, y)
    ours = StackingClassifier(estimators, refit=True, **options).fit(X, y)
    new = X[::-1] * 1.1
    np.testing.assert_array_equal(ours.predict(new), theirs.predict(new))
    mine = ours.predict_proba(new)
    # Of several labels, scikit-learn's stacks give the probability that each is absent.
    mine = np.column_stack([of_label[:, 0] for of_label in mine]) if isinstance(mine, list) else mine
    np.testing.assert_allclose(mine, theirs.predict_proba(new), rtol=1e-9, atol=1e-12)
    table, other = ours.transform(new), theirs.transform(new)
    if sparse.issparse(other):
        table, other = table.toarray(), other.toarray()
    np.testing.assert_allclose(table, other, rtol=1e-12)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.score(new, y) == theirs.score(new, y)
    assert ours.stack_method_ == [method for method in theirs.stack_method_ if method is not None]


def test_refitted_stacks_decide_as_scikit_learns():
    theirs = ensemble.StackingClassifier(CLASSIFIERS, LinearSVC()).fit(X3, NAMES3)
    ours = StackingClassifier(CLASSIFIERS, LinearSVC(), refit=True).fit(X3, NAMES3)
    np.testing.assert_allclose(ours.decision_function(X3), theirs.decision_function(X3), rtol=1e-9)
    assert not hasattr(ours, "predict_proba")


NUMBER_CASES = {
    "default": {},
    "other folds": {"cv": KFold(4, shuffle=True, random_state=1)},
    "passthrough": {"passthrough": True},
    "a forest on top": {"final_estimator": RandomForestRegressor(4, random_state=0)},
    "a list of pairs": {"cv": list(KFold(3).split(XR))},
}


@pytest.mark.parametrize("options", NUMBER_CASES.values(), ids=NUMBER_CASES)
def test_refitted_stacks_regress_as_scikit_learns(options):
    theirs = ensemble.StackingRegressor(REGRESSORS, **options).fit(XR, YR)
    ours = StackingRegressor(REGRESSORS, refit=True, **options).fit(XR, YR)
    np.testing.assert_allclose(ours.predict(NEW), theirs.predict(NEW), rtol=1e-9)
    np.testing.assert_allclose(ours.transform(NEW), theirs.transform(NEW), rtol=1e-12)


def test_weighted_refitted_stacks_classify_as_scikit_learns():
    theirs = ensemble.StackingClassifier(CLASSIFIERS).fit(X, NAMES, sample_weight=WEIGHTS)
    ours = StackingClassifier(CLASSIFIERS, refit=True).fit(X, NAMES, sample_weight=WEIGHTS)
    np.testing.assert_allclose(ours.predict_proba(NEW), theirs.predict_proba(NEW), rtol=1e-9)


@pytest.mark.parametrize("refit", [False, True])
def test_prefit_estimators_predict_as_they_are(refit):
    members = [(name, clone(member).fit(X[:45], NAMES[:45])) for name, member in CLASSIFIERS]
    theirs = ensemble.StackingClassifier(members, cv="prefit").fit(X[45:], NAMES[45:])
    ours = StackingClassifier(members, cv="prefit", refit=refit).fit(X[45:], NAMES[45:])
    np.testing.assert_allclose(ours.predict_proba(NEW), theirs.predict_proba(NEW), rtol=1e-9)
    np.testing.assert_allclose(ours.transform(NEW), theirs.transform(NEW))
    assert ours.estimators_ == [member for _, member in members]
    assert ours.named_estimators_["nb"] is members[1][1]


def test_prefit_estimators_are_not_called_deaf_to_weights():
    members = [(name, clone(member).fit(X[:45], Y[:45])) for name, member in [("knn", KNN), ("nb", NB)]]
    stack = StackingClassifier(members, cv="prefit").fit(X[45:], Y[45:], sample_weight=WEIGHTS[45:])
    assert stack.estimators_[0] is members[0][1]


def test_a_missing_method_is_explained_by_the_final_estimators_own_error():
    stack = StackingClassifier(CLASSIFIERS, NB, cv=3).fit(X, Y)
    with pytest.raises(AttributeError, match="has no attribute 'decision_function'") as caught:
        stack.decision_function(X)
    assert "GaussianNB" in str(caught.value.__cause__)


def test_prefit_estimators_must_be_fitted():
    with pytest.raises(NotFittedError):
        StackingClassifier(CLASSIFIERS, cv="prefit").fit(X, Y)


# --- without refit: the average of fold estimators


@pytest.mark.parametrize(("estimators", "X", "y", "options"), CASES.values(), ids=CASES)
def test_without_refit_the_folds_are_averaged(estimators, X, y, options):
    cv = KFold(3)
    stack = StackingClassifier(estimators, **options | {"cv": cv, "passthrough": False}).fit(X, y)
    method = options.get("stack_method")
    blocks = []
    for name, member in estimators:
        if isinstance(member, str):
            continue
        tables = []
        codes = np.unique(y, return_inverse=True)[1]
        for train, _ in cv.split(X):
            if isinstance(member, Ridge):
                tables.append(clone(member).fit(X[train], codes[train]).predict(X))
                continue
            fitted = clone(member).fit(X[train], y[train])
            used = method or next(m for m in ("predict_proba", "decision_function") if hasattr(fitted, m))
            predicted = getattr(fitted, used)(X)
            if isinstance(predicted, list):
                predicted = np.column_stack([table[:, 1] for table in predicted])
            elif used == "predict":
                predicted = predicted[:, None] == np.unique(y)
            elif used == "predict_proba" and np.ndim(y) == 1 and predicted.shape[1] == 2:
                predicted = predicted[:, 1]
            tables.append(np.asarray(predicted, dtype=float).reshape(X.shape[0], -1))
        mean = np.mean([np.reshape(predicted, (X.shape[0], -1)) for predicted in tables], axis=0)
        blocks.append(mean.argmax(axis=1)[:, None] if method == "predict" else mean)
        assert name in stack.named_estimators_
    np.testing.assert_allclose(stack.transform(X), np.hstack(blocks), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(stack.predict(X), stack.final_estimator_.predict(stack.transform(X)))


def test_predictions_are_those_of_the_final_estimator_from_averaged_folds():
    table = np.zeros((90, 2))
    new = np.zeros((25, 2))
    for train, held_out in KFold(3).split(XR):
        for column, (_, member) in enumerate(REGRESSORS):
            fitted = clone(member).fit(XR[train], YR[train])
            table[held_out, column] = fitted.predict(XR[held_out])
            new[:, column] += fitted.predict(NEW) / 3
    stack = StackingRegressor(REGRESSORS, LinearRegression(), cv=KFold(3)).fit(XR, YR)
    np.testing.assert_allclose(stack.oof_.meta_train, table)
    np.testing.assert_allclose(stack.transform(NEW), new)
    np.testing.assert_allclose(stack.predict(NEW), LinearRegression().fit(table, YR).predict(new))


@pytest.mark.parametrize(("refit", "fits"), [(False, 5), (True, 6)])
def test_k_folds_cost_k_fits_and_one_more_with_refit(refit, fits):
    Attentive.fits = 0
    stack = StackingClassifier([("a", Attentive())], cv=5, refit=refit).fit(X, Y)
    stack.predict(X)
    stack.transform(X)
    assert Attentive.fits == fits


def test_fitting_and_transforming_gives_the_out_of_fold_table():
    stack = StackingClassifier(CLASSIFIERS, cv=4)
    table = stack.fit_transform(X, NAMES)
    np.testing.assert_array_equal(table, stack.oof_.meta_train)
    assert (table != stack.transform(X)).any()


@pytest.mark.parametrize("refit", [False, True])
def test_the_out_of_fold_table_does_not_depend_on_refit(refit):
    stack = StackingClassifier(CLASSIFIERS, cv=4, refit=refit).fit(X, NAMES)
    np.testing.assert_array_equal(
        stack.oof_.meta_train, StackingClassifier(CLASSIFIERS, cv=4).fit_transform(X, NAMES)
    )


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("passthrough", [False, True])
def test_training_rows_are_never_mistaken_for_the_training_set(refit, passthrough):
    stack = StackingClassifier(
        [("nn", KNeighborsClassifier(1)), ("nb", NB)], cv=3, refit=refit, passthrough=passthrough
    )
    stack.fit(X, Y)
    whole, order = stack.transform(X), np.random.default_rng(0).permutation(90)
    np.testing.assert_array_equal(stack.transform(X[order]), whole[order])
    np.testing.assert_array_equal(stack.transform(X[:7]), whole[:7])
    np.testing.assert_array_equal(stack.predict_proba(X[order]), stack.predict_proba(X)[order])
    np.testing.assert_array_equal(stack.transform(np.r_[X, X])[:90], whole)


def test_a_rows_own_label_never_reaches_its_row_of_the_table():
    altered = YR.copy()
    altered[11] += 1e4
    tables = [StackingRegressor(REGRESSORS, cv=KFold(3)).fit_transform(XR, y) for y in (YR, altered)]
    np.testing.assert_array_equal(tables[0][11], tables[1][11])
    assert (tables[0] != tables[1]).any()


@pytest.mark.parametrize("final", [None, KNeighborsClassifier(1), FOREST])
def test_a_stack_predicts_random_labels_at_chance(final):
    rng = np.random.default_rng(3)
    noise, coins = rng.normal(size=(300, 3)), rng.permutation(np.arange(300) % 2)
    members = [("nn", KNeighborsClassifier(1)), ("tree", DecisionTreeClassifier(random_state=0)), ("lr", LR)]
    stack = StackingClassifier(members, final, cv=3)
    found = cross_val_predict(stack, noise, coins, cv=3, method="predict_proba")[:, 1]
    assert abs(roc_auc_score(coins, found) - 0.5) < 3 * np.sqrt(301 / (12 * 150 * 150))
    fitted = stack.fit(noise, coins)
    assert abs(roc_auc_score(coins, fitted.oof_.meta_train["nn"]) - 0.5) < 3 * np.sqrt(301 / (12 * 150 * 150))


@pytest.mark.parametrize("refit", [False, True])
def test_fitted_estimators_are_published_by_name(refit):
    stack = StackingClassifier([*CLASSIFIERS, ("gone", "drop")], cv=3, refit=refit).fit(X, Y)
    assert stack.named_estimators_["gone"] == "drop"
    assert len(stack.estimators_) == 2
    found = stack.named_estimators_["nb"]
    assert (
        hasattr(found, "theta_") if refit else [hasattr(member, "theta_") for member in found] == [True] * 3
    )
    assert stack.named_estimators["nb"] is NB


# --- partial cover and repeats


def test_the_final_estimator_learns_from_covered_rows_only():
    stack = StackingRegressor(REGRESSORS, LinearRegression(), cv=TimeSeriesSplit(4)).fit(XR, YR, groups=None)
    table = stack.oof_.meta_train.to_numpy()
    assert np.isnan(table[:18]).all()
    np.testing.assert_allclose(
        stack.final_estimator_.coef_, LinearRegression().fit(table[18:], YR[18:]).coef_
    )
    np.testing.assert_array_equal(
        StackingRegressor(REGRESSORS, cv=TimeSeriesSplit(4)).fit_transform(XR, YR), table
    )


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize(
    "wrap", [np.asarray, sparse.csr_matrix, pd.DataFrame], ids=["array", "sparse", "frame"]
)
def test_time_ordered_folds_work_first_time(passthrough, wrap):
    frame = wrap(pd.DataFrame(X, columns=[*"vwxyz"]))
    stack = StackingClassifier([("lr", LR), ("tree", TREE)], cv=TimeSeriesSplit(3), passthrough=passthrough)
    assert stack.fit(frame, NAMES).predict(frame).shape == (90,)


def test_weights_of_uncovered_rows_do_not_reach_the_final_estimator():
    stack = StackingClassifier(CLASSIFIERS, Attentive(), cv=TimeSeriesSplit(4)).fit(
        X, Y, sample_weight=WEIGHTS
    )
    np.testing.assert_array_equal(stack.final_estimator_.weights_, WEIGHTS[18:])


def test_repeated_folds_work_first_time():
    stack = StackingRegressor(
        REGRESSORS, LinearRegression(), cv=RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
    )
    stack.fit(XR, YR)
    assert stack.oof_.coverage.tolist() == [2] * 90
    table = stack.oof_.meta_train.to_numpy()
    np.testing.assert_allclose(stack.final_estimator_.coef_, LinearRegression().fit(table, YR).coef_)


def test_probabilities_keep_the_columns_of_a_class_that_only_uncovered_rows_have():
    y = np.array(["a", "b", "c"] * 6 + ["c", "a"] * 36)
    stack = StackingClassifier(CLASSIFIERS, cv=TimeSeriesSplit(4)).fit(X, y)
    assert stack.classes_.tolist() == ["a", "b", "c"]
    assert stack.final_estimator_.classes_.tolist() == ["a", "c"]
    found = stack.predict_proba(X)
    theirs = stack.final_estimator_.predict_proba(stack.transform(X))
    np.testing.assert_array_equal(found, np.c_[theirs[:, 0], np.zeros(90), theirs[:, 1]])
    assert stack.classes_[found.argmax(axis=1)].tolist() == stack.predict(X).tolist()


# --- weights and groups, routing off


def test_weights_reach_the_final_estimator_and_the_scores():
    stack = StackingClassifier(CLASSIFIERS, Attentive(), cv=3).fit(X, NAMES, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(stack.final_estimator_.weights_, WEIGHTS)
    labels = np.where(stack.oof_.meta_train["nb"] > 0.5, "yes", "no")
    expected = accuracy_score(NAMES, labels, sample_weight=WEIGHTS)
    assert stack.oof_.summary.loc["nb", "whole"] == pytest.approx(expected)


def test_one_warning_names_all_who_cannot_take_weights():
    stack = StackingClassifier([("knn", KNN), ("nb", NB)], KNN, cv=3)
    with pytest.warns(UserWarning, match="sample_weight is not passed to knn, final_estimator") as caught:
        stack.fit(X, Y, sample_weight=WEIGHTS)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("weights", [np.ones(89), np.full(90, np.inf)])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight must be"):
        StackingClassifier(CLASSIFIERS).fit(X, Y, sample_weight=weights)


@pytest.mark.parametrize("cv", [None, 3, GroupKFold(3)])
@pytest.mark.parametrize("refit", [False, True])
def test_groups_of_classes_stay_together(cv, refit):
    stack = StackingClassifier(CLASSIFIERS, cv=cv, refit=refit).fit(X, NAMES, groups=GROUPS)
    for train, held_out in stack.oof_.folds.split():
        assert not set(GROUPS[train]) & set(GROUPS[held_out])


@pytest.mark.parametrize("cv", [None, 3, GroupKFold(3)])
@pytest.mark.parametrize(
    "final", [None, RidgeCV(), Ridge(), GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=GroupKFold(2))]
)
def test_groups_of_numbers_stay_together(cv, final):
    stack = StackingRegressor(REGRESSORS, final, cv=cv).fit(XR, YR, groups=GROUPS)
    for train, held_out in stack.oof_.folds.split():
        assert not set(GROUPS[train]) & set(GROUPS[held_out])


def test_groups_reach_members_that_want_them_cut_to_their_rows():
    stack = StackingRegressor([("g", GroupRecordingRidge())], Ridge(), cv=GroupKFold(3)).fit(
        XR, YR, groups=GROUPS
    )
    for member, (train, _) in zip(stack.estimators_[0], stack.oof_.folds.split(), strict=True):
        np.testing.assert_array_equal(member.groups_, GROUPS[train])


def test_groups_reach_a_stack_on_top():
    inner = StackingRegressor([("a", Ridge())], LinearRegression(), cv=GroupKFold(3))
    stack = StackingRegressor(REGRESSORS, inner, cv=GroupKFold(3)).fit(XR, YR, groups=GROUPS)
    for train, held_out in stack.final_estimator_.oof_.folds.split():
        assert not set(GROUPS[train]) & set(GROUPS[held_out])


def test_other_fit_parameters_are_refused_without_routing():
    with pytest.raises(TypeError, match="accepts X, y, sample_weight and groups, but not colour"):
        StackingClassifier(CLASSIFIERS).fit(X, Y, colour=1)


# --- routing on


@pytest.mark.usefixtures("routing")
class TestRouting:
    def test_only_the_member_that_requests_gets_the_weights(self):
        members = [
            ("yes", Attentive().set_fit_request(sample_weight=True)),
            ("no", Attentive().set_fit_request(sample_weight=False)),
        ]
        stack = StackingClassifier(members, Attentive().set_fit_request(sample_weight=False), cv=3)
        stack.fit(X, Y, sample_weight=WEIGHTS)
        for member, (train, _) in zip(stack.named_estimators_["yes"], stack.oof_.folds.split(), strict=True):
            np.testing.assert_array_equal(member.weights_, WEIGHTS[train])
        assert [member.weights_ for member in stack.named_estimators_["no"]] == [None] * 3
        assert stack.final_estimator_.weights_ is None

    def test_a_final_estimator_that_requests_gets_the_weights(self):
        final = Attentive().set_fit_request(sample_weight=True)
        stack = StackingClassifier([("nb", GaussianNB().set_fit_request(sample_weight=False))], final, cv=3)
        stack.fit(X, Y, sample_weight=WEIGHTS)
        np.testing.assert_array_equal(stack.final_estimator_.weights_, WEIGHTS)

    def test_a_member_that_has_not_said_is_an_error(self):
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            StackingClassifier([("a", Attentive())], cv=3).fit(X, Y, sample_weight=WEIGHTS)

    def test_a_weight_by_another_name_is_renamed(self):
        member = Attentive().set_fit_request(sample_weight="importance")
        stack = StackingClassifier([("a", member)], KNN, cv=3).fit(X, Y, importance=WEIGHTS)
        for fitted, (train, _) in zip(stack.estimators_[0], stack.oof_.folds.split(), strict=True):
            np.testing.assert_array_equal(fitted.weights_, WEIGHTS[train])

    def test_weights_reach_a_pipeline(self):
        pipe = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            Attentive().set_fit_request(sample_weight=True),
        )
        stack = StackingClassifier([("p", pipe)], KNN, cv=3).fit(X, Y, sample_weight=WEIGHTS)
        assert [len(fitted[-1].weights_) for fitted in stack.estimators_[0]] == [60] * 3

    @pytest.mark.parametrize("cv", [None, 3, GroupKFold(3)])
    def test_groups_reach_the_splitter(self, cv):
        stack = StackingRegressor(REGRESSORS, cv=cv).fit(XR, YR, groups=GROUPS)
        for train, held_out in stack.oof_.folds.split():
            assert not set(GROUPS[train]) & set(GROUPS[held_out])

    def test_groups_and_weights_reach_a_nested_stack(self):
        requesting = Attentive().set_fit_request(sample_weight=True)
        inner = StackingClassifier([("in", requesting)], requesting, cv=GroupKFold(3))
        stack = StackingClassifier(
            [("nb", GaussianNB().set_fit_request(sample_weight=False))], inner, cv=GroupKFold(3)
        )
        stack.fit(X, Y, sample_weight=WEIGHTS, groups=GROUPS)
        np.testing.assert_array_equal(stack.final_estimator_.final_estimator_.weights_, WEIGHTS)
        for train, held_out in stack.final_estimator_.oof_.folds.split():
            assert not set(GROUPS[train]) & set(GROUPS[held_out])

    def test_cross_validation_of_a_stack_passes_both_on(self):
        member = Attentive().set_fit_request(sample_weight=True)
        stack = StackingClassifier(
            [("a", member)], LogisticRegression().set_fit_request(sample_weight=True), cv=GroupKFold(2)
        )
        stack.set_score_request(sample_weight=False)
        found = cross_validate(
            stack,
            X,
            Y,
            cv=GroupKFold(3),
            params={"groups": GROUPS, "sample_weight": WEIGHTS},
            return_estimator=True,
        )
        for fitted in found["estimator"]:
            assert all(member.weights_ is not None for member in fitted.estimators_[0])

    @pytest.mark.parametrize("final", [None, LogisticRegression(), GaussianNB(), "requested", "pipeline"])
    @pytest.mark.parametrize("face", ["stack", "levels"])
    def test_it_is_as_scikit_learns(self, final, face):
        members = [("nb", GaussianNB().set_fit_request(sample_weight=True)), ("knn", KNN)]
        requesting = LogisticRegression().set_fit_request(sample_weight=True)
        named = {
            "requested": requesting,
            "pipeline": make_pipeline(StandardScaler().set_fit_request(sample_weight=False), requesting),
        }
        final = named.get(final, final)
        theirs = ensemble.StackingClassifier(members, final, cv=3).fit(X, Y, sample_weight=WEIGHTS)
        levels = LevelsClassifier([members], final, cv=3, refit=True)
        ours = StackingClassifier(members, final, cv=3, refit=True) if face == "stack" else levels
        ours.fit(X, Y, sample_weight=WEIGHTS)
        np.testing.assert_allclose(ours.predict_proba(NEW), theirs.predict_proba(NEW), rtol=1e-9)

    def test_a_final_estimator_that_has_not_said_gets_what_its_fit_takes_as_in_scikit_learn(self):
        class Tinted(Attentive):
            def fit(self, X, y, sample_weight=None, colour=None):
                self.colour_ = colour
                return super().fit(X, y, sample_weight)

        members = [("t", Tinted().set_fit_request(sample_weight=True, colour=True))]
        for face in (
            StackingClassifier(members, Tinted(), cv=3),
            LevelsClassifier([members], Tinted(), cv=3),
        ):
            face.fit(X, Y, sample_weight=WEIGHTS, colour="red")
            assert face.final_estimator_.colour_ == "red"
            np.testing.assert_array_equal(face.final_estimator_.weights_, WEIGHTS)
            assert face.oof_["t"].fold_estimators[0].colour_ == "red"
        StackingClassifier(members, KNN, cv=3).fit(X, Y, sample_weight=WEIGHTS, colour="red")

    def test_weights_alone_for_the_final_estimator_need_no_request(self):
        stack = StackingClassifier([("knn", KNN)], Attentive(), cv=3).fit(X, Y, sample_weight=WEIGHTS)
        np.testing.assert_array_equal(stack.final_estimator_.weights_, WEIGHTS)

    def test_metadata_without_a_taker_are_an_error(self):
        with pytest.raises(TypeError, match=r"unexpected argument.*colour"):
            StackingClassifier([("a", Attentive())], cv=3).fit(X, Y, colour="red")

    @pytest.mark.parametrize("place", ["member", "final"])
    def test_a_pipeline_that_has_not_said_is_refused_before_any_fit(self, place):
        half = make_pipeline(StandardScaler(), Attentive().set_fit_request(sample_weight=True))
        requesting = Attentive().set_fit_request(sample_weight=True)
        members = [("a", requesting), ("p", half if place == "member" else KNN)]
        Attentive.fits = 0
        with pytest.raises(UnsetMetadataPassedError, match=r"StandardScaler\.fit"):
            StackingClassifier(members, half, cv=3).fit(X, Y, sample_weight=WEIGHTS)
        assert Attentive.fits == 0

    @pytest.mark.parametrize(
        ("member", "final"),
        [(KNN, LogisticRegression()), (KNN, make_pipeline(StandardScaler(), LR)), (NB, LR)],
        ids=["no member takes weights", "a pipeline on top", "a member takes them"],
    )
    def test_weights_for_scores_alone_pass_a_stack_by_as_in_scikit_learn(self, member, final):
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        member = member if member is KNN else GaussianNB().set_fit_request(sample_weight=True)
        found = []
        for Kind, options in ((ensemble.StackingClassifier, {}), (StackingClassifier, {"refit": True})):
            stack = Kind([("m", member)], final, cv=3, **options)
            search = GridSearchCV(stack, {"passthrough": [False, True]}, cv=3, scoring=scorer)
            found.append(search.fit(X, Y, sample_weight=WEIGHTS).cv_results_["mean_test_score"])
        np.testing.assert_allclose(found[0], found[1])

    def test_a_search_by_the_stacks_own_score_needs_no_request_for_it(self):
        found = []
        requesting = GaussianNB().set_fit_request(sample_weight=True)
        for Kind, options in ((ensemble.StackingClassifier, {}), (StackingClassifier, {"refit": True})):
            search = GridSearchCV(Kind([("m", requesting)], cv=3, **options), {"passthrough": [False]}, cv=3)
            found.append(search.fit(X, Y, sample_weight=WEIGHTS).cv_results_["mean_test_score"])
        np.testing.assert_allclose(found[0], found[1])

    def test_a_stack_is_a_step_of_a_pipeline_that_passes_weights_on(self):
        stack = StackingClassifier(
            [("a", Attentive().set_fit_request(sample_weight=True))], Attentive(), cv=3
        )
        fitted = make_pipeline(stack, Attentive().set_fit_request(sample_weight=True))
        fitted.fit(X, Y, sample_weight=WEIGHTS)
        np.testing.assert_array_equal(fitted[-1].weights_, WEIGHTS)
        np.testing.assert_array_equal(fitted[0].final_estimator_.weights_, WEIGHTS)

    def test_groups_of_the_folds_go_to_members_that_requested_some(self):
        search = GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=GroupKFold(3))
        folds = make_folds(YR, scheme="group", n_splits=3, groups=GROUPS, random_state=0)
        members = [("search", search), ("ridge", RidgeCV(cv=GroupKFold(3))), ("own", GroupRecordingRidge())]
        stack = StackingRegressor(members, search, cv=folds).fit(XR, YR)
        assert stack.named_estimators_["own"][0].groups_ is None  # it has not said that it wants any
        assert stack.final_estimator_.best_params_

    def test_without_metadata_nothing_changes(self):
        stack = StackingClassifier(CLASSIFIERS, cv=3).fit(X, Y)
        with sklearn.config_context(enable_metadata_routing=False):
            expected = StackingClassifier(CLASSIFIERS, cv=3).fit(X, Y)
        np.testing.assert_array_equal(stack.predict_proba(NEW), expected.predict_proba(NEW))

    @pytest.mark.parametrize(
        "cv", [None, 3, "prefit", make_folds(Y), [(np.arange(45), np.arange(45, 90))]], ids=str
    )
    def test_the_routing_can_be_shown_for_any_cv(self, cv):
        assert "final_estimator" in str(StackingClassifier(CLASSIFIERS, cv=cv).get_metadata_routing())


# --- data frames

FRAME = pd.DataFrame(
    {
        "age": np.arange(90.0) % 37,
        "sex": np.array(["f", "m", "m"])[np.arange(90) % 3],
        "deck": pd.Categorical(np.array(["A", "B", "C", "D"])[np.arange(90) % 4]),
    },
    index=[f"p{number}" for number in range(90)],
)
SURVIVED = np.where(FRAME["sex"] == "f", "yes", "no")


def encoded(estimator):
    texts = make_column_selector(dtype_exclude="number")
    return make_pipeline(
        make_column_transformer((OneHotEncoder(), texts), remainder="passthrough"), estimator
    )


@pytest.mark.parametrize("refit", [False, True])
def test_text_columns_pass_through_to_a_final_pipeline(refit):
    stack = StackingClassifier(
        [("lr", encoded(LR)), ("tree", encoded(TREE))], encoded(LR), passthrough=True, refit=refit, cv=3
    )
    stack.fit(FRAME, SURVIVED)
    assert stack.score(FRAME, SURVIVED) == 1
    assert stack.final_estimator_.feature_names_in_.tolist() == ["lr", "tree", "age", "sex", "deck"]
    assert stack.transform(FRAME).dtypes["deck"] == FRAME.dtypes["deck"]
    assert stack.get_feature_names_out().tolist() == ["lr", "tree", "age", "sex", "deck"]


def test_a_stack_passes_chosen_columns_through():
    frame = pd.DataFrame(X, columns=[*"vwxyz"])
    by_name = StackingClassifier(CLASSIFIERS, cv=3, passthrough=["z", "w"]).fit(frame, Y)
    by_position = StackingClassifier(CLASSIFIERS, cv=3, passthrough=[4, 1]).fit(X, Y)
    np.testing.assert_allclose(by_name.predict_proba(frame), by_position.predict_proba(X))
    np.testing.assert_array_equal(by_position.transform(X)[:, -2:], X[:, [4, 1]])
    assert by_name.get_feature_names_out()[-2:].tolist() == ["z", "w"]
    assert by_position.get_feature_names_out()[-2:].tolist() == ["x4", "x1"]
    with pytest.raises(ValueError, match=r"passthrough must be True, False or columns of X .* no column 9"):
        StackingClassifier(CLASSIFIERS, passthrough=[9]).fit(X, Y)


def test_passed_through_rows_belong_to_their_predictions():
    shuffled = FRAME.sample(frac=1, random_state=0)
    stack = StackingClassifier([("tree", encoded(TREE))], encoded(LR), passthrough=True, cv=3)
    table = stack.fit_transform(shuffled, SURVIVED[[FRAME.index.get_loc(name) for name in shuffled.index]])
    assert table.index.equals(shuffled.index)
    pd.testing.assert_frame_equal(table[FRAME.columns], shuffled)


@pytest.mark.parametrize(
    "index", [np.zeros(90, int), np.arange(90)[::-1], None], ids=["equal", "reversed", "range"]
)
def test_the_index_of_a_frame_does_not_matter(index):
    expected = StackingClassifier(CLASSIFIERS, cv=3, passthrough=True).fit(X, Y).predict_proba(X)
    frame = pd.DataFrame(X, columns=[*"vwxyz"], index=index)
    found = StackingClassifier(CLASSIFIERS, cv=3, passthrough=True).fit(frame, Y).predict_proba(frame)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_columns_named_by_numbers_pass_through():
    frame = pd.DataFrame(X)
    stack = StackingClassifier(CLASSIFIERS, cv=3, passthrough=True).fit(frame, Y)
    expected = StackingClassifier(CLASSIFIERS, cv=3, passthrough=True).fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(stack.predict_proba(frame), expected, rtol=1e-9)


def test_a_column_with_the_name_of_an_estimator_is_refused():
    frame = pd.DataFrame(X, columns=["nb", *"wxyz"])
    with pytest.raises(
        ValueError,
        match=r"The names \['nb'\] are both meta-features of estimators and columns of X that are passed",
    ):
        StackingClassifier(CLASSIFIERS, cv=3, passthrough=True).fit(frame, Y)


def test_that_refusal_comes_before_anything_is_fitted():
    Attentive.fits = 0
    with pytest.raises(ValueError, match="columns of X that are passed through"):
        StackingClassifier([("v", Attentive())], passthrough=True).fit(pd.DataFrame(X, columns=[*"vwxyz"]), Y)
    assert Attentive.fits == 0


def test_other_columns_at_prediction_are_refused():
    frame = pd.DataFrame(X, columns=[*"vwxyz"])
    stack = StackingClassifier(CLASSIFIERS, cv=3).fit(frame, Y)
    with pytest.raises(ValueError, match="feature names"):
        stack.predict(frame[[*"zyxwv"]])
    with pytest.raises(ValueError, match="5 features"):
        StackingClassifier(CLASSIFIERS, cv=3).fit(X, Y).predict(X[:, :3])


@pytest.mark.parametrize("passthrough", [False, True])
def test_output_is_a_data_frame_when_that_is_set(passthrough):
    frame = pd.DataFrame(X3, columns=[*"uvwxyz"], index=np.arange(90) + 5)
    stack = StackingClassifier([("nb", NB), ("svm", LinearSVC())], cv=3, passthrough=passthrough).set_output(
        transform="pandas"
    )
    names = ["nb__a", "nb__b", "nb__c", "svm__a", "svm__b", "svm__c"] + [*"uvwxyz"] * passthrough
    for table in (stack.fit_transform(frame, NAMES3), stack.transform(frame)):
        assert table.columns.tolist() == names == stack.get_feature_names_out().tolist()
        assert table.index.equals(frame.index)
    assert stack.predict(frame).shape == (90,)


def test_output_of_several_outputs_is_named():
    y = pd.DataFrame(OUTPUTS, columns=["u", "v", "w"])
    stack = StackingRegressor(REGRESSORS, cv=3).set_output(transform="pandas").fit(XR, y)
    assert stack.transform(NEW).columns.tolist() == [
        f"{name}__{out}" for name in ("tree", "ridge") for out in "uvw"
    ]


def test_feature_names_with_passthrough_are_those_of_x_or_made_up():
    stack = StackingRegressor(REGRESSORS, cv=3, passthrough=True).fit(XR, YR)
    assert stack.get_feature_names_out().tolist() == ["tree", "ridge", "x0", "x1", "x2", "x3", "x4"]
    assert stack.get_feature_names_out([*"vwxyz"]).tolist() == ["tree", "ridge", *"vwxyz"]
    assert stack.n_features_in_ == 5


def test_wrong_feature_names_are_refused():
    frame = pd.DataFrame(XR, columns=[*"vwxyz"])
    stack = StackingRegressor(REGRESSORS, cv=3, passthrough=True).fit(frame, YR)
    assert stack.feature_names_in_.tolist() == [*"vwxyz"]
    with pytest.raises(ValueError, match="input_features"):
        stack.get_feature_names_out(["a", "b"])


# --- other inputs


def test_several_outputs_are_predicted():
    stack = StackingRegressor([*REGRESSORS, ("knn", KNeighborsRegressor())], cv=3)
    for final in (None, LinearRegression(), RandomForestRegressor(5, random_state=0)):
        fitted = clone(stack).set_params(final_estimator=final).fit(XR, OUTPUTS)
        assert fitted.predict(NEW).shape == (25, 3)
        assert fitted.score(XR, OUTPUTS) > 0.5
        assert fitted.transform(NEW).shape == (25, 9)


def test_an_estimator_of_one_output_shows_its_own_error():
    with pytest.raises(ValueError, match="1d array") as caught:
        StackingRegressor([("gbm", GradientBoostingRegressor())], cv=3).fit(XR, OUTPUTS)
    assert "estimator 'gbm'" in caught.value.__notes__[0]


def test_missing_values_reach_estimators_that_take_them():
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    hist = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    theirs = ensemble.StackingClassifier([("hist", hist)], cv=3).fit(holes, NAMES)
    ours = StackingClassifier([("hist", hist)], cv=3, refit=True).fit(holes, NAMES)
    np.testing.assert_allclose(ours.predict_proba(holes), theirs.predict_proba(holes), rtol=1e-9)
    assert StackingClassifier([("hist", hist)], hist, cv=3, passthrough=True).fit(holes, NAMES).predict(
        holes
    ).shape == (90,)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.coo_array])
@pytest.mark.parametrize("passthrough", [False, True])
def test_sparse_tables_are_tables(form, passthrough):
    members = [("lr", LR), ("tree", TREE)]
    expected = StackingClassifier(members, cv=3, passthrough=passthrough).fit(X, NAMES)
    stack = StackingClassifier(members, cv=3, passthrough=passthrough).fit(form(X), NAMES)
    np.testing.assert_allclose(stack.predict_proba(form(X)), expected.predict_proba(X), rtol=1e-3)
    assert sparse.issparse(stack.transform(form(X))) == passthrough
    assert sparse.issparse(stack.fit_transform(form(X), NAMES)) == passthrough


@pytest.mark.parametrize("passthrough", [False, True])
def test_lists_are_tables(passthrough):
    stack = StackingClassifier(CLASSIFIERS, cv=3, passthrough=passthrough).fit(X.tolist(), NAMES.tolist())
    expected = StackingClassifier(CLASSIFIERS, cv=3, passthrough=passthrough).fit(X, NAMES)
    np.testing.assert_array_equal(stack.predict(X.tolist()), expected.predict(X))


def test_texts_reach_pipelines():
    texts = ["good fine film", "bad dull film", "fine good", "dull bad bad"] * 6
    members = [("lr", make_pipeline(TfidfVectorizer(), LR)), ("knn", make_pipeline(TfidfVectorizer(), KNN))]
    stack = StackingClassifier(members, cv=3).fit(texts, ["pos", "neg"] * 12)
    assert stack.predict(["good film", "dull"]).tolist() == ["pos", "neg"]


@pytest.mark.parametrize("wrap", [list, pd.Series, pd.Categorical, lambda y: pd.Series(y, dtype="category")])
def test_labels_come_in_any_container(wrap):
    expected = StackingClassifier(CLASSIFIERS, cv=3).fit(X3, NAMES3)
    stack = StackingClassifier(CLASSIFIERS, cv=3).fit(X3, wrap(NAMES3))
    assert stack.predict(X3).tolist() == expected.predict(X3).tolist()
    assert stack.classes_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("y", [NAMES3, Y3 + 5, Y == 1])
def test_xgboost_at_both_levels_takes_any_labels(y):
    booster = pytest.importorskip("xgboost").XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1)
    stack = StackingClassifier([("xgb", booster), ("nb", NB)], booster, cv=3, refit=True).fit(X3, y)
    assert set(stack.predict(X3)) <= set(y)
    assert stack.predict_proba(X3).shape == (90, len(set(y)))
    assert stack.classes_[stack.predict_proba(X3).argmax(axis=1)].tolist() == stack.predict(X3).tolist()


# --- final estimators


def test_the_final_estimator_gets_its_own_predict_parameters():
    stack = StackingRegressor(REGRESSORS, BayesianRidge(), cv=3).fit(XR, YR)
    mean, std = stack.predict(NEW, return_std=True)
    np.testing.assert_array_equal(mean, stack.predict(NEW))
    assert (std > 0).all()


FINALS = [
    FOREST,
    BaggingClassifier(LR, 3, random_state=0),
    make_pipeline(StandardScaler(), LR),
    GridSearchCV(LR, {"C": [1]}),
]


@pytest.mark.parametrize("final", FINALS, ids=lambda final: type(final).__name__)
def test_any_final_estimator_lends_its_methods_before_and_after_the_fit(final):
    stack = StackingClassifier(CLASSIFIERS, final, cv=3)
    for method in ("predict", "predict_proba", "decision_function"):
        assert hasattr(stack, method) == hasattr(final, method)
    stack.fit(X, NAMES)
    assert stack.predict_proba(X).shape == (90, 2)


@pytest.mark.parametrize("final", [None, *FINALS], ids=lambda final: type(final).__name__)
def test_a_stack_is_a_base_estimator_too(final):
    inner = StackingClassifier(CLASSIFIERS, final, cv=3)
    stack = StackingClassifier([("inner", inner), ("nb", NB)], cv=3).fit(X, NAMES)
    assert stack.stack_method_ == ["predict_proba", "predict_proba"]
    assert stack.predict_proba(X).shape == (90, 2)


def test_a_stack_is_a_final_estimator_too():
    inner = {"estimators": [("lr", LR), ("deep", TREE)], "final_estimator": NB, "cv": 3}
    theirs = ensemble.StackingClassifier(CLASSIFIERS, ensemble.StackingClassifier(**inner)).fit(X3, NAMES3)
    ours = StackingClassifier(CLASSIFIERS, StackingClassifier(**inner, refit=True), refit=True).fit(
        X3, NAMES3
    )
    np.testing.assert_allclose(ours.predict_proba(X3), theirs.predict_proba(X3), rtol=1e-9)
    assert ours.final_estimator_.oof_.meta_train.shape == (90, 6)


def test_weights_reach_every_level():
    inner = StackingClassifier([("deep", Attentive())], Attentive(), cv=3)
    stack = StackingClassifier(CLASSIFIERS, inner, cv=3).fit(X, Y, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(stack.final_estimator_.final_estimator_.weights_, WEIGHTS)
    assert all(member.weights_ is not None for member in stack.final_estimator_.estimators_[0])


@pytest.mark.parametrize(
    ("stack", "text"),
    [
        (StackingClassifier(CLASSIFIERS, Ridge()), r"final_estimator=Ridge\(\) must be a classifier"),
        (
            StackingRegressor(REGRESSORS, LogisticRegression()),
            r"final_estimator=LogisticRegression\(\) must be a regressor",
        ),
    ],
)
def test_a_final_estimator_of_the_other_kind_is_refused(stack, text):
    with pytest.raises(ValueError, match=text):
        stack.fit(X, Y)


# --- failure and seeds


def test_a_failing_base_estimator_can_be_left_out():
    stack = StackingClassifier([("bad", FailingClassifier()), *CLASSIFIERS], cv=3, on_error="skip")
    with pytest.warns(UserWarning, match="Estimator 'bad' failed and is left out: MemoryError: too large"):
        stack.fit(X, NAMES)
    expected = StackingClassifier(CLASSIFIERS, cv=3).fit(X, NAMES)
    np.testing.assert_array_equal(stack.predict_proba(X), expected.predict_proba(X))
    assert stack.named_estimators_["bad"] == "drop"
    assert stack.get_feature_names_out().tolist() == ["tree", "nb"]


def test_a_failing_base_estimator_stops_the_fit_by_default():
    with pytest.raises(MemoryError, match="too large") as caught:
        StackingClassifier([("nb", NB), ("bad", FailingClassifier())], cv=3).fit(X, Y)
    assert "estimator 'bad' in repeat 0 fold 0" in caught.value.__notes__[0]


def test_the_seed_decides_at_both_levels():
    stack = StackingClassifier([("f", RandomForestClassifier(3))], RandomForestClassifier(3), cv=3)
    found = [clone(stack).set_params(random_state=seed).fit(X, Y) for seed in (0, 0, 1)]
    tables = [fitted.predict_proba(NEW) for fitted in found]
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0] != tables[2]).any()
    seeds = [member.random_state for member in found[0].estimators_[0]] + [
        found[0].final_estimator_.random_state
    ]
    assert len(set(seeds)) == 4


def test_processes_change_nothing():
    stack = StackingClassifier(
        [("f", RandomForestClassifier(3)), ("nb", NB)], cv=3, refit=True, random_state=0
    )
    one, two = (clone(stack).set_params(n_jobs=n_jobs).fit(X, Y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.predict_proba(NEW), two.predict_proba(NEW))


# --- the estimator contract


def test_nothing_that_the_caller_passes_is_changed():
    splitter = StratifiedKFold(3, shuffle=True, random_state=np.random.RandomState(0))
    before = splitter.random_state.get_state()[1].copy()
    members, final = [("nb", GaussianNB()), ("tree", TREE)], LogisticRegression()
    table, labels = X.copy(), NAMES.copy()
    stack = StackingClassifier(members, final, cv=splitter, random_state=0)
    first = stack.fit(table, labels).predict_proba(X)
    assert stack.cv is splitter
    assert isinstance(splitter.random_state, np.random.RandomState)
    assert (splitter.random_state.get_state()[1] == before).all()
    assert not hasattr(members[0][1], "classes_")
    assert not hasattr(final, "classes_")
    assert stack.estimators is members
    assert members[1][1] is TREE
    np.testing.assert_array_equal(table, X)
    np.testing.assert_array_equal(labels, NAMES)
    np.testing.assert_array_equal(stack.fit(table, labels).predict_proba(X), first)


def test_parameters_are_reached_by_name():
    stack = StackingClassifier([("lr", LogisticRegression()), ("nb", GaussianNB())], SVC())
    params = stack.get_params()
    assert params["lr__C"] == 1.0
    assert params["final_estimator__kernel"] == "rbf"
    assert "lr" not in stack.get_params(deep=False)
    stack.set_params(lr__C=7, final_estimator__kernel="linear", cv=4, nb="drop")
    assert stack.estimators[0][1].C == 7
    assert stack.final_estimator.kernel == "linear"
    assert stack.estimators[1] == ("nb", "drop")
    stack.set_params(nb=KNN, lr=Ridge(), lr__alpha=3)
    assert stack.named_estimators["nb"] is KNN
    assert stack.named_estimators["lr"].alpha == 3
    with pytest.raises(ValueError, match="nothing"):
        stack.set_params(nothing=1)


def test_setting_a_parameter_by_name_leaves_the_callers_list_alone():
    members = [("lr", LogisticRegression()), ("nb", GaussianNB())]
    StackingClassifier(members).set_params(nb="drop")
    assert isinstance(members[1][1], GaussianNB)


def test_a_clone_is_equal_and_apart():
    stack = StackingClassifier([("lr", LogisticRegression())], cv=make_folds(Y, n_splits=3), refit=True).fit(
        X, Y
    )
    copy = clone(stack)
    assert not hasattr(copy, "oof_")
    assert copy.estimators[0][1] is not stack.estimators[0][1]
    np.testing.assert_array_equal(copy.fit(X, Y).predict_proba(NEW), stack.predict_proba(NEW))


@pytest.mark.parametrize("refit", [False, True])
def test_a_pickled_stack_predicts_the_same(refit):
    stack = StackingClassifier([*CLASSIFIERS, ("svm", LinearSVC())], cv=3, refit=refit).fit(X3, NAMES3)
    copy, oof = pickle.loads(pickle.dumps((stack, stack.oof_)))
    np.testing.assert_array_equal(copy.predict_proba(X3), stack.predict_proba(X3))
    pd.testing.assert_frame_equal(oof.summary, stack.oof_.summary)


@pytest.mark.parametrize("fitted", [False, True])
def test_the_html_diagram_names_everyone(fitted):
    stack = StackingClassifier([("thetree", TREE), ("gone", "drop")], LinearSVC(), cv=3)
    html = (stack.fit(X, Y) if fitted else stack)._repr_html_()
    for text in (
        "StackingClassifier",
        "thetree",
        "DecisionTreeClassifier",
        "gone",
        "final_estimator",
        "LinearSVC",
    ):
        assert text in html
    assert "LogisticRegression" in StackingClassifier(CLASSIFIERS)._repr_html_()


def test_the_grid_reaches_both_levels_and_the_folds():
    grid = {"lr__C": [0.1, 10], "cv": [2, KFold(3)], "nb": ["drop", NB], "refit": [False, True]}
    search = GridSearchCV(StackingClassifier([("lr", LR), ("nb", NB)]), grid, cv=2, scoring="roc_auc")
    search.fit(X, NAMES)
    assert len(search.cv_results_["params"]) == 16
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict_proba(NEW).shape == (25, 2)


def test_a_stack_can_be_cross_validated():
    scores = cross_val_score(
        StackingClassifier(CLASSIFIERS, cv=3, refit=True), X, NAMES, cv=3, scoring="roc_auc"
    )
    theirs = cross_val_score(
        ensemble.StackingClassifier(CLASSIFIERS, cv=3), X, NAMES, cv=3, scoring="roc_auc"
    )
    np.testing.assert_allclose(scores, theirs)
    assert np.isfinite(cross_val_score(StackingRegressor(REGRESSORS), XR, YR, cv=3)).all()


def test_folds_of_another_table_are_refused():
    with pytest.raises(ValueError, match="The folds were made for 60 rows, but X has 90 rows"):
        StackingClassifier(CLASSIFIERS, cv=make_folds(Y[:60])).fit(X, Y)


def test_folds_as_a_generator_are_taken_as_scikit_learn_takes_them():
    stack = StackingRegressor(REGRESSORS, cv=KFold(3).split(XR)).fit(XR, YR)
    np.testing.assert_array_equal(
        stack.predict(NEW), StackingRegressor(REGRESSORS, cv=KFold(3)).fit(XR, YR).predict(NEW)
    )


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "get_feature_names_out"])
def test_a_stack_that_is_not_fitted_says_so(method):
    with pytest.raises(NotFittedError):
        getattr(StackingClassifier(CLASSIFIERS), method)(X)


@pytest.mark.parametrize(
    ("stack", "text"),
    [
        (StackingClassifier([]), "estimators must be a non-empty list"),
        (StackingClassifier(None), "estimators must be a non-empty list"),
        (StackingClassifier([("cv", NB)]), "not be those of constructor arguments.*Rename 'cv'"),
        (StackingClassifier([("final_estimator", NB)]), "Rename 'final_estimator'"),
        (StackingClassifier([("a__b", NB)]), "Rename 'a__b'"),
        (StackingClassifier([("a", NB), ("a", NB)]), "Rename 'a'"),
        (StackingClassifier([("a", "drop")]), "All estimators are 'drop'. Keep at least one"),
        (StackingClassifier([("a", GaussianNB)]), "Estimator 'a' must be an object with fit and predict"),
        (
            StackingClassifier(CLASSIFIERS, stack_method="decision_function"),
            "Estimator 'tree' must have the method",
        ),
        (StackingClassifier(CLASSIFIERS, on_error="ignore"), "on_error must be 'raise' or 'skip'"),
    ],
)
def test_what_a_stack_refuses(stack, text):
    with pytest.raises(ValueError, match=text):
        stack.fit(X, Y)


def test_a_classifier_refuses_numbers_and_a_regressor_refuses_names():
    with pytest.raises(ValueError, match="Unknown label type"):
        StackingClassifier(CLASSIFIERS).fit(X, YR)
    with pytest.raises(ValueError, match=r"no|yes"):
        StackingRegressor(REGRESSORS).fit(X, NAMES)


def test_classifiers_under_a_regressor_are_refused_by_name():
    with pytest.raises(ValueError, match="'nb'"):
        StackingRegressor([("ridge", Ridge()), ("nb", NB)], cv=3).fit(XR, YR)


def test_working_in_place_does_not_change_new_rows_between_folds():
    pipe = make_pipeline(StandardScaler(copy=False), Ridge())
    careful = StackingRegressor([("p", make_pipeline(StandardScaler(), Ridge()))], cv=3).fit(XR, YR)
    stack = StackingRegressor([("p", pipe)], cv=3).fit(XR.copy(), YR)
    np.testing.assert_allclose(stack.predict(NEW.copy()), careful.predict(NEW))


def test_a_fit_without_trouble_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        StackingClassifier(CLASSIFIERS, cv=3).fit(X, NAMES, sample_weight=WEIGHTS, groups=GROUPS).predict(X)
