"""Discriminants, Gaussian naive Bayes and nearest centroid behind a scaler equal the plain loop."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from stackit import make_folds, out_of_fold
from stackit.batched_fits import BatchedRequest, can_batch, dispatch
from stackit.batched_fits.gaussian.class_moments import ClassTable, by_class, diagonal, pooled, squares
from stackit.batched_fits.scaled_pipeline import fit_scaled
from stackit.batched_fits.scaling import Scaling

LDA, QDA = LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
LAST = [
    LDA(),
    LDA(store_covariance=True, n_components=1),
    LDA(solver="lsqr", shrinkage=0.1),
    LDA(solver="lsqr", shrinkage="auto"),
    LDA(solver="eigen", shrinkage=0.3),
    LDA(solver="eigen", shrinkage="auto"),
    QDA(reg_param=0.2, store_covariance=True),
    QDA(solver="eigen", shrinkage=0.3),
    QDA(solver="eigen", shrinkage="auto"),
    GaussianNB(),
    GaussianNB(var_smoothing=0.1),
    NearestCentroid(),
    NearestCentroid(shrink_threshold=0.7, priors="empirical"),
]
UP_TO_SIGN = {"scalings_", "rotations_"}


def blobs(seed, n, d, n_classes):
    random = np.random.default_rng(seed)
    codes = np.concatenate(
        [np.repeat(np.arange(n_classes), 6), random.integers(0, n_classes, n - 6 * n_classes)]
    )
    X = random.normal(size=(n, d)) @ (np.eye(d) + 0.3 * random.normal(size=(d, d)) / np.sqrt(d))
    X += random.normal(size=(n_classes, d))[codes] * 0.7
    return (X + random.normal(size=d) * 10) * 10.0 ** random.uniform(-3, 3, d), np.array(
        ["amber", "blue", "cyan", "dun", "ecru"]
    )[codes]


def batched(pipeline, X, y, folds, method="predict_proba", X_test=None, weight=None):
    return fit_scaled(pipeline, BatchedRequest(X, y, folds, method, weight, X_test))


def plain_fit(pipeline, X, y, rows, weight):
    given = {} if weight is None else {f"{pipeline.steps[-1][0]}__sample_weight": weight[rows]}
    return clone(pipeline).fit(X[rows], y[rows], **given)


def close(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if expected.dtype.kind != "f":
        assert (found == expected).all()
    else:
        size = max(1.0, np.abs(expected).max(initial=0))
        assert np.abs(found - expected).max(initial=0) <= 1e-9 * size


def same_labels(found, expected, scores):
    """Assert equal labels, but where the two likeliest classes are as likely."""
    sure = np.abs(np.diff(np.sort(scores, axis=1)[:, -2:]))[:, 0] > 1e-12
    assert (found[sure] == expected[sure]).all()


def agrees(pipeline, X, y, folds, X_test, weight=None):
    """Assert that a batched fit is not declined, and that all its predictions are those of the plain loop."""
    before = pickle.dumps(pipeline)
    plains = [plain_fit(pipeline, X, y, train, weight) for train, _ in folds.splits]
    methods = ("predict_proba", "predict")
    results = {method: batched(pipeline, X, y, folds, method, X_test, weight) for method in methods}
    assert all(result is not None for result in results.values())
    for number, (plain, (_, held_out)) in enumerate(zip(plains, folds.splits, strict=True)):
        for part, rows in (("held_out", X[held_out]), ("test", X_test)):
            expected = {method: getattr(plain, method)(rows) for method in methods}
            for method, result in results.items():
                fitted, predictions = result.estimators[number], getattr(result, part)
                close(fitted.predict_proba(rows), expected["predict_proba"])
                same_labels(fitted.predict(rows), expected["predict"], expected["predict_proba"])
                if predictions is not None:
                    close(predictions[number], expected[method])
    assert pickle.dumps(pipeline) == before
    return plains, results["predict"].estimators


def directions_are_clear(X, y, rows):
    """Whether no direction is about as small as those that are left out: there a batched fit declines."""
    analysis = make_pipeline(StandardScaler(), LDA()).fit(X[rows], y[rows])[-1]
    sizes = np.sqrt(analysis.explained_variance_ratio_)
    ratio = sizes / sizes[0] / analysis.tol
    return not ((ratio > 0.3) & (ratio < 3)).any()


def scalers():
    return st.builds(StandardScaler, with_mean=st.booleans(), with_std=st.booleans())


@pytest.mark.parametrize("last", LAST, ids=str)
@settings(max_examples=3, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_classes=st.integers(2, 4),
    d=st.integers(2, 7),
    n_splits=st.integers(3, 5),
    n_repeats=st.integers(1, 2),
)
def test_more_rows_than_columns(last, seed, n_classes, d, n_splits, n_repeats):
    X, y = blobs(seed, 40 * n_classes, d, n_classes)
    folds = make_folds(y, n_splits=n_splits, n_repeats=n_repeats, random_state=seed)
    assume(all(directions_are_clear(X, y, train) for train, _ in folds.splits))
    agrees(make_pipeline(StandardScaler(), last), X, y, folds, X[:9] * 1.1)


@pytest.mark.parametrize("last", [last for last in LAST if type(last) is not QDA], ids=str)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6), n_classes=st.integers(2, 4))
def test_more_columns_than_rows(last, seed, n_classes):
    X, y = blobs(seed, 12 * n_classes, 12 * n_classes + 15, n_classes)
    folds = make_folds(y, n_splits=3, random_state=seed)
    agrees(make_pipeline(StandardScaler(), last), X, y, folds, X[:9] * 1.1)


@pytest.mark.parametrize("last", LAST, ids=str)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), scaler=scalers(), odd=st.lists(st.integers(0, 9), max_size=2))
def test_odd_columns_and_halves_of_a_scaler_agree_or_are_declined(last, seed, scaler, odd):
    random = np.random.default_rng(seed)
    X, y = blobs(seed, 90, 5, 3)
    folds = make_folds(y, n_splits=3, random_state=seed)
    held_out = np.isin(np.arange(90), folds.splits[0][1])
    noise = random.normal(size=90)
    columns = [
        np.zeros(90),
        np.full(90, 3.0),
        np.full(90, 0.1),
        1 + 1e-9 * noise,
        noise + 1e6,
        noise + 1e3,
        X[:, 0] + X[:, 1],
        np.where(held_out, noise, 0.0),
        np.where((y == "amber") & ~held_out, 0.0, noise),
        (y == "blue") + 0.0,
    ]
    X = np.column_stack([X, *(columns[number] for number in odd)])
    pipeline = make_pipeline(scaler, last)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if batched(pipeline, X, y, folds) is not None:
            agrees(pipeline, X, y, folds, X[:5])


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), smoothing=st.sampled_from([1e-9, 0.1]))
def test_weights_are_for_the_last_step(seed, smoothing):
    X, y = blobs(seed, 90, 5, 3)
    weight = np.random.default_rng(seed).gamma(1.0, 1.0, 90) + 0.1
    folds = make_folds(y, n_splits=3, random_state=seed)
    pipeline = make_pipeline(StandardScaler(), GaussianNB(var_smoothing=smoothing))
    agrees(pipeline, X, y, folds, X[:9], weight)


@pytest.mark.parametrize("last", [LDA(), QDA(reg_param=0.1), NearestCentroid()], ids=str)
def test_weights_of_estimators_that_take_none_are_left_to_the_plain_loop(last):
    X, y = blobs(0, 90, 5, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    assert batched(make_pipeline(StandardScaler(), last), X, y, folds, weight=np.ones(90)) is None


@pytest.mark.parametrize("last", LAST, ids=str)
def test_pipelines_come_out_whole(last):
    X, y = blobs(1, 120, 4, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    pipeline = Pipeline([("to units", StandardScaler()), ("tell", last)])
    for plain, one in zip(*agrees(pipeline, X, y, folds, X[:5]), strict=True):
        check_is_fitted(one)
        assert [name for name, _ in one.steps] == ["to units", "tell"]
        for ours, theirs in zip(one, plain, strict=True):
            assert vars(ours).keys() == vars(theirs).keys()
            for name in vars(theirs).keys() - UP_TO_SIGN - {*theirs.get_params()}:
                close(getattr(ours, name), getattr(theirs, name))
        again = pickle.loads(pickle.dumps(one))
        assert (again.predict_proba(X) == one.predict_proba(X)).all()


@pytest.mark.parametrize("last", LAST, ids=str)
def test_units_do_not_matter_behind_a_scaler(last):
    """Columns in other units, by powers of 2, are the same columns to all behind the scaler."""
    X, y = blobs(2, 120, 4, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), last)
    one, other = (batched(pipeline, table, y, folds) for table in (X, X * 2.0 ** np.array([9, -9, 0, 3])))
    for ours, theirs, (_, rows) in zip(one.estimators, other.estimators, folds.splits, strict=True):
        units = 2.0 ** np.array([9, -9, 0, 3])
        close(ours.predict_proba(X[rows]), theirs.predict_proba(X[rows] * units))


@pytest.mark.parametrize("scatter_fn", [squares, diagonal, pooled, by_class])
def test_moments_behind_a_scaler_are_those_of_the_scaled_table(scatter_fn):
    """Also with as many classes as columns, where a scatter's shape does not tell what it is."""
    X, y = blobs(3, 60, 3, 3)
    codes = np.unique(y, return_inverse=True)[1]
    parts = [[np.arange(0, 60, 2), np.arange(1, 60, 2)]]
    fitted = [StandardScaler().fit(X[rows]) for rows in parts[0][::-1]]
    splits = [tuple(parts[0][::-1]), tuple(parts[0])]
    table = ClassTable(X, np.arange(3), codes, parts, splits, Scaling.of(fitted))
    found = table.training_moments(scatter_fn)
    for number, (moments, scaler) in enumerate(zip(found, fitted, strict=True)):
        scaled = ClassTable(scaler.transform(X), np.arange(3), codes, parts, splits)
        plain = [*scaled.training_moments(scatter_fn)][number]
        close(moments.mean, plain.mean)
        close(moments.scatter, plain.scatter)


