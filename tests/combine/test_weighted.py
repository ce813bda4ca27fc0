"""Weights of estimators by name."""

import pytest

from stackit.combine import MeanClassifier, TemperatureClassifier
from stackit.combine.weighted import check_weights, normalize_weights


def test_weights_by_name_sum_to_1_and_estimators_not_named_get_0():
    found = normalize_weights({"forest": 3, "ridge": 1}, ["ridge", "bayes", "forest"])
    assert found.tolist() == [0.25, 0.0, 0.75]


def test_weights_inside_a_calibration_are_checked():
    combiner = TemperatureClassifier(MeanClassifier({"forrest": 2}))
    with pytest.raises(ValueError, match="weights name forrest, but the estimators are forest, bayes"):
        check_weights(combiner, ["forest", "bayes"])
