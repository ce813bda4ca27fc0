"""Random labels: the score of a whole preset is chance."""

import numpy as np
import pytest

from stackit import TabularStackClassifier
from tests.presets.tiny_members import raw_table


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_labels_score_as_chance(seed):
    frame, _, _ = raw_table(300, seed)
    y = np.random.default_rng(seed).integers(0, 2, 300)
    stack = TabularStackClassifier("best", time_limit=20, verbose=0, random_state=seed).fit(frame, y)
    assert abs(stack.score_ - 0.5) <= 3 * stack.blend_.sem
