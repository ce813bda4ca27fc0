"""Columns are those of all classes of y, also where a fold lacks some."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.engine.cases import (
    KNN,
    LR,
    NAMES,
    NAMES3,
    NB,
    RARE,
    RARE_FOLDS,
    RARE_X,
    X3,
    Y3,
    X,
    Y,
    assert_equal_to_rounding,
    column,
    out_of_fold,
)

LACKS = r"lacks classes \(repeat 0 fold 0 lacks c\).*probability 0"


@pytest.mark.parametrize(
    "estimator", [KNeighborsClassifier(3), NB, RandomForestClassifier(3, random_state=0)]
)
def test_a_class_missing_in_a_fold_gets_probability_zero_in_its_own_column(estimator):
    with pytest.warns(UserWarning, match=LACKS) as caught:
        oof = out_of_fold([("e", estimator)], RARE_X, RARE, RARE_X, cv=RARE_FOLDS)
    assert len(caught) == 1
    assert oof.meta_train.columns.tolist() == ["e__a", "e__b", "e__c"]
    (train, held_out), (other, _) = RARE_FOLDS
    two = estimator.fit(RARE_X[train], RARE[train]).predict_proba(RARE_X)
    np.testing.assert_array_equal(column(oof)[held_out], np.c_[two, np.zeros(30)][held_out])
    three = estimator.fit(RARE_X[other], RARE[other]).predict_proba(RARE_X)
    np.testing.assert_allclose(oof.meta_test, (np.c_[two, np.zeros(30)] + three) / 2)


def test_the_one_warning_of_missing_classes_says_where_it_comes_from():
    with pytest.warns(UserWarning, match=LACKS) as caught:
        out_of_fold([("nb", NB), ("knn", KNN)], RARE_X, RARE, cv=RARE_FOLDS)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("estimator", [LR, LinearSVC(), SVC()])
def test_a_class_missing_in_a_fold_is_never_the_decision(estimator):
    with pytest.warns(UserWarning, match=LACKS):
        oof = out_of_fold([("e", estimator)], RARE_X, RARE, cv=RARE_FOLDS, stack_method="decision_function")
    (train, held_out), _ = RARE_FOLDS
    labels = estimator.fit(RARE_X[train], RARE[train]).predict(RARE_X[held_out])
    decisions = column(oof)[held_out]
    assert np.array(["a", "b", "c"])[decisions.argmax(axis=1)].tolist() == labels.tolist()
    assert (decisions[:, 2] == decisions.min(axis=1)).all()


def test_predicted_labels_are_not_mixed_up_by_a_missing_class():
    with pytest.warns(UserWarning, match=LACKS):
        oof = out_of_fold([("nb", NB)], RARE_X, RARE, cv=RARE_FOLDS, stack_method="predict")
    theirs = cross_val_predict(NB, RARE_X, RARE, cv=RARE_FOLDS)
    assert np.array(["a", "b", "c"])[oof.meta_train["nb"].astype(int)].tolist() == theirs.tolist()


@pytest.mark.parametrize("estimator", [KNN, DummyClassifier(strategy="prior"), DecisionTreeClassifier()])
def test_a_training_part_of_one_class_gives_certainty(estimator):
    y = np.r_[np.zeros(10, int), np.ones(10, int)]
    with pytest.warns(UserWarning, match=r"fold 0 lacks 0, repeat 0 fold 1 lacks 1"):
        oof = out_of_fold([("e", estimator)], X[:20], y, cv=KFold(2))
    assert oof.meta_train["e"].tolist() == [1.0] * 10 + [0.0] * 10
    assert oof.summary.loc["e", "whole"] == 0


@pytest.mark.parametrize(
    "y", [NAMES3, Y3 + 1, Y3 * 2.0 - 2, Y == 1, NAMES, np.where(Y, 1, -1)], ids=lambda y: str(np.unique(y))
)
def test_xgboost_takes_any_labels(y):
    booster = pytest.importorskip("xgboost").XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1)
    codes = np.unique(y, return_inverse=True)[1]
    expected = out_of_fold([("xgb", booster)], X3, codes, cv=KFold(3))
    oof = out_of_fold([("xgb", booster)], X3, y, cv=KFold(3))
    np.testing.assert_array_equal(column(oof), column(expected))
    assert oof.summary["whole"].tolist() == expected.summary["whole"].tolist()


@pytest.mark.parametrize("method", ["predict_proba", "predict"])
@pytest.mark.parametrize("codes", [False, True])
def test_xgboost_takes_a_fold_without_a_middle_class(method, codes):
    booster = pytest.importorskip("xgboost").XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1)
    y = np.select([RARE == "a", RARE == "c"], ["a", "m"], "z")
    y = np.unique(y, return_inverse=True)[1] if codes else y
    with pytest.warns(UserWarning, match="fold 0 lacks"):
        oof = out_of_fold([("xgb", booster)], RARE_X, y, cv=RARE_FOLDS, stack_method=method)
    held_out = RARE_FOLDS[0][1]
    found = column(oof)[held_out]
    winners = found.argmax(axis=1) if method == "predict_proba" else found[:, 0]
    assert set(winners) <= {0, 2}
    train = RARE_FOLDS[0][0]
    labels = booster.fit(RARE_X[train], y[train] == y[-1]).predict(RARE_X[held_out])
    assert (winners == 0).tolist() == (labels == 1).tolist()
    if method == "predict_proba":
        assert (found[:, 1] == 0).all()


def test_pairwise_decisions_of_four_classes_are_columns_and_scored():
    y = np.arange(90) % 4
    X4, svm = X + y[:, None], SVC(decision_function_shape="ovo")
    oof = out_of_fold([("svm", svm)], X4, y, cv=KFold(3))
    theirs = cross_val_predict(svm, X4, y, cv=KFold(3), method="decision_function")
    assert_equal_to_rounding(column(oof), theirs)
    # Ties of votes between the pairs may be broken in more than one way.
    right = accuracy_score(y, cross_val_predict(svm, X4, y, cv=KFold(3)))
    assert oof.summary.loc["svm", "whole"] == pytest.approx(right, abs=0.05)


def test_pairwise_decisions_are_not_taken_for_those_of_classes():
    X, y = load_iris(return_X_y=True)
    one, pair = SVC(), SVC(decision_function_shape="ovo")
    oof = out_of_fold([("one", one), ("pair", pair)], X, y, cv=3, stack_method="decision_function")
    assert oof.summary.loc["pair", "whole"] == pytest.approx(oof.summary.loc["one", "whole"], abs=0.05)


def test_a_class_that_an_estimator_invents_is_named():
    class Liar(DecisionTreeClassifier):
        def fit(self, X, y):
            super().fit(X, y)
            self.classes_ = np.array(["no", "why"])
            return self

    with pytest.raises(
        ValueError,
        match=r"Classes of estimator 'liar' \(repeat 0 fold 0\) must be among those of y \(no, yes\).*why",
    ):
        out_of_fold([("liar", Liar())], X, NAMES, cv=2)
