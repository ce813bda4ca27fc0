"""Nothing that the caller passes is changed."""

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.engine.cases import LR, NAMES, WEIGHTS, XR, YR, X, out_of_fold


def test_nothing_that_the_caller_passes_is_changed():
    splitter = KFold(3, shuffle=True, random_state=np.random.RandomState(0))
    passed = {
        "estimators": [
            ("forest", RandomForestClassifier(2, n_jobs=-1, random_state=np.random.RandomState(3))),
            ("pipe", make_pipeline(StandardScaler(), LR)),
        ],
        "X": pd.DataFrame(X),
        "y": pd.Series(NAMES),
        "X_test": pd.DataFrame(X[:5]),
        "cv": splitter,
        "sample_weight": WEIGHTS.tolist(),
        "groups": None,
    }
    before = joblib.hash(passed)
    out_of_fold(**passed)
    assert joblib.hash(passed) == before
    assert not hasattr(passed["estimators"][1][1][0], "mean_")


def test_an_estimator_that_works_in_place_changes_neither_the_tables_nor_the_result():
    for member, y in (
        (make_pipeline(StandardScaler(copy=False), Ridge()), YR),
        (LinearRegression(copy_X=False), YR),
    ):
        train, test = XR.copy(), XR[:20] * 2
        oof = out_of_fold([("e", member)], train, y, test, cv=3)
        careful = make_pipeline(StandardScaler(), Ridge()) if hasattr(member, "steps") else LinearRegression()
        expected = out_of_fold([("e", careful)], XR, YR, XR[:20] * 2, cv=3)
        np.testing.assert_allclose(oof.meta_test, expected.meta_test)
        np.testing.assert_array_equal(train, XR)
        np.testing.assert_array_equal(test, XR[:20] * 2)


def test_a_frozen_estimator_predicts_without_a_fit():
    frozen = FrozenEstimator(Ridge().fit(XR, YR))
    oof = out_of_fold([("frozen", frozen)], XR, YR, XR, cv=3)
    np.testing.assert_allclose(oof.meta_train["frozen"], frozen.predict(XR))
    np.testing.assert_allclose(oof.meta_test["frozen"], frozen.predict(XR))
