"""Unfitted copies have the parameters of the original."""

from sklearn.base import BaseEstimator

from stackit.estimators.copies import unfitted_copy


class Listed(BaseEstimator):
    """Changes its parameter in its constructor, which `sklearn.base.clone` refuses."""

    def __init__(self, columns=()):
        self.columns = list(columns)


def test_a_constructor_may_change_its_parameters():
    assert unfitted_copy(Listed([1, 2])).columns == [1, 2]
