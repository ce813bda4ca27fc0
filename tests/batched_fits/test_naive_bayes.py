"""Naive Bayes and nearest centroid on all folds equal the plain loop, or are left to it."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import NearestCentroid
from sklearn.utils.validation import check_is_fitted

from stackit import Folds, make_folds
from stackit.batched_fits.api import BatchedRequest
from stackit.batched_fits.gaussian import centroid, naive_bayes

BATCHED = {**naive_bayes.BATCHED, **centroid.BATCHED}
COUNTING = [
    MultinomialNB(),
    MultinomialNB(alpha=0.01, fit_prior=False),
    ComplementNB(),
    ComplementNB(alpha=0.5, norm=True),
    BernoulliNB(),
    BernoulliNB(binarize=1.5, alpha=0.1),
]
CONTINUOUS = [
    GaussianNB(),
    GaussianNB(var_smoothing=1e-6),
    GaussianNB(var_smoothing=0.1),
    NearestCentroid(),
    NearestCentroid(priors="empirical"),
    NearestCentroid(shrink_threshold=0.7),
]
ORDINARY = [*CONTINUOUS, *COUNTING]


def batched(estimator, X, y, folds, method="predict_proba", X_test=None, sample_weight=None):
    return BATCHED[type(estimator)](estimator, BatchedRequest(X, y, folds, method, sample_weight, X_test))


def table(seed, n, d, n_classes, counts):
    rng = np.random.default_rng(seed)
    codes = np.concatenate(
        [np.repeat(np.arange(n_classes), 4), rng.integers(0, n_classes, n - 4 * n_classes)]
    )
    X = rng.poisson(rng.gamma(0.5, 3, (n_classes, d))[codes]) + 0.0
    if not counts:
        X = rng.normal(size=(n, d)) * (0.1 + rng.gamma(1, 1, d)) + rng.normal(size=(n_classes, d))[codes]
    return X, np.array(["amber", "blue", "cyan", "dun", "ecru"])[codes]


def weights_for(estimator, seed, n):
    weighs = not isinstance(estimator, NearestCentroid)
    return np.random.default_rng(seed).gamma(1.0, 1.0, n) + 0.1 if weighs else None


def unequal(y, seed, n_splits):
    """Stratified folds of which one was dealt half of another."""
    parts = [held_out for _, held_out in make_folds(y, n_splits=n_splits, random_state=seed).splits]
    half = len(parts[0]) // 2
    return folds_of(len(y), [parts[0][:half], np.append(parts[1], parts[0][half:]), *parts[2:]])


def folds_of(n, parts):
    return Folds(n, tuple((np.setdiff1d(np.arange(n), part), part) for part in parts))


def close(found, expected, slack=0.0):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if expected.dtype.kind not in "fc":
        assert (found == expected).all()
    else:
        assert (
            np.abs(found - expected).max(initial=0)
            <= 1e-9 * max(1.0, np.abs(expected).max(initial=0)) + slack
        )


def same_labels(found, expected, probabilities):
    """Assert equal labels, but where the two likeliest classes are as likely: rounding picks one of these."""
    best = np.sort(probabilities, axis=1)[:, -2:]
    sure = best[:, 1] - best[:, 0] > 1e-12
    assert (np.asarray(found)[sure] == expected[sure]).all()


def plain_fit(estimator, X, y, rows, weight):
    given = {} if weight is None else {"sample_weight": weight[rows]}
    return clone(estimator).fit(X[rows], y[rows], **given)


def slack_of(fitted, X):
    """How far the probabilities of scikit-learn itself are from exact: log-likelihoods carry 16 digits."""
    if not isinstance(fitted, GaussianNB):
        return 0.0
    return 1e-14 * np.abs(fitted.predict_joint_log_proba(X).max(axis=1)).max()


def agrees(estimator, X, y, folds, X_test, weight=None, compared=None):
    """Assert that a batched fit is not declined, and that all its predictions are those of the plain loop."""
    before = pickle.dumps(estimator)
    plains = [
        plain_fit(estimator, X if compared is None else compared, y, train, weight)
        for train, _ in folds.splits
    ]
    results = [
        batched(estimator, X, y, folds, method, X_test, weight) for method in ("predict_proba", "predict")
    ]
    assert all(result is not None for result in results)
    for number, (plain, (_, held_out)) in enumerate(zip(plains, folds.splits, strict=True)):
        for part, rows in (("held_out", X[held_out]), ("test", X_test)):
            expected, labels, slack = plain.predict_proba(rows), plain.predict(rows), slack_of(plain, rows)
            for result in results:
                fitted = result.estimators[number]
                close(fitted.predict_proba(rows), expected, slack)
                same_labels(fitted.predict(rows), labels, expected)
            if (predictions := getattr(results[0], part)) is not None:
                close(predictions[number], expected, slack)
    assert pickle.dumps(estimator) == before
    return results[-1].estimators


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_classes=st.integers(2, 5),
    d=st.integers(2, 40),
    n_splits=st.integers(2, 5),
    weighted=st.booleans(),
    given_priors=st.booleans(),
)
def test_equals_the_plain_loop(estimator, seed, n_classes, d, n_splits, weighted, given_priors):
    X, y = table(seed, 20 * n_classes, d, n_classes, estimator in COUNTING)
    weight = weights_for(estimator, seed, len(X)) if weighted else None
    if given_priors:
        name = "class_prior" if estimator in COUNTING else "priors"
        priors = np.arange(1.0, n_classes + 1) / np.arange(1, n_classes + 1).sum()
        priors = priors.tolist()
        estimator = clone(estimator).set_params(**{name: priors})
    agrees(estimator, X, y, unequal(y, seed, n_splits), X[::3] + 1.0, weight)


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
def test_repeats_and_whole_number_labels(estimator):
    X, y = table(0, 60, 5, 3, estimator in COUNTING)
    y = np.unique(y, return_inverse=True)[1] * 3 - 1
    agrees(estimator, X, y, make_folds(y, n_splits=4, n_repeats=2, random_state=0), X[:9])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), smoothing=st.sampled_from([0.0, 1e-9, 1e-3]))
def test_odd_columns_agree_or_are_declined(seed, smoothing):
    """Zeros, constants, near constants, offsets, and columns that only the held-out rows of a class fill."""
    rng = np.random.default_rng(seed)
    X, y = table(seed, 60, 6, 3, False)
    folds = make_folds(y, n_splits=3, random_state=seed)
    held_out = np.isin(np.arange(60), folds.splits[0][1])
    odd = [
        np.zeros(60),
        np.full(60, 3.0),
        np.full(60, 0.1),
        1 + 1e-9 * rng.normal(size=60),
        X[:, 0] + 1e8,
        X[:, 1] + 1e3,
        np.where(held_out, X[:, 2], 0.0),
        np.where((y == "amber") & ~held_out, 0.1, X[:, 3]),
        X[:, 4] * 1e-8,
        X[:, 5] * 1e4,
    ]
    X = np.column_stack([X, *(odd[number] for number in rng.choice(len(odd), 2, replace=False))])
    for estimator in (GaussianNB(var_smoothing=smoothing), NearestCentroid(shrink_threshold=0.2)):
        if batched(estimator, X, y, folds) is not None:
            agrees(estimator, X, y, folds, X[:5])


def floor_case():
    """A column that is constant in one class's training rows, and not in its held-out ones."""
    X, y = table(1, 60, 6, 3, False)
    folds = make_folds(y, n_splits=3, random_state=0)
    held_out = np.isin(np.arange(60), folds.splits[0][1])
    X[:, 3] = np.where((y == "amber") & ~held_out, 0.1, X[:, 3] + 0.1)
    return X, y, folds


