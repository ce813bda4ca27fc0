"""Linear estimators on all folds at once: equal to the plain loop, or left to it."""

import copy
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy.linalg import LinAlgWarning
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from stackit import Folds, make_folds
from stackit.batched_fits import scaled_pipeline
from stackit.batched_fits.api import BatchedRequest, held_out_parts
from stackit.batched_fits.linear import dual, estimators, primal
from stackit.batched_fits.linear.least_squares import LeastSquares
from stackit.batched_fits.scaling import fit_scalers

BATCHED = {**estimators.BATCHED, **scaled_pipeline.BATCHED}


def batch(estimator, request):
    return BATCHED[type(estimator)](estimator, request)


def last_of(estimator):
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def fitted_plainly(estimator, request, train):
    params = {}
    if request.sample_weight is not None:
        step = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
        params[f"{step}sample_weight"] = request.sample_weight[train]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)
        return clone(estimator).fit(request.X[train], request.y[train], **params)


def assert_close(got, expected, size=0.0, rtol=1e-9):
    got, expected = np.asarray(got, dtype=float), np.asarray(expected, dtype=float)
    assert got.shape == expected.shape
    size = max(size, np.abs(expected).max(initial=0.0))
    assert np.abs(got - expected).max(initial=0.0) <= rtol * size


def assert_same_attributes(batched, plain, size):
    assert type(batched) is type(plain)
    assert set(vars(batched)) == set(vars(plain))
    for name, value in vars(plain).items():
        got = getattr(batched, name)
        if name == "steps":
            for (_, one), (_, other) in zip(got, value, strict=True):
                assert_same_attributes(one, other, size)
        elif name == "_label_binarizer":
            assert_same_attributes(got, value, size)
        elif isinstance(value, np.ndarray | np.floating) and np.asarray(value).dtype.kind == "f":
            assert_close(got, value, size if name == "intercept_" else 0.0)
        else:
            assert type(got) is type(value), name
            assert np.array_equal(got, value), name


def assert_like_the_loop(estimator, request, attributes=True):
    """Compare with the plain loop; False if the batched fit declines."""
    before = copy.deepcopy(estimator)
    batched = batch(estimator, request)
    assert repr(estimator) == repr(before)
    assert vars(last_of(estimator)).keys() == vars(last_of(before)).keys()
    if batched is None:
        return False
    assert len(batched.estimators) == len(request.folds.splits)
    for split, (train, held_out) in enumerate(request.folds.splits):
        plain, one = fitted_plainly(estimator, request, train), batched.estimators[split]
        size = np.abs(request.y).max() if request.y.dtype.kind == "f" else 1.0
        if attributes:
            assert_same_attributes(one, plain, size)
        for given_predictions, X in ((batched.held_out, request.X[held_out]), (batched.test, request.X_test)):
            expected, own = getattr(plain, request.method)(X), getattr(one, request.method)(X)
            for prediction in (own,) if given_predictions is None else (own, given_predictions[split]):
                if expected.dtype.kind == "f":
                    assert_close(prediction, expected, size)
                else:
                    assert np.array_equal(prediction, expected)
    return True


def table(rng, n, d, oddity=None, held_out=None):
    X = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-1, 1, d)
    if oddity == "offset":
        X += 1e6
    if oddity == "duplicated":
        X[:, -1] = X[:, 0]
    if oddity == "nearly constant":
        X[:, -1] = 3.0 + 1e-7 * rng.normal(size=n)
    if oddity == "constant in training":
        X[:, -1] = 0.0
        X[held_out, -1] = rng.normal(size=len(held_out))
    if oddity == "constant":
        X[:, -1] = 0.1
    return X


def uneven(rng, n, n_splits, n_repeats):
    """Folds of unequal sizes."""
    splits = []
    for _ in range(n_repeats):
        fold = np.concatenate(
            [np.repeat(np.arange(n_splits), 2), rng.integers(0, n_splits, n - 2 * n_splits)]
        )
        rng.shuffle(fold)
        splits += [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_splits)]
    return Folds(n, tuple(splits))


ODDITIES = ["offset", "duplicated", "nearly constant", "constant in training", "constant"]


