"""Equal boosters have equal files."""

import numpy as np
import pandas as pd
import pytest

from stackit.persistence.skops_bytes import dump_reproducibly
from stackit.presets.members.catboost_frames import CatBoostFrameClassifier, CatBoostFrameRegressor

pytest.importorskip("catboost")


@pytest.mark.parametrize("kind", [CatBoostFrameClassifier, CatBoostFrameRegressor])
def test_two_equal_fits_have_equal_files(kind):
    frame = pd.DataFrame({"port": pd.Categorical(["C", None, "S", "S"] * 10), "age": np.arange(40.0)})
    y = np.arange(40) % 4 // 2
    first, second = (kind(iterations=3, random_state=0).fit(frame, y) for _ in range(2))
    assert dump_reproducibly(first.booster_) == dump_reproducibly(second.booster_)
    other = kind(iterations=4, random_state=0).fit(frame, y)
    assert dump_reproducibly(other.booster_) != dump_reproducibly(first.booster_)
