"""All folds at once behind the earlier steps of a pipeline equal the plain loop."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder

from stackit import MemoryStore, make_folds, out_of_fold
from stackit.batched_fits import can_batch
from stackit.engine import prepared_folds
from stackit.neural import BatchNormMLPClassifier, BatchNormMLPRegressor

RANDOM = np.random.default_rng(0)
N = 96
FRAME = pd.DataFrame(
    {
        "size": np.where(RANDOM.random(N) < 0.1, np.nan, RANDOM.normal(size=N)),
        "price": RANDOM.lognormal(size=N),
        "colour": RANDOM.choice(["amber", "blue", "cyan"], N),
        "city": RANDOM.choice([*"abcdefgh"], N),
    }
)
Y = np.where(np.log(FRAME.price) + (FRAME.colour == "blue") + RANDOM.normal(size=N) > 0.3, "yes", "no")
YR = np.log(FRAME.price).to_numpy() + RANDOM.normal(size=N)
NUMBERS = FRAME[["size", "price"]].fillna(0.0).to_numpy()
WEIGHTS = RANDOM.uniform(0.5, 2, N)
NET = BatchNormMLPClassifier((4,), max_iter=2, batch_size=48)
REGRESSOR = BatchNormMLPRegressor((4,), max_iter=2, batch_size=48)


class PlainPipeline(Pipeline):
    """A pipeline that the engine fits fold by fold, since it is not exactly scikit-learn's."""


class Centre(RegressorMixin, BaseEstimator):
    """Predicts the weighted mean of y plus the sum of the means of the columns."""

    calls = 0

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.average(y, weights=sample_weight) + np.nanmean(X, axis=0).sum()
        self.shift_ = (self.random_state or 0) % 7
        return self

    def predict(self, X):
        X = np.nan_to_num(X)
        return self.mean_ + self.shift_ + X.sum(axis=1)


class BatchedCentre(Centre):
    def fit_folds(self, X, y, folds, sample_weight=None, seeds=None):
        """Take what is held out off the total, as one may where X is the same for all folds."""
        Centre.calls += 1
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        totals = np.append((weights * y).sum(), weights.sum()), X.sum(axis=0)
        fitted = []
        for (train, held_out), seed in zip(folds.split(), seeds, strict=True):
            one = BatchedCentre(seed)
            weighted, weight = totals[0] - [(weights * y)[held_out].sum(), weights[held_out].sum()]
            one.mean_ = weighted / weight + ((totals[1] - X[held_out].sum(axis=0)) / len(train)).sum()
            one.shift_ = (seed or 0) % 7
            fitted.append(one)
        return fitted


class Draws(TransformerMixin, BaseEstimator):
    """Adds to a table a number drawn from numpy's global generator."""

    def fit(self, X, y=None):
        self.drawn_ = np.random.uniform()  # noqa: NPY002 - the global one
        return self

    def transform(self, X):
        return np.asarray(X, dtype=float) + self.drawn_


def columns():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (one_hot, ["colour"]),
        (TargetEncoder(cv=3), ["city"]),
    )


def plainly(estimator):
    """Return a pipeline, and those nested in it, such that they are fitted fold by fold."""
    if type(estimator) is not Pipeline:
        return estimator
    return PlainPipeline([(name, plainly(step)) for name, step in estimator.steps])


def both_ways(estimator, X, y, X_test=None, **options):
    """Return the results of all folds at once and of the plain loop."""
    options = {"cv": 3, "n_jobs": 1, "random_state": 3} | options
    batched = out_of_fold([("one", estimator)], X, y, X_test, **options)
    plain = out_of_fold([("one", plainly(estimator))], X, y, X_test, **options)
    assert plain["one"].fit_mode == "plain"
    return batched, plain


def assert_equal_to_the_plain_loop(estimator, X, y, X_test=None, **options):
    batched, plain = both_ways(estimator, X, y, X_test, **options)
    assert batched["one"].fit_mode == "batched"
    np.testing.assert_allclose(batched.meta_train, plain.meta_train, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(batched.meta_test, plain.meta_test, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(batched["one"].fold_estimators, plain["one"].fold_estimators, strict=True):
        assert type(ours) is Pipeline
        assert [name for name, _ in ours.steps] == [name for name, _ in theirs.steps]
        predictions = [getattr(one, batched["one"].spec.method)(X) for one in (ours, theirs)]
        np.testing.assert_allclose(*predictions, rtol=1e-9, atol=1e-12)
    return batched, plain


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_nets_behind_columns_of_a_frame(stops, weights):
    net = BatchNormMLPClassifier((4,), max_iter=6, early_stopping=stops, n_iter_no_change=1, batch_size=48)
    pipeline = Pipeline([("prepare", columns()), ("model", net)])
    batched, plain = assert_equal_to_the_plain_loop(
        pipeline, FRAME, Y, FRAME[:30], sample_weight=weights, n_jobs=2
    )
    for ours, theirs in zip(batched["one"].fold_estimators, plain["one"].fold_estimators, strict=True):
        assert ours["model"].n_iter_ == theirs["model"].n_iter_
        assert ours["model"].random_state == theirs["model"].random_state


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler()],
        [StandardScaler(), "passthrough"],
        [FunctionTransformer(np.abs), FeatureUnion([("scaled", StandardScaler()), ("same", "passthrough")])],
        [StandardScaler().set_output(transform="pandas")],
    ],
    ids=["scaler", "passthrough", "union", "frames"],
)
def test_nets_behind_steps(steps):
    assert_equal_to_the_plain_loop(make_pipeline(*steps, REGRESSOR), NUMBERS, YR, NUMBERS[:30])
    folds = make_folds(YR, scheme="forward", n_splits=3, gap=2)
    assert_equal_to_the_plain_loop(make_pipeline(*steps, REGRESSOR), NUMBERS, YR, NUMBERS[:30], cv=folds)