def test_the_variance_floor_stands_where_only_held_out_rows_vary():
    X, y, folds = floor_case()
    estimators = agrees(GaussianNB(), X, y, folds, X[:5])
    close(estimators[0].var_[0, 3] / estimators[0].epsilon_, 1.0)


def test_small_variances_are_not_what_a_subtraction_leaves():
    """Held-out rows spread a thousand million times wider than the training rows of their class."""
    X, y = table(1, 60, 6, 3, False)
    folds = make_folds(y, n_splits=3, random_state=0)
    train, held_out = folds.splits[0]
    X[:, 3] = np.random.default_rng(0).normal(size=60) * np.where(np.isin(np.arange(60), held_out), 1e3, 1e-6)
    estimators = agrees(GaussianNB(var_smoothing=0.0), X, y, folds, X[:5])
    close(
        estimators[0].var_[:, 3] / GaussianNB(var_smoothing=0.0).fit(X[train], y[train]).var_[:, 3],
        np.ones(3),
    )


@pytest.mark.parametrize("column", [np.zeros(60), np.full(60, 3.0), np.full(60, 0.1)], ids=["0", "3", "0.1"])
def test_constant_columns_need_not_be_declined(column):
    X, y = table(2, 60, 6, 3, False)
    X = np.column_stack([X, column])
    agrees(GaussianNB(), X, y, make_folds(y, n_splits=3, random_state=0), X[:5])


