"""Tables and labels of all kinds."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.engine.cases import (
    LR,
    NAMES,
    NAMES3,
    NB,
    X3,
    XR,
    YR,
    X,
    Y,
    assert_equal_to_rounding,
    column,
    out_of_fold,
)

PEOPLE = pd.DataFrame(
    {
        "age": np.r_[np.nan, np.arange(59) % 40],
        "sex": ["f", "m", "m"] * 20,
        "pclass": pd.Categorical([1, 2, 3] * 20),
    },
    index=[f"p{number}" for number in range(60)],
)
SURVIVED = pd.Series(np.arange(60) % 3 == 0, index=PEOPLE.index, name="survived")


def people_pipeline(estimator):
    columns = make_column_transformer((OneHotEncoder(), ["sex", "pclass"]), remainder="passthrough")
    return make_pipeline(columns, estimator)


def test_a_data_frame_reaches_pipelines_whole_and_keeps_its_index():
    pipe = people_pipeline(HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2))
    oof = out_of_fold([("hist", pipe)], PEOPLE, SURVIVED, PEOPLE[::-1], cv=3)
    assert oof.meta_train.index.equals(PEOPLE.index)
    assert oof.meta_test.index.equals(PEOPLE.index[::-1])
    theirs = cross_val_predict(
        pipe.set_params(histgradientboostingclassifier__random_state=0),
        PEOPLE,
        SURVIVED,
        cv=3,
        method="predict_proba",
    )
    np.testing.assert_allclose(oof.meta_train["hist"], theirs[:, 1])


def test_rows_are_taken_by_position_whatever_the_index_is():
    expected = column(out_of_fold([("nb", NB)], X, NAMES, cv=3))
    for index in (np.arange(90)[::-1], np.zeros(90, int), [f"r{k % 7}" for k in range(90)]):
        frame = pd.DataFrame(X, index=index)
        oof = out_of_fold([("nb", NB)], frame, pd.Series(NAMES, index=index[::-1]), frame, cv=3)
        assert_equal_to_rounding(column(oof), expected)


@pytest.mark.parametrize(
    "form", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array, sparse.coo_array]
)
def test_sparse_tables_are_tables(form):
    counts = np.random.default_rng(0).poisson(1, (90, 6))
    expected = out_of_fold([("nb", MultinomialNB())], counts, NAMES, counts, cv=3)
    oof = out_of_fold([("nb", MultinomialNB())], form(counts), NAMES, form(counts), cv=3)
    np.testing.assert_allclose(oof.meta_train, expected.meta_train)
    np.testing.assert_allclose(oof.meta_test, expected.meta_test)


def test_lists_are_tables():
    expected = out_of_fold([("nb", NB)], X, NAMES, X[:3], cv=3)
    oof = out_of_fold([("nb", NB)], X.tolist(), NAMES.tolist(), X[:3].tolist(), cv=3)
    assert_equal_to_rounding(oof.meta_train, expected.meta_train)
    assert_equal_to_rounding(oof.meta_test, expected.meta_test)


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        tuple,
        pd.Series,
        pd.Categorical,
        pd.Index,
        lambda y: pd.Series(y, dtype="string"),
        lambda y: pd.Series(y, dtype="category"),
        lambda y: np.array(y, dtype=object),
    ],
)
def test_labels_come_in_any_container(wrap):
    expected = out_of_fold([("nb", NB)], X3, NAMES3, cv=3)
    oof = out_of_fold([("nb", NB)], X3, wrap(NAMES3), cv=3)
    assert oof.meta_train.equals(expected.meta_train)
    assert oof.summary.equals(expected.summary)


@pytest.mark.parametrize("dtype", [bool, "boolean", "Int64", float, "int8", "category"])
def test_binary_labels_come_in_any_type(dtype):
    oof = out_of_fold([("nb", NB)], X, pd.Series(Y).astype(dtype), cv=3)
    assert oof.meta_train.equals(out_of_fold([("nb", NB)], X, Y, cv=3).meta_train)


@pytest.mark.parametrize("dtype", [int, "Float64", "Int64", object])
def test_numbers_come_in_any_type(dtype):
    y = pd.Series(YR.round())
    oof = out_of_fold([("ridge", Ridge())], XR, y.astype(dtype), cv=3)
    np.testing.assert_allclose(column(oof), column(out_of_fold([("ridge", Ridge())], XR, y, cv=3)))


def test_missing_values_reach_estimators_that_take_them():
    holes = np.where(np.random.default_rng(0).random(XR.shape) < 0.2, np.nan, XR)
    hist = HistGradientBoostingRegressor(max_iter=5, random_state=0)
    oof = out_of_fold([("hist", hist)], holes, YR, cv=3)
    np.testing.assert_array_equal(oof.meta_train["hist"], cross_val_predict(hist, holes, YR, cv=3))


def test_texts_reach_pipelines():
    texts = ["good fine film", "bad dull film", "fine good", "dull bad bad"] * 6
    y = ["pos", "neg", "pos", "neg"] * 6
    pipe = make_pipeline(TfidfVectorizer(), LR)
    for wrap in (list, np.array, pd.Series):
        oof = out_of_fold([("text", pipe)], wrap(texts), y, wrap(["good film", "dull"]), cv=3)
        assert oof.summary.loc["text", "whole"] == 1
        assert (oof.meta_test["text"].to_numpy() > 0.5).tolist() == [True, False]


def test_images_keep_their_shape():
    class Bright(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            assert X.shape[1:] == (4, 4, 3)
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return self.classes_[(X.mean(axis=(1, 2, 3)) > 0.5).astype(int)]

    images = np.random.default_rng(0).random((40, 4, 4, 3))
    oof = out_of_fold([("bright", Bright())], images, images.mean(axis=(1, 2, 3)) > 0.5, cv=2)
    assert oof.summary.loc["bright", "whole"] == 1