@st.composite
def requests(draw, kind, oddities=(None,)):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.sampled_from([(60, 1), (60, 6), (90, 20), (30, 70)]))
    folds = uneven(rng, n, draw(st.integers(2, 5)), draw(st.integers(1, 2)))
    X = table(rng, n, d, draw(st.sampled_from(oddities)), folds.splits[0][1])
    signal = (X - X.mean(axis=0)) @ rng.normal(size=(d, 3)) / (X.std() * d) + rng.normal(size=(n, 3))
    t = draw(st.sampled_from([1, 3]))
    y = signal[:, 0] if t == 1 else signal
    if kind == "class":
        y = np.array(["a", "b", "c"])[np.arange(n) % (t + 1 if t == 1 else 3)][rng.permutation(n)]
    weight = rng.integers(0, 4, n) * rng.uniform(0.5, 1, n) if draw(st.booleans()) else None
    X_test = X[rng.permutation(n)[:9]] + 0.1
    method = draw(st.sampled_from(["decision_function", "predict"])) if kind == "class" else "predict"
    return BatchedRequest(X, y, folds, method, weight, X_test)


@st.composite
def penalties(draw, request):
    alpha = draw(st.sampled_from([0.01, 1.0, 30.0, "several"]))
    t = 1 if request.y.ndim == 1 else 3
    if request.y.dtype.kind == "U":
        t = len(np.unique(request.y)) if len(np.unique(request.y)) > 2 else 1
    return np.array([0.1, 1.0, 10.0][:t]) if alpha == "several" else alpha


def with_scaler(draw, estimator):
    if not draw(st.booleans()):
        return estimator
    return make_pipeline(
        StandardScaler(with_mean=draw(st.booleans()), with_std=draw(st.booleans())), estimator
    )


def is_ordinary(estimator, request):
    """Whether a request must not be declined."""
    wide = request.X.shape[1] > len(request.X)
    last = last_of(estimator)
    if isinstance(last, LinearRegression):
        return not wide
    stays_dual = last is estimator and getattr(last, "class_weight", None) != "balanced"
    return stays_dual or not wide


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_ridge_on_ordinary_tables_equals_the_loop(data):
    request = data.draw(requests("number"))
    estimator = with_scaler(
        data.draw,
        Ridge(
            alpha=data.draw(penalties(request)),
            fit_intercept=data.draw(st.booleans()),
            solver=data.draw(st.sampled_from(["auto", "cholesky", "svd"])),
        ),
    )
    assert assert_like_the_loop(estimator, request) or not is_ordinary(estimator, request)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_ridge_classifier_on_ordinary_tables_equals_the_loop(data):
    request = data.draw(requests("class"))
    estimator = with_scaler(
        data.draw,
        RidgeClassifier(
            alpha=data.draw(penalties(request)),
            fit_intercept=data.draw(st.booleans()),
            class_weight=data.draw(st.sampled_from([None, "balanced", {"a": 2.5, "b": 0.5}])),
        ),
    )
    assert assert_like_the_loop(estimator, request) or not is_ordinary(estimator, request)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_linear_regression_on_ordinary_tables_equals_the_loop(data):
    request = data.draw(requests("number"))
    if request.sample_weight is not None:
        request = replace(request, sample_weight=request.sample_weight + 0.1)
    estimator = with_scaler(data.draw, LinearRegression(fit_intercept=data.draw(st.booleans())))
    train = min(len(train) for train, _ in request.folds.splits)
    enough = train > 2 * request.X.shape[1]
    assert assert_like_the_loop(estimator, request) or not (is_ordinary(estimator, request) and enough)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_odd_tables_equal_the_loop_or_are_declined(data):
    kind = data.draw(st.sampled_from(["number", "class"]))
    request = data.draw(requests(kind, ODDITIES))
    intercept = data.draw(st.booleans())
    estimators = [RidgeClassifier(fit_intercept=intercept)]
    if kind == "number":
        estimators = [Ridge(alpha=0.1, fit_intercept=intercept), LinearRegression(fit_intercept=intercept)]
    estimator = with_scaler(data.draw, data.draw(st.sampled_from(estimators)))
    # How a solution splits into coefficients and intercept depends on rounding in the plain loop as well.
    event(f"{'batched' if assert_like_the_loop(estimator, request, attributes=False) else 'declined'}")


@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("d", [6, 70])
def test_odd_columns_are_no_reason_to_decline_a_ridge_with_intercept(oddity, d):
    rng = np.random.default_rng(3)
    folds = uneven(rng, 60, 4, 2)
    X = table(rng, 60, d, oddity, folds.splits[0][1])
    X = np.round(X, 9) if oddity != "offset" else 1e6 + 10 * (X - 1e6)
    request = BatchedRequest(X, rng.normal(size=60), folds, "predict", None, X[:5] + 1.0)
    assert assert_like_the_loop(Ridge(), request)
    if d == 6:
        assert assert_like_the_loop(make_pipeline(StandardScaler(), Ridge()), request)


