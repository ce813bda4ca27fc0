"""Discriminant analysis on all folds equals the plain loop, or is left to it."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.utils.validation import check_is_fitted

from stackit import Folds, make_folds
from stackit.batched_fits.api import BatchedRequest
from stackit.batched_fits.gaussian import lda, qda
from stackit.batched_fits.gaussian.whitening import whitening_of_scatter

LDA, QDA = LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
ORDINARY = [
    LDA(),
    LDA(store_covariance=True),
    LDA(n_components=1),
    LDA(solver="lsqr", shrinkage=0.1),
    LDA(solver="lsqr", shrinkage="auto"),
    LDA(solver="eigen", shrinkage=0.3),
    LDA(solver="eigen", shrinkage="auto"),
    QDA(reg_param=0.2, store_covariance=True),
    QDA(solver="eigen", shrinkage=0.3),
    QDA(solver="eigen", shrinkage="auto"),
]
METHODS = ("predict_proba", "decision_function", "predict")


def batched(estimator, X, y, folds, method="predict_proba", X_test=None, sample_weight=None):
    return (lda.BATCHED | qda.BATCHED)[type(estimator)](
        estimator, BatchedRequest(X, y, folds, method, sample_weight, X_test)
    )


def blobs(seed, n, d, n_classes, distance=2.0):
    rng = np.random.default_rng(seed)
    codes = np.concatenate(
        [np.repeat(np.arange(n_classes), 4), rng.integers(0, n_classes, n - 4 * n_classes)]
    )
    X = rng.normal(size=(n, d)) @ (np.eye(d) + 0.3 * rng.normal(size=(d, d)) / np.sqrt(d))
    X += rng.normal(size=(n_classes, d))[codes] * distance
    return X, np.array(["amber", "blue", "cyan", "dun", "ecru"])[codes]


def unequal(y, seed, n_splits):
    """Stratified folds of which one was dealt half of another."""
    parts = [held_out for _, held_out in make_folds(y, n_splits=n_splits, random_state=seed).splits]
    half = len(parts[0]) // 2
    parts = [parts[0][:half], np.append(parts[1], parts[0][half:]), *parts[2:]]
    return Folds(len(y), tuple((np.setdiff1d(np.arange(len(y)), part), part) for part in parts))


def close(found, expected, tolerance=1e-9):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if expected.dtype.kind not in "fc":
        assert (found == expected).all()
    else:
        assert np.abs(found - expected).max(initial=0) <= tolerance * max(
            1.0, np.abs(expected).max(initial=0)
        )


def agrees(estimator, X, y, folds, X_test, compared=None):
    """Assert that a batched fit is not declined, and that all its predictions are those of the plain loop."""
    before = pickle.dumps(estimator)
    table = X if compared is None else compared
    plains = [clone(estimator).fit(table[train], y[train]) for train, _ in folds.splits]
    for method in METHODS:
        result = batched(estimator, X, y, folds, method, X_test)
        assert result is not None
        for number, (plain, (_, held_out)) in enumerate(zip(plains, folds.splits, strict=True)):
            fitted = result.estimators[number]
            for given_predictions, rows in ((result.held_out, X[held_out]), (result.test, X_test)):
                close(getattr(fitted, method)(rows), getattr(plain, method)(rows))
                if given_predictions is not None:
                    close(given_predictions[number], getattr(plain, method)(rows))
    assert pickle.dumps(estimator) == before
    return result.estimators


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_classes=st.integers(2, 5),
    d=st.integers(1, 8),
    n_splits=st.integers(3, 5),
    given_priors=st.booleans(),
)
def test_more_rows_than_columns(estimator, seed, n_classes, d, n_splits, given_priors):
    X, y = blobs(seed, 30 * n_classes, d, n_classes)
    priors = np.arange(1.0, n_classes + 1) / np.arange(1, n_classes + 1).sum() if given_priors else None
    estimator = clone(estimator).set_params(priors=priors)
    agrees(estimator, X, y, unequal(y, seed, n_splits), blobs(seed + 1, 25, d, n_classes)[0])


@pytest.mark.parametrize("estimator", [e for e in ORDINARY if type(e) is LDA or e.shrinkage == 0.3], ids=str)
@settings(max_examples=4, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_classes=st.integers(2, 5),
    more=st.integers(5, 20),
    given_priors=st.booleans(),
)
def test_more_columns_than_rows(estimator, seed, n_classes, more, given_priors):
    n = 9 * n_classes
    X, y = blobs(seed, n, n + more, n_classes)
    priors = np.arange(1.0, n_classes + 1) / np.arange(1, n_classes + 1).sum() if given_priors else None
    estimator = clone(estimator).set_params(priors=priors)
    agrees(estimator, X, y, unequal(y, seed, 3), blobs(seed + 1, 25, n + more, n_classes)[0])


@pytest.mark.parametrize("shape", [(120, 5), (40, 90)])
def test_repeats_and_the_order_of_splits(shape):
    X, y = blobs(0, *shape, 3)
    agrees(LDA(), X, y, make_folds(y, n_splits=4, n_repeats=2, random_state=0), X[:9])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), wide=st.booleans())
def test_odd_columns_agree_or_are_declined(seed, wide):
    """Zeros, whole numbers, near constants, copies, offsets, and columns that only held-out rows fill."""
    rng = np.random.default_rng(seed)
    X, y = blobs(seed, 60, 90 if wide else 9, 3)
    folds = make_folds(y, n_splits=3, random_state=seed)
    held_out = folds.splits[0][1]
    odd = [
        np.zeros(60),
        np.full(60, 3.0),
        np.full(60, 0.1),
        1 + 1e-9 * rng.normal(size=60),
        X[:, 0],
        X[:, 0] + X[:, 1],
        X[:, 0] + 1e6,
        X[:, 1] + 1e3,
        np.where(np.isin(np.arange(60), held_out), X[:, 2], 0.0),
        np.where((y == "amber") & ~np.isin(np.arange(60), held_out), 0.0, X[:, 3]),
        X[:, 4] * 1e-8,
    ]
    chosen = rng.choice(len(odd), 2, replace=False)
    X = np.column_stack([X, *(odd[number] for number in chosen)])
    for estimator in (LDA(), LDA(solver="lsqr"), LDA(solver="eigen"), QDA()):
        if batched(estimator, X, y, folds) is not None:
            agrees(estimator, X, y, folds, X[:5])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("column", [np.zeros(60), np.full(60, 3.0), "held out only", "copy", "offset"])
def test_columns_that_svd_need_not_decline(column, wide):
    X, y = blobs(1, 60, 90 if wide else 6, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    if isinstance(column, str):
        filled = np.where(np.isin(np.arange(60), folds.splits[0][1]), X[:, 2], 0.0)
        column = {"held out only": filled, "copy": X[:, 0], "offset": X[:, 0] + 1e3}[column]
    agrees(LDA(), np.column_stack([X, column]), y, folds, np.column_stack([X, column])[:5])


def test_constant_columns_get_no_weight_from_lsqr():
    X, y = blobs(1, 60, 6, 3)
    agrees(
        LDA(solver="lsqr"),
        np.column_stack([X, np.zeros(60)]),
        y,
        make_folds(y, random_state=0),
        np.ones((2, 7)),
    )


@pytest.mark.parametrize("wide", [False, True])
def test_copied_rows_lower_the_rank(wide):
    X, y = blobs(2, 60, 90 if wide else 6, 3)
    agrees(LDA(), np.concatenate([X, X]), np.concatenate([y, y]), Folds(120, _halves()), X[:5])


def _halves():
    parts = [np.r_[:15, 60:75], np.r_[15:60, 75:120]]
    return tuple((np.setdiff1d(np.arange(120), part), part) for part in parts)


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
def test_attributes_are_those_of_the_plain_fit(estimator):
    X, y = blobs(3, 120, 4, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    train = folds.splits[1][0]
    plain, fitted = clone(estimator).fit(X[train], y[train]), batched(estimator, X, y, folds).estimators[1]
    assert vars(plain).keys() == vars(fitted).keys()
    for name in vars(plain).keys() - {"scalings_", "rotations_", *plain.get_params()}:
        close(getattr(fitted, name), getattr(plain, name))
    if type(estimator) is QDA:
        close(fitted.scalings_, plain.scalings_)
        close(np.abs(fitted.rotations_), np.abs(plain.rotations_))
    elif estimator.solver != "lsqr":
        # The first C - 1 columns are determined, up to their signs.
        close(np.abs(fitted.scalings_[:, :2]), np.abs(plain.scalings_[:, :2]))
        close(np.abs(fitted.transform(X)), np.abs(plain.transform(X)))
        assert fitted.get_feature_names_out().tolist() == plain.get_feature_names_out().tolist()


@pytest.mark.parametrize("estimator", ORDINARY, ids=str)
def test_estimators_are_real_and_pickle(estimator):
    X, y = blobs(4, 120, 4, 3)
    for fitted in batched(estimator, X, y, make_folds(y, random_state=0)).estimators:
        check_is_fitted(fitted)
        assert type(fitted) is type(estimator)
        assert fitted.get_params() == estimator.get_params()
        again = pickle.loads(pickle.dumps(fitted))
        assert (again.predict_proba(X) == fitted.predict_proba(X)).all()


@pytest.mark.parametrize("shape", [(120, 4), (40, 70)])
def test_single_precision_is_computed_in_double(shape):
    X, y = blobs(5, *shape, 3)
    X = X.astype(np.float32)
    folds = make_folds(y, n_splits=3, random_state=0)
    agrees(LDA(), X, y, folds, X[:7], compared=X.astype(np.float64))
    train, held_out = folds.splits[0]
    plain = LDA().fit(X[train], y[train]).predict_proba(X[held_out])
    assert np.abs(batched(LDA(), X, y, folds).estimators[0].predict_proba(X[held_out]) - plain).max() < 1e-3


DECLINED = {
    "shrinkage with svd": LDA(shrinkage=0.1),
    "unknown solver": LDA(solver="qr"),
    "unknown shrinkage": LDA(solver="lsqr", shrinkage="much"),
    "shrinkage above 1": LDA(solver="lsqr", shrinkage=1.5),
    "covariance estimator": LDA(solver="lsqr", covariance_estimator=LedoitWolf()),
    "too many components": LDA(n_components=3),
    "no component": LDA(n_components=0),
    "tol that keeps rounding errors": LDA(tol=0.0),
    "tol below 0": LDA(tol=-1.0),
    "priors of another length": LDA(priors=[0.5, 0.5]),
    "priors that do not sum to 1": LDA(priors=[1.0, 1.0, 1.0]),
    "negative priors": LDA(priors=[-0.5, 0.5, 1.0]),
    "text for a number": LDA(tol="small"),
    "singular covariance": LDA(solver="lsqr", tol=1e-4),
    "singular covariance, eigen": LDA(solver="eigen"),
    "quadratic shrinkage with svd": QDA(shrinkage=0.1),
    "quadratic covariance estimator": QDA(solver="eigen", covariance_estimator=LedoitWolf()),
    "quadratic unknown solver": QDA(solver="lsqr"),
    "quadratic reg_param above 1": QDA(reg_param=2.0),
    "quadratic singular": QDA(),
    "quadratic priors of another length": QDA(reg_param=0.1, priors=[0.5, 0.5]),
}


@pytest.mark.parametrize("estimator", DECLINED.values(), ids=DECLINED)
def test_declines_what_scikit_learn_refuses_or_rounding_decides(estimator):
    X, y = blobs(6, 90, 4, 3)
    X = np.column_stack([X, X[:, 0]])
    assert batched(estimator, X, y, make_folds(y, n_splits=3, random_state=0)) is None


@pytest.mark.parametrize("estimator", [LDA(), LDA(solver="lsqr"), LDA(solver="eigen"), QDA()], ids=str)
def test_declines_data_it_cannot_batch(estimator):
    X, y = blobs(7, 90, 4, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    assert batched(estimator, X, y, folds) is not None
    assert batched(estimator, X, y, folds, sample_weight=np.ones(90)) is None
    assert batched(estimator, X, X[:, 0], folds) is None
    assert batched(estimator, X, np.column_stack([y, y]), folds) is None
    assert batched(estimator, X, np.full(90, "one"), folds) is None
    assert batched(estimator, X, y, make_folds(y, scheme="forward", n_splits=3)) is None
    by_label = Folds(90, tuple((np.flatnonzero(y != c), np.flatnonzero(y == c)) for c in np.unique(y)))
    assert batched(estimator, X, y, by_label) is None
    assert batched(estimator, X + 1e7, y, folds) is None


@pytest.mark.parametrize("n_class", [3, 4])
def test_quadratic_needs_one_row_per_column(n_class):
    """With as many rows as columns, reg_param makes up for the lost rank; with fewer scikit-learn refuses."""
    X, y = blobs(8, 2 * n_class * 2, 4, 2)
    y = np.tile(["a", "b"], 2 * n_class)
    parts = [np.arange(2 * n_class), np.arange(2 * n_class, 4 * n_class)]
    folds = Folds(len(y), (tuple(parts), tuple(parts[::-1])))
    if n_class == 4:
        agrees(QDA(reg_param=0.2), X, y, folds, X[:5])
    assert (batched(QDA(reg_param=0.2), X, y, folds) is None) == (n_class == 3)


def test_declines_matrices_beyond_the_memory_limit(monkeypatch):
    X, y = blobs(8, 90, 4, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    monkeypatch.setattr("stackit.batched_fits.gaussian.class_moments.MAX_BYTES", 3 * 8 * 4**2)
    assert batched(LDA(), X, y, folds) is not None
    assert batched(QDA(), X, y, folds) is None


@pytest.mark.parametrize("wide", [False, True])
def test_declines_a_direction_at_the_edge_of_the_rank_rule(wide):
    """A second column, or row, that is nearly the first: its singular value is as large as `tol`."""
    rng = np.random.default_rng(9)
    X, y = blobs(9, 60, 90 if wide else 6, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    if wide:
        X, y = np.concatenate([X, X + 2e-4 * rng.normal(size=X.shape)]), np.concatenate([y, y])
        folds = Folds(120, _halves())
    else:
        X = np.column_stack([X, X[:, 0] + 1e-4 * rng.normal(size=60)])
    assert batched(LDA(), X, y, folds) is None


def test_declines_a_difference_of_means_at_the_edge_of_the_rank_rule():
    X, y = blobs(10, 90, 5, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    first, second = np.sqrt(batched(LDA(), X, y, folds).estimators[0].explained_variance_ratio_)
    assert batched(LDA(tol=second / first / 1.2), X, y, folds) is None


def test_declines_classes_without_a_difference():
    X, y = np.tile([[-1.0], [1.0]], (24, 1)), np.repeat(["a", "b"], 24)
    parts = [np.r_[:12, 24:36], np.r_[12:24, 36:48]]
    folds = Folds(48, tuple((np.setdiff1d(np.arange(48), part), part) for part in parts))
    assert batched(LDA(), X, y, folds) is None


@pytest.mark.parametrize("smallest_value", [1e-2, 3e-6, 1e-7])
def test_a_whitening_is_the_root_of_the_inverse_or_none_where_it_is_uncertain(smallest_value):
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.normal(size=(120, 120)))[0]
    values = np.geomspace(1, smallest_value, 120)
    root = whitening_of_scatter(turn * values @ turn.T, 1e-9)
    if smallest_value < 1e-6:
        assert root is None
    else:
        inverse = turn / values @ turn.T
        np.testing.assert_allclose(
            root.up(root.down(np.eye(120))), inverse, rtol=0, atol=1e-9 * inverse.max()
        )
