"""`transform` and `fit_transform` return what `set_output` says, with the index and the names of columns."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from stackit import LevelsRegressor, StackingRegressor
from stackit.combine import MeanRegressor

pl = pytest.importorskip("polars")

X = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 2)), columns=["a", "b"])
X.index = [f"r{at}" for at in range(12)]
POLARS = pl.DataFrame({name: X[name].to_numpy() for name in X})
MEMBERS = [("ols", LinearRegression()), ("tree", DecisionTreeRegressor(max_depth=1))]
ENSEMBLES = {
    "stack": StackingRegressor(MEMBERS, cv=3),
    "passthrough": StackingRegressor(MEMBERS, cv=3, passthrough=["b"]),
    "levels": LevelsRegressor([MEMBERS, MEMBERS], MeanRegressor(), cv=3),
}
COLUMNS = {"stack": ["ols", "tree"], "passthrough": ["ols", "tree", "b"], "levels": ["ols", "tree"]}


@pytest.fixture(params=ENSEMBLES)
def name(request):
    return request.param


@pytest.mark.parametrize("table", [X, POLARS], ids=["pandas", "polars"])
def test_pandas_is_returned_with_the_index_of_a_pandas_frame(name, table):
    ensemble = ENSEMBLES[name].set_output(transform="pandas")
    index = X.index.tolist() if table is X else list(range(12))
    for found in (ensemble.fit_transform(table, X["a"]), ensemble.transform(table)):
        assert isinstance(found, pd.DataFrame)
        assert found.columns.tolist() == COLUMNS[name]
        assert found.index.tolist() == index
    assert isinstance(ensemble.predict(table), np.ndarray)


@pytest.mark.parametrize("table", [X, POLARS], ids=["pandas", "polars"])
def test_polars_is_returned_for_any_frame(name, table):
    ensemble = ENSEMBLES[name].set_output(transform="polars")
    for found in (ensemble.fit_transform(table, X["a"]), ensemble.transform(table)):
        assert isinstance(found, pl.DataFrame)
        assert found.columns == COLUMNS[name]
    assert isinstance(ensemble.predict(table), np.ndarray)


def test_by_default_there_is_an_array_and_with_columns_passed_through_the_frame_that_came(name):
    for table, frame in ((X, pd.DataFrame), (POLARS, pl.DataFrame)):
        ensemble = ENSEMBLES[name].set_output(transform="default")
        found = ensemble.fit(table, X["a"]).transform(table)
        assert isinstance(found, frame if name == "passthrough" else np.ndarray)


def test_the_setting_of_scikit_learn_counts_where_the_stack_has_none():
    stack = StackingRegressor(MEMBERS[:1], cv=3, passthrough=True)
    with config_context(transform_output="pandas"):
        assert isinstance(stack.fit_transform(POLARS, X["a"]), pd.DataFrame)
    assert isinstance(stack.transform(POLARS), pl.DataFrame)
