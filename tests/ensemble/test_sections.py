"""What notebooks show of an ensemble: scikit-learn's diagram, and the levels below it once it is fitted."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import estimator_html_repr

from stackit import DiskStore, Level, LevelsRegressor, StackingClassifier, StackingRegressor
from stackit.combine import MeanRegressor

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X[:, 0]
FIRST = [("<b>", LinearRegression()), ("scaled", make_pipeline(StandardScaler(), Ridge()))]


@pytest.fixture(scope="module")
def levels():
    second = Level([("ridge", Ridge()), ("ols", LinearRegression())])
    return LevelsRegressor([FIRST, second], MeanRegressor(weights=[3, 1]), cv=3).fit(X, Y)


def test_before_fit_there_is_the_diagram_alone():
    stack = StackingRegressor(FIRST)
    assert stack.display_sections() == []
    page = stack._repr_mimebundle_()["text/html"]
    assert len(page) == pytest.approx(len(estimator_html_repr(stack)), abs=50)  # ids are counted up
    assert "<b>" not in page.replace("<b>In a Jupyter environment", "")


def test_each_level_is_a_table_with_its_folds_and_the_last_has_weights(levels):
    first, second, folds = levels.display_sections()
    assert first.title == "Level 1 of 2, on Folds(KFold, 30 rows, 3 folds)"
    assert [row[0] for row in first.rows] == ["<b>", "scaled"]
    assert second.columns[-1] == "weight"
    assert [(row[0], row[-1]) for row in second.rows] == [("ridge", 0.75), ("ols", 0.25)]
    assert len(folds.rows) == 3
    assert not folds.is_open
    page = levels._repr_html_()
    assert page.startswith(estimator_html_repr(levels)[:40])
    assert page.count("stackit-view") > 1


def test_coefficients_of_a_linear_final_estimator_are_the_weights():
    stack = StackingRegressor(FIRST, LinearRegression(), cv=3).fit(X, Y)
    weights = [row[-1] for row in stack.display_sections()[0].rows]
    assert weights == stack.final_estimator_.coef_.tolist()


def test_a_column_per_class_has_no_weight_of_its_estimator():
    y = np.arange(30) % 3
    stack = StackingClassifier([("tree", DecisionTreeClassifier(max_depth=1))], cv=3).fit(X, y)
    assert stack.display_sections()[0].columns[-1] == "seconds"


def test_text_is_shown_where_scikit_learn_shows_text(levels):
    with config_context(display="text"):
        assert levels._repr_mimebundle_() == {"text/plain": repr(levels)}
        assert not hasattr(levels, "_repr_html_")


def test_nothing_is_fitted_to_show_a_stack_with_stored_predictions(tmp_path):
    tree = ("tree", DecisionTreeRegressor(max_depth=2, random_state=0))
    for _ in range(2):
        stack = StackingRegressor([tree], cv=3, store=DiskStore(tmp_path)).fit(X, Y)
        stack._repr_mimebundle_()
    assert stack.oof_["tree"].fold_estimators.n_missing == 3


def test_a_pickled_ensemble_names_its_estimators(levels):
    loaded = pickle.loads(pickle.dumps(levels))
    first, second = loaded.display_sections()
    assert (first.title, first.columns) == ("Level 1 of 2", ["estimator"])
    assert second.rows == [["ridge", 0.75], ["ols", 0.25]]
    assert "without scores" in loaded._repr_mimebundle_()["text/html"]
