"""Groups reach the splitter, and splitters inside estimators."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegressionCV, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.engine.cases import GROUPS, LR, NAMES, NB, XR, YR, X, Y, out_of_fold


def test_groups_reach_the_splitter():
    oof = out_of_fold([("nn", KNeighborsRegressor(1))], XR, YR, cv=GroupKFold(3), groups=GROUPS)
    theirs = cross_val_predict(KNeighborsRegressor(1), XR, YR, cv=GroupKFold(3), groups=GROUPS)
    np.testing.assert_array_equal(oof.meta_train["nn"], theirs)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize(
    ("member", "X", "y"), [(LR, X, NAMES), (Ridge(), XR, YR)], ids=["classes", "numbers"]
)
def test_groups_make_a_number_of_folds_group_folds(cv, member, X, y):
    oof = out_of_fold([("e", member)], X, y, cv=cv, groups=[f"g{group}" for group in GROUPS])
    for train, held_out in oof.folds.split():
        assert not set(GROUPS[train]) & set(GROUPS[held_out])


def test_without_group_folds_a_memory_of_groups_looks_like_skill():
    X, y = (
        GROUPS[:, None] + np.random.default_rng(0).normal(0, 0.01, (90, 1)),
        np.random.default_rng(1).normal(size=15)[GROUPS],
    )
    nn = [("nn", KNeighborsRegressor(1))]
    assert out_of_fold(nn, X, y, cv=KFold(5, shuffle=True, random_state=0)).summary.loc["nn", "whole"] > 0.9
    assert out_of_fold(nn, X, y, cv=5, groups=GROUPS).summary.loc["nn", "whole"] < 0.5


@pytest.mark.parametrize(
    "estimator",
    [
        GridSearchCV(LR, {"C": [1, 2]}, cv=2),
        GridSearchCV(LR, {"C": [1, 2]}, cv=GroupKFold(2)),
        make_pipeline(StandardScaler(), GridSearchCV(LR, {"C": [1, 2]}, cv=GroupKFold(2))),
        LogisticRegressionCV(Cs=2, cv=2, l1_ratios=(0,), use_legacy_attributes=False, scoring="accuracy"),
        CalibratedClassifierCV(NB, cv=2),
        NB,
    ],
    ids=str,
)
def test_groups_disturb_no_estimator_and_reach_searches_that_want_them(estimator):
    oof = out_of_fold([("e", estimator)], X, Y, cv=3, groups=GROUPS)
    assert oof.meta_train.notna().all(axis=None)
