"""One estimator on all folds at once, inside the engine."""

from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, is_classifier
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.validation import has_fit_parameter

from stackit import DiskStore, StackingRegressor, make_folds, out_of_fold
from stackit.batched_fits import BatchedResult, can_batch, dispatch, registry
from stackit.engine import executor
from stackit.engine.training_data import TrainingData
from stackit.target import regression_target

X, Y = make_classification(90, 5, random_state=0)
YR = X @ [1.0, 2, 0, -1, 3] + np.arange(90) / 30


class CountedMean(RegressorMixin, BaseEstimator):
    """Predicts the mean of the training part; knows how to do so for all folds at once."""

    fits = 0

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.average(y, weights=sample_weight)
        CountedMean.fits += 1
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


class SharedMean(CountedMean):
    calls = 0

    def fit_folds(self, X, y, folds, sample_weight=None):
        SharedMean.calls += 1
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        fitted = []
        for train, _ in folds.split():
            one = SharedMean(self.random_state)
            one.mean_ = np.average(y[train], weights=weights[train])
            fitted.append(one)
        return fitted


@pytest.fixture(autouse=True)
def reset_counts():
    CountedMean.fits = SharedMean.calls = SharedMean.fits = 0


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("weights", [None, np.arange(90.0)])
def test_fit_folds_is_called_once_and_changes_no_number(n_jobs, weights):
    members = [("shared", SharedMean()), ("plain", CountedMean())]
    oof = out_of_fold(members, X, YR, X[:7], cv=5, n_jobs=n_jobs, sample_weight=weights)
    np.testing.assert_allclose(oof.meta_train["shared"], oof.meta_train["plain"])
    np.testing.assert_allclose(oof.meta_test["shared"], oof.meta_test["plain"])
    assert {name: result.fit_mode for name, result in oof.items()} == {"shared": "batched", "plain": "plain"}
    assert SharedMean.calls == (n_jobs == 1)  # with two jobs it is called in another process
    assert len(oof["shared"].fold_estimators) == 5


def test_fit_folds_gets_every_fold_also_those_in_time():
    folds = make_folds(YR, scheme="forward", n_splits=3, gap=2)
    members = [("shared", SharedMean()), ("plain", CountedMean())]
    oof = out_of_fold(members, X, YR, cv=folds, n_jobs=1)
    np.testing.assert_allclose(oof.meta_train["shared"], oof.meta_train["plain"])
    assert oof["shared"].fit_mode == "batched"


def test_a_seed_reaches_a_shared_fit():
    oof = out_of_fold([("s", SharedMean())], X, YR, cv=3, n_jobs=1, random_state=3)
    assert all(one.random_state is not None for one in oof["s"].fold_estimators)


def test_a_stack_refits_plainly_and_shares_the_folds():
    stack = StackingRegressor([("s", SharedMean())], cv=4, refit=True).fit(X, YR)
    assert SharedMean.calls == 1
    assert stack.estimators_[0].mean_ == YR.mean()


@pytest.mark.parametrize(
    "table",
    [np.where(X > 2, np.nan, X), pd.DataFrame(X).astype(object), pd.DataFrame(X, columns=[*"abcde"])],
    ids=["missing values", "objects", "frame of numbers"],
)
def test_tables_that_are_no_matrix_of_numbers_go_the_plain_way(table):
    oof = out_of_fold([("s", SharedMean())], table, YR, cv=3, n_jobs=1)
    numbers = isinstance(table, pd.DataFrame) and table.dtypes.iloc[0].kind == "f"
    assert oof["s"].fit_mode == ("batched" if numbers else "plain")
    np.testing.assert_allclose(
        oof.meta_train["s"], out_of_fold([("s", CountedMean())], X, YR, cv=3, n_jobs=1).meta_train["s"]
    )


def test_names_of_columns_are_known_to_shared_estimators():
    frame = pd.DataFrame(X, columns=[*"abcde"])
    oof = out_of_fold([("s", SharedMean())], frame, YR, cv=3, n_jobs=1)
    assert [*oof["s"].fold_estimators[0].feature_names_in_] == [*"abcde"]


