"""Nearest neighbours of all folds from one search, against the plain loop."""

import pickle

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from stackit import Folds, make_folds
from stackit.batched_fits import neighbors
from stackit.batched_fits.api import BatchedRequest
from stackit.batched_fits.neighbors import BATCHED, fit_neighbors
from stackit.engine.threads import single_threaded

FORGIVING = settings(max_examples=20, deadline=None)


def unequal_folds(n, n_splits, n_repeats, rng):
    """Folds of any sizes from one row on, in any order of rows."""
    splits = []
    for _ in range(n_repeats):
        fold_of = rng.permutation(np.r_[:n_splits, rng.integers(n_splits, size=n - n_splits)])
        for fold in range(n_splits):
            held_out = np.flatnonzero(fold_of == fold)
            splits.append((rng.permutation(np.flatnonzero(fold_of != fold)), held_out))
    return Folds(n, splits)


def table(rng, n, d, kind):
    if kind == "tied":
        return rng.integers(3, size=(n, d)).astype(np.float64)
    X = rng.normal(size=(n, d))
    if kind == "doubled":
        return X[rng.integers(max(1, n // 3), size=n)]
    return X + 50 if kind == "far" else X


@st.composite
def requests(draw, classify):
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    n, d, m = draw(st.integers(24, 90)), draw(st.integers(1, 20)), draw(st.integers(1, 40))
    both = table(rng, n + m, d, draw(st.sampled_from(["plain", "plain", "tied", "doubled", "far"])))
    both = both.astype(draw(st.sampled_from([np.float64, np.float64, np.float32])))
    folds = unequal_folds(n, draw(st.integers(3, 6)), draw(st.integers(1, 2)), rng)
    if classify:
        y, method = rng.choice(["a", "b", "c"], size=n), draw(st.sampled_from(["predict", "predict_proba"]))
        y = np.column_stack([y, rng.integers(2, size=n).astype(str)]) if draw(st.booleans()) else y
    else:
        y, method = rng.normal(size=(n, draw(st.integers(1, 3)))), "predict"
        y = y[:, 0] if y.shape[1] == 1 else y
    return BatchedRequest(both[:n], y, folds, method, X_test=both[n:])


SETTINGS = st.fixed_dictionaries(
    {
        "n_neighbors": st.integers(1, 9),
        "weights": st.sampled_from(["uniform", "distance"]),
        "algorithm": st.sampled_from(["auto", "brute", "brute", "kd_tree", "ball_tree"]),
        "metric": st.sampled_from(["minkowski", "minkowski", "euclidean", "l2", "manhattan", "chebyshev"]),
        "p": st.sampled_from([1, 1.5, 2, 3]),
    }
)


def plain_loop(estimator, request):
    fitted = [clone(estimator).fit(request.X[train], request.y[train]) for train, _ in request.folds.splits]
    return fitted, [getattr(one, request.method)(request.X_test) for one in fitted]


def assert_equal_predictions(prediction, expected, atol=1e-9):
    if isinstance(expected, list):
        for part, wanted in zip(prediction, expected, strict=True):
            assert_equal_predictions(part, wanted, atol)
    elif expected.dtype.kind == "f":
        assert prediction.shape == expected.shape
        np.testing.assert_allclose(prediction, expected, rtol=atol, atol=atol)
    else:
        assert prediction.dtype == expected.dtype
        np.testing.assert_array_equal(prediction, expected)


def may_decline(estimator, request):
    """Whether there are too few rows: for k neighbours, or to pay for a tree or one kind of search."""
    least = min(len(train) for train, _ in request.folds.splits)
    tree = "tree" in estimator.algorithm or (estimator.algorithm == "auto" and request.X.shape[1] <= 15)
    few = len(request.X_test) < neighbors.ROWS_PER_TREE * len(request.X)
    return estimator.n_neighbors > least or (tree and (few or estimator.n_neighbors >= least // 2))


def assert_like_the_plain_loop(estimator, request):
    with single_threaded():
        batched = fit_neighbors(estimator, request)
        if batched is None:
            assert may_decline(estimator, request)
            reject()
        fitted, expected = plain_loop(estimator, request)
    for prediction, wanted in zip(batched.test, expected, strict=True):
        votes = is_classifier(estimator) and estimator.weights != "distance"
        assert_equal_predictions(prediction, wanted, atol=0 if votes else 1e-9)
    return batched, fitted


@FORGIVING
@given(request=requests(classify=True), params=SETTINGS)
def test_classifiers_predict_as_in_the_plain_loop(request, params):
    assert_like_the_plain_loop(KNeighborsClassifier(**params), request)


@FORGIVING
@given(request=requests(classify=False), params=SETTINGS)
def test_regressors_predict_as_in_the_plain_loop(request, params):
    assert_like_the_plain_loop(KNeighborsRegressor(**params), request)


@FORGIVING
@given(request=requests(classify=True), k=st.integers(1, 5), weights=st.sampled_from(["uniform", "distance"]))
def test_cosine_distances_too(request, k, weights):
    X, X_test = (table.astype(np.float64) + 0.1 for table in (request.X, request.X_test))
    request = BatchedRequest(X, request.y, request.folds, request.method, X_test=X_test)
    estimator = KNeighborsClassifier(k, metric="cosine", weights=weights)
    assert_like_the_plain_loop(estimator, request)


@pytest.fixture
def neighbor_request():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 30)), rng.choice(["a", "b", "c"], size=300)
    return BatchedRequest(
        X, y, make_folds(y, n_splits=5, random_state=0), "predict_proba", X_test=X[:70] + 0.3
    )


def replaced(request, **changes):
    return BatchedRequest(**(vars(request) | changes))


@pytest.mark.parametrize("k", [1, 5, 240])
@pytest.mark.parametrize("weights", ["uniform", "distance", None])
def test_ordinary_cases_are_searched_once(neighbor_request, k, weights, monkeypatch):
    searched = []
    search = KNeighborsClassifier.kneighbors

    def kneighbors(self, X, *args, **kwargs):
        searched.append(len(X))
        return search(self, X, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(KNeighborsClassifier, "kneighbors", kneighbors)
        assert fit_neighbors(KNeighborsClassifier(k, weights=weights), neighbor_request) is not None
    assert searched == [70]
    assert_like_the_plain_loop(KNeighborsClassifier(k, weights=weights), neighbor_request)


def test_fitted_estimators_are_those_of_the_plain_loop(neighbor_request):
    estimator = KNeighborsClassifier(7, weights="distance")
    batched, fitted = assert_like_the_plain_loop(estimator, neighbor_request)
    assert not hasattr(estimator, "classes_")
    for one, plain in zip(batched.estimators, fitted, strict=True):
        assert type(one) is KNeighborsClassifier
        assert vars(one).keys() == vars(plain).keys()
        assert one.get_params() == plain.get_params()
        np.testing.assert_array_equal(one.classes_, plain.classes_)
        assert one.n_samples_fit_ == plain.n_samples_fit_
        assert one.effective_metric_ == plain.effective_metric_
        again = pickle.loads(pickle.dumps(one))
        new = neighbor_request.X_test - 1
        np.testing.assert_array_equal(again.predict_proba(new), plain.predict_proba(new))


def test_ties_between_different_labels_are_predicted_by_the_fold_itself(neighbor_request):
    # Two rows at one place and of two labels: which of them is the nearest depends on the search.
    X = np.repeat(neighbor_request.X[:150], 2, axis=0)
    y = np.tile(["a", "b"], 150)
    request = replaced(neighbor_request, X=X, y=y, X_test=X[::2] + 0.01)
    for algorithm in ("brute", "kd_tree"):
        assert_like_the_plain_loop(KNeighborsClassifier(1, algorithm=algorithm), request)


@pytest.fixture
def doubts(monkeypatch):
    """Record the rows that each fold's estimator predicts, without the rest of their blocks."""
    found = []

    def rows_alone(marked, block):
        found.append(np.flatnonzero(marked).tolist())
        return np.flatnonzero(marked)

    monkeypatch.setattr(neighbors, "_whole_blocks", rows_alone)
    return found


def test_ties_of_one_label_are_settled(neighbor_request, doubts):
    X, y = np.repeat(neighbor_request.X[:150], 2, axis=0), np.repeat(neighbor_request.y[:150], 2)
    request = replaced(neighbor_request, X=X, y=y, X_test=X[::2] + 0.01)
    assert_like_the_plain_loop(KNeighborsClassifier(1), request)
    assert sum(map(len, doubts)) == 0


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_rows_that_run_short_are_predicted_by_the_fold_itself(neighbor_request, doubts, monkeypatch, metric):
    monkeypatch.setattr(neighbors, "SPARE", -1)
    for weights in ("uniform", "distance"):
        assert_like_the_plain_loop(KNeighborsClassifier(5, weights=weights, metric=metric), neighbor_request)
    assert 0 < sum(map(len, doubts)) < 700


def test_ties_that_go_on_beyond_what_was_found_are_predicted_by_the_fold_itself(neighbor_request, doubts):
    # All rows at one place: the search of all rows ends among the first, that of the folds among the last.
    splits = [(train[::-1], held_out) for train, held_out in neighbor_request.folds.splits]
    request = replaced(
        neighbor_request, X=np.zeros((300, 30)), y=np.repeat(["a", "b"], 150), folds=Folds(300, splits)
    )
    assert_like_the_plain_loop(KNeighborsClassifier(3, metric="manhattan"), request)
    assert set(map(len, doubts)) == {70}


@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_squared_distances_are_as_exact_as_their_bounds(neighbor_request, shift):
    X, X_test = neighbor_request.X + shift, neighbor_request.X[:70] + shift + 1e-9
    request = replaced(neighbor_request, X=X, X_test=X_test)
    whole = KNeighborsClassifier(3, algorithm="brute")
    rounding = neighbors._rounding(clone(whole).fit(X, neighbor_request.y), X, X_test)
    search = neighbors._search(whole, rounding, request)
    exact = ((X_test[:, np.newaxis].astype(np.longdouble) - X[search.indices]) ** 2).sum(axis=2)
    off = np.abs(search.measured - exact)
    assert (off <= search.errors).all()
    assert (search.errors < 1e-8 * (1 + shift) ** 2).all()
    if shift:
        assert off.max() > 1e-13


def test_distances_without_digits_make_no_weights(neighbor_request, doubts):
    request = replaced(
        neighbor_request,
        X=neighbor_request.X + 10,
        X_test=np.vstack([neighbor_request.X[:35], neighbor_request.X_test[35:]]) + 10,
    )
    fit_neighbors(KNeighborsClassifier(weights="distance"), request)
    assert len(doubts) == 5
    for rows, (train, _) in zip(doubts, neighbor_request.folds.splits, strict=True):
        assert rows == [row for row in range(35) if row in train]


def test_the_winner_of_a_tied_vote_is_predicted_by_the_fold_itself(neighbor_request, doubts):
    X = np.repeat(np.arange(300.0)[:, np.newaxis], 20, axis=1)
    request = replaced(
        neighbor_request, X=X, y=np.tile(["a", "b"], 150), method="predict", X_test=X[5:8] + 0.5
    )
    estimator = KNeighborsClassifier(2, weights="distance", metric="manhattan")
    assert_like_the_plain_loop(estimator, request)
    assert max(map(len, doubts)) == 3


def test_a_class_missing_in_a_training_part_is_no_obstacle(neighbor_request):
    y = neighbor_request.y.copy()
    y[neighbor_request.folds.splits[0][1]] = "d"
    batched, _ = assert_like_the_plain_loop(KNeighborsClassifier(), replaced(neighbor_request, y=y))
    assert [prediction.shape[1] for prediction in batched.test] == [3, 4, 4, 4, 4]


@pytest.mark.parametrize(
    ("params", "changes"),
    [
        ({"weights": lambda distances: distances < 1}, {}),
        ({"metric": lambda a, b: abs(a - b).max()}, {}),
        ({"metric": "hamming"}, {}),
        ({"metric": "precomputed"}, {}),
        ({"metric": "seuclidean"}, {}),
        ({"p": 0.5, "algorithm": "brute"}, {}),
        ({"p": 40}, {}),
        ({"n_neighbors": 241}, {}),
        ({"n_neighbors": 2.0}, {}),
        ({}, {"X_test": None}),
        ({}, {"X_test": np.zeros((0, 30))}),
        ({}, {"X_test": np.zeros((70, 30), dtype=np.float32)}),
        ({}, {"sample_weight": np.ones(300)}),
        ({}, {"method": "decision_function"}),
        ({}, {"folds": make_folds(np.arange(300), scheme="kfold", n_splits=2)}),
        ({}, {"folds": make_folds(np.arange(300), scheme="forward", n_splits=2)}),
        ({"algorithm": "kd_tree"}, {"X_test": np.zeros((1, 30))}),
    ],
)
@pytest.mark.filterwarnings("ignore:Mind that for 0 < p < 1")
def test_what_is_not_certain_or_gains_nothing_is_left_to_the_plain_loop(neighbor_request, params, changes):
    assert fit_neighbors(KNeighborsClassifier(**params), replaced(neighbor_request, **changes)) is None


def test_repeated_training_rows_are_left_to_the_plain_loop(neighbor_request):
    splits = [(np.r_[train, train[:1]], held_out) for train, held_out in neighbor_request.folds.splits]
    request = replaced(neighbor_request, folds=Folds(300, splits))
    assert fit_neighbors(KNeighborsClassifier(), request) is None


def test_both_types_are_registered():
    assert set(BATCHED) == {KNeighborsClassifier, KNeighborsRegressor}