def ordinary(kind="number", n=60, d=5, **changes):
    rng = np.random.default_rng(0)
    y = rng.normal(size=n) if kind == "number" else np.arange(n) % 3
    folds = make_folds(np.arange(n), scheme="kfold", n_splits=4, random_state=0)
    X = rng.normal(size=(n, d))
    method = "predict" if kind == "number" else "decision_function"
    return replace(BatchedRequest(X, y, folds, method, X_test=X[:7] + 1.0), **changes)


@pytest.mark.parametrize(
    "labels", [[False, True], [1.0, 2.0, -1.0], ["b", "a"], np.array(["x", "y", "z"], dtype=object)]
)
@pytest.mark.parametrize("method", ["predict", "decision_function"])
def test_labels_of_any_type(labels, method):
    y = np.asarray(labels)[np.arange(60) % len(labels)]
    request = ordinary("class", y=y, method=method)
    batched = batch(RidgeClassifier(), request)
    for one, prediction, (train, held_out) in zip(
        batched.estimators, batched.held_out, request.folds.splits, strict=True
    ):
        plain = RidgeClassifier().fit(request.X[train], y[train])
        assert_same_attributes(one, plain, 1.0)
        expected = getattr(plain, method)(request.X[held_out])
        assert prediction.dtype == expected.dtype
        assert np.array_equal(one.predict(request.X), plain.predict(request.X))
        assert (
            np.array_equal(prediction, expected) if method == "predict" else np.allclose(prediction, expected)
        )


@pytest.mark.parametrize("method", ["predict", "decision_function"])
@pytest.mark.parametrize("d", [5, 90])
def test_several_labels_per_row(method, d):
    y = np.random.default_rng(1).integers(0, 2, size=(60, 3))
    assert assert_like_the_loop(RidgeClassifier(), ordinary("class", d=d, y=y, method=method))


@pytest.mark.parametrize("d", [5, 90])
@pytest.mark.parametrize("estimator", [Ridge(), RidgeClassifier()], ids=["ridge", "classifier"])
def test_float32_tables_are_computed_in_float64(estimator, d):
    double = ordinary("class" if isinstance(estimator, RidgeClassifier) else "number", d=d)
    single = replace(double, X=double.X.astype(np.float32), X_test=double.X_test.astype(np.float32))
    double = replace(double, X=single.X.astype(np.float64))
    batched = batch(estimator, single)
    for split, (train, held_out) in enumerate(single.folds.splits):
        exact, rough = (fitted_plainly(estimator, request, train) for request in (double, single))
        assert batched.estimators[split].coef_.dtype == np.float64
        assert_close(batched.estimators[split].coef_, exact.coef_)
        prediction = batched.held_out[split]
        assert_close(prediction, getattr(exact, single.method)(double.X[held_out]))
        assert_close(prediction, getattr(rough, single.method)(single.X[held_out]), rtol=1e-4)


