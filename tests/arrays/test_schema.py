"""Tables of new rows have the columns of the training table: one check, which all entry points pass."""

import copy
import pickle
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from stackit import (
    Level,
    LevelsClassifier,
    StackingClassifier,
    StackingRegressor,
    average_or_refit,
    nested_score,
    out_of_fold,
    overfitting_alarm,
)
from stackit.arrays.schema import TableSchema
from tests.doubles import NeverFittedRidge

RNG = np.random.default_rng(0)
N = 60
FRAME = pd.DataFrame({"a": RNG.integers(0, 2, N), "b": np.full(N, 0.5) + RNG.normal(0, 0.01, N)})
Y = FRAME["a"].to_numpy()
# By position alone: names do not reach the estimator.
NAMELESS = make_pipeline(FunctionTransformer(np.asarray), DecisionTreeClassifier(random_state=0))
MEMBERS = [("nameless", NAMELESS)]
NEW = pd.DataFrame({"a": [0, 1] * 20, "b": [0.5] * 40})


# Fitted once: predicting changes nothing in them.
@cache
def stack(**options):
    return StackingClassifier(MEMBERS, cv=3, **options).fit(FRAME, Y)


@cache
def levels():
    second = Level([("lr", LogisticRegression())], passthrough=["b"])
    return LevelsClassifier([MEMBERS, second], cv=3).fit(FRAME, Y)


@cache
def first_level_of_columns():
    return LevelsClassifier([Level(MEMBERS, passthrough=["a", "b"])], cv=3).fit(FRAME, Y)


@cache
def run():
    return out_of_fold(MEMBERS, FRAME, Y, cv=3, n_jobs=1)


