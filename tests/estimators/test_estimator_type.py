"""Classifiers and regressors are distinguished by tags, and by methods where there are no tags."""

import pytest
from sklearn.base import RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge

from stackit.estimators.estimator_type import (
    classifiers_among,
    estimator_type,
    is_classifier,
    is_regressor,
    tags_of,
)


class Ordinal:
    """Has no tags, but probabilities."""

    def fit(self, X, y): ...

    def predict(self, X): ...

    def predict_proba(self, X): ...


@pytest.mark.parametrize(("estimator", "is_of_classes"), [(LogisticRegression(), True), (Ridge(), False)])
def test_an_estimator_is_either_a_classifier_or_a_regressor(estimator, is_of_classes):
    assert is_classifier(estimator) is is_of_classes
    assert is_regressor(estimator) is not is_of_classes


def test_classifiers_are_listed_by_name():
    assert classifiers_among([("lr", LogisticRegression()), ("ridge", Ridge())]) == ["lr"]


def test_without_tags_an_estimator_with_probabilities_is_a_classifier():
    assert estimator_type(Ordinal()) == "classifier"


def test_tags_that_cannot_be_read_are_none():
    assert tags_of(Ridge()).estimator_type == "regressor"
    assert tags_of(RegressorMixin()) is None
