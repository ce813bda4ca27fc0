"""No estimator can change the tables of the caller or of other estimators."""

import copy
import ctypes
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stackit import (
    Level,
    LevelsClassifier,
    LevelsRegressor,
    StackingClassifier,
    StackingRegressor,
    average_or_refit,
    nested_score,
    out_of_fold,
    overfitting_alarm,
)
from stackit.arrays.isolation import Reader, inspect_reader, is_readonly_error, own_copy, rows_for

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).round(3)
Y = (X[:, 0] + 0.3 * RNG.normal(size=60) > 0).astype(int)
NEW = RNG.normal(size=(40, 3)).round(3)


def as_objects(table):
    return table.astype(object)


def as_lists_in_cells(table):
    cells = np.empty((len(table), 1), dtype=object)
    cells[:, 0] = [list(row) for row in table.tolist()]
    return cells


def as_frame(table):
    return pd.DataFrame(table, columns=["a", "b", "c"])


def as_mixed_frame(table):
    return as_frame(table).assign(d=np.arange(len(table)), e=[[value] for value in table[:, 0]])


CONTAINERS = {
    "array": np.array,
    "columns first": np.asfortranarray,
    "objects": as_objects,
    "lists in cells": as_lists_in_cells,
    "list of lists": np.ndarray.tolist,
    "list of arrays": list,
    "frame": as_frame,
    "mixed frame": as_mixed_frame,
    "sparse": sparse.csr_array,
    "series": lambda table: pd.Series(table[:, 0], index=np.arange(len(table))[::-1]),
    "column": lambda table: table[:, 0].copy(),
}


def numbers_in(table):
    """The first column, in new memory, of whatever container."""
    if sparse.issparse(table):
        return table.toarray()[:, 0]
    if isinstance(table, pd.DataFrame):
        return np.array(table.iloc[:, 0], dtype=float)
    values = [value[0] if np.ndim(value) else value for value in table]
    return np.array([value[0] if isinstance(value, list) else value for value in values], dtype=float)


def scribble(table):
    """Write into a table past all flags, as torch and compiled code can."""
    if isinstance(table, pd.DataFrame):
        table.columns.name = table.index.name = "scribbled"
        for at in range(table.shape[1]):
            scribble(table.iloc[:, at].to_numpy())
    elif isinstance(table, pd.Series):
        scribble(table.to_numpy())
    elif sparse.issparse(table):
        scribble(table.data)
    elif isinstance(table, list) and np.ndim(table[0]) == 0:
        table[:] = [7.0] * len(table)
    elif isinstance(table, list) or getattr(table, "dtype", Y.dtype).kind == "O":
        for value in table if isinstance(table, list) else table.flat:
            if np.ndim(value):
                scribble(value)
    elif isinstance(table, np.ndarray) and table.size:
        low, high = np.lib.array_utils.byte_bounds(table)
        ctypes.memset(low, 0, high - low)


class TableScribbler(BaseEstimator):
    """Reads a table, and overwrites it if `scribbles`."""

    def __init__(self, scribbles=True):
        self.scribbles = scribbles

    def fit(self, X, y, sample_weight=None, notes=None):
        weights = np.ones(len(y)) if sample_weight is None else np.array(sample_weight)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.slope_ = np.average(numbers_in(X) * (codes - codes.mean()), weights=weights)
        self._done(X, y, sample_weight, notes)
        return self

    def predict_numbers(self, X):
        values = numbers_in(X) * self.slope_ * 5
        self._done(X)
        return values

    def _done(self, *tables):
        if self.scribbles:
            for table in tables:
                scribble(table)


class ScribblingRegressor(RegressorMixin, TableScribbler):
    def predict(self, X):
        return self.predict_numbers(X)


class ScribblingClassifier(ClassifierMixin, TableScribbler):
    def predict_proba(self, X):
        chance = 1 / (1 + np.exp(-self.predict_numbers(X)))
        return np.column_stack([1 - chance, chance])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def equal(a, b):
    """Whether two tables of one container are the same, cells included."""
    if isinstance(a, pd.DataFrame):
        same_names = (a.columns.name, a.index.name) == (b.columns.name, b.index.name)
        return same_names and all(equal(a[name].tolist(), b[name].tolist()) for name in a.columns)
    if sparse.issparse(a):
        return equal(a.toarray(), b.toarray())
    return equal_lists(*(each if isinstance(each, list) else each.tolist() for each in (a, b)))


def equal_lists(a, b):
    return len(a) == len(b) and all(
        equal_lists(list(one), list(other)) if np.ndim(one) else one == other
        for one, other in zip(a, b, strict=True)
    )


def engine(scribbles, X, y, new):
    oof = out_of_fold(pair(scribbles), X, y, new, cv=3, n_jobs=1)
    return oof.meta_train, oof.meta_test, oof.transform(new)


