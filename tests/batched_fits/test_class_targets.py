"""Classes as targets and as weights of rows of a ridge classifier, by hand."""

import numpy as np
from sklearn.linear_model import RidgeClassifier

from stackit import make_folds
from stackit.batched_fits import BatchedRequest
from stackit.batched_fits.linear.class_targets import class_targets, class_weights

Y = np.array(["a", "b", "a", "b"])
REQUEST = BatchedRequest(np.eye(4), Y, make_folds(Y, n_splits=2), "predict")


def test_the_target_of_two_classes_is_minus_one_or_one():
    target, codes, labels = class_targets(REQUEST)
    assert target.tolist() == [[-1.0], [1.0], [-1.0], [1.0]]
    assert codes.tolist() == [0, 1, 0, 1]
    assert sorted(set(labels)) == ["a", "b"]


def test_a_class_without_a_weight_has_weight_one():
    weights, balanced = class_weights(RidgeClassifier(class_weight={"a": 3}), REQUEST, np.array([0, 1, 0, 1]))
    assert weights.tolist() == [3.0, 1.0, 3.0, 1.0]
    assert balanced is None