def test_an_error_of_a_shared_fit_is_that_of_its_estimator():
    class FailingSharedMean(SharedMean):
        def fit_folds(self, X, y, folds, sample_weight=None):
            raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError) as caught:
        out_of_fold([("f", FailingSharedMean())], X, YR, cv=3, n_jobs=1)
    assert "'f'" in caught.value.__notes__[0]
    with pytest.warns(UserWarning, match="'f' failed"):
        oof = out_of_fold(
            [("f", FailingSharedMean()), ("m", CountedMean())], X, YR, cv=3, n_jobs=1, on_error="skip"
        )
    assert list(oof) == ["m"]


def test_a_shared_fit_that_declines_leaves_it_to_the_plain_loop(monkeypatch):
    monkeypatch.setattr(dispatch, "_registered", lambda kind: {Ridge: lambda estimator, request: None})
    monkeypatch.setattr(dispatch, "_matches_sklearn", lambda kind: True)
    assert out_of_fold([("r", Ridge())], X, YR, cv=3, n_jobs=1)["r"].fit_mode == "plain"


def test_a_shared_fit_that_disagrees_with_the_installed_library_is_not_used(monkeypatch):
    def wrong(estimator, request):
        fitted = [
            Ridge(alpha=9).fit(request.X[train], request.y[train]) for train, _ in request.folds.split()
        ]
        return BatchedResult(fitted)

    monkeypatch.setattr(dispatch, "_registered", lambda kind: {Ridge: wrong})
    dispatch._matches_sklearn.cache_clear()
    try:
        assert out_of_fold([("r", Ridge())], X, YR, cv=3, n_jobs=1)["r"].fit_mode == "plain"
    finally:
        dispatch._matches_sklearn.cache_clear()


def test_a_subclass_is_not_taken_for_its_parent():
    class Mine(Ridge):
        pass

    assert out_of_fold([("r", Mine())], X, YR, cv=3, n_jobs=1)["r"].fit_mode == "plain"


@pytest.mark.parametrize("place", ["inline", "children", "threads", "outside"])
def test_folds_of_a_shared_fit_that_declines_are_done_like_any_others(place, monkeypatch):
    monkeypatch.setattr(dispatch, "_registered", lambda kind: {Ridge: lambda estimator, request: None})
    monkeypatch.setattr(dispatch, "_matches_sklearn", lambda kind: True)
    monkeypatch.setattr(executor, "may_fork", lambda: True)
    if place in ("children", "threads"):
        monkeypatch.setattr(executor, "PROBE", -1)
        monkeypatch.setattr(executor, "SHORT", -1)
    if place == "threads":
        monkeypatch.setattr(executor, "LARGE", 0)
    chosen = joblib.parallel_config("threading") if place == "outside" else nullcontext()
    members = [("r", Ridge()), ("m", CountedMean()), ("again", Ridge(2.0))]
    with chosen:
        oof = out_of_fold(members, X, YR, X[:5], cv=4, n_jobs=1 if place == "inline" else 2)
    np.testing.assert_allclose(oof.meta_train["r"], cross_val_predict(Ridge(), X, YR, cv=4))
    assert {name: result.fit_mode for name, result in oof.items()} == dict.fromkeys(
        ("r", "m", "again"), "plain"
    )


@pytest.mark.parametrize("member", [Ridge(), make_pipeline(StandardScaler(), Ridge()), KNeighborsRegressor()])
@pytest.mark.parametrize("columns", ["edcba", "abcd", "abcdef"])
def test_a_test_table_with_other_columns_is_refused_as_by_the_plain_loop(member, columns):
    train = pd.DataFrame(X, columns=[*"abcde"])
    test = pd.DataFrame(np.ones((4, len(columns))), columns=[*columns])
    with pytest.raises(ValueError, match="feature names"):
        out_of_fold([("m", member)], train, YR, test, cv=3, n_jobs=1)
    with pytest.raises(ValueError, match="features"):
        out_of_fold([("m", member)], X, YR, np.ones((4, 4)), cv=3, n_jobs=1)


def test_a_test_table_with_missing_values_fails_where_it_would_plainly():
    test = X[:5].copy()
    test[0, 0] = np.nan
    members = [("ridge", Ridge()), ("tree", HistGradientBoostingRegressor(max_iter=2))]
    with pytest.warns(UserWarning, match="'ridge' failed and is left out.*NaN"):
        oof = out_of_fold(members, X, YR, test, cv=3, n_jobs=1, on_error="skip")
    assert list(oof) == ["tree"]


