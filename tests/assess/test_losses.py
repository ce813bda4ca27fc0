"""Names of metrics."""

import pytest
from sklearn.metrics import get_scorer

from stackit.assess.losses import metric_name
from stackit.target import classification_target


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [(None, "accuracy"), (get_scorer("neg_log_loss"), "neg_log_loss"), ("roc_auc", None)],
)
def test_only_a_mean_of_row_losses_has_a_name(scoring, expected):
    assert metric_name(scoring, classification_target([0, 1])) == expected
