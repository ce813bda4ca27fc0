"""The target knows its kind and the classes among some rows."""

import numpy as np

from stackit.target import classification_target, regression_target


def test_classes_among_some_rows_are_those_that_occur_there():
    assert classification_target(["no", "yes", "no"]).classes_in(np.array([0, 2])).tolist() == ["no"]


def test_numbers_are_a_regression_target():
    assert regression_target([1.5, 2.0]).kind == "regression"