def test_only_pipelines_that_can_be_shared_are_bundled():
    assert can_batch(make_pipeline(StandardScaler(), Ridge()))
    assert not can_batch(make_pipeline(StandardScaler(), DecisionTreeRegressor()))
    assert not can_batch(make_pipeline(StandardScaler(), Ridge()).set_output(transform="pandas"))
    with sklearn.config_context(transform_output="pandas"):
        assert not can_batch(Ridge())


@pytest.mark.parametrize("returned", [[], [1], 5])
def test_what_fit_folds_returns_is_checked(returned):
    class Short(SharedMean):
        def fit_folds(self, X, y, folds, sample_weight=None):
            return returned

    with pytest.raises((TypeError, ValueError)) as caught:
        out_of_fold([("s", Short())], X, YR, cv=3, n_jobs=1)
    assert "'s'" in caught.value.__notes__[0]


def test_a_shared_fit_that_breaks_on_the_installed_library_is_not_used(monkeypatch):
    def broken(estimator, request):
        raise AttributeError("_moved")

    monkeypatch.setattr(dispatch, "_registered", lambda kind: {Ridge: broken})
    dispatch._matches_sklearn.cache_clear()
    try:
        assert out_of_fold([("r", Ridge())], X, YR, cv=3, n_jobs=1)["r"].fit_mode == "plain"
    finally:
        dispatch._matches_sklearn.cache_clear()


@pytest.mark.parametrize("kind", [np.complex128, np.float16])
def test_other_kinds_of_numbers_are_left_to_the_plain_loop(kind):
    table = X.astype(kind)
    data = TrainingData(table, regression_target(YR))
    assert data.matrix is None


@pytest.mark.parametrize("last", [Ridge(), DecisionTreeRegressor(random_state=0)])
def test_a_resumed_run_does_what_is_left_of_a_pipeline(last, tmp_path):
    members, store = [("p", make_pipeline(StandardScaler(), last))], DiskStore(tmp_path)
    first = out_of_fold(members, X, YR, X[:4], cv=5, n_jobs=1, store=store)
    kept = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 300)
    kept[0].unlink()
    again = out_of_fold(members, X, YR, X[:4], cv=5, n_jobs=1, store=store)
    assert again.n_stored == len(kept) - 1 == 4
    assert again.meta_train.equals(first.meta_train)
    assert again.meta_test.equals(first.meta_test)


LEAK_FREE = [
    Ridge(),
    LinearRegression(),
    make_pipeline(StandardScaler(), Ridge()),
    KernelRidge(kernel="rbf"),
    SVR(),
    KNeighborsRegressor(),
    RidgeClassifier(),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1),
    GaussianNB(),
    NearestCentroid(),
    make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()),
    make_pipeline(StandardScaler(), GaussianNB()),
    make_pipeline(StandardScaler(), NearestCentroid()),
    SVC(),
    KNeighborsClassifier(),
]


@pytest.mark.parametrize("columns", [5, 90], ids=["tall", "wide"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("member", LEAK_FREE, ids=lambda member: str(member)[:40])
def test_a_rows_own_label_never_reaches_its_prediction_in_a_shared_fit(member, columns, weighted):
    random = np.random.default_rng(0)
    table = random.normal(size=(60, columns))
    y = 3 * table[:, 0] + random.normal(size=60)
    options = {"cv": make_folds(y, scheme="kfold", n_splits=4, random_state=0), "n_jobs": 1}
    takes = has_fit_parameter(member, "sample_weight")
    if weighted and takes:
        options["sample_weight"] = random.uniform(0.5, 2, 60)
    target = np.digitize(y, [-1, 1]) if is_classifier(member) else y
    first = out_of_fold([("m", member)], table, target, table[:40], **options)
    for row in range(0, 60, 11):
        turned = target.copy()
        # A change so large that a path of rounding alone would show, were it bit by bit.
        turned[row] = (turned[row] + 1) % 3 if is_classifier(member) else turned[row] + 1e6
        other = out_of_fold([("m", member)], table, turned, table[:40], **options)
        np.testing.assert_array_equal(other.meta_train.iloc[row], first.meta_train.iloc[row])


def test_each_module_of_batched_fits_is_found_by_the_types_that_it_knows():
    folder = Path(registry.__file__).parent
    modules = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if "\nBATCHED" in path.read_text(encoding="utf-8")
    }
    assert modules == {module for modules in registry.MODULES.values() for module in modules}
    for module in modules:
        for kind, fit in import_module(f"stackit.batched_fits.{module}").BATCHED.items():
            assert registry.registered_fits(kind, "BATCHED")[kind] is fit