def pair(scribbles, kind=ScribblingRegressor):
    return [("first", kind(scribbles)), ("second", kind(scribbles))]


def stack(scribbles, X, y, new, **options):
    fitted = StackingClassifier(pair(scribbles, ScribblingClassifier), cv=3, random_state=0, **options)
    table = fitted.fit_transform(X, y)
    return table, fitted.predict(new), fitted.predict_proba(new), fitted.transform(new)


def levels(scribbles, X, y, new, **options):
    second = Level([("third", ScribblingRegressor(scribbles))], **options)
    fitted = LevelsRegressor([pair(scribbles), second], Ridge(), cv=3, random_state=0).fit(X, y)
    return fitted.predict(new), fitted.transform(new), fitted.oof_.meta_train


def assessed(scribbles, X, y, new):
    known = StackingRegressor(pair(scribbles), cv=3, refit=True, random_state=0).fit(X, y)
    alarm = overfitting_alarm(known, new)
    return average_or_refit(known, new).refitted, alarm.table.select_dtypes("number")


def nested(scribbles, X, y, new):
    return nested_score(StackingRegressor(pair(scribbles), cv=3, random_state=0), X, y, cv=3).scores[
        ["score"]
    ]


ENTRIES = {
    "out_of_fold": engine,
    "stack": stack,
    "refitted stack": partial(stack, refit=True),
    "levels": levels,
    "nested levels": partial(levels, nested=True),
    "refitted levels": partial(levels, refit=True),
    "assessed": assessed,
    "nested score": nested,
}


# All ways in with some containers, and all containers with some ways in.
CASES = [(one, entry) for one in ("array", "frame", "lists in cells") for entry in ENTRIES]
CASES += [(one, entry) for one in CONTAINERS for entry in ("out_of_fold", "refitted stack")]


@pytest.mark.parametrize(("container", "entry"), sorted(set(CASES)))
def test_estimators_that_overwrite_their_tables_change_neither_the_callers_nor_each_others(container, entry):
    table, new, y = CONTAINERS[container](X), CONTAINERS[container](NEW), Y.copy()
    before = copy.deepcopy((table, new))
    found = ENTRIES[entry](True, table, y, new)
    assert equal(table, before[0])
    assert equal(new, before[1])
    np.testing.assert_array_equal(y, Y)
    for one, right in zip(found, ENTRIES[entry](False, *before[:1], Y, before[1]), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(right))


@pytest.mark.parametrize("container", ["array", "objects", "frame", "mixed frame", "sparse"])
@pytest.mark.parametrize("passthrough", [True, [0]])
def test_what_is_passed_through_to_estimators_that_overwrite_it_stays_the_callers(container, passthrough):
    if container == "mixed frame" and passthrough is True:
        table, new = (CONTAINERS[container](each).drop(columns="e") for each in (X, NEW))
    else:
        table, new = CONTAINERS[container](X), CONTAINERS[container](NEW)
    before = copy.deepcopy((table, new))
    members = pair(True)
    if passthrough is True:
        ensemble = StackingRegressor(members, ScribblingRegressor(), cv=3, passthrough=True)
    else:
        second = Level([("third", ScribblingRegressor())], passthrough=passthrough)
        ensemble = LevelsRegressor([members, second], ScribblingRegressor(), cv=3, passthrough=passthrough)
    fitted = ensemble.fit(table, Y)
    first, second = fitted.predict(new), fitted.predict(new)
    np.testing.assert_array_equal(first, second)
    assert equal(table, before[0])
    assert equal(new, before[1])


def test_weights_groups_and_parameters_of_fit_stay_the_callers():
    weights, groups, notes = np.linspace(1, 2, 60), np.arange(60) % 6, {"deep": [np.ones(3)]}
    before = copy.deepcopy((weights, groups, notes))
    oof = out_of_fold(pair(True), X, Y, cv=3, sample_weight=weights, groups=groups, n_jobs=1)
    right = out_of_fold(pair(False), X, Y, cv=3, sample_weight=weights, groups=groups, n_jobs=1)
    np.testing.assert_array_equal(oof.meta_train, right.meta_train)
    StackingRegressor(pair(True), ScribblingRegressor(), cv=3).fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(weights, before[0])
    np.testing.assert_array_equal(groups, before[1])


def test_a_memory_map_that_can_be_written_is_not(tmp_path):
    for name, values in (("X", X), ("new", NEW)):
        np.save(tmp_path / f"{name}.npy", values)
    table, new = (np.load(tmp_path / f"{name}.npy", mmap_mode="r+") for name in ("X", "new"))
    engine(True, table, Y, new)
    stack(True, table, Y, new)
    np.testing.assert_array_equal(np.load(tmp_path / "X.npy"), X)
    np.testing.assert_array_equal(np.load(tmp_path / "new.npy"), NEW)


