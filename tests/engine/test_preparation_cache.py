"""Preparations that members share are fitted once per fold, and change no bit of any result."""

import pickle
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from stackit import StackingClassifier, out_of_fold
from stackit.engine import executor, shared_pickles
from stackit.engine.fold_run import FoldRun
from stackit.engine.preparation_cache import PreparationCache
from stackit.engine.run_config import RunConfig
from stackit.engine.training_data import TrainingData
from stackit.neural import BatchNormMLPClassifier

xgboost = pytest.importorskip("xgboost")

RANDOM = np.random.default_rng(0)
N, K = 90, 3
FRAME = pd.DataFrame(
    {
        "size": np.where(RANDOM.random(N) < 0.1, np.nan, RANDOM.normal(size=N)),
        "price": RANDOM.lognormal(size=N),
        "city": RANDOM.choice([*"abcdefgh"], N),
    }
)
Y = np.where(np.log(FRAME.price) + RANDOM.normal(size=N) > 0, "yes", "no")
NUMBERS = FRAME[["price"]].to_numpy() * np.arange(1.0, 4)
OPTIONS = {"cv": K, "n_jobs": 1, "random_state": 0}


class Tracked(TransformerMixin, BaseEstimator):
    """Subtracts the mean, and appends a line to a file at each fit."""

    def __init__(self, path, factor=1.0):
        self.path, self.factor = path, factor

    def fit(self, X, y=None):
        with open(self.path, "a") as file:
            file.write("fit\n")
        self.mean_ = np.mean(X, axis=0)
        return self

    def transform(self, X):
        return self.factor * (np.asarray(X) - self.mean_)


class Draws(Tracked):
    """Adds a number drawn from numpy's global generator."""

    def fit(self, X, y=None):
        super().fit(X)
        self.mean_ = self.mean_ + np.random.uniform()  # noqa: NPY002 - the global one
        return self


