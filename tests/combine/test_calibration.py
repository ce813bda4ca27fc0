"""Combiners of classes calibrate what is no probability: decisions, pairwise ones, labels, numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn import ensemble
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV, _sigmoid_calibration
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC, LinearSVC

import stackit
from stackit import Level, nested_score, out_of_fold
from stackit.assess import compare
from stackit.combine import (
    ConvexClassifier,
    GeometricClassifier,
    GreedyClassifier,
    HillClimbClassifier,
    IsotonicClassifier,
    LogisticClassifier,
    MeanClassifier,
    NonNegativeClassifier,
    NonNegativeRegressor,
    RankClassifier,
    TemperatureClassifier,
)
from stackit.combine.sigmoid import calibrated_out_of_fold, fit_sigmoids, probabilities_of

BLENDS = [
    ConvexClassifier(),
    GeometricClassifier(),
    GreedyClassifier(),
    HillClimbClassifier("neg_log_loss"),
    IsotonicClassifier(ConvexClassifier()),
    LogisticClassifier(),
    MeanClassifier(),
    NonNegativeClassifier(),
    TemperatureClassifier(),
]
all_blends = pytest.mark.parametrize("combiner", BLENDS, ids=lambda combiner: type(combiner).__name__)


def made(n_classes, n=300):
    X, y = make_classification(
        n, 8, n_informative=5, n_classes=n_classes, flip_y=0.1, class_sep=0.7, random_state=0
    )
    return X[: n // 2], y[: n // 2], X[n // 2 :], y[n // 2 :]


def loss(y, chances):
    return log_loss(y, chances, labels=np.unique(y))


def members(n_classes):
    return [
        ("bayes", GaussianNB()),
        ("svm", SVC(C=10)),
        ("linear", LinearSVC()),
        ("pairs", SVC(decision_function_shape="ovo")),
        ("votes", Perceptron()),
        ("ridge", Ridge()),
    ]


class HardLabels(ClassifierMixin, BaseEstimator):
    """Has neither probabilities nor decisions."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y):
        self.ridge_ = RidgeClassifier(self.alpha).fit(X, y)
        self.classes_ = self.ridge_.classes_
        return self

    def predict(self, X):
        return self.ridge_.predict(X)


# Platt's sigmoids


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weighted", [False, True])
def test_a_sigmoid_is_that_of_scikit_learn(seed, weighted):
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, 800)
    scores = random.normal(size=800) * 5 + 3 * y - 20
    weights = random.integers(1, 4, 800).astype(float) if weighted else np.ones(800)
    a, b = _sigmoid_calibration(scores, y, weights)
    slope, intercept = fit_sigmoids(scores[:, None], np.eye(2)[y], weights)
    assert_allclose(expit(slope[0] * scores + intercept[0]), expit(-a * scores - b), atol=0.005)


def test_a_sigmoid_has_no_gradient_but_that_of_the_penalty():
    random = np.random.default_rng(0)
    y, weights = random.integers(0, 2, 60), random.random(60)
    scores = random.normal(size=60) + y
    slope, intercept = fit_sigmoids(scores[:, None], np.eye(2)[y], weights)
    share = weights / weights.sum()
    errors = share * (expit(slope[0] * scores + intercept[0]) - y)
    middle = share @ scores
    spread = np.sqrt(share @ (scores - middle) ** 2)
    assert_allclose(errors.sum(), 0, atol=1e-9)
    assert_allclose(errors @ (scores - middle) / spread, -1e-3 * slope[0] * spread, atol=1e-9)


def test_copies_of_a_row_are_its_weight():
    random = np.random.default_rng(4)
    y, scores = random.integers(0, 3, 80), random.normal(size=(80, 3))
    weights, target = random.integers(0, 4, 80), np.eye(3)[y]
    weighted = calibrated_out_of_fold(scores, target, weights.astype(float))
    copies = np.repeat(np.arange(80), weights)
    repeated = calibrated_out_of_fold(scores[copies], target[copies], np.ones(len(copies)))
    assert_allclose(weighted[copies], repeated, rtol=1e-6)


def test_sigmoids_do_not_depend_on_the_unit_of_scores_or_weights():
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 90)
    scores, weights = random.normal(size=(90, 3)) + 2 * np.eye(3)[y], random.random(90)
    plain = probabilities_of(scores, fit_sigmoids(scores, np.eye(3)[y], weights))
    for unit, shift, heavy in ((1e6, 0, 1), (1e-6, 0, 1), (1, 1e3, 1), (1, 0, 1e-5)):
        other = unit * scores + shift
        found = probabilities_of(other, fit_sigmoids(other, np.eye(3)[y], heavy * weights))
        assert_allclose(found, plain, atol=1e-6)


