"""The matrix for forests: codes, cross-fitted target means, medians and where they stand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

from stackit.tables import OrdinalPreparation

RNG = np.random.default_rng(0)


def categories(words):
    return pd.DataFrame({"column": pd.Categorical(words)})


@pytest.fixture(scope="module")
def many():
    return categories([f"m{at:02d}" for at in RNG.integers(0, 40, 400)])


def test_the_columns_are_numbers_gaps_dates_codes_and_means(many):
    frame = pd.DataFrame({"few": pd.Categorical(["b", "a", None, "a"] * 100)}).join(many)
    frame["size"] = [1.0, np.nan, 3.0, 5.0] * 100
    frame["size_missing"] = frame["size"].isna()
    matrix = OrdinalPreparation().fit_transform(frame, RNG.normal(size=400))
    assert matrix.dtype == np.float32
    assert matrix[:4, :3].tolist() == [[1, 0, 1], [3, 1, 0], [3, 0, -1], [5, 0, 0]]
    assert matrix.shape == (400, 4)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_means_are_those_of_scikit_learn(many, n_classes):
    y = RNG.integers(0, n_classes, 400)
    codes = many["column"].cat.codes.to_numpy()[:, None]
    kind = "binary" if n_classes == 2 else "multiclass"
    encoder = TargetEncoder(target_type=kind, cv=KFold(5, shuffle=True, random_state=0))
    expected = encoder.fit_transform(codes, y)
    preparation = OrdinalPreparation()
    np.testing.assert_allclose(preparation.fit_transform(many, y), expected, rtol=1e-6)
    np.testing.assert_allclose(preparation.transform(many), encoder.transform(codes), rtol=1e-6)
    assert expected.shape[1] == (1 if n_classes == 2 else 3)


@pytest.mark.parametrize("y", [RNG.integers(0, 2, 400), RNG.integers(0, 4, 400), RNG.normal(size=400)])
def test_the_own_target_does_not_reach_a_row_that_is_fitted(many, y):
    before = OrdinalPreparation().fit_transform(many, y)
    for row in (0, 57, 399):
        changed = y.copy()
        changed[row] = y[(y != y[row])][0]
        np.testing.assert_array_equal(OrdinalPreparation().fit_transform(many, changed)[row], before[row])


def test_means_of_noise_say_nothing_of_the_rows_that_were_fitted():
    frame, y = categories([f"m{at}" for at in range(200)] * 2), RNG.integers(0, 2, 400)
    cross_fitted = OrdinalPreparation().fit_transform(frame, y)[:, 0]
    in_sample = OrdinalPreparation().fit(frame, y).transform(frame)[:, 0]
    assert abs(np.corrcoef(cross_fitted, y)[0, 1]) < 0.15
    assert np.corrcoef(in_sample, y)[0, 1] > 0.5


def test_whole_numbers_are_numbers_where_this_is_said(many):
    prices = RNG.integers(100, 130, 400)
    assert OrdinalPreparation().fit_transform(many, prices).shape[1] == len(np.unique(prices))
    assert OrdinalPreparation(target="numbers").fit_transform(many, prices).shape == (400, 1)
    assert OrdinalPreparation(target="classes").fit_transform(many, [*"abcd"] * 100).shape == (400, 4)


def test_a_level_that_was_not_fitted_has_the_mean_of_all(many):
    y = RNG.normal(size=400)
    some = many.assign(column=many["column"].where(many["column"] != "m00"))
    some = some[some["column"].notna()]
    preparation = OrdinalPreparation().fit(some, y[some.index])
    unknown = preparation.transform(many[many["column"] == "m00"])
    np.testing.assert_allclose(unknown, y[some.index].mean(), rtol=1e-6)


def test_seeds_decide_the_folds(many):
    y = RNG.normal(size=400)
    first = OrdinalPreparation(random_state=1).fit_transform(many, y)
    assert np.array_equal(first, OrdinalPreparation(random_state=1).fit_transform(many, y))
    assert not np.array_equal(first, OrdinalPreparation(random_state=2).fit_transform(many, y))


def test_many_levels_need_the_target(many):
    with pytest.raises(ValueError, match=r"encoded by the target: pass fit\(X, y\)"):
        OrdinalPreparation().fit(many)