def test_columns_with_large_means_and_small_spread_are_declined():
    X, y = blobs(4, 90, 4, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    X = X / X.std(axis=0)
    for last in LAST:
        assert batched(make_pipeline(StandardScaler(), last), X + 1e9, y, folds) is None


def test_rows_far_from_all_classes_are_left_to_the_plain_loop():
    """A column of a constant that has no end in binary, but in one held-out row: rounding decides there."""
    X, y = blobs(5, 90, 4, 3)
    folds = make_folds(y, n_splits=3, random_state=0)
    column = np.full(90, 0.1)
    pipeline = make_pipeline(StandardScaler(), GaussianNB())
    assert batched(pipeline, np.column_stack([X, column]), y, folds) is not None
    column[7] += 3.0
    assert batched(pipeline, np.column_stack([X, column]), y, folds) is None


@pytest.mark.parametrize("last", [LDA(), QDA(reg_param=0.1), GaussianNB(), NearestCentroid()], ids=str)
def test_the_engine_batches_them_and_random_labels_stay_random(last):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(200, 20)), random.integers(0, 2, 200)
    member = make_pipeline(StandardScaler(), last)
    assert can_batch(member)
    oof = out_of_fold([("m", member)], X, y, cv=5, n_jobs=1)
    assert oof["m"].fit_mode == "batched"
    assert abs(np.corrcoef(oof.meta_train.iloc[:, 0], y)[0, 1]) < 0.2


def test_the_pipeline_is_compared_with_scikit_learn_and_not_its_last_step_alone(monkeypatch):
    """A scikit-learn with another scaler is detected."""
    pipeline = make_pipeline(StandardScaler(), Ridge())
    X = np.random.default_rng(0).normal(size=(60, 3))
    folds = make_folds(X[:, 0], scheme="kfold", n_splits=3, random_state=0)
    request = BatchedRequest(X, X[:, 0], folds, "predict")
    dispatch._matches_sklearn.cache_clear()
    try:
        assert dispatch.fit_batched(pipeline, request) is not None
        dispatch._matches_sklearn.cache_clear()
        monkeypatch.setattr(
            "stackit.batched_fits.scaled_pipeline.Scaling.of", lambda fitted: Scaling(1.0, 1.0)
        )
        assert dispatch.fit_batched(pipeline, request) is None
    finally:
        dispatch._matches_sklearn.cache_clear()
