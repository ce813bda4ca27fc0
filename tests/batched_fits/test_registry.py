"""Which estimators can be batched, also behind a scaler."""

import pytest
from sklearn.linear_model import Lasso, Ridge
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stackit.batched_fits.registry import registered_fits
from stackit.batched_fits.scaled_pipeline import is_scaled


def test_of_neighbors_only_the_centroid_is_batched_behind_a_scaler():
    assert [*registered_fits(KNeighborsClassifier, "SCALED")] == [NearestCentroid]


@pytest.mark.parametrize(("last", "expected"), [(Ridge(), True), (Lasso(), False)])
def test_a_scaled_pipeline_ends_in_an_estimator_that_can_be_batched(last, expected):
    assert is_scaled(make_pipeline(StandardScaler(), last)) is expected