@pytest.mark.parametrize(
    "estimator",
    [Ridge(), LinearRegression(), RidgeClassifier(), make_pipeline(StandardScaler(), RidgeClassifier())],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimators_are_real_and_survive_pickling(estimator):
    request = ordinary("class")
    for one in batch(estimator, replace(request, method="predict")).estimators:
        check_is_fitted(one)
        again = pickle.loads(pickle.dumps(one))
        assert np.array_equal(again.predict(request.X), one.predict(request.X))
        refitted = clone(one).fit(request.X, request.y)
        assert refitted.n_features_in_ == one.n_features_in_ == 5


def test_without_a_test_table_there_are_no_test_predictions():
    assert batch(Ridge(), ordinary(X_test=None)).test is None


def test_integer_and_boolean_targets():
    for y in (np.arange(60) % 7, np.arange(60) % 2 == 0, np.arange(60).astype(np.float32)):
        assert assert_like_the_loop(Ridge(), ordinary(y=y))
        assert assert_like_the_loop(LinearRegression(), ordinary(y=y))


def test_without_memory_for_products_the_kernel_serves(monkeypatch):
    rng = np.random.default_rng(0)
    request = ordinary(d=40, folds=uneven(rng, 60, 10, 1))
    monkeypatch.setattr(estimators, "SMALL_TABLE", 0)
    monkeypatch.setattr(estimators, "solve_primal", None)
    assert assert_like_the_loop(Ridge(), request)
    assert batch(make_pipeline(StandardScaler(), Ridge()), request) is None


DECLINED = {
    "sparse_cg": (Ridge(solver="sparse_cg"), {}),
    "lsqr": (RidgeClassifier(solver="lsqr"), {"kind": "class"}),
    "sag": (Ridge(solver="sag"), {}),
    "saga": (Ridge(solver="saga"), {}),
    "positive ridge": (Ridge(positive=True), {}),
    "positive regression": (LinearRegression(positive=True), {}),
    "no penalty": (Ridge(alpha=0.0), {}),
    "negative penalty": (Ridge(alpha=-1.0), {}),
    "infinite penalty": (Ridge(alpha=np.inf), {}),
    "penalties of other targets": (Ridge(alpha=np.ones(2)), {}),
    "penalty of no number": (Ridge(alpha="1"), {}),
    "tiny penalty, wide": (Ridge(alpha=1e-12), {"d": 90}),
    "unknown solver": (Ridge(solver="other"), {}),
    "bad tolerance": (Ridge(tol=-1.0), {}),
    "intercept of no truth value": (Ridge(fit_intercept=1), {}),
    "wide regression": (LinearRegression(), {"d": 90}),
    "nearly wide regression": (LinearRegression(), {"d": 45}),
    "regression that may drop directions": (LinearRegression(tol=0.5), {}),
    "negative weights": (Ridge(), {"sample_weight": np.r_[-1.0, np.ones(59)]}),
    "whole numbers in X": (Ridge(), {"X": np.arange(300).reshape(60, 5)}),
    "half precision": (Ridge(), {"X": np.ones((60, 5), dtype=np.float16)}),
    "half precision test": (Ridge(), {"X_test": np.ones((6, 5), dtype=np.float16)}),
    "a column of targets": (Ridge(), {"y": np.ones((60, 1))}),
    "text targets": (Ridge(), {"y": np.full(60, "a")}),
    "one class": (RidgeClassifier(), {"kind": "class", "y": np.zeros(60)}),
    "rare class": (RidgeClassifier(), {"kind": "class", "y": np.r_[2, np.arange(59) % 2]}),
    "numbers for labels": (RidgeClassifier(), {"kind": "class", "y": np.ones((60, 3)) * 2}),
    "negative class weight": (RidgeClassifier(class_weight={0: -1.0}), {"kind": "class"}),
    "class weights of several labels": (
        RidgeClassifier(class_weight="balanced"),
        {"kind": "class", "y": np.arange(180).reshape(60, 3) % 2},
    ),
    "balanced, wide": (RidgeClassifier(class_weight="balanced"), {"kind": "class", "d": 90}),
    "scaled, wide": (make_pipeline(StandardScaler(), Ridge()), {"d": 90}),
    "other scaler": (make_pipeline(RobustScaler(), Ridge()), {}),
    "other estimator": (make_pipeline(StandardScaler(), StandardScaler()), {}),
    "three steps": (make_pipeline(StandardScaler(), StandardScaler(), Ridge()), {}),
    "memory": (Pipeline([("scale", StandardScaler()), ("ridge", Ridge())], memory="cache"), {}),
    "verbose": (Pipeline([("scale", StandardScaler()), ("ridge", Ridge())], verbose=True), {}),
    "in place": (make_pipeline(StandardScaler(copy=False), Ridge()), {}),
    "with_mean of no truth value": (make_pipeline(StandardScaler(with_mean=1), Ridge()), {}),
}


@pytest.mark.parametrize("name", DECLINED)
def test_declined(name):
    estimator, changes = DECLINED[name]
    assert batch(estimator, ordinary(**changes)) is None


def test_folds_that_are_no_partition_are_declined():
    folds = make_folds(np.arange(60), scheme="forward", n_splits=3)
    for estimator in (Ridge(), LinearRegression(), make_pipeline(StandardScaler(), Ridge())):
        assert batch(estimator, ordinary(folds=folds)) is None


def test_a_training_part_without_weight_is_declined():
    for d in (5, 90):
        request = ordinary(d=d)
        weight = np.zeros(60)
        weight[request.folds.splits[0][1]] = 1.0
        assert batch(Ridge(), replace(request, sample_weight=weight)) is None


def test_ill_conditioned_regression_is_declined():
    request = ordinary()
    for X in (
        np.column_stack([request.X, request.X[:, 0]]),
        np.column_stack([request.X, request.X[:, 0] + 1e-7 * request.X[:, 1]]),
        np.column_stack([request.X, np.ones(60)]),
        request.X * np.array([1, 1, 1, 1, 1e-7]),
        table(np.random.default_rng(0), 60, 5, "constant in training", request.folds.splits[1][1]),
    ):
        assert batch(LinearRegression(), replace(request, X=X, X_test=None)) is None


def test_columns_too_far_from_zero_are_declined_unless_they_are_centred():
    request = ordinary()
    far = replace(request, X=request.X + 1e8, X_test=None)
    assert batch(Ridge(), far) is None
    assert batch(make_pipeline(StandardScaler(with_mean=False), Ridge()), far) is None
    assert batch(make_pipeline(StandardScaler(), Ridge()), far) is not None


def test_labels_that_depend_on_rounding_are_declined():
    folds = make_folds(np.arange(60) % 3, n_splits=4, random_state=0)
    request = ordinary("class", X=np.full((60, 5), 0.1), X_test=np.full((2, 5), 0.1), folds=folds)
    estimator = RidgeClassifier(fit_intercept=False)
    assert batch(estimator, request) is not None
    assert batch(estimator, replace(request, method="predict")) is None


def test_a_tiny_penalty_on_duplicated_columns_is_declined():
    request = ordinary()
    X = np.column_stack([request.X, request.X[:, 0]])
    assert batch(Ridge(alpha=1e-9), replace(request, X=X, X_test=None)) is None
    assert batch(Ridge(alpha=1e-3), replace(request, X=X, X_test=None)) is not None


def test_weights_behind_a_scaler_are_declined_when_metadata_is_routed():
    request = ordinary(sample_weight=np.ones(60))
    pipeline = make_pipeline(StandardScaler(), Ridge())
    assert batch(pipeline, request) is not None
    with config_context(enable_metadata_routing=True):
        assert batch(pipeline, request) is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, *ODDITIES]), st.booleans(), st.booleans())
