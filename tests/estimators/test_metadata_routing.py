"""Fit parameters are cut to rows, and weights are passed where they are taken."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from stackit.estimators.metadata_routing import index_fit_params, resamples, weights_parameter


def test_fit_parameters_of_rows_are_indexed_and_others_stay():
    params = {"sample_weight": np.array([1, 2, 3]), "eval_metric": "auc"}
    found = index_fit_params(params, np.array([0, 2]), 3)
    assert found["sample_weight"].tolist() == [1, 3]
    assert found["eval_metric"] == "auc"
    assert len(found) == 2


def test_nearest_neighbours_take_no_weights():
    assert weights_parameter(KNeighborsClassifier()) is None


def test_a_passthrough_step_does_not_resample():
    assert not resamples(make_pipeline("passthrough"))
