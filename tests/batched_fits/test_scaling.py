"""Scalers of each split, by hand."""

import numpy as np
from sklearn.preprocessing import StandardScaler

from stackit.batched_fits.scaling import Scaling, fit_scalers, tables_of


def test_each_scaler_knows_the_mean_of_the_other_parts():
    X, parts = np.array([[1.0], [2.0], [4.0]]), [np.array([0]), np.array([1]), np.array([2])]
    assert [one.mean_.tolist() for one in fit_scalers(StandardScaler(), X, [parts])] == [[3.0], [2.5], [1.5]]


def test_a_scaling_has_the_mean_and_deviation_of_its_scaler():
    scaling = Scaling.of([StandardScaler().fit([[1.0], [5.0]])])
    assert (scaling.shift.tolist(), scaling.scale.tolist()) == ([[3.0]], [[2.0]])


def test_without_a_scaling_every_split_sees_the_table_itself():
    X = np.eye(2)
    assert all(table is X for table in tables_of(X, None, 3))