def test_the_floor_is_that_of_unweighted_rows():
    X, y = table(3, 60, 6, 3, False)
    folds, weight = make_folds(y, n_splits=3, random_state=0), weights_for(GaussianNB(), 3, 60)
    estimators = agrees(GaussianNB(var_smoothing=0.5), X, y, folds, X[:5], weight)
    close(estimators[0].epsilon_, 0.5 * X[folds.splits[0][0]].var(axis=0).max())


def test_rows_of_no_weight_count_for_nothing():
    X, y = table(4, 60, 6, 3, False)
    weight = np.where(np.arange(60) % 3 == 0, 0.0, 2.0)
    for estimator in (GaussianNB(), *COUNTING):
        agrees(estimator, np.abs(X), y, make_folds(y, n_splits=3, random_state=0), np.abs(X[:5]), weight)


def test_classes_far_from_the_center_are_not_expanded():
    """Two classes overlap a hundred thousand deviations away from the mean of all."""
    X, y = table(5, 90, 6, 3, False)
    X[:, 0] = np.random.default_rng(5).normal(size=90) + np.where(y == "amber", -1e5, 1e5 + (y == "cyan"))
    agrees(GaussianNB(), X, y, make_folds(y, n_splits=3, random_state=0), X[::4] + 0.1)


@pytest.mark.parametrize("estimator", COUNTING, ids=str)
def test_a_class_missing_in_a_training_part_is_missing_in_its_estimator(estimator):
    X, y = table(6, 60, 6, 3, True)
    rare = np.flatnonzero(y == "blue")
    rest = np.setdiff1d(np.arange(60), rare)
    estimators = agrees(estimator, X, y, folds_of(60, [rare, rest[::2], rest[1::2]]), X[:5])
    assert estimators[0].classes_.tolist() == ["amber", "cyan"]


@pytest.mark.parametrize("estimator", [MultinomialNB(), ComplementNB()], ids=str)
def test_smoothing_may_differ_by_column(estimator):
    X, y = table(7, 60, 3, 3, True)
    estimator = clone(estimator).set_params(alpha=[0.1, 1.0, 2.0])
    agrees(estimator, X, y, make_folds(y, n_splits=3, random_state=0), X[:5])


def test_bernoulli_takes_a_binary_table_as_it_is():
    X, y = table(8, 60, 6, 3, True)
    folds = make_folds(y, n_splits=3, random_state=0)
    agrees(BernoulliNB(binarize=None), (X > 1) + 0.0, y, folds, (X[:5] > 1) + 0.0)
    assert batched(BernoulliNB(binarize=None), X, y, folds) is None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
def test_attributes_are_those_of_the_plain_fit(estimator, weighted):
    X, y = table(9, 90, 4, 3, estimator in COUNTING)
    folds, weight = (
        make_folds(y, n_splits=3, random_state=0),
        weights_for(estimator, 9, 90) if weighted else None,
    )
    train = folds.splits[1][0]
    plain, fitted = (
        plain_fit(estimator, X, y, train, weight),
        batched(estimator, X, y, folds, sample_weight=weight),
    )
    fitted = fitted.estimators[1]
    assert vars(plain).keys() == vars(fitted).keys()
    for name in vars(plain).keys() - plain.get_params().keys():
        close(getattr(fitted, name), getattr(plain, name))
    assert fitted.get_params() == plain.get_params()


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
def test_estimators_are_real_and_pickle(estimator):
    X, y = table(10, 90, 4, 3, estimator in COUNTING)
    for fitted in batched(estimator, X, y, make_folds(y, random_state=0)).estimators:
        check_is_fitted(fitted)
        assert type(fitted) is type(estimator)
        assert (pickle.loads(pickle.dumps(fitted)).predict_proba(X) == fitted.predict_proba(X)).all()


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
def test_single_precision_is_computed_in_double(estimator):
    X, y = table(11, 90, 4, 3, estimator in COUNTING)
    X, folds = X.astype(np.float32), make_folds(y, n_splits=3, random_state=0)
    agrees(estimator, X, y, folds, X[:7], compared=X.astype(np.float64))
    train, held_out = folds.splits[0]
    plain = clone(estimator).fit(X[train], y[train]).predict_proba(X[held_out])
    assert (
        np.abs(batched(estimator, X, y, folds).estimators[0].predict_proba(X[held_out]) - plain).max() < 1e-3
    )