def test_scalers_equal_those_fitted_plainly(seed, oddity, with_mean, with_std):
    rng = np.random.default_rng(seed)
    folds = uneven(rng, 50, 4, 2)
    X = table(rng, 50, 4, oddity, folds.splits[0][1])
    scaler = StandardScaler(with_mean=with_mean, with_std=with_std)
    for one, (train, _) in zip(fit_scalers(scaler, X, held_out_parts(folds)), folds.splits, strict=True):
        plain = clone(scaler).fit(X[train])
        assert set(vars(one)) == set(vars(plain))
        assert type(one.n_samples_seen_) is type(plain.n_samples_seen_)
        assert one.n_samples_seen_ == plain.n_samples_seen_
        for name in ("mean_", "var_", "scale_"):
            expected = getattr(plain, name)
            if expected is None:
                assert getattr(one, name) is None
            else:
                np.testing.assert_allclose(getattr(one, name), expected, rtol=1e-9, atol=1e-15)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_both_ways_agree_where_both_are_open(seed, weighted, intercept):
    rng = np.random.default_rng(seed)
    folds = uneven(rng, 40, 4, 2)
    weight = rng.integers(0, 3, 40) + 0.0 if weighted else None
    problem = LeastSquares(
        rng.normal(size=(40, 30)), rng.normal(size=(40, 2)), np.array([0.5, 2.0]), intercept, weight=weight
    )
    parts = held_out_parts(folds)
    one, other = primal.solve_primal(problem, parts), dual.solve_dual(problem, parts)
    for a, b in zip(one.held_out, other.held_out, strict=True):
        assert_close(a, b, size=1.0)


@pytest.mark.parametrize(("solve", "alpha"), [(primal.solve_primal, 0.0), (dual.solve_dual, 1e-6)])
def test_a_line_is_continued_over_the_part_left_out(solve, alpha):
    X, parts = np.array([[0.0], [1.0], [2.0], [3.0]]), [np.array([0, 1]), np.array([2, 3])]
    solved = solve(LeastSquares(X, 2 * X, np.full(1, alpha), has_intercept=True), [parts])
    np.testing.assert_allclose(np.ravel(solved.held_out), [0.0, 2.0, 4.0, 6.0], atol=5e-5 if alpha else 1e-12)