def test_a_column_that_separates_or_does_not_vary_gives_finite_sigmoids():
    y = np.r_[np.zeros(20, int), np.ones(10, int)]
    for column in (np.where(y, 1e4, -1e4), np.ones(30)):
        scores = column[:, np.newaxis]
        found = probabilities_of(scores, fit_sigmoids(scores, np.eye(2)[y], np.ones(30)))
        assert_allclose(found[:, 1], 1 / 3 if column[0] == 1 else y, atol=0.01)
        assert found.min() > 1e-3


def test_no_row_is_calibrated_by_its_own_label():
    random = np.random.default_rng(1)
    y, scores = random.integers(0, 2, 60), random.normal(size=(60, 1))
    plain = calibrated_out_of_fold(scores, np.eye(2)[y], np.ones(60))
    in_sample = probabilities_of(scores, fit_sigmoids(scores, np.eye(2)[y], np.ones(60)))
    for row in range(60):
        other = np.where(np.arange(60) == row, 1 - y, y)
        found = calibrated_out_of_fold(scores, np.eye(2)[other], np.ones(60))
        assert_allclose(found[row], plain[row], rtol=1e-12)
    assert loss(y, plain) > loss(y, in_sample)


# Combiners


@all_blends
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_a_blend_with_decisions_is_as_good_as_its_members_and_sums_to_one(combiner, n_classes):
    X, y, X_new, y_new = made(n_classes)
    stack = stackit.StackingClassifier(members(n_classes), clone(combiner), cv=4).fit(X, y)
    chances = stack.predict_proba(X_new)
    assert_allclose(chances.sum(axis=1), 1)
    prior = loss(y_new, np.tile(np.bincount(y) / len(y), (len(y_new), 1)))
    bayes = loss(y_new, GaussianNB().fit(X, y).predict_proba(X_new))
    assert loss(y_new, chances) < min(prior - 0.1, bayes + 0.1)
    kinds = stack.final_estimator_.kinds_
    numbers = "pairwise" if n_classes > 2 else "decision"
    assert kinds == ["probability", "decision", "decision", numbers, "decision", "number"]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_one_svm_is_calibrated_as_scikit_learn_calibrates_it(n_classes):
    X, y, X_new, _ = made(n_classes)
    svm, folds = SVC(), StratifiedKFold(5)
    stack = stackit.StackingClassifier([("svm", svm)], MeanClassifier(), cv=folds, refit=True).fit(X, y)
    theirs = CalibratedClassifierCV(svm, cv=folds, ensemble=False).fit(X, y)
    assert_allclose(stack.predict_proba(X_new), theirs.predict_proba(X_new), atol=0.03)


@all_blends
def test_a_table_without_names_is_read_by_its_values(combiner):
    X, y, X_new, _ = made(3)
    oof = out_of_fold([("bayes", GaussianNB()), ("svm", SVC())], X, y, X_new, cv=4, n_jobs=1)
    named = clone(combiner).fit(oof.meta_train, y)
    plain = clone(combiner).fit(oof.meta_train.to_numpy(), y)
    assert plain.kinds_ == named.kinds_ == ["probability", "decision"]
    assert_allclose(
        plain.predict_proba(oof.meta_test.to_numpy()), named.predict_proba(oof.meta_test), rtol=1e-9
    )


def test_what_are_probabilities_is_left_as_it_is():
    X, y, X_new, _ = made(2)
    bases = [("bayes", GaussianNB()), ("logistic", LogisticRegression())]
    stack = stackit.StackingClassifier(bases, MeanClassifier(), cv=4, refit=True).fit(X, y)
    mean = np.mean([estimator.fit(X, y).predict_proba(X_new) for _, estimator in bases], axis=0)
    assert_allclose(stack.predict_proba(X_new), mean, rtol=1e-12)
    assert stack.final_estimator_.kinds_ == ["probability"] * 2


