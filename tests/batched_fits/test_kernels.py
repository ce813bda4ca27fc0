"""Support vector machines and kernel ridge regression on all folds at once, against the plain loop."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.kernel_ridge import KernelRidge
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from stackit import Folds, make_folds
from stackit.batched_fits.api import BatchedRequest
from stackit.batched_fits.kernels import kernel_ridge, svm
from stackit.engine.threads import single_threaded

FORGIVING = settings(max_examples=20, deadline=None)
BATCHED = svm.BATCHED | kernel_ridge.BATCHED


def unequal_folds(n, n_splits, n_repeats, rng):
    splits = []
    for _ in range(n_repeats):
        fold_of = rng.permutation(np.r_[:n_splits, rng.integers(n_splits, size=n - n_splits)])
        for fold in range(n_splits):
            splits.append((np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)))
    return Folds(n, splits)


@st.composite
def requests(draw, classify, n_splits):
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    n, d, m = draw(st.integers(40, 90)), draw(st.integers(1, 20)), draw(st.integers(1, 30))
    X = rng.normal(size=(n + m, d)) if draw(st.booleans()) else rng.integers(4, size=(n + m, d)).astype(float)
    X = X[rng.integers(n // 2, size=n + m)] if draw(st.booleans()) else X
    folds = unequal_folds(n, draw(n_splits), draw(st.integers(1, 2)), rng)
    weight = rng.uniform(0.1, 2, size=n) if draw(st.booleans()) else None
    if classify:
        labels = np.array(["a", "b", "c", "d"])[: draw(st.integers(2, 4))]
        y, method = labels[rng.permutation(n) % len(labels)], "decision_function"
    else:
        y, method = rng.normal(size=n), "predict"
    return BatchedRequest(X[:n], y, folds, method, weight, X[n:])


def fit_plainly(estimator, request):
    weights = request.sample_weight
    return [
        clone(estimator).fit(request.X[train], request.y[train], None if weights is None else weights[train])
        for train, _ in request.folds.splits
    ]


def assert_near(prediction, expected):
    assert prediction.shape == expected.shape
    np.testing.assert_allclose(prediction, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def assert_like_the_plain_loop(estimator, request):
    with single_threaded():
        batched, plain = BATCHED[type(estimator)](estimator, request), fit_plainly(estimator, request)
    assert batched is not None
    for i, (one, (_, held_out)) in enumerate(zip(plain, request.folds.splits, strict=True)):
        assert_near(batched.held_out[i], getattr(one, request.method)(request.X[held_out]))
        assert_near(batched.test[i], getattr(one, request.method)(request.X_test))
    return batched, plain


def assert_equal_attributes(one, plain):
    """Everything learnt, public or not, is the same to the last bit."""
    assert type(one) is type(plain)
    assert vars(one).keys() == vars(plain).keys()
    for name, value in vars(plain).items():
        mine = vars(one)[name]
        assert type(mine) is type(value), name
        np.testing.assert_array_equal(mine, value, err_msg=name)
        assert getattr(mine, "dtype", None) == getattr(value, "dtype", None), name


LIBSVM = st.fixed_dictionaries(
    {
        "kernel": st.sampled_from(["rbf", "rbf", "linear"]),
        "gamma": st.sampled_from(["scale", "scale", "auto", 0.3]),
        "shrinking": st.booleans(),
    }
)


@FORGIVING
@given(
    request=requests(classify=True, n_splits=st.integers(2, 6)),
    params=LIBSVM,
    C=st.sampled_from([0.1, 1.0, 10.0]),
    class_weight=st.sampled_from([None, "balanced"]),
    shape=st.sampled_from(["ovr", "ovo"]),
)
def test_support_vector_classifiers_are_those_of_the_plain_loop(request, params, C, class_weight, shape):
    estimator = SVC(**params, C=C, class_weight=class_weight, decision_function_shape=shape)
    batched, plain = assert_like_the_plain_loop(estimator, request)
    for one, expected in zip(batched.estimators, plain, strict=True):
        assert_equal_attributes(one, expected)


@FORGIVING
@given(
    request=requests(classify=False, n_splits=st.integers(2, 6)),
    params=LIBSVM,
    estimator=st.sampled_from([SVR(), SVR(C=10, epsilon=0.5), SVR(epsilon=9), NuSVR(), NuSVR(nu=0.2)]),
)
def test_support_vector_regressors_are_those_of_the_plain_loop(request, params, estimator):
    estimator = clone(estimator).set_params(**params)
    batched, plain = assert_like_the_plain_loop(estimator, request)
    for one, expected in zip(batched.estimators, plain, strict=True):
        assert_equal_attributes(one, expected)


@FORGIVING
@given(
    request=requests(classify=False, n_splits=st.integers(3, 6)),
    n_outputs=st.integers(0, 3),
    alpha=st.sampled_from([0.01, 1, 10.0]),
    kernel_name=st.sampled_from(["rbf", "linear", "laplacian", "cosine"]),
)
def test_kernel_ridge_is_that_of_the_plain_loop(request, n_outputs, alpha, kernel_name):
    if n_outputs:
        y = np.column_stack([request.y * (1 + i) + i for i in range(n_outputs)])
        request = replaced(request, y=y)
    sizes = [len(train) / len(request.X) for train, _ in request.folds.splits]
    estimator = KernelRidge(alpha=alpha, kernel=kernel_name)
    if sum(size**3 for size in sizes) < kernel_ridge.MIN_GAIN:
        assert kernel_ridge.fit_kernel_ridge(estimator, request) is None
        return
    batched, plain = assert_like_the_plain_loop(estimator, request)
    for one, expected in zip(batched.estimators, plain, strict=True):
        assert vars(one).keys() == vars(expected).keys()
        np.testing.assert_array_equal(one.X_fit_, expected.X_fit_)
        assert_near(one.dual_coef_, expected.dual_coef_)


@pytest.fixture
def kernel_request():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 12))
    y = np.array(["a", "b", "c"])[(X[:, :3] + rng.normal(size=(240, 3))).argmax(axis=1)]
    folds = make_folds(y, n_splits=5, random_state=0)
    return BatchedRequest(X, y, folds, "decision_function", X_test=rng.normal(size=(30, 12)))


def replaced(request, **changes):
    return BatchedRequest(**(vars(request) | changes))


def as_regression(request):
    return replaced(request, y=request.X @ np.arange(12.0), method="predict")


ESTIMATORS = [SVC(), NuSVC(nu=0.3), SVR(), NuSVR(), SVC(kernel="linear"), KernelRidge(kernel="rbf")]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ordinary_cases_are_batched_and_can_be_pickled(kernel_request, estimator, dtype):
    request = kernel_request if is_classifier(estimator) else as_regression(kernel_request)
    if dtype == np.float32 and isinstance(estimator, KernelRidge):
        pytest.skip("it works in single precision then, and declines")
    request = replaced(request, X=request.X.astype(dtype), X_test=request.X_test.astype(dtype))
    batched, plain = assert_like_the_plain_loop(estimator, request)
    assert not hasattr(estimator, "dual_coef_")
    for one, expected in zip(batched.estimators, plain, strict=True):
        again, new = pickle.loads(pickle.dumps(one)), request.X_test + dtype(0.1)
        assert_near(getattr(again, request.method)(new), getattr(expected, request.method)(new))
        np.testing.assert_array_equal(getattr(one, "support_", 0), getattr(expected, "support_", 0))
        assert clone(one).get_params() == estimator.get_params()


def test_a_large_request_does_not_call_libsvm_again(kernel_request, monkeypatch):
    monkeypatch.setattr(SVC, "_dense_decision_function", lambda *_: pytest.fail("called libsvm again"))
    assert svm.fit_svm(SVC(), kernel_request) is not None


def test_decisions_of_doubtful_sign_are_taken_by_the_estimator(kernel_request):
    # Two classes mirrored in 0: the decision there is 0 up to rounding.
    X = np.vstack([kernel_request.X, -kernel_request.X])
    y = np.repeat(["a", "b"], 240)
    mirrored = [np.flatnonzero(np.arange(480) % 240 % 4 == fold) for fold in range(4)]
    folds = Folds(480, [(np.setdiff1d(np.arange(480), part), part) for part in mirrored])
    request = replaced(kernel_request, X=X, y=y, folds=folds, X_test=np.zeros((3, 12)))
    batched = svm.fit_svm(SVC(), request)
    for one, prediction in zip(batched.estimators, batched.test, strict=True):
        np.testing.assert_array_equal(prediction, one.decision_function(request.X_test))


def test_values_at_the_edge_of_single_precision_are_libsvms(kernel_request, monkeypatch):
    # With an error bound this wide many values are in doubt: all of them must come out as libsvm's.
    unit = 1e-8
    products = svm.InnerProducts.of
    monkeypatch.setattr(
        svm.InnerProducts, "of", lambda X: svm.InnerProducts(**(vars(products(X)) | {"unit": unit}))
    )
    monkeypatch.setattr(svm, "MAX_KERNEL_ERROR", 1.0)
    batched, plain = assert_like_the_plain_loop(SVC(), kernel_request)
    for one, expected in zip(batched.estimators, plain, strict=True):
        assert_equal_attributes(one, expected)


@pytest.mark.parametrize("name", ["rbf", "linear"])
def test_single_values_are_to_the_last_bit_those_of_all(kernel_request, name):
    products = svm.InnerProducts.of(np.ascontiguousarray(kernel_request.X))
    out, train = np.empty((240, 240)), np.arange(240)
    svm._fill(out, name, 0.1, products, train)
    exact = [[svm._exact_value(name, 0.1, products, i, j) for j in train] for i in train]
    np.testing.assert_array_equal(out.astype(np.float32), np.asarray(exact, dtype=np.float32))


@pytest.mark.parametrize("name", ["rbf", "linear"])
def test_another_order_of_summation_makes_no_other_kernel(kernel_request, name):
    products = svm.InnerProducts.of(np.ascontiguousarray(kernel_request.X))
    train, out, noisy = np.arange(240), np.empty((240, 240)), np.empty((240, 240))
    svm._fill(out, name, 0.1, products, train)
    noise = 1 + 1e-10 * np.random.default_rng(0).uniform(-1, 1, size=(240, 240))
    table = products.table * noise
    np.fill_diagonal(table, products.squares)
    svm._fill(noisy, name, 0.1, svm.InnerProducts(products.X, table, products.squares, 1e-9), train)
    assert not np.array_equal(out, noisy)
    np.testing.assert_array_equal(out.astype(np.float32), noisy.astype(np.float32))


@pytest.mark.parametrize(
    ("params", "changes"),
    [
        ({"kernel": "poly"}, {}),
        ({"kernel": "sigmoid"}, {}),
        ({"kernel": "precomputed"}, {}),
        ({"kernel": lambda a, b: a @ b.T}, {}),
        ({"probability": True}, {}),
        ({"gamma": 0.0}, {}),
        ({"gamma": 1e5}, {}),
        ({}, {"method": "predict"}),
        ({}, {"sample_weight": np.arange(240.0)}),
        ({}, {"y": np.repeat(["a", "b"], [1, 239]), "folds": Folds(240, [([1, 2], [0]), ([0, 1], [2])])}),
    ],
)
def test_support_vector_machines_decline(kernel_request, params, changes):
    assert svm.fit_svm(SVC(**params), replaced(kernel_request, **changes)) is None


@pytest.mark.parametrize(
    ("params", "changes"),
    [
        ({"kernel": "sigmoid"}, {}),
        ({"kernel": lambda a, b: a @ b}, {}),
        ({"alpha": 1e-9}, {}),
        ({"alpha": 0}, {}),
        ({"alpha": np.ones(1)}, {}),
        ({}, {"X_test": np.zeros((2, 12), dtype=np.float32)}),
        ({}, {"sample_weight": np.arange(240.0)}),
        ({}, {"folds": make_folds(np.arange(240), scheme="kfold", n_splits=2)}),
        ({}, {"folds": make_folds(np.arange(240), scheme="forward", n_splits=5)}),
    ],
)
def test_kernel_ridge_declines(kernel_request, params, changes):
    request = replaced(as_regression(kernel_request), **changes)
    assert kernel_ridge.fit_kernel_ridge(KernelRidge(**({"kernel": "rbf"} | params)), request) is None


def test_too_many_rows_are_left_to_the_plain_loop(kernel_request, monkeypatch):
    monkeypatch.setattr(svm, "MAX_ROWS", 239)
    monkeypatch.setattr(kernel_ridge, "MAX_ROWS", 239)
    assert svm.fit_svm(SVC(), kernel_request) is None
    assert kernel_ridge.fit_kernel_ridge(KernelRidge(kernel="rbf"), as_regression(kernel_request)) is None
