"""Weights reach the estimators that take them, and the scores."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LinearRegression, LogisticRegressionCV, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from stackit import make_folds
from tests.engine.cases import (
    KNN,
    LR,
    NB,
    OUTPUTS,
    WEIGHTS,
    XR,
    YR,
    X,
    Y,
    column,
    few,
    out_of_fold,
    weighted_by_hand,
)


def test_one_warning_names_estimators_that_cannot_take_weights():
    with pytest.warns(
        UserWarning, match="sample_weight is not passed to knn, pipe: they cannot take it"
    ) as caught:
        oof = out_of_fold(
            [("knn", KNN), ("nb", NB), ("pipe", make_pipeline(StandardScaler(), KNN))],
            X,
            Y,
            cv=3,
            sample_weight=WEIGHTS,
        )
    assert len(caught) == 1
    np.testing.assert_array_equal(
        oof.meta_train["knn"], out_of_fold([("knn", KNN)], X, Y, cv=3).meta_train["knn"]
    )
    assert (oof.meta_train["nb"] != out_of_fold([("nb", NB)], X, Y, cv=3).meta_train["nb"]).any()


def test_the_warning_of_weights_points_at_the_caller():
    with pytest.warns(UserWarning, match="sample_weight is not passed") as caught:
        out_of_fold([("knn", KNN)], X, Y, cv=3, sample_weight=WEIGHTS)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Ridge(), "sample_weight"),
        (make_pipeline(StandardScaler(), Ridge()), "ridge__sample_weight"),
        (
            make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge())),
            "pipeline__ridge__sample_weight",
        ),
        (GridSearchCV(Ridge(), {"alpha": [1, 10]}, cv=2), "sample_weight"),
        (GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {}, cv=2), "ridge__sample_weight"),
        (TransformedTargetRegressor(Ridge()), "sample_weight"),
        (RidgeCV(), "sample_weight"),
        (MultiOutputRegressor(Ridge()), None),
    ],
    ids=[
        "ridge",
        "pipeline",
        "pipeline in pipeline",
        "search",
        "search of a pipeline",
        "target",
        "cv",
        "outputs",
    ],
)
def test_weights_reach_estimators_inside_others(estimator, name):
    y = YR if name else np.c_[YR, -YR]
    oof = out_of_fold([("e", estimator)], XR, y, cv=KFold(3), sample_weight=WEIGHTS)
    expected = weighted_by_hand(estimator if name else Ridge(), XR, YR, name or "sample_weight")
    np.testing.assert_allclose(column(oof)[:, 0], expected, rtol=1e-10)


@pytest.mark.parametrize(
    "estimator",
    [
        OneVsRestClassifier(LR),
        OneVsRestClassifier(KNN),
        VotingClassifier([("lr", LR), ("nb", NB)]),
        VotingClassifier([("lr", LR), ("knn", KNN)]),
        CalibratedClassifierCV(NB, cv=2),
        BaggingClassifier(LR, 2),
        GridSearchCV(KNN, {"n_neighbors": [1, 3]}, cv=2),
        LogisticRegressionCV(Cs=2, cv=2, l1_ratios=(0,), use_legacy_attributes=False, scoring="accuracy"),
        make_pipeline(SelectFromModel(LR), KNN),
    ],
    ids=str,
)
def test_weights_are_taken_or_warned_of_but_never_an_error(estimator):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        oof = out_of_fold([("wrapped", estimator)], X, Y, cv=2, sample_weight=WEIGHTS)
        plain = out_of_fold([("wrapped", estimator)], X, Y, cv=2)
    ignored = (column(oof) == column(plain)).all()
    assert any("not passed to wrapped" in str(warning.message) for warning in caught) == ignored


@pytest.mark.parametrize(
    "wrapped", [MultiOutputRegressor(KNeighborsRegressor()), MultiOutputRegressor(Ridge())]
)
def test_weights_of_several_outputs_are_taken_or_warned_of(wrapped):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        oof = out_of_fold([("wrapped", wrapped)], XR, OUTPUTS, cv=2, sample_weight=WEIGHTS)
    ignored = (column(oof) == column(out_of_fold([("wrapped", wrapped)], XR, OUTPUTS, cv=2))).all()
    assert bool(caught) == ignored


@few
@given(st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_whole_weights_are_repeated_rows(counts):
    counts = np.array([1, 2] * 15 + counts + [1] * 30)
    repeated = np.repeat(np.arange(90), counts)
    folds = make_folds(Y, n_splits=3)
    copies = [tuple(np.flatnonzero(np.isin(repeated, rows)) for rows in pair) for pair in folds.split()]
    members = [
        ("ridge", Ridge()),
        ("ols", LinearRegression()),
        ("tree", DecisionTreeRegressor(random_state=0, max_depth=3)),
    ]
    weighted = out_of_fold(members, XR, YR, XR, cv=folds, sample_weight=counts)
    long = out_of_fold(members, XR[repeated], YR[repeated], XR, cv=copies)
    np.testing.assert_allclose(
        weighted.meta_test[["ridge", "ols"]], long.meta_test[["ridge", "ols"]], rtol=1e-6
    )
    np.testing.assert_allclose(column(weighted)[repeated][:, :2], column(long)[:, :2], rtol=1e-6)
    np.testing.assert_allclose(weighted.summary["whole"][:2], long.summary["whole"][:2], rtol=1e-6)


def test_scores_are_weighted():
    oof = out_of_fold([("nb", NB)], X, Y, cv=KFold(3), sample_weight=WEIGHTS)
    hits = (oof.meta_train["nb"] > 0.5) == Y
    by_hand = [np.average(hits[rows], weights=WEIGHTS[rows]) for _, rows in KFold(3).split(X)]
    assert oof.scores["score"].tolist() == pytest.approx(by_hand)
    assert oof.summary.loc["nb", "whole"] == pytest.approx(np.average(hits, weights=WEIGHTS))


def test_a_scorer_that_knows_no_weights_scores_without_them():
    def hits(estimator, X, y):
        return (estimator.predict(X) == y).mean()

    weighted = out_of_fold([("lr", LR)], X, Y, cv=3, sample_weight=WEIGHTS, scoring=hits)
    accuracy = out_of_fold([("lr", LR)], X, Y, cv=3, sample_weight=WEIGHTS)
    assert weighted.scores["score"].mean() == pytest.approx(
        np.mean([((weighted.meta_train["lr"] > 0.5) == Y)[rows].mean() for _, rows in weighted.folds.split()])
    )
    assert weighted.scores["score"].tolist() != accuracy.scores["score"].tolist()


@pytest.mark.parametrize("scoring", ["neg_max_error", "neg_median_absolute_error"])
def test_weights_and_a_metric_without_weights_are_no_error(scoring):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oof = out_of_fold([("ridge", Ridge())], XR, YR, cv=3, sample_weight=WEIGHTS, scoring=scoring)
        assert (oof.scores["score"] < 0).all()