def test_nets_behind_a_step_that_makes_frames_with_categories():
    def tidy(frame):
        return frame.assign(size=frame["size"].fillna(0.0), colour=frame["colour"].astype("category"))

    pipeline = make_pipeline(FunctionTransformer(tidy), NET)
    batched, _ = assert_equal_to_the_plain_loop(pipeline, FRAME, Y, FRAME[:30])
    assert [*batched["one"].fold_estimators[0][-1].feature_names_in_] == [*FRAME.columns]


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_pipelines_in_pipelines(weights):
    inner = make_pipeline(StandardScaler(), Draws(), make_pipeline(StandardScaler(), NET))
    pipeline = Pipeline([("prepare", columns()), ("inner", inner)])
    assert_equal_to_the_plain_loop(pipeline, FRAME, Y, FRAME[:30], sample_weight=weights)
    own = make_pipeline(Draws(), make_pipeline(Draws(), BatchedCentre()))
    assert_equal_to_the_plain_loop(own, NUMBERS, YR, NUMBERS[:30], sample_weight=weights)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_an_own_fit_folds_is_called_once_for_all_folds(weights):
    Centre.calls = 0
    pipeline = Pipeline([("prepare", columns()), ("model", BatchedCentre())])
    assert_equal_to_the_plain_loop(pipeline, FRAME, YR, FRAME[:30], sample_weight=weights)
    assert Centre.calls == 1


def test_folds_that_are_prepared_to_other_columns_are_fitted_apart():
    frame = FRAME.assign(colour=np.where(np.arange(N) < 2, "rare", FRAME.colour))  # unknown to one fold
    one_hot = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"])
    )
    batched, _ = assert_equal_to_the_plain_loop(
        make_pipeline(one_hot, NET),
        frame,
        Y,
        frame[:30],
        cv=KFold(4),
    )
    widths = [one[-1].n_features_in_ for one in batched["one"].fold_estimators]
    assert sorted(widths) == [3, 4, 4, 4]


def test_more_tables_than_memory_allows_are_fitted_in_turn(monkeypatch):
    monkeypatch.setattr(prepared_folds, "MOST_BYTES", 2 * 2 * NUMBERS.nbytes)
    Centre.calls = 0
    assert_equal_to_the_plain_loop(
        make_pipeline(StandardScaler(), BatchedCentre()), NUMBERS, YR, NUMBERS, cv=6
    )
    assert Centre.calls == 3


def test_folds_that_lack_a_class_are_fitted_one_by_one():
    y = Y.astype(object)
    y[:10] = "rare"
    folds = KFold(6)
    with pytest.warns(UserWarning, match="lacks classes"):
        batched, plain = both_ways(make_pipeline(StandardScaler(), NET), NUMBERS, y, cv=folds)
    assert batched["one"].fit_mode == "plain"
    np.testing.assert_array_equal(batched.meta_train, plain.meta_train)


def test_what_is_not_certain_is_left_to_the_plain_loop(tmp_path):
    assert can_batch(make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), NET)))
    for pipeline in (
        make_pipeline(StandardScaler(), NET, memory=str(tmp_path)),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), NET, memory=str(tmp_path))),
        make_pipeline(StandardScaler(), NET, verbose=True),
        make_pipeline(StandardScaler(), Centre()),
        PlainPipeline([("scale", StandardScaler()), ("net", NET)]),
    ):
        assert not can_batch(pipeline)
    gaps = make_pipeline(FunctionTransformer(), BatchedCentre())  # its fit takes NaN, a matrix has none
    batched, plain = both_ways(gaps, FRAME[["size"]].to_numpy(), YR)
    assert batched["one"].fit_mode == "plain"
    assert batched.meta_train.equals(plain.meta_train)


def test_an_error_of_a_step_is_that_of_its_fold():
    class Refuses(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError) as caught:
        out_of_fold([("one", make_pipeline(Refuses(), NET))], NUMBERS, Y, cv=3, n_jobs=1)
    assert "'one'" in caught.value.__notes__[0]
    assert "fold 0" in caught.value.__notes__[0]


def test_a_resumed_run_gives_what_it_would_have_given():
    store, options = MemoryStore(), {"cv": 4, "n_jobs": 1}
    members = [("one", make_pipeline(StandardScaler(), NET))]
    first = out_of_fold(members, NUMBERS, Y, NUMBERS[:9], store=store, **options)
    again = out_of_fold(members, NUMBERS, Y, NUMBERS[:9], store=store, **options)
    assert again.n_stored == 4
    assert again["one"].fit_mode == "batched"
    assert again.meta_test.equals(first.meta_test)
    assert again["one"].fold_estimators[1].predict(NUMBERS).tolist() == (
        first["one"].fold_estimators[1].predict(NUMBERS).tolist()
    )


def test_a_rows_own_label_never_reaches_its_prediction():
    pipeline = Pipeline([("prepare", columns()), ("model", NET)])
    options = {"cv": make_folds(Y, scheme="kfold", n_splits=4, random_state=0), "n_jobs": 1}
    first = out_of_fold([("one", pipeline)], FRAME, Y, **options)
    for row in (0, 80):
        turned = Y.copy()
        turned[row] = "no" if Y[row] == "yes" else "yes"
        other = out_of_fold([("one", pipeline)], FRAME, turned, **options)
        assert other["one"].fit_mode == "batched"
        assert other.meta_train.iloc[row].equals(first.meta_train.iloc[row])
        assert not other.meta_train.equals(first.meta_train)