@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_are_votes_alone_and_calibrated_next_to_probabilities(n_classes):
    X, y, X_new, _ = made(n_classes)
    votes = [("one", HardLabels()), ("other", HardLabels(alpha=100))]
    alone = stackit.StackingClassifier(votes, MeanClassifier(), cv=4, refit=True).fit(X, y)
    both = np.mean([np.eye(n_classes)[one.fit(X, y).predict(X_new)] for _, one in votes], axis=0)
    assert_allclose(alone.predict_proba(X_new), both)
    mixed = stackit.StackingClassifier(
        [*votes[:1], ("bayes", GaussianNB())], MeanClassifier({"one": 1}), cv=4
    )
    mixed.set_params(refit=True).fit(X, y)
    assert mixed.final_estimator_.kinds_ == ["label", "probability"]
    held_out = mixed.oof_.meta_train["one"]
    chances, labels = mixed.predict_proba(X_new), votes[0][1].fit(X, y).predict(X_new)
    if n_classes == 2:
        for label in (0, 1):  # the share of the class among rows with that vote, by Platt's targets
            share = y[held_out == label].mean()
            assert_allclose(chances[labels == label, 1], share, atol=0.03)


def test_numbers_between_0_and_1_are_calibrated_where_they_are_known_to_be_such():
    X, y, *_ = made(2)
    bases = [("forest", RandomForestRegressor(10, random_state=0)), ("bayes", GaussianNB())]
    stack = stackit.StackingClassifier(bases, ConvexClassifier(), cv=4).fit(X, y)
    assert stack.final_estimator_.kinds_ == ["number", "probability"]
    far = stack.oof_.meta_train.assign(forest=3.0)  # a regressor may go beyond what it was fitted on
    assert (stack.final_estimator_.predict_proba(far).sum(axis=1) == pytest.approx(1)) is True


@all_blends
def test_values_that_are_no_probabilities_any_more_are_refused_by_name(combiner):
    X, y, *_ = made(2)
    oof = out_of_fold([("bayes", GaussianNB()), ("svm", SVC())], X, y, cv=4, n_jobs=1)
    fitted = clone(combiner).fit(oof.meta_train, y)
    with pytest.raises(
        ValueError, match="Columns of 'bayes' were probabilities in fit, but now have values from 4 to 4"
    ):
        fitted.predict_proba(oof.meta_train.assign(bayes=4.0))


def test_levels_read_decisions_too():
    X, y, X_new, y_new = made(3)
    for nested in (False, True):
        second = Level([("convex", ConvexClassifier()), ("greedy", GreedyClassifier())], nested=nested)
        levels = stackit.LevelsClassifier([members(3), second], MeanClassifier(), cv=3).fit(X, y)
        for fitted in levels.levels_[1]["convex"].fold_estimators:
            kinds = ["probability", "decision", "decision", "pairwise", "decision", "number"]
            assert fitted.kinds_ == kinds
        assert loss(y_new, levels.predict_proba(X_new)) < 0.85


@pytest.mark.parametrize("n_classes", [2, 3])
def test_comparisons_have_a_mean_and_combiners_of_all_kinds(n_classes):
    X, y, *_ = made(n_classes)
    few = [one for one in members(n_classes) if one[0] != "votes"]
    table = compare(out_of_fold(few, X, y, cv=KFold(4), n_jobs=1), BLENDS[:1], scoring="accuracy").table
    stack = stackit.StackingClassifier(few, ConvexClassifier(), cv=3)
    nested = nested_score(stack, X, y, cv=3).table
    for found, names in ((table, ["plain mean"]), (nested, ["plain mean", "stack"])):
        assert found.loc[names, "mean"].min() > found.loc["prior", "mean"] + 0.1


def test_calibrated_scores_are_honest_on_random_labels():
    random = np.random.default_rng(2)
    X, y = random.normal(size=(200, 20)), random.integers(0, 2, 200)
    oof = out_of_fold([("svm", SVC()), ("linear", LinearSVC())], X, y, cv=5, n_jobs=1)
    with pytest.warns(UserWarning, match="cannot be scored by 'neg_log_loss'"):  # an SVM alone
        table = compare(oof, [("convex", ConvexClassifier())], scoring="neg_log_loss").table
    assert table.loc["convex", "mean"] == pytest.approx(-np.log(2), abs=0.02)


def test_what_is_calibrated_is_saved_and_loaded(tmp_path):
    X, y, X_new, _ = made(3)
    stack = stackit.StackingClassifier(members(3), TemperatureClassifier(ConvexClassifier()), cv=3).fit(X, y)
    trusted = ["sklearn.svm._classes.SVC"]
    loaded = type(stack).load(stack.save(tmp_path / "stack"), trusted=trusted)
    np.testing.assert_array_equal(loaded.predict_proba(X_new), stack.predict_proba(X_new))


