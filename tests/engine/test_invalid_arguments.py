"""Arguments that are refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold

from stackit import make_folds
from tests.engine.cases import GROUPS, LR, NAMES, NB, XR, YR, X, Y, out_of_fold


@pytest.mark.parametrize(
    ("estimators", "text"),
    [
        ([], "estimators must be a non-empty list of"),
        (None, "estimators must be a non-empty list"),
        ("lr", "estimators must be a non-empty list"),
        ([3], r"Each member of estimators must be a \(name, estimator\) tuple"),
        ([("lr", LR, 1)], r"must be a \(name, estimator\) tuple"),
        ([(1, LR)], r"must be a \(name, estimator\) tuple"),
        (
            [("lr", LogisticRegression)],
            "Estimator 'lr' must be an object with fit and predict.*Pass an instance",
        ),
        ([("lr", "ridge")], "Estimator 'lr' must be an object with fit"),
        ([("lr", None)], "Estimator 'lr' must be an object with fit"),
        ([("lr", LR), ("lr", NB)], "must be unique.*Rename 'lr'"),
        ([("l__r", LR)], "must not contain '__'.*Rename 'l__r'"),
        ([("", LR)], "must not be empty.*Rename ''"),
        ([("lr", "drop")], "Estimator 'lr' must be an object with fit"),
    ],
)
def test_lists_of_estimators_that_are_refused(estimators, text):
    with pytest.raises(ValueError, match=text):
        out_of_fold(estimators, X, Y)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip'; got on_error='ignore'"),
        (
            {"stack_method": "proba"},
            "stack_method must be 'auto' or one of predict_proba.*got stack_method='proba'",
        ),
        ({"stack_method": "decision_function"}, "Estimator 'nb' must have the method decision_function"),
        (
            {"sample_weight": np.ones(89)},
            r"sample_weight must be one value per row, of shape \(90,\); got shape=\(89,\)",
        ),
        ({"sample_weight": np.full(90, np.nan)}, "sample_weight must be finite; got NaN"),
        ({"groups": [1, 2]}, r"groups must be one value per row, of shape \(90,\); got shape=\(2,\)"),
        ({"y": None}, "the target y is None: pass fit"),
        ({"y": []}, "y must have at least two rows; it has none"),
        ({"y": Y[:89]}, "inconsistent numbers of samples"),
        ({"y": np.zeros(90)}, "y must have at least two classes; it has only one class, 0.0"),
        ({"y": YR}, "Unknown label type"),
        ({"y": [None, *NAMES[1:]]}, "y must be without missing values.*1 missing"),
        ({"y": np.r_[np.nan, Y[1:]]}, "NaN"),
        ({"cv": 1}, "n_splits"),
        ({"cv": "five"}, "cv"),
        ({"cv": []}, "cv yields no splits"),
        (
            {"cv": [(np.arange(90), np.arange(5))]},
            "trains on 5 rows that it also holds out .*; their labels leak",
        ),
        ({"cv": [(np.arange(5), np.arange(5, 91))]}, "between 0 and 89"),
        ({"cv": make_folds(Y[:80])}, "The folds were made for 80 rows, but X has 90 rows"),
        ({"cv": GroupKFold(3)}, "groups"),
    ],
)
def test_arguments_that_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        out_of_fold(**{"estimators": [("nb", NB)], "X": X, "y": Y} | arguments)


def test_missing_groups_are_refused():
    with pytest.raises(ValueError, match="groups"):
        out_of_fold([("nb", NB)], X, Y, cv=3, groups=[np.nan, *GROUPS[1:]])


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        out_of_fold([("ridge", Ridge())], XR, np.r_[np.nan, YR[1:]])


def test_a_classifier_without_classes_has_its_columns_in_the_order_of_the_codes_that_it_is_given():
    class Bare(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict_proba(self, X):
            return np.full((len(X), 2), (0.25, 0.75))

    for y in (Y, NAMES):
        oof = out_of_fold([("bare", Bare())], X, y, cv=2)
        assert (oof.meta_train["bare"] == 0.75).all()
        assert oof["bare"].fold_estimators[0].classes_.tolist() == np.unique(y).tolist()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_series_for_a_table_is_refused_by_the_estimator(n_jobs):
    with pytest.raises(ValueError, match="Expected a 2-dimensional container"):
        out_of_fold([("lr", LR)], pd.Series(X[:, 0]), Y, n_jobs=n_jobs)
