"""Names of columns: readable where people read them, safe where estimators do."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stackit import Level, LevelsClassifier, StackingClassifier, StackingRegressor, compare, out_of_fold
from stackit.arrays.frames import distinct, index_of, is_foreign_frame, safe_names
from stackit.combine import MeanClassifier
from tests.doubles import NeverFittedBayes

RNG = np.random.default_rng(0)
N = 90
X = pd.DataFrame(RNG.normal(size=(N, 2)), columns=["age", "fare"])
CODES = np.arange(N) % 3
MEMBERS = [("nb", GaussianNB()), ("lr", LogisticRegression())]
LABELS = [
    ["{x}", '"x"', "x:y"],
    ["<", ">", "[]"],
    *(
        pytest.param(labels, marks=pytest.mark.slow)
        for labels in (["<30", ">30", "="], ["[a", "a]", "a,b"], ["a b", "a_b", "a  b"])
    ),
]


def boosters():
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    return {
        "xgboost": xgboost.XGBClassifier(n_estimators=2, n_jobs=1),
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1, n_jobs=1),
    }


@pytest.mark.parametrize("labels", LABELS, ids=str)
@pytest.mark.parametrize("booster", ["xgboost", "lightgbm"])
def test_boosters_learn_from_meta_features_whatever_the_classes_are_called(labels, booster):
    model, y = boosters()[booster], np.array(labels)[CODES]
    plain = StackingClassifier(MEMBERS, model, cv=3, passthrough=True, random_state=0).fit(X, CODES)
    stack = StackingClassifier(MEMBERS, model, cv=3, passthrough=True, random_state=0).fit(X, y)
    order = np.argsort(np.argsort(labels))
    assert (stack.predict_proba(X).shape, plain.predict_proba(X).shape) == ((N, 3), (N, 3))
    assert list(stack.oof_.meta_train.columns[:3]) == [f"nb__{label}" for label in sorted(labels)]
    if (order == np.arange(3)).all():
        np.testing.assert_allclose(stack.predict_proba(X), plain.predict_proba(X))
    scaled = make_pipeline(StandardScaler().set_output(transform="pandas"), model)
    StackingClassifier(MEMBERS, scaled, cv=3, passthrough=True).fit(X, y).predict(X)
    levels = [MEMBERS, Level([("gbm", model), ("mean", MeanClassifier())], passthrough=False)]
    LevelsClassifier(levels, cv=3).fit(X, y).predict(X)
    levels = [MEMBERS, Level([("gbm", model)], passthrough=["age"])]
    LevelsClassifier(levels, model, passthrough=True, cv=3).fit(X, y).predict(X)
    oof = out_of_fold(MEMBERS, X, y, X, cv=3, n_jobs=1)
    out_of_fold([("gbm", model)], oof.meta_train, y, oof.meta_test, cv=3, n_jobs=1)
    compare(oof, [("gbm", model)])


@pytest.mark.parametrize("booster", ["xgboost", "lightgbm"])
def test_boosters_learn_from_columns_of_any_name(booster):
    named = X.set_axis(["fare[<10]", 'a "b", {c}: d'], axis=1)
    oof = out_of_fold([("gbm", boosters()[booster])], named, CODES, named, cv=3, n_jobs=1)
    plain = out_of_fold([("gbm", boosters()[booster])], X, CODES, X, cv=3, n_jobs=1)
    np.testing.assert_allclose(oof.meta_train, plain.meta_train)
    np.testing.assert_allclose(oof.transform(named), plain.transform(X))


def test_safe_names_of_passed_through_columns_are_those_of_the_table():
    by_name = ColumnTransformer([("own", "passthrough", ["age", "nb__young"])])
    y = np.array(["young", "old", "<30"])[CODES]
    final = make_pipeline(by_name, LogisticRegression())
    stack = StackingClassifier(MEMBERS, final, cv=3, passthrough=True).fit(X, y)
    assert len(stack.predict(X)) == N


@pytest.mark.parametrize("name", ["nb", "lr__1", "nb__2"])
def test_a_column_of_X_called_as_a_meta_feature_is_refused_before_any_fit(name):
    taken = X.rename(columns={"fare": name})
    members = [("nb", NeverFittedBayes()), ("lr", LogisticRegression())]
    y = CODES if "__" in name else CODES % 2
    with pytest.raises(ValueError, match=f"'{name}'.* are both meta-features of estimators and columns of X"):
        StackingClassifier(members, cv=3, passthrough=True).fit(taken, y)
    with pytest.raises(ValueError, match=f"'{name}'.* are both meta-features of estimators and columns of X"):
        LevelsClassifier([members, Level([("lr", LogisticRegression())], passthrough=[name])], cv=3).fit(
            taken, y
        )
    with pytest.raises(ValueError, match=f"'{name}'.* are both meta-features of estimators and columns of X"):
        LevelsClassifier([members], cv=3, passthrough=True).fit(taken, y)


def test_names_that_would_meet_only_when_made_safe_do_not_meet():
    pytest.importorskip("lightgbm")
    taken = X.rename(columns={"fare": "nb__lt30"})
    y = np.array(["<30", ">30", "="])[CODES]
    stack = StackingClassifier(MEMBERS, boosters()["lightgbm"], cv=3, passthrough=True).fit(taken, y)
    assert len(stack.predict(taken)) == N


def test_classes_and_outputs_that_read_the_same_have_columns_of_their_own():
    y = pd.DataFrame({1: X["age"], "1": X["fare"]})
    oof = out_of_fold([("ridge", Ridge())], X, y, cv=3, n_jobs=1)
    assert list(oof.meta_train.columns) == ["ridge__1", "ridge__'1'"]
    twice = pd.DataFrame(np.asarray(X), columns=["a", "a"])
    oof = out_of_fold([("ridge", Ridge())], X, twice, cv=3, n_jobs=1)
    assert list(oof.meta_train.columns) == ["ridge__a", "ridge__a_2"]
    np.testing.assert_allclose(oof.meta_train["ridge__a_2"], oof.meta_train.iloc[:, 1])


def test_estimators_with_meta_features_of_the_same_name_are_refused():
    y = np.array(["b", "_b", "c"])[CODES]
    with pytest.raises(ValueError, match="'a' and 'a_' would both have a meta-feature named 'a___b'"):
        out_of_fold([("a", GaussianNB()), ("a_", GaussianNB())], X, y, cv=3)


def test_classes_with_two_underscores_are_distinguished_from_estimators():
    y = np.array(["b__c", "c", "d"])[CODES]
    members = [("a", GaussianNB()), ("b", LogisticRegression())]
    stack = StackingClassifier(members, MeanClassifier(), cv=3).fit(X, y)
    assert list(stack.oof_.meta_train.columns[:2]) == ["a__b__c", "a__c"]
    oof = out_of_fold(members, X, y, X, cv=3, n_jobs=1)
    np.testing.assert_allclose(
        stack.predict_proba(X), MeanClassifier().fit(oof.meta_train, y).predict_proba(oof.meta_test)
    )


@pytest.mark.parametrize("kind", ["probability", "label", "decision", "number"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_names_are_known_before_there_are_predictions(kind, n_classes):
    method = {"probability": "predict_proba", "label": "predict", "decision": "decision_function"}.get(
        kind, "auto"
    )
    model = Ridge() if kind == "number" else LogisticRegression()
    members = [("m", model), ("forest", RandomForestClassifier(3))][: 2 if kind == "number" else 1]
    oof = out_of_fold(members, X, CODES % n_classes, cv=3, n_jobs=1, stack_method=method)
    assert oof.column_names == list(oof.meta_train.columns)
    for name, result in oof.items():
        assert oof.average(name).shape[1] == result.spec.width


@given(
    st.lists(st.text('ab_ <>[]{}",:', max_size=4), unique=True, max_size=8),
    st.lists(st.text("ab_ ", max_size=3)),
)
def test_safe_names_are_safe_unique_and_keep_those_that_are(names, taken):
    found = safe_names(names, taken)
    as_lightgbm = [name.replace(" ", "_") for name in found]
    assert len(set(as_lightgbm)) == len(names)
    assert not {name.replace(" ", "_") for name in taken} & {*as_lightgbm}
    assert not any(sign in name for name in found for sign in '[]<>",:{}')
    assert safe_names(found, taken) == found


@given(st.lists(st.sampled_from([1, "1", 1.5, "1.5", "a", "'1'", None, "None"]), max_size=8))
def test_texts_of_values_are_never_equal(values):
    found = distinct(values)
    assert len(set(found)) == len(values)
    if len({*map(str, values)}) == len(values):
        assert found == tuple(map(str, values))


# The index


def test_predictions_of_a_series_have_its_index():
    words = pd.Series(["good day", "bad day", "good", "bad", "fine good", "ill bad"] * 5)
    y = words.str.contains("good").astype(int)
    order = np.random.default_rng(1).permutation(30)
    shuffled = words.iloc[order]
    model = [("text", make_pipeline(CountVectorizer(), MultinomialNB()))]
    oof = out_of_fold(model, shuffled, y.iloc[order], shuffled[:7], cv=3, n_jobs=1)
    assert oof.meta_train.index.tolist() == order.tolist()
    assert oof.meta_test.index.tolist() == order[:7].tolist()
    assert oof.transform(shuffled[3:5]).index.tolist() == order[3:5].tolist()
    joined = pd.DataFrame({"words": words, "chance": oof.meta_train["text"]})
    assert ((joined["chance"] > 0.5) == y.astype(bool)).all()
    stack = StackingClassifier(model, cv=3).fit(shuffled, y.iloc[order])
    assert stack.oof_.meta_train.index.tolist() == order.tolist()
    levels = LevelsClassifier([model, MEMBERS], cv=3).fit(shuffled, y.iloc[order])
    assert levels.oof_.meta_train.index.tolist() == order.tolist()


def test_a_target_with_another_index_is_taken_by_position_as_scikit_learn_does():
    y = pd.Series(X["age"].to_numpy() * 2, index=np.arange(N)[::-1])
    oof = out_of_fold([("ridge", Ridge(1e-6))], X, y, cv=3, n_jobs=1)
    np.testing.assert_allclose(oof.meta_train["ridge"], 2 * X["age"], atol=1e-3)
    assert oof.meta_train.index.equals(X.index)


@pytest.mark.parametrize("container", [list, np.asarray, lambda table: np.asarray(table).tolist()])
def test_tables_without_an_index_have_none(container):
    numbers = X["age"].to_numpy().reshape(-1, 1)
    oof = out_of_fold([("ridge", Ridge())], container(numbers), X["age"], cv=3, n_jobs=1)
    assert oof.meta_train.index.equals(pd.RangeIndex(N))


def test_a_frame_of_polars_is_passed_through_with_its_names():
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(X.to_dict("list"))
    stack = StackingRegressor([("ridge", Ridge())], cv=3, passthrough=True).fit(table, X["age"])
    right = StackingRegressor([("ridge", Ridge())], cv=3, passthrough=True).fit(X, X["age"])
    np.testing.assert_allclose(stack.predict(table), right.predict(X))


@pytest.mark.parametrize("table", [X, np.eye(2)], ids=["pandas", "array"])
def test_frames_of_pandas_and_arrays_are_not_foreign(table):
    assert not is_foreign_frame(table)


def test_series_have_an_index_and_lists_have_none():
    assert index_of(pd.Series(["good", "bad"], index=[7, 3])).tolist() == [7, 3]
    assert index_of([["good"], ["bad"]]) is None