DECLINED = {
    "priors of another length": GaussianNB(priors=[0.5, 0.5]),
    "priors that do not sum to 1": GaussianNB(priors=[1.0, 1.0, 1.0]),
    "negative smoothing": GaussianNB(var_smoothing=-1.0),
    "a variance of 0": GaussianNB(var_smoothing=0.0),
    "no smoothing": MultinomialNB(alpha=0.0),
    "smoothing that is raised": ComplementNB(alpha=1e-12, force_alpha=False),
    "smoothing of another length": MultinomialNB(alpha=[1.0, 1.0]),
    "Bernoulli smoothing by column": BernoulliNB(alpha=[1.0] * 4),
    "class priors of another length": MultinomialNB(class_prior=[0.5, 0.5]),
    "manhattan": NearestCentroid(metric="manhattan"),
    "centroid priors that do not sum to 1": NearestCentroid(priors=[1.0, 1.0, 1.0]),
    "centroid priors as an array": NearestCentroid(priors=np.full(3, 1 / 3)),
    "unknown centroid priors": NearestCentroid(priors="even"),
    "negative threshold": NearestCentroid(shrink_threshold=-1.0),
    "constant column": NearestCentroid(),
}


@pytest.mark.parametrize("estimator", DECLINED.values(), ids=DECLINED)
def test_declines_what_scikit_learn_refuses_or_warns_of(estimator):
    X, y = table(12, 90, 4, 3, True)
    X[:, 0] = 0.0
    assert batched(estimator, X, y, make_folds(y, n_splits=3, random_state=0)) is None


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
def test_declines_data_it_cannot_batch(estimator):
    X, y = table(13, 90, 4, 3, estimator in COUNTING)
    folds = make_folds(y, n_splits=3, random_state=0)
    assert batched(estimator, X, y, folds) is not None
    assert batched(estimator, X, X[:, 0] + 0.5, folds) is None
    assert batched(estimator, X, np.column_stack([y, y]), folds) is None
    assert batched(estimator, X, y, make_folds(y, scheme="forward", n_splits=3)) is None
    assert batched(estimator, X, y, folds, sample_weight=-np.ones(90)) is None
    assert batched(estimator, X, y, folds, sample_weight=(y != "blue") + 0.0) is None


@pytest.mark.parametrize("estimator", CONTINUOUS, ids=str)
def test_declines_a_missing_class_and_large_offsets(estimator):
    X, y = table(14, 90, 4, 3, False)
    by_label = folds_of(90, [np.flatnonzero(y == label) for label in np.unique(y)])
    assert batched(estimator, X, y, by_label) is None
    assert batched(estimator, X + 1e9, y, make_folds(y, n_splits=3, random_state=0)) is None


@pytest.mark.parametrize("estimator", [MultinomialNB(), ComplementNB()], ids=str)
def test_declines_negative_counts(estimator):
    X, y = table(15, 90, 4, 3, False)
    assert batched(estimator, X, y, make_folds(y, n_splits=3, random_state=0)) is None


def test_counts_are_summed_over_the_training_rows_of_each_class():
    X, y = np.array([[3.0, 0.0], [0.0, 2.0]] * 4), np.array(["a", "b"] * 4)
    fitted = batched(MultinomialNB(), X, y, make_folds(y, n_splits=2, random_state=0)).estimators
    assert [one.feature_count_.tolist() for one in fitted] == [[[6.0, 0.0], [0.0, 4.0]]] * 2
