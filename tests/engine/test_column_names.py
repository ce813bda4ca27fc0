"""Names of the columns of meta-features."""

import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.svm import SVC, LinearSVC

from tests.engine.cases import KNN, LABELS, NAMES, NAMES3, NB, OUTPUTS, X3, Y3, YR, X, out_of_fold


@pytest.mark.parametrize(
    ("estimator", "y", "names"),
    [
        (NB, NAMES, ["e"]),
        (NB, NAMES3, ["e__a", "e__b", "e__c"]),
        (NB, Y3, ["e__0", "e__1", "e__2"]),
        (LinearSVC(), NAMES, ["e"]),
        (LinearSVC(), NAMES3, ["e__a", "e__b", "e__c"]),
        (Ridge(), YR, ["e"]),
        (Ridge(), OUTPUTS, ["e__0", "e__1", "e__2"]),
        (Ridge(), pd.DataFrame(OUTPUTS, columns=["u", "v", "w"]), ["e__u", "e__v", "e__w"]),
        (KNN, LABELS, ["e__0", "e__1", "e__2"]),
        (KNN, pd.DataFrame(LABELS, columns=["u", "v", "w"]), ["e__u", "e__v", "e__w"]),
    ],
)
def test_columns_are_named_after_the_estimator_and_the_class(estimator, y, names):
    oof = out_of_fold([("e", estimator)], X, y, X[:3], cv=3)
    assert oof.meta_train.columns.tolist() == names
    assert oof.meta_test.columns.tolist() == names


def test_pairwise_decisions_do_not_bear_the_names_of_classes():
    oof = out_of_fold([("svm", SVC(decision_function_shape="ovo"))], X3, NAMES3, cv=3)
    assert not set(oof.meta_train.columns) & {"svm__a", "svm__b", "svm__c"}


def test_columns_stand_in_the_order_of_the_estimators():
    oof = out_of_fold([("z", NB), ("a", Ridge()), ("k", LinearSVC())], X3, NAMES3, cv=3)
    assert oof.meta_train.columns.tolist() == ["z__a", "z__b", "z__c", "a", "k__a", "k__b", "k__c"]
