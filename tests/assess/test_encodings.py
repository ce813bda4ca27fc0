"""Columns that hold a mean of y, among columns that do not."""

import numpy as np
import pandas as pd

from stackit.assess.encodings import encoded_columns, left_out_columns
from stackit.target import classification_target


def test_the_mean_of_y_in_each_level_is_far_below_chance():
    random = np.random.default_rng(0)
    y, level = random.integers(0, 2, size=300), random.integers(0, 100, size=300)
    X = pd.DataFrame({"level": level, "encoded": pd.Series(y).groupby(level).transform("mean")})
    found = {name: round(z) for name, z in encoded_columns(X, classification_target(y)).items()}
    assert found == {"level": -1, "encoded": -24}


def test_all_rows_hold_the_mean_of_the_others_in_their_level():
    random = np.random.default_rng(0)
    y, level = random.integers(0, 2, size=300), random.integers(0, 20, size=300)
    by_level = pd.Series(y).groupby(level)
    others = (by_level.transform("sum") - y) / (by_level.transform("count") - 1)
    X = pd.DataFrame({"others": others, "noise": random.uniform(size=300)})
    assert left_out_columns(X, classification_target(y)) == {"others": 1.0, "noise": 0.0}