class WritesInPlace(DecisionTreeClassifier):
    """A classifier of an unknown library that writes into the table that it is fitted on."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        X[:] = 1e9
        return self


@pytest.fixture
def fits(tmp_path):
    """Return a file for `Tracked`, and a function that returns the number of its fits so far."""
    path = tmp_path / "fits"
    return str(path), lambda: len(path.read_text().splitlines()) if path.exists() else 0


def columns():
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    means = TargetEncoder(cv=KFold(3, shuffle=True, random_state=0))
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((numbers, ["size", "price"]), (one_hot, ["city"]), (means, ["city"]))


def members(make, *models):
    return [(f"m{at}", Pipeline([("prepare", make()), ("model", model)])) for at, model in enumerate(models)]


def apart(line_up, *tables, monkeypatch, **options):
    """Return the run in which each member prepares for itself."""
    with monkeypatch.context() as context:
        context.setattr(PreparationCache, "plan", lambda self, tasks: [*tasks] and None)
        return out_of_fold(line_up, *tables, **options)


def assert_same_to_the_bit(line_up, *tables, monkeypatch, **options):
    options = OPTIONS | options
    together = out_of_fold(line_up, *tables, **options)
    alone = apart(line_up, *tables, monkeypatch=monkeypatch, **options)
    assert together.meta_train.equals(alone.meta_train)
    if together.meta_test is not None:
        assert together.meta_test.equals(alone.meta_test)
    for name in together:
        pairs = zip(together[name].fold_estimators, alone[name].fold_estimators, strict=True)
        assert all(np.array_equal(*(one.predict(tables[0]) for one in pair)) for pair in pairs)
        assert together[name].fit_mode == alone[name].fit_mode
    return together


def first_steps(oof, name):
    bare = [getattr(one, "estimator", one) for one in oof[name].fold_estimators]
    return [pipeline.steps[0][1] for pipeline in bare]


def boosting():
    return xgboost.XGBClassifier(n_estimators=9, early_stopping_rounds=2, n_jobs=1, random_state=0)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.usefixtures("forks")
def test_all_kinds_of_members_get_the_results_of_their_own_preparation(n_jobs, monkeypatch):
    if n_jobs > 1:
        monkeypatch.setattr(executor, "PROBE", -1)
        monkeypatch.setattr(executor, "SHORT", -1)
    line_up = members(
        columns,
        LogisticRegression(),
        SGDClassifier(loss="log_loss"),
        RandomForestClassifier(3, n_jobs=2),
        HistGradientBoostingClassifier(max_iter=3),
        make_pipeline(Nystroem(n_components=5), LogisticRegression()),
        BatchNormMLPClassifier((4,), max_iter=2, batch_size=48),
        WritesInPlace(max_depth=2),
        boosting(),
        boosting(),
        boosting().set_params(early_stopping_rounds=None),
    )
    weights = RANDOM.uniform(0.5, 2, N)
    oof = assert_same_to_the_bit(
        line_up, FRAME, Y, FRAME[:20], monkeypatch=monkeypatch, n_jobs=n_jobs, sample_weight=weights
    )
    steps = {name: first_steps(oof, name) for name in oof}
    assert all(steps[f"m{at}"][k] is steps["m0"][k] for at in range(1, 7) for k in range(K))
    assert len({id(step) for step in steps["m0"]}) == K
    assert all(steps["m9"][k] is steps["m0"][k] for k in range(K))
    # These two are fitted on fewer rows, for the others stop them early.
    assert all(a is b and a is not c for a, b, c in zip(steps["m7"], steps["m8"], steps["m0"], strict=True))


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.usefixtures("forks")
def test_a_preparation_is_fitted_once_per_fold(fits, n_jobs, monkeypatch):
    path, n_fits = fits
    monkeypatch.setattr(executor, "SHORT", -1)
    line_up = members(lambda: Tracked(path), *(LogisticRegression(C=c) for c in (0.1, 1, 10)))
    oof = assert_same_to_the_bit(line_up, NUMBERS, Y, NUMBERS[:9], monkeypatch=monkeypatch, n_jobs=n_jobs)
    assert n_fits() == K + 3 * K  # shared, and then each for itself
    oof.transform(NUMBERS)
    assert n_fits() == 4 * K


def test_other_parameters_rows_or_targets_are_other_preparations(fits):
    path, n_fits = fits
    line_up = members(lambda: Tracked(path), LogisticRegression(), LogisticRegression(C=2.0))
    line_up += [("other", make_pipeline(Tracked(path, 2.0), LogisticRegression()))]
    line_up += [("early", make_pipeline(Tracked(path), boosting()))]
    out_of_fold(line_up, NUMBERS, Y, **OPTIONS)
    assert n_fits() == 3 * K


def test_steps_that_draw_or_have_no_seed_are_not_shared(fits, monkeypatch):
    path, n_fits = fits
    line_up = members(lambda: Draws(path), LogisticRegression(), LogisticRegression(C=2.0))
    oof = assert_same_to_the_bit(line_up, NUMBERS, Y, monkeypatch=monkeypatch)
    assert n_fits() == 4 * K
    assert first_steps(oof, "m0")[0].mean_[0] != first_steps(oof, "m1")[0].mean_[0]
    unseeded = members(lambda: Nystroem(n_components=3), LogisticRegression(), LogisticRegression(C=2.0))
    oof = assert_same_to_the_bit(unseeded, NUMBERS, Y, monkeypatch=monkeypatch)
    assert first_steps(oof, "m0")[0] is not first_steps(oof, "m1")[0]
    seeded = members(
        lambda: Nystroem(n_components=3, random_state=1), LogisticRegression(), LogisticRegression(C=2.0)
    )
    oof = assert_same_to_the_bit(seeded, NUMBERS, Y, monkeypatch=monkeypatch)
    assert first_steps(oof, "m0")[0] is first_steps(oof, "m1")[0]


def test_functions_are_shared_where_their_code_is_equal(monkeypatch):
    def make(power):
        return lambda: FunctionTransformer(lambda X: X**power)

    line_up = members(make(2), LogisticRegression(), LogisticRegression(C=2.0))
    line_up += [("cube", make_pipeline(make(3)(), LogisticRegression()))]
    oof = assert_same_to_the_bit(line_up, NUMBERS, Y, monkeypatch=monkeypatch)
    assert first_steps(oof, "m0")[0] is first_steps(oof, "m1")[0]
    assert first_steps(oof, "m0")[0] is not first_steps(oof, "cube")[0]


def test_tables_beyond_the_limit_are_prepared_by_each_member(fits, monkeypatch):
    path, n_fits = fits
    line_up = members(lambda: Tracked(path), LogisticRegression(), LogisticRegression(C=2.0))
    monkeypatch.setattr(shared_pickles, "MOST_BYTES", 1)
    oof = assert_same_to_the_bit(line_up, NUMBERS, Y, monkeypatch=monkeypatch)
    assert n_fits() == 4 * K
    assert first_steps(oof, "m0")[0] is not first_steps(oof, "m1")[0]


def test_warnings_of_a_shared_preparation_name_all_members():
    def warn(X):
        warnings.warn("beware", UserWarning, stacklevel=1)
        return X

    line_up = members(lambda: FunctionTransformer(warn), LogisticRegression(), LogisticRegression(C=2.0))
    with pytest.warns(UserWarning, match="beware .in 3 of 3 fits of 'm0', 3 of 3 fits of 'm1'."):
        out_of_fold(line_up, NUMBERS, Y, **OPTIONS)


def test_an_error_of_a_shared_preparation_is_that_of_each_member():
    def fail(X):
        raise ZeroDivisionError("no")

    line_up = members(lambda: FunctionTransformer(fail), LogisticRegression(), LogisticRegression(C=2.0))
    line_up += [("fine", LogisticRegression())]
    with pytest.warns(UserWarning, match="failed and is left out: ZeroDivisionError") as caught:
        oof = out_of_fold(line_up, NUMBERS, Y, on_error="skip", **OPTIONS)
    assert len(caught) == 2
    assert [*oof] == ["fine"]


def test_threads_give_the_same(monkeypatch):
    line_up = members(columns, LogisticRegression(), SGDClassifier(loss="log_loss"))
    with joblib.parallel_config("threading"):
        assert_same_to_the_bit(line_up, FRAME, Y, FRAME[:9], monkeypatch=monkeypatch, n_jobs=2)


def test_steps_of_a_run_in_several_calls_are_shared(fits):
    path, n_fits = fits
    data = TrainingData.of(NUMBERS, Y, X_test=NUMBERS[:9], classify=True)
    run = FoldRun(data, data.resolve_folds(K), config=RunConfig(n_jobs=1, seed=0))
    for name, model in members(lambda: Tracked(path), LogisticRegression(), SGDClassifier(loss="log_loss")):
        assert len([*run.fit([(name, model)], splits=[0])]) == 1
    assert n_fits() == 1
    for name, model in members(lambda: Tracked(path), LogisticRegression(), SGDClassifier(loss="log_loss")):
        assert len([*run.fit([(name, model)], splits=range(1, K))]) == K - 1
    assert n_fits() == K
    oof = run.result()
    assert first_steps(oof, "m0")[0] is first_steps(oof, "m1")[0]
    direct = out_of_fold(
        members(lambda: Tracked(path), LogisticRegression(), SGDClassifier(loss="log_loss")),
        NUMBERS,
        Y,
        NUMBERS[:9],
        **OPTIONS,
    )
    assert oof.meta_train.equals(direct.meta_train)


def test_new_processes_prepare_for_themselves():
    data = TrainingData.of(NUMBERS, Y, classify=True)
    copied = pickle.loads(pickle.dumps(data))
    assert copied.preparations is not data.preparations


def test_new_rows_are_transformed_once_per_fold():
    calls = []

    class Counts(StandardScaler):
        def transform(self, X, copy=None):
            calls.append(len(X))
            return super().transform(X, copy)

    line_up = members(Counts, *(LogisticRegression(C=c) for c in (0.1, 1, 10)))
    line_up += [("apart", make_pipeline(StandardScaler(), LogisticRegression()))]
    oof = out_of_fold(line_up, NUMBERS, Y, **OPTIONS)
    calls.clear()
    predictions = oof.transform(NUMBERS[:7])
    assert calls == [7] * K
    for name, result in oof.items():
        by_hand = np.mean([one.predict_proba(NUMBERS[:7]) for one in result.fold_estimators], axis=0)
        assert predictions[name].tolist() == by_hand[:, 1].tolist()


def test_refits_on_all_rows_share_too(fits):
    path, n_fits = fits
    line_up = members(lambda: Tracked(path), LogisticRegression(), LogisticRegression(C=2.0))
    stack = StackingClassifier(line_up, cv=K, refit=True, n_jobs=1).fit(NUMBERS, Y)
    assert n_fits() == K + 1
    assert stack.predict(NUMBERS).shape == (N,)


def test_a_rows_own_label_never_reaches_its_prediction():
    line_up = members(columns, LogisticRegression(), SGDClassifier(loss="log_loss"))
    first = out_of_fold(line_up, FRAME, Y, **OPTIONS | {"cv": KFold(K)})
    for row in (0, 40, 89):
        turned = Y.copy()
        turned[row] = "no" if Y[row] == "yes" else "yes"
        other = out_of_fold(line_up, FRAME, turned, **OPTIONS | {"cv": KFold(K)})
        assert other.meta_train.iloc[row].equals(first.meta_train.iloc[row])


def test_a_lock_in_a_step_is_not_shared():
    class Locked(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            self.lock_ = threading.Lock()
            return super().fit(X)

    line_up = members(Locked, LogisticRegression(), LogisticRegression(C=2.0))
    oof = out_of_fold(line_up, NUMBERS, Y, **OPTIONS)
    assert first_steps(oof, "m0")[0] is not first_steps(oof, "m1")[0]


def test_steps_that_select_by_chance_are_not_shared():
    line_up = members(
        lambda: SelectKBest(mutual_info_classif, k=2), LogisticRegression(), LogisticRegression(C=2.0)
    )
    oof = out_of_fold(line_up, NUMBERS, Y, **OPTIONS)
    assert first_steps(oof, "m0")[0] is not first_steps(oof, "m1")[0]
