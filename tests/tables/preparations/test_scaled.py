"""The matrix for linear models and nets: scaled numbers, one column per level, circles of dates."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, RobustScaler

from stackit.tables import ScaledPreparation

RNG = np.random.default_rng(0)


def test_numbers_are_robustly_scaled_and_smoothly_clipped():
    table = RNG.standard_t(2, size=(300, 3))
    scaled = RobustScaler().fit_transform(table)
    expected = scaled / np.sqrt(1 + (scaled / 3) ** 2)
    matrix = ScaledPreparation().fit_transform(pd.DataFrame(table, columns=[*"abc"]), [0, 1] * 150)
    np.testing.assert_allclose(matrix, expected, rtol=1e-12)
    assert np.abs(matrix).max() < 3


def test_numbers_of_few_values_are_scaled_by_their_range_and_constants_are_zero():
    frame = pd.DataFrame({"rare": [0.0] * 19 + [8.0], "same": 5.0})
    matrix = ScaledPreparation().fit_transform(frame, [0, 1] * 10)
    assert matrix[:2].tolist() == [[0, 0], [0, 0]]
    assert matrix[-1, 0] == pytest.approx(2 / np.sqrt(1 + 4 / 9))


def test_gaps_are_medians_next_to_a_column_that_says_where():
    frame = pd.DataFrame({"size": [1.0, 2.0, np.nan, 3.0], "size_missing": [False, False, True, False]})
    assert ScaledPreparation().fit_transform(frame, [0, 1] * 2)[2].tolist() == [0, 1]


def test_levels_have_a_column_each_as_in_scikit_learn():
    words = RNG.choice([*"abc"], 100)
    frame = pd.DataFrame({"column": pd.Categorical(words)})
    matrix = ScaledPreparation().fit_transform(frame, [0, 1] * 50)
    expected = OneHotEncoder(sparse_output=False).fit_transform(words[:, None])
    np.testing.assert_array_equal(matrix, np.column_stack([expected, np.zeros(100)]))


def test_rare_levels_share_the_last_column():
    frame = pd.DataFrame({"column": pd.Categorical([*"a" * 50, *"b" * 48, "c", "d", None])})
    matrix = ScaledPreparation(min_frequency=0.05).fit_transform(frame, [0, 1] * 50 + [1])
    assert matrix[[0, 50, 98, 99, 100]].tolist() == [
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0],
    ]


def test_very_many_levels_are_scaled_means_of_the_target():
    words = [f"m{at}" for at in RNG.integers(0, 60, 600)]
    strength = dict(zip(sorted(set(words)), RNG.normal(size=60), strict=False))
    y = np.array([strength[word] for word in words])
    matrix = ScaledPreparation(target="numbers").fit_transform(pd.DataFrame({"a": pd.Categorical(words)}), y)
    assert matrix.shape == (600, 1)
    assert np.corrcoef(matrix[:, 0], y)[0, 1] > 0.95
    assert abs(np.median(matrix)) < 1e-12


def test_dates_lie_on_circles():
    days = pd.DataFrame(
        {"day": pd.to_datetime(["2019-12-31", "2020-01-01", "2020-07-01"]).astype("datetime64[s]")}
    )
    matrix = ScaledPreparation().fit_transform(days, [0, 1, 0])
    assert matrix.shape == (3, 5)
    near, far = (
        np.linalg.norm(matrix[0, 1:3] - matrix[1, 1:3]),
        np.linalg.norm(matrix[2, 1:3] - matrix[1, 1:3]),
    )
    assert near < far / 5