@pytest.mark.parametrize("container", ["array", "frame", "sparse"])
def test_a_known_estimator_that_works_in_place_does_not_change_the_callers_table(container):
    # sklearn lifts the read-only flag of arrays that pandas hands out.
    scaler = StandardScaler(copy=False, with_mean=container != "sparse")
    table, new = CONTAINERS[container](X), CONTAINERS[container](NEW)
    plain = StandardScaler(with_mean=container != "sparse")
    members = [("in_place", make_pipeline(scaler, Ridge())), ("plain", make_pipeline(plain, Ridge()))]
    oof = out_of_fold(members, table, X @ [1, 2, 3], new, cv=3, n_jobs=1)
    assert equal(table, CONTAINERS[container](X))
    assert equal(new, CONTAINERS[container](NEW))
    for meta in (oof.meta_test, oof.meta_train):
        np.testing.assert_allclose(meta["in_place"], meta["plain"], rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_a_torch_module_that_standardises_in_place_predicts_as_one_that_does_not():
    torch = pytest.importorskip("torch")

    class InPlace(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            table = np.array(X)
            self.mean_, self.std_ = table.mean(axis=0), table.std(axis=0)
            self.model_ = LinearRegression().fit((table - self.mean_) / self.std_, y)
            return self

        def predict(self, X):
            table = torch.as_tensor(np.asarray(X))
            table -= torch.as_tensor(self.mean_)
            table /= torch.as_tensor(self.std_)
            return self.model_.predict(table.numpy())

    y, new = X @ [10, 20, 30], NEW.copy()
    members = [("torch", InPlace()), ("plain", LinearRegression())]
    for container in (np.array, as_frame):
        X_test = container(new)
        oof = out_of_fold(members, container(X), y, X_test, cv=3, n_jobs=1)
        np.testing.assert_allclose(oof.meta_test["torch"], NEW @ [10, 20, 30])
        np.testing.assert_array_equal(np.asarray(X_test), NEW)


def test_tensors_that_sklearn_shares_memory_with_stay_the_callers():
    torch = pytest.importorskip("torch")
    new = torch.as_tensor(NEW.copy())
    scaler = make_pipeline(StandardScaler(copy=False), Ridge())
    out_of_fold([("scaled", scaler), ("s", ScribblingRegressor())], X, Y * 1.0, np.array(NEW), cv=3, n_jobs=1)
    StackingRegressor([("scaled", scaler)], Ridge(), cv=3).fit(X, Y).predict(new)
    np.testing.assert_array_equal(new.numpy(), NEW)


class ReusesItsMemory(RegressorMixin, BaseEstimator):
    """Hands out one piece of memory, again and again."""

    def fit(self, X, y):
        self.prediction_ = np.zeros(len(X))
        return self

    def predict(self, X):
        prediction = self.prediction_[: len(X)]
        prediction[:] = np.asarray(X)[:, 0]
        return prediction


def test_an_estimator_that_uses_the_memory_of_its_predictions_again_changes_none_that_it_gave():
    oof = out_of_fold([("again", ReusesItsMemory())], X, Y * 1.0, NEW, cv=3, n_jobs=1)
    np.testing.assert_allclose(oof.meta_train["again"], X[:, 0])
    np.testing.assert_allclose(oof.meta_test["again"], NEW[:, 0])


def test_a_scorer_that_changes_predictions_changes_none_that_are_kept():
    def clipped(y, predicted):
        np.clip(predicted, 0, 0, out=predicted)
        return 0.0

    oof = out_of_fold([("ridge", Ridge())], X, Y * 1.0, cv=3, n_jobs=1, scoring=make_scorer(clipped))
    before = oof.meta_train.copy()
    assert (oof.scores["score"] == 0).all()
    np.testing.assert_array_equal(oof.average("ridge"), before)


class SortsInPlace(KFold):
    """A splitter that sorts what it is given."""

    __module__ = "elsewhere"

    def split(self, X, y=None, groups=None):
        for table in (X, y, groups):
            if isinstance(table, np.ndarray):
                table.sort(axis=0)
        return super().split(X)


def test_a_splitter_that_works_in_place_changes_nothing():
    table, y, groups = X.copy(), Y.copy(), np.arange(60)[::-1].copy()
    out_of_fold([("ridge", Ridge())], table, y, cv=SortsInPlace(3), groups=groups, n_jobs=1)
    np.testing.assert_array_equal(table, X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(groups, np.arange(60)[::-1])


def test_an_estimator_of_ones_own_that_fits_all_folds_at_once_gets_a_table_of_its_own():
    class ScribblingFoldFitter(ScribblingRegressor):
        def fit_folds(self, X, y, folds, sample_weight=None, **rest):
            fitted = [ScribblingRegressor(False).fit(X[train], y[train]) for train, _ in folds.splits]
            for table in (X, y, sample_weight):
                scribble(table)
            return fitted

    table, y, weights = X.copy(), Y * 1.0, np.ones(60)
    out_of_fold([("t", ScribblingFoldFitter())], table, y, cv=3, sample_weight=weights, n_jobs=1)
    np.testing.assert_array_equal(table, X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(weights, 1)


def test_what_fit_transform_returns_can_be_written_into_and_is_not_the_table_that_is_kept():
    fitted = StackingRegressor([("ridge", Ridge()), ("knn", KNeighborsRegressor())], cv=3)
    table = fitted.fit_transform(X, Y * 1.0)
    kept = fitted.oof_.meta_train.to_numpy().copy()
    table -= table.mean(axis=0)
    np.testing.assert_array_equal(fitted.oof_.meta_train, kept)
    new = fitted.transform(NEW)
    new -= 1


class InPlaceByNumpy(LinearRegression):
    """Of an unknown library: standardises its table in place, as numpy lets it."""

    def predict(self, X):
        X -= 0.0
        return super().predict(X)


def test_a_final_estimator_may_write_into_its_table():
    fitted = StackingRegressor([("ridge", Ridge())], InPlaceByNumpy(), cv=3).fit(X, Y * 1.0)
    assert len(fitted.predict(NEW)) == 40


def own_function(table):
    return table


@pytest.mark.parametrize(
    ("estimator", "known"),
    [
        (Ridge(), True),
        (make_pipeline(StandardScaler(), Ridge()), True),
        (GridSearchCV(Ridge(), {"alpha": [1, 2]}), True),
        (CalibratedClassifierCV(LogisticRegression()), True),
        (Ridge(copy_X=False), False),
        (make_pipeline(StandardScaler(copy=False), Ridge()), False),
        (make_pipeline(FunctionTransformer(own_function), Ridge()), False),
        (make_pipeline(FunctionTransformer(np.log1p), Ridge()), True),
        (GridSearchCV(Ridge(), {"alpha": [1]}, scoring=own_function), False),
        (GridSearchCV(make_pipeline(Ridge()), {"ridge": [ScribblingRegressor()]}), False),
        (GridSearchCV(Ridge(), {}, cv=SortsInPlace()), False),
        (KNeighborsRegressor(metric=own_function), False),
        (StackingClassifier([("s", ScribblingClassifier())]), False),
        (LevelsClassifier([[("s", LogisticRegression())]]), True),
        (LevelsClassifier([[("s", ScribblingClassifier())]]), False),
        (ScribblingRegressor(), False),
    ],
)
def test_an_estimator_is_well_known_if_all_that_it_is_made_of_reads_only(estimator, known):
    assert inspect_reader(estimator).is_trusted_library is known


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_copy_is_equal_and_shares_nothing(container):
    table = CONTAINERS[container](X)
    copied = own_copy(table)
    assert type(copied) is type(table)
    assert equal(copied, table)
    scribble(copied)
    assert equal(table, CONTAINERS[container](X))


class DropsInPlace(RegressorMixin, BaseEstimator):
    """Shortens the table that it predicts: it leaves out rows with gaps, and empties lists."""

    def __init__(self, predicts_all=True):
        self.predicts_all = predicts_all

    def fit(self, X, y):
        return self

    def predict(self, X):
        n = len(X)
        if isinstance(X, list):
            del X[1:]
        else:
            X._update_inplace(X.dropna())  # what dropna(inplace=True) does, which pandas warns of
        return np.arange(float(n if self.predicts_all else len(X)))


@pytest.mark.parametrize("container", ["list", "frame"])
def test_an_estimator_that_shortens_its_table_must_still_predict_every_row(container):
    gaps = np.where(np.arange(len(X))[:, np.newaxis] % 2, X, np.nan)
    table = (
        gaps.tolist() if container == "list" else pd.DataFrame(gaps, columns=["a", "b", "c"][: X.shape[1]])
    )
    oof = out_of_fold([("d", DropsInPlace())], table, Y, table[:5], cv=3, n_jobs=1)
    assert oof.meta_test["d"].tolist() == [0, 1, 2, 3, 4]
    assert len(table) == len(X)
    with pytest.raises(ValueError, match=r"'d' \(repeat 0 fold 0\) must be of shape \(\d+,\)"):
        out_of_fold([("d", DropsInPlace(predicts_all=False))], table, Y, cv=3, n_jobs=1)


def test_the_error_of_numpy_for_a_read_only_table_is_recognised():
    assert is_readonly_error(ValueError("assignment destination is read-only"))


def test_rows_to_fit_on_are_in_the_order_that_is_wanted():
    rows = rows_for(Reader(is_trusted_library=True), np.eye(3), np.array([2, 0]))
    assert rows.tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
