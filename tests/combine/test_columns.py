"""What a combiner's columns are, by their names and values."""

import numpy as np
import pytest

from stackit.combine.columns import _split, are_probabilities, check_order, columns_of, scores_of

CERTAIN = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
PAIRS = ["svm__a-b", "svm__a-c", "svm__b-c", "ridge"]


@pytest.mark.parametrize(
    ("X", "names", "labels", "expected"),
    [
        ([[0.5, 1.5]], None, ["no", "yes"], [("probability", 1), ("decision", 1)]),
        ([[0.5, 1.0, -1.0, 1.2]], PAIRS, ["a", "b", "c"], [("pairwise", 3), ("number", 1)]),
        (CERTAIN, None, ["a", "b", "c"], [("probability", 3)]),
        (2 * CERTAIN[:, ::2], None, ["a", "b", "c"], [("label", 1), ("label", 1)]),
    ],
    ids=["two classes", "pairs and a number", "certain probabilities", "labels"],
)
def test_kinds_and_widths_follow_from_names_and_values(X, names, labels, expected):
    assert columns_of(np.asarray(X), names, labels) == expected


def test_probabilities_are_within_0_and_1_and_sum_to_1():
    found = are_probabilities(np.array([[0.3, 0.7, 0.3, 0.3, -1.0]]), [2, 2, 1])
    assert found.tolist() == [True, False, False]


def test_the_score_of_a_class_is_its_negative_distance_from_the_number():
    assert scores_of("number", np.array([[1.5]]), 3).tolist() == [[-1.5, -0.5, -0.5]]


def test_the_columns_of_an_estimator_are_side_by_side():
    check_order(["forest__a", "forest__b", "bayes__a", "bayes__b"], 2)
    with pytest.raises(ValueError, match="There must be 2 columns side by side for each estimator"):
        check_order(["forest__a", "bayes__a", "forest__b", "bayes__b"], 2)


@pytest.mark.parametrize("label", ["b", "x__b"])
def test_a_name_ends_in_its_class_even_with_the_separator_in_it(label):
    assert _split(f"forest__{label}", ["a", label]) == ["forest", label]