ENTRIES = {
    "X_test": lambda new: out_of_fold(MEMBERS, FRAME, Y, new, cv=3, n_jobs=1),
    "transform": lambda new: run().transform(new),
    "transform_refitted": lambda new: run().transform_refitted(new),
    "predict of a stack": lambda new: stack().predict(new),
    "predict_proba of a stack": lambda new: stack(refit=True).predict_proba(new),
    "transform of a stack": lambda new: stack(passthrough=True).transform(new),
    "score of a stack": lambda new: stack().score(new, [0, 1] * 20),
    "predict of levels": lambda new: levels().predict(new),
    "predict_proba of levels": lambda new: first_level_of_columns().predict_proba(new),
    "transform of levels": lambda new: levels().transform(new),
    "alarm of a run": lambda new: overfitting_alarm(run(), new),
    "alarm of a stack": lambda new: overfitting_alarm(stack(), new),
    "alarm of levels": lambda new: overfitting_alarm(levels(), new),
    "average or refit": lambda new: average_or_refit(stack(refit=True), new),
    "average or refit of a list": lambda new: average_or_refit(MEMBERS, new, FRAME, Y),
    "pickle": lambda new: pickle.loads(pickle.dumps(stack())).predict(new),
}
WRONG = {
    "another order": (lambda new: new[["b", "a"]], "same order.*b, a.*a, b"),
    "a column too many": (lambda new: new.assign(target=1), "unseen at fit time:\n- target"),
    "a column missing": (lambda new: new[["a"]], "missing:\n- b"),
    "another name": (lambda new: new.rename(columns={"b": "B"}), "- B\n.*\n- b"),
    "text for numbers": (lambda new: new.assign(b="high"), "b holds text instead of numbers"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_table_with_other_columns_is_refused_by_name(entry, wrong):
    change, text = WRONG[wrong]
    with pytest.raises(ValueError, match=f"(?s){text}"):
        ENTRIES[entry](change(NEW))


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_table_with_the_same_columns_passes(entry):
    ENTRIES[entry](NEW)


def test_columns_in_the_order_of_training_are_predicted_right():
    assert run().transform(NEW)["nameless"].tolist() == [0.0, 1.0] * 20


def test_nested_scores_see_one_table_with_the_same_columns_in_all_rows():
    nested_score(StackingClassifier(MEMBERS, cv=3), FRAME, Y, cv=3)


# What is compared


def frame(**columns):
    return pd.DataFrame(columns)


WORDS = ["u", "v", "w"]
HARMLESS = {
    "int to float": (frame(a=[1, 2, 3]), frame(a=[1.5, np.nan])),
    "float to int": (frame(a=[1.0, 2.0, 3.0]), frame(a=[1, 2])),
    "int to bool": (frame(a=[1, 0, 1]), frame(a=[True, False])),
    "nullable": (frame(a=[1.0, 2.0]), frame(a=pd.array([1, None], dtype="Int64"))),
    "objects that are numbers": (frame(a=[1.0, 2.0]), frame(a=pd.Series([1, 2.5], dtype=object))),
    "text of other types": (
        frame(a=pd.Series(WORDS, dtype=object)),
        frame(a=pd.Series(["x"], dtype="string")),
    ),
    "text and gaps": (frame(a=WORDS), frame(a=["u", None])),
    "text, all missing": (frame(a=WORDS), frame(a=[np.nan, np.nan])),
    "learned from nothing": (frame(a=[np.nan, np.nan]), frame(a=["u", "v"])),
    "text to categories": (frame(a=WORDS), frame(a=pd.Categorical(["u", "w"]))),
    "categories to text": (frame(a=pd.Categorical(WORDS)), frame(a=["u", "w"])),
    "fewer categories": (frame(a=pd.Categorical(WORDS)), frame(a=pd.Categorical(["w"]))),
    "dates of another zone": (
        frame(a=pd.to_datetime(["2024-01-01"])),
        frame(a=pd.to_datetime(["2024-01-02"]).tz_localize("UTC")),
    ),
    "columns by number": (pd.DataFrame(np.eye(2)), pd.DataFrame(np.ones((3, 2)))),
    "numbers as text": (pd.DataFrame(np.eye(2)), pd.DataFrame(np.eye(2), columns=["0", "1"])),
    "the same name twice": (
        pd.DataFrame(np.eye(2), columns=["a", "a"]),
        pd.DataFrame(np.eye(2), columns=["a", "a"]),
    ),
    "names in two levels": (
        pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
        pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
    ),
    "dates as names": (
        pd.DataFrame(np.eye(2), columns=pd.to_datetime(["2024-01-01", "2024-01-02"])),
        pd.DataFrame(np.eye(2), columns=pd.to_datetime(["2024-01-01", "2024-01-02"])),
    ),
    "an array": (np.eye(2), np.ones((3, 2), dtype=int)),
    "a list": (np.eye(2), [[1, 2], [3, 4]]),
    "a frame by number after an array": (np.eye(2), pd.DataFrame(np.eye(2))),
    "objects after numbers": (np.eye(2), np.eye(2).astype(object)),
    "a series": (pd.Series(WORDS), ["x", "y"]),
    "words": (WORDS, pd.Series(["x", "y"], name="other")),
    "images": (np.zeros((4, 8, 8)), np.zeros((2, 8, 8))),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_differs_but_in_form_passes(case):
    known, new = HARMLESS[case]
    before = copy.deepcopy(new)
    TableSchema.of(known).conform(new)
    compare = (
        pd.testing.assert_frame_equal if isinstance(new, pd.DataFrame) else np.testing.assert_array_equal
    )
    compare(new, before)


REFUSED = {
    "numbers by number in another order": (pd.DataFrame(np.eye(2)), pd.DataFrame(np.eye(2))[[1, 0]], "order"),
    "other numbers": (pd.DataFrame(np.eye(2)), pd.DataFrame(np.eye(2), columns=[3, 4]), "- 3\n- 4"),
    "names in two levels": (
        pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
        pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 2), ("a", 1)])),
        "order",
    ),
    "the same name twice, in another place": (
        pd.DataFrame(np.eye(3), columns=["a", "a", "b"]),
        pd.DataFrame(np.eye(3), columns=["a", "b", "a"]),
        "order",
    ),
    "an array with a column less": (np.eye(3), np.eye(2), "X has 2 features, but the run is expecting 3"),
    "a sparse matrix with a column more": (sparse.eye(2).tocsr(), sparse.eye(3).tocsr(), "X has 3 features"),
    "an array after a wider frame": (frame(a=[1], b=[2]), np.ones((2, 1)), "X has 1 features"),
    "a row alone": (np.eye(3), np.ones(3), "Reshape your data"),
    "a table after a column": (pd.Series(WORDS), pd.DataFrame({"a": WORDS}), "one dimension"),
    "numbers after words": (pd.Series(WORDS), pd.Series([1.0, 2.0]), "numbers instead of text"),
    "words after numbers": ([1.0, 2.0], ["a", "b"], "text instead of numbers"),
    "numbers for text": (frame(a=WORDS, b=[1, 2, 3]), frame(a=[1], b=[2]), "a holds numbers instead of text"),
    "dates for numbers": (frame(a=[1]), frame(a=pd.to_datetime(["2024-01-01"])), "dates instead of numbers"),
    "text in categories": (frame(a=pd.Categorical([1, 2])), frame(a=["u"]), "text instead of numbers"),
    "text in an array": (np.eye(2), np.array([["a", "b"]]), "text instead of numbers"),
    "text in one column of objects": (
        np.array([[1, "a"], [2, "b"]], dtype=object),
        np.array([["a", 1], ["b", 2]], dtype=object),
        "number 0 holds text instead of numbers, number 1 holds numbers instead of text",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_read_wrong_is_refused(case):
    known, new, text = REFUSED[case]
    with pytest.raises(ValueError, match=text):
        TableSchema.of(known).conform(new)


def test_dense_and_sparse_become_what_the_training_table_was():
    dense, thin = np.eye(3), sparse.csr_array(np.eye(3))
    assert type(TableSchema.of(dense).conform(thin)) is np.ndarray
    assert sparse.issparse(TableSchema.of(thin).conform(dense))
    assert isinstance(TableSchema.of(pd.DataFrame(dense)).conform(thin), pd.DataFrame)


def test_codes_of_categories_are_those_of_training_whatever_the_new_dtype_lists():
    class Coded(DecisionTreeClassifier):
        def fit(self, X, y):
            return super().fit(X.apply(lambda column: column.cat.codes), y)

        def predict_proba(self, X):
            return super().predict_proba(X.apply(lambda column: column.cat.codes))

    words = np.array(["no", "yes"])
    X = pd.DataFrame({"c": pd.Categorical(words[Y])})
    new = pd.DataFrame({"c": pd.Categorical(["yes", "no", "never"], categories=["yes", "never", "no"])})
    oof = out_of_fold([("coded", Coded(random_state=0))], X, Y, new, cv=3, n_jobs=1)
    assert oof.meta_test["coded"].tolist()[:2] == [1.0, 0.0]
    assert oof.transform(new.iloc[:1])["coded"].tolist() == [1.0]
    assert new["c"].cat.categories.tolist() == ["yes", "never", "no"]
    conformed = TableSchema.of(X).conform(new)["c"]
    assert conformed.tolist() == ["yes", "no", "never"]
    assert conformed.cat.categories.tolist() == ["no", "yes", "never"]


def test_categories_of_numbers_are_numbers_where_training_had_numbers():
    X = pd.DataFrame({"a": [10, 20, 30]})
    new = pd.DataFrame({"a": pd.Categorical([30, 10, None])})
    np.testing.assert_array_equal(TableSchema.of(X).conform(new)["a"], [30, 10, np.nan])


# Names on one side only


@pytest.mark.parametrize("as_new", [np.asarray, np.ndarray.tolist, sparse.csr_array])
def test_a_table_without_names_is_read_in_order_with_one_warning(as_new):
    by_name = make_pipeline(make_column_transformer(("passthrough", ["b"])), Ridge())
    X = FRAME.assign(b=RNG.normal(size=N))
    fitted = StackingRegressor([("r", by_name), ("s", Ridge())], cv=4).fit(X, X["b"])
    new = RNG.normal(size=(5, 2))
    with pytest.warns(UserWarning, match="does not have valid feature names") as caught:
        found = fitted.predict(as_new(new))
    assert len(caught) == 1
    right = fitted.predict(pd.DataFrame(new, columns=["a", "b"]))
    np.testing.assert_allclose(found, right)


def test_a_frame_after_an_array_is_read_in_order_with_one_warning():
    X = RNG.normal(size=(N, 2))
    new = pd.DataFrame(X[:5], columns=["a", "b"])
    with pytest.warns(UserWarning, match="X_test has feature names") as caught:
        oof = out_of_fold([("r", Ridge()), ("s", Ridge(2))], X, X[:, 0], new, cv=4)
    assert len(caught) == 1
    np.testing.assert_allclose(oof.meta_test, oof.transform(X[:5]))


def test_columns_of_several_types_keep_them_when_they_get_their_names():
    X = pd.DataFrame({"a": [1.0, 2.0], "b": ["u", "v"]})
    with pytest.warns(UserWarning, match="valid feature names"):
        found = TableSchema.of(X).conform(np.array([[3.0, "u"]], dtype=object))
    assert found["a"].dtype == np.float64


def test_words_of_a_series_may_come_as_a_list():
    X = pd.Series(["good day", "bad day"] * 20, index=np.arange(40)[::-1])
    text = make_pipeline(TfidfVectorizer(), MultinomialNB())
    fitted = StackingClassifier([("text", text)], cv=2).fit(X, [1, 0] * 20)
    assert fitted.predict(["good", "bad"]).tolist() == [1, 0]
    with pytest.raises(ValueError, match="one dimension"):
        fitted.predict(pd.DataFrame({"text": ["good"]}))


def test_one_hot_columns_of_frames_are_checked_before_any_fit():
    X = pd.DataFrame({"a": WORDS * 10, "b": np.arange(30.0)})
    with pytest.raises(ValueError, match="same order"):
        out_of_fold([("never", NeverFittedRidge())], X, np.arange(30.0), X[["b", "a"]], cv=3)


def test_a_table_is_checked_without_a_warning_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words = OneHotEncoder(handle_unknown="ignore")
        encoder = make_column_transformer((words, ["c"]), remainder="passthrough")
        X = FRAME.assign(c=["u", "v"] * 30)
        fitted = StackingClassifier([("m", make_pipeline(encoder, LogisticRegression()))], cv=3).fit(X, Y)
        fitted.predict(X.head().assign(c="new"))


# Frames of other libraries


def test_a_frame_of_polars_is_checked_by_name_and_becomes_pandas_after_pandas():
    polars = pytest.importorskip("polars")
    fitted = stack()
    right = fitted.predict(NEW)
    assert fitted.predict(polars.DataFrame(NEW.to_dict("list"))).tolist() == right.tolist()
    with pytest.raises(ValueError, match="same order"):
        fitted.predict(polars.DataFrame(NEW[["b", "a"]].to_dict("list")))


class ForeignFrame:
    """A double of a data frame of another library, with the part of their interface that sklearn uses."""

    def __init__(self, frame):
        self.frame = frame
        self.columns = list(frame.columns)
        self.shape = frame.shape

    def __len__(self):
        return len(self.frame)

    def __getitem__(self, key):
        return self.frame[key] if isinstance(key, str) else ForeignFrame(self.frame.iloc[key])

    def __array__(self, dtype=None, copy=None):
        return np.array(self.frame, dtype=dtype)

    def __dataframe__(self):
        raise NotImplementedError

    def to_pandas(self):
        return self.frame.copy()


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_boosters_see_frames_of_other_libraries_as_pandas(library):
    pytest.importorskip(library)
    seen = []

    class TypeRecordingBooster(LogisticRegression):
        __module__ = f"{library}.doubles"

        def fit(self, X, y):
            seen.append(type(X))
            self.n_jobs = None
            return super().fit(X, y)

        def predict_proba(self, X):
            seen.append(type(X))
            return super().predict_proba(X)

    X = FRAME.assign(b=RNG.normal(size=N))
    oof = out_of_fold([("b", TypeRecordingBooster())], ForeignFrame(X), Y, ForeignFrame(NEW), cv=3, n_jobs=1)
    assert set(seen) == {pd.DataFrame}
    right = out_of_fold([("b", TypeRecordingBooster())], X, Y, NEW, cv=3, n_jobs=1)
    np.testing.assert_allclose(oof.meta_train, right.meta_train)
    np.testing.assert_allclose(oof.meta_test, right.meta_test)


@pytest.mark.parametrize("words", [False, True])
def test_lightgbm_learns_from_polars_without_ending_the_process(words):
    polars, lightgbm = pytest.importorskip("polars"), pytest.importorskip("lightgbm")
    X = polars.DataFrame(FRAME.to_dict("list"))
    if words:
        X = X.with_columns(polars.Series("c", ["u", "v"] * 30, dtype=polars.Categorical))
    model = lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1)
    oof = out_of_fold([("gbm", model)], X, Y, X, cv=3, n_jobs=1)
    assert oof.meta_test.shape == (N, 1)


def test_numbered_columns_in_another_order_than_those_of_an_array_are_refused():
    schema, table = TableSchema.of(np.eye(3)), pd.DataFrame(np.arange(6.0).reshape(2, 3))
    assert schema.conform(table).tolist() == table.to_numpy().tolist()
    with pytest.raises(ValueError, match=r"X has the columns 2, 0, 1; .*pass X\[sorted\(X\.columns\)\]"):
        schema.conform(table[[2, 0, 1]])
    assert schema.conform(table.set_axis([7, 5, 3], axis=1)).tolist() == table.to_numpy().tolist()
