"""Forests are packed into arrays without loss, and packed forests that lead nowhere are refused."""

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from stackit import StackingRegressor
from stackit.persistence.forests import is_forest, pack_forest, unpack_forest

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
X[::7, 1] = np.nan
NUMBERS = np.nan_to_num(X[:, 0] + X[:, 1])
LABELS = np.array(["no", "yes", "maybe"])[np.digitize(NUMBERS, [-0.5, 0.7])]


def forests():
    options = {"n_estimators": 3, "random_state": 0, "n_jobs": 1}
    for kind in (ExtraTreesClassifier, RandomForestClassifier):
        yield kind(**options).fit(X, LABELS)
    for kind in (ExtraTreesRegressor, RandomForestRegressor):
        yield kind(**options).fit(X, NUMBERS)
        yield kind(**options).fit(X, np.column_stack([NUMBERS, -NUMBERS]))


@pytest.mark.parametrize("forest", [*forests()], ids=lambda forest: type(forest).__name__)
def test_a_forest_comes_back_with_all_that_it_had(forest):
    assert is_forest(forest)
    again = unpack_forest(pack_forest(forest))
    assert type(again) is type(forest)
    predict = "predict_proba" if hasattr(forest, "predict_proba") else "predict"
    assert np.array_equal(getattr(again, predict)(X), getattr(forest, predict)(X))
    assert np.array_equal(again.feature_importances_, forest.feature_importances_)
    assert again.get_params() == forest.get_params()
    assert [str(tree) for tree in again.estimators_] == [str(tree) for tree in forest.estimators_]
    assert vars(again).keys() == vars(forest).keys()


def test_other_estimators_are_no_forests():
    assert not is_forest(ExtraTreesRegressor())
    assert not is_forest(StackingRegressor([]))
    changed = ExtraTreesRegressor(2, random_state=0).fit(X, NUMBERS)
    changed.estimators_[1].set_params(max_depth=3)
    assert not is_forest(changed)


@pytest.mark.parametrize(
    ("column", "value"),
    [("left_child", 10_000), ("left_child", 0), ("right_child", -7), ("feature", 3), ("feature", -1)],
)
def test_nodes_that_lead_nowhere_are_refused(column, value):
    packed = pack_forest(ExtraTreesRegressor(2, random_state=0).fit(X, NUMBERS))
    packed["nodes"][column] = packed["nodes"][column].copy()
    packed["nodes"][column][0] = value
    with pytest.raises(ValueError, match="trees that lead nowhere"):
        unpack_forest(packed)


def test_counts_that_are_not_those_of_the_nodes_are_refused():
    packed = pack_forest(ExtraTreesRegressor(2, random_state=0).fit(X, NUMBERS))
    with pytest.raises(ValueError, match="trees without nodes"):
        unpack_forest(packed | {"counts": np.array([1, 0])})
