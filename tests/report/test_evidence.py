"""Evidence: predictions of presets, stacks and runs in one form, cross-fitted and never in-sample."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import LinearSVC

from stackit import (
    StackingClassifier,
    StackingRegressor,
    TabularStackClassifier,
    TabularStackRegressor,
    make_folds,
    out_of_fold,
)
from stackit.report import Evidence

MEMBERS = [("line", LinearRegression()), ("near", KNeighborsRegressor(20))]


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return X[:150], y[:150]


@pytest.fixture(scope="module")
def folds(diabetes):
    return make_folds(diabetes[1], scheme="kfold", n_splits=5, random_state=0)


def test_the_stack_of_a_stack_is_cross_fitted_as_scikit_learn_does_it(diabetes, folds):
    X, y = diabetes
    stack = StackingRegressor(MEMBERS, cv=folds).fit(X, y)
    evidence = Evidence.from_stack(stack, X, y)
    meta = np.column_stack([cross_val_predict(member, X, y, cv=folds) for _, member in MEMBERS])
    np.testing.assert_allclose(evidence.stack, cross_val_predict(RidgeCV(), meta, y, cv=folds), rtol=1e-6)
    np.testing.assert_allclose(evidence.members["near"], meta[:, 1])


def test_the_label_of_a_row_does_not_reach_its_prediction(diabetes, folds):
    X, y = diabetes
    changed = y.copy()
    row = folds.splits[0][1][0]
    changed.iloc[row] += 1000
    one, other = (
        Evidence.from_out_of_fold(out_of_fold(MEMBERS, X, target, cv=folds, n_jobs=1))
        for target in (y, changed)
    )
    held_out = folds.splits[0][1]
    np.testing.assert_array_equal(one.members["line"][held_out], other.members["line"][held_out])


def test_evidence_of_a_run_has_weights_test_rows_and_a_leaderboard(diabetes, folds):
    X, y = diabetes
    oof = out_of_fold(MEMBERS, X, y, X[:9], cv=folds, n_jobs=1)
    evidence = Evidence.from_out_of_fold(oof, X, X[:9], name="diabetes")
    assert sum(evidence.weights.values()) == pytest.approx(1)
    assert evidence.test_stack.shape == evidence.test_members["near"].shape == (9,)
    blend = sum(weight * evidence.test_members[name] for name, weight in evidence.weights.items())
    np.testing.assert_allclose(evidence.test_stack, blend)
    assert evidence.leaderboard["score"].to_dict() == pytest.approx(oof.summary["whole"].to_dict())
    assert (evidence.task, evidence.scoring, evidence.name) == ("regression", "r2", "diabetes")
    assert evidence.leaderboard["score"].is_monotonic_decreasing


def test_rows_that_no_fold_holds_out_are_nan():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40.0)
    folds = make_folds(y, scheme="forward", n_splits=3)
    evidence = Evidence.from_out_of_fold(out_of_fold(MEMBERS[:1], X, y, cv=folds, n_jobs=1))
    assert 0 < len(evidence.rows) < 40
    assert np.isnan(np.delete(evidence.stack, evidence.rows)).all()


def test_decision_values_become_probabilities_of_the_same_order():
    X, y = load_iris(return_X_y=True)
    oof = out_of_fold([("svc", LinearSVC()), ("bayes", GaussianNB())], X, y, cv=3, n_jobs=1)
    evidence = Evidence.from_out_of_fold(oof, X)
    np.testing.assert_array_equal(evidence.members["svc"].argmax(axis=1), oof.average("svc").argmax(axis=1))
    np.testing.assert_allclose(evidence.members["svc"].sum(axis=1), 1)
    assert evidence.kinds == {"svc": "decision", "bayes": "probability"}
    assert [*evidence.X] == ["x0", "x1", "x2", "x3"]


def test_columns_passed_through_make_the_stack_optimistic():
    X, y = load_iris(return_X_y=True)
    final = LogisticRegression(max_iter=2000)
    stack = StackingClassifier([("bayes", GaussianNB())], final, passthrough=True, cv=3).fit(X, y)
    assert "columns of X" in Evidence.from_stack(stack, X, y).optimistic["stack"]


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_evidence_of_a_preset_is_its_cross_fitted_blend(kind):
    random = np.random.default_rng(0)
    X = pd.DataFrame({"a": random.normal(size=130), "b": random.choice(["u", "v"], 130)})
    noise = X["a"] + (X["b"] == "u") + random.normal(0, 0.5, 130)
    make = TabularStackClassifier if kind == "classes" else TabularStackRegressor
    y = (noise > 0).to_numpy() if kind == "classes" else noise.to_numpy()
    stack = make("quick", cv=3, n_jobs=1, verbose=0).fit(X, y)
    evidence = Evidence.from_tabular_stack(stack, X, y, X[:7])
    np.testing.assert_array_equal(evidence.stack.reshape(130, -1), stack.blend_.oof)
    expected = stack.predict_proba(X[:7]) if kind == "classes" else stack.predict(X[:7])
    np.testing.assert_array_equal(evidence.test_stack, expected)
    assert set(evidence.members) == {
        name for name, score in stack.leaderboard_["score"].items() if score == score
    }
    assert [*evidence.columns.index] == ["a", "b"]
    assert len(evidence.rows) == 130


def test_predictions_of_other_rows_are_refused():
    with pytest.raises(
        ValueError, match=r"The out-of-fold prediction of 'stack' must be of the shape \(3, 2\)"
    ):
        Evidence("binary", "accuracy", np.array([0, 1, 1]), {}, np.zeros((4, 2)))
    with pytest.raises(ValueError, match="X must be of 3 rows"):
        Evidence("binary", "accuracy", np.array([0, 1, 1]), {}, np.zeros((3, 2)), X=pd.DataFrame([1]))
    oof = out_of_fold(
        [("line", LinearRegression())], np.eye(6), np.arange(12.0).reshape(6, 2), cv=3, n_jobs=1
    )
    with pytest.raises(ValueError, match="y must be a single column of numbers; it has 2 columns"):
        Evidence.from_out_of_fold(oof)