def test_estimators_of_weight_zero_are_left_out_whatever_their_columns():
    X, y, X_new, _ = made(3)
    stack = stackit.StackingClassifier(members(3), MeanClassifier({"pairs": 1, "bayes": 2}), cv=3).fit(X, y)
    assert stack._zero_weight() == {"svm", "linear", "votes", "ridge"}
    assert stack.final_estimator_.named_weights_["pairs"] == pytest.approx(1 / 3)
    assert_allclose(stack.predict_proba(X_new).sum(axis=1), 1)


def test_scikit_learns_stack_reads_decisions_too():
    X, y, X_new, _ = made(2)
    bases = [("svm", SVC()), ("bayes", GaussianNB())]
    theirs = ensemble.StackingClassifier(bases, ConvexClassifier(), cv=4).fit(X, y)
    ours = stackit.StackingClassifier(bases, ConvexClassifier(), cv=4, refit=True)
    assert_allclose(theirs.predict_proba(X_new), ours.fit(X, y).predict_proba(X_new), rtol=1e-6)


def test_ranks_need_no_calibration():
    X, y, X_new, _ = made(2)
    oof = out_of_fold([("svm", SVC())], X, y, X_new, cv=4, n_jobs=1)
    plain = RankClassifier().fit(oof.meta_train, y)
    for scale in (lambda table: 1 / (1 + np.exp(-table)), lambda table: 1000 * table - 7):
        other = RankClassifier().fit(scale(oof.meta_train), y)
        assert_allclose(
            other.predict_proba(scale(oof.meta_train)), plain.predict_proba(oof.meta_train), atol=1e-9
        )


# Weights of zero


@pytest.mark.parametrize("X", [[[-1.0], [-2.0], [-3.0]], [[0.0], [0.0], [0.0]]])
def test_weights_that_are_all_zero_are_said(X):
    with pytest.warns(
        UserWarning, match="NonNegativeRegressor gives all estimators the weight 0, .* predicts 0"
    ):
        fitted = NonNegativeRegressor().fit(X, [1.0, 2.0, 3.0])
    assert fitted.weights_.tolist() == [0.0]


def test_weights_of_classes_that_are_all_zero_are_said():
    with pytest.warns(UserWarning, match="NonNegativeClassifier gives all .* equally likely"):
        fitted = NonNegativeClassifier().fit([[0.0], [0.0], [1.0], [1.0]], [1, 1, 0, 0])
    assert fitted.predict_proba([[0.3]]).tolist() == [[0.5, 0.5]]


def test_a_sigmoid_is_even_where_both_classes_have_one_score():
    scores, target = np.array([[-2.0], [-1.0], [1.0], [-1.0], [2.0]]), np.eye(2)[[0, 0, 1, 1, 1]]
    found = probabilities_of(scores, fit_sigmoids(scores, target, np.ones(5)))
    assert found[:, 1].round(1).tolist() == [0.0, 0.5, 1.0, 0.5, 1.0]


# Calibration and the metric


def test_isotonic_calibration_warns_once_where_it_is_scored_by_log_loss():
    X, y, *_ = made(2)
    oof = out_of_fold([("bayes", GaussianNB()), ("logistic", LogisticRegression())], X, y, cv=4, n_jobs=1)
    finals = [("steps", TemperatureClassifier(IsotonicClassifier())), ("mean", MeanClassifier())]
    with pytest.warns(UserWarning, match="steps is calibrated by IsotonicClassifier") as caught:
        compare(oof, finals, scoring="neg_log_loss")
    assert len(caught) == 1
    compare(oof, finals, scoring="neg_brier_score")  # a warning would be an error
    stack = stackit.StackingClassifier([("bayes", GaussianNB())], IsotonicClassifier(), cv=3)
    with pytest.warns(UserWarning, match="stack is .* Use QuadraticClassifier for two classes"):
        nested_score(stack, X, y, cv=3, scoring="neg_log_loss")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_margins_of_an_svm_next_to_probabilities_do_not_ruin_log_loss(n_classes):
    X, y, X_new, y_new = made(n_classes, 400)
    bases = [("bayes", GaussianNB()), ("svm", SVC(C=100))]
    oof = out_of_fold(bases, X, y, X_new, cv=4, n_jobs=1)
    tables = (oof.meta_train, oof.meta_test)
    for train, new in (tables, [table.to_numpy() for table in tables]):
        for combiner in BLENDS:
            blended = clone(combiner).fit(train, y).predict_proba(new)
            assert loss(y_new, blended) < np.log(n_classes), combiner
