"""Predictions are brought into one form, or refused with the reason."""

import numpy as np
import pytest

from stackit.estimators.prediction_checks import (
    InvalidPredictionsError,
    as_label_probabilities,
    as_labels,
    as_numbers,
    as_probabilities,
    class_positions,
)


def test_a_single_column_of_numbers_may_be_a_vector():
    assert as_numbers([1, 2], 2, width=1).tolist() == [[1.0], [2.0]]


def test_the_probability_of_the_label_1_is_taken_and_zero_where_training_lacks_it():
    tables = [np.array([[0.75, 0.25]]), np.array([[1.0]])]
    assert as_label_probabilities(tables, 1, 2, lambda: [[0, 1], [0]]).tolist() == [[0.25, 0.0]]


def test_labels_may_be_a_column():
    assert as_labels([["no"], ["yes"]], 2).tolist() == ["no", "yes"]


def test_labels_are_found_among_classes_of_another_type():
    assert class_positions(np.array([2.0, 1.0]), np.array([1, 2])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("check", "expected", "given"),
    [
        (
            lambda: as_probabilities([[20, 80]], 1, width=2),
            "probabilities, from 0 to 1",
            "values from 20 to 80",
        ),
        (lambda: as_numbers(np.ones((1, 2)), 5, width=2), "of shape (5, 2)", "shape (1, 2)"),
    ],
)
def test_unusable_predictions_are_refused_with_what_is_expected_and_given(check, expected, given):
    with pytest.raises(InvalidPredictionsError) as caught:
        check()
    assert caught.value.args[0].startswith(expected)
    assert caught.value.args[1].startswith(given)


def test_the_error_names_method_estimator_and_fold():
    error = InvalidPredictionsError("finite numbers", "NaN in 1 of 5 rows", "Fill them")
    text = str(error.named("predict", "tree", (0, 2)))
    assert text.startswith(
        "Predictions (predict) of estimator 'tree' (repeat 0 fold 2) must be finite numbers; got NaN"
    )
