"""Rows that no fold holds out are missing, and repeats are averaged."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import RepeatedKFold, ShuffleSplit, TimeSeriesSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier

from tests.engine.cases import LR, NAMES3, X3, XR, Y3, YR, out_of_fold


def test_rows_that_no_fold_holds_out_are_missing_and_counted():
    oof = out_of_fold([("ridge", Ridge()), ("knn", KNeighborsRegressor())], XR, YR, XR, cv=TimeSeriesSplit(4))
    assert oof.coverage.tolist() == [0] * 18 + [1] * 72
    assert oof.meta_train.isna().all(axis=1).tolist() == [True] * 18 + [False] * 72
    assert oof.meta_test.notna().all(axis=None)
    for train, held_out in TimeSeriesSplit(4).split(XR):
        np.testing.assert_array_equal(
            oof.meta_train["ridge"][held_out], Ridge().fit(XR[train], YR[train]).predict(XR[held_out])
        )
    assert oof.summary.loc["ridge", "whole"] == r2_score(YR[18:], oof.meta_train["ridge"][18:])


@pytest.mark.parametrize("method", ["predict_proba", "predict", "decision_function"])
def test_rows_that_no_fold_holds_out_are_missing_for_classes_too(method):
    oof = out_of_fold([("lr", LR)], X3, NAMES3, cv=TimeSeriesSplit(4), stack_method=method)
    assert oof.meta_train.isna().any(axis=1).tolist() == [True] * 18 + [False] * 72
    assert 0 <= oof.summary.loc["lr", "whole"] <= 1


@pytest.mark.parametrize(
    "cv",
    [RepeatedKFold(n_splits=3, n_repeats=4, random_state=0), ShuffleSplit(7, test_size=0.3, random_state=0)],
)
def test_repeats_are_averaged_row_by_row(cv):
    total, count = np.zeros(90), np.zeros(90)
    tests = []
    for train, held_out in cv.split(XR):
        ridge = Ridge().fit(XR[train], YR[train])
        total[held_out] += ridge.predict(XR[held_out])
        count[held_out] += 1
        tests.append(ridge.predict(XR[:5]))
    oof = out_of_fold([("ridge", Ridge())], XR, YR, XR[:5], cv=cv)
    assert oof.coverage.tolist() == count.tolist()
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(oof.meta_train["ridge"], total / count, rtol=1e-12)
    np.testing.assert_allclose(oof.meta_test["ridge"], np.mean(tests, axis=0), rtol=1e-12)


def test_repeated_labels_are_those_of_most_repeats():
    cv = RepeatedKFold(n_splits=3, n_repeats=3, random_state=0)
    tree = DecisionTreeClassifier(random_state=0)
    votes = np.zeros((90, 3))
    for train, held_out in cv.split(X3):
        votes[held_out, tree.fit(X3[train], Y3[train]).predict(X3[held_out])] += 1
    oof = out_of_fold([("tree", tree)], X3, Y3, cv=cv, stack_method="predict")
    assert oof.meta_train["tree"].tolist() == votes.argmax(axis=1).tolist()
