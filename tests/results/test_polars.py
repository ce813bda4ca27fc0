"""Out-of-fold tables are frames of the library that X is a frame of."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from stackit import out_of_fold
from stackit.combine import MeanClassifier

pl = pytest.importorskip("polars")

X = np.random.default_rng(0).normal(size=(12, 2))
FRAME = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]})


@pytest.fixture(scope="module")
def oof():
    return out_of_fold([("ols", LinearRegression())], FRAME, FRAME["a"], FRAME[:2], cv=3, n_jobs=1)


def test_tables_of_a_polars_frame_are_of_polars(oof):
    assert isinstance(oof.meta_train, pl.DataFrame)
    assert isinstance(oof.meta_test, pl.DataFrame)
    assert oof.meta_train.columns == ["ols"]
    assert np.array_equal(oof.meta_train["ols"], oof.meta_features["ols"])
    assert np.array_equal(oof.meta_test["ols"], oof.test_meta_features["ols"])


def test_new_rows_come_back_in_their_own_library(oof):
    new = oof.transform(FRAME[:3])
    assert isinstance(new, pl.DataFrame)
    assert isinstance(oof.transform_refitted(FRAME[:3]), pl.DataFrame)
    index = ["x", "y", "z"]
    as_pandas = oof.transform(pd.DataFrame(X[:3], columns=["a", "b"], index=index))
    assert as_pandas.index.tolist() == index
    assert np.array_equal(new["ols"], as_pandas["ols"])


def test_other_tables_are_of_pandas_with_the_index_of_x():
    frame = pd.DataFrame(X, index=[f"r{at}" for at in range(12)])
    for table in (X, frame):
        run = out_of_fold([("ols", LinearRegression())], table, X[:, 0], cv=3, n_jobs=1)
        assert run.meta_train is run.meta_features
    assert run.meta_train.index.equals(frame.index)


def test_combiners_find_the_names_of_estimators_in_polars():
    y = np.where(X[:, 0] > 0, "yes", "no")
    trees = [("one", DecisionTreeClassifier(max_depth=1)), ("two", DecisionTreeClassifier(max_depth=2))]
    run = out_of_fold(trees, FRAME, y, cv=3, n_jobs=1)
    combiner = MeanClassifier(weights={"two": 1.0})
    of_polars = combiner.fit(run.meta_train, y).predict_proba(run.meta_train)
    assert np.array_equal(of_polars, combiner.fit(run.meta_features, y).predict_proba(run.meta_features))
