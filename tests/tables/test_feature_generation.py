"""Generated features: which columns are made, and that no row's own label is in them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, TargetEncoder

from stackit import make_folds, out_of_fold
from stackit.tables import GeneratedFeatures
from stackit.tables.feature_generation.arithmetic import best_operations, computed
from stackit.tables.feature_generation.group_means import group_means, with_group_means
from stackit.tables.feature_generation.rank_correlation import rank_correlation, target_parts


def frame_of(n: int, seed: int = 0, n_levels: int = 40) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    numbers = {f"x{at}": random.normal(size=n) for at in range(4)}
    levels = [f"l{at}" for at in range(n_levels)]
    cities = pd.Categorical(random.choice(levels, n), categories=levels)
    return pd.DataFrame(numbers | {"city": cities, "day": pd.Categorical(random.choice(list("abc"), n))})


def test_a_ratio_that_decides_the_target_is_found():
    frame = frame_of(300)
    frame["x0"] += 5
    y = (frame["x1"] / frame["x0"] > 0.1).to_numpy().astype(int)
    operations = GeneratedFeatures(max_arithmetic=5).fit(frame, y).operations_
    assert ("x1", "/", "x0") in operations


def test_operations_on_numbers_are_the_usual_ones_and_missing_where_they_divide_by_zero():
    columns = {"a": np.array([6.0, 1.0]), "b": np.array([3.0, 0.0])}
    found = [computed(columns, ("a", sign, "b")).tolist() for sign in "+-*/"]
    np.testing.assert_equal(found, [[9, 1], [3, 1], [18, 0], [2, np.nan]])


def test_the_operations_kept_are_those_that_gain_most():
    random = np.random.default_rng(0)
    columns = {name: random.normal(size=500) for name in "abc"}
    parts = target_parts(columns["a"] - columns["b"], is_classes=False)
    strength = dict(zip("abc", rank_correlation(np.column_stack(list(columns.values())), parts), strict=True))
    assert best_operations(columns, strength, parts, 1) == [("a", "-", "b")]
    assert best_operations(columns, strength, parts, 0) == []


def test_rank_correlation_is_that_of_scipy():
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    columns, y = random.normal(size=(50, 3)).round(1), random.normal(size=50)
    expected = [abs(spearmanr(column, y).statistic) for column in columns.T]
    np.testing.assert_allclose(rank_correlation(columns, target_parts(y, False)), expected)


def test_means_of_a_number_by_category_are_those_of_the_fitted_rows():
    cities = pd.Series(pd.Categorical(["a", "a", "a", "b", None]))
    values = np.array([1.0, 2.0, 3.0, 6.0, np.nan])
    means = group_means(values, cities)
    assert means.tolist() == [2.0, 3.0, 3.0]  # b has one row: the mean of all counts
    of_rows, distance = with_group_means(values, cities, means)
    assert of_rows.tolist() == [2, 2, 2, 3, 3]
    np.testing.assert_equal(distance, [-1, 0, 1, 3, np.nan])


@pytest.mark.parametrize("target", ["classes", "numbers"])
def test_target_means_of_a_category_are_cross_fitted_as_scikit_learns(target):
    frame, random = frame_of(200), np.random.default_rng(1)
    y = random.integers(0, 2, 200) if target == "classes" else random.normal(size=200)
    made = GeneratedFeatures(target, max_arithmetic=0).fit(frame, y)
    found = made.fit_transform(frame, y)
    assert made.encoded_[0] == ("city",) or made.encoded_[0] == ("day",)
    at = made.encoded_.index(("city",))
    codes = frame[["city"]].apply(lambda column: column.cat.codes)
    encoder = TargetEncoder(smooth=10.0, target_type="continuous", cv=KFold(5, shuffle=True, random_state=0))
    expected = encoder.fit_transform(codes, y.astype(float)).ravel()
    np.testing.assert_allclose(found[f"generated_{at}"], expected)
    np.testing.assert_allclose(made.transform(frame)[f"generated_{at}"], encoder.transform(codes).ravel())


def test_random_labels_cannot_be_predicted_from_generated_features():
    scores = []
    for seed in range(6):
        frame = frame_of(240, seed)
        y = np.random.default_rng(100 + seed).permutation(np.arange(240) % 2)
        forest = ExtraTreesClassifier(30, min_samples_leaf=5, random_state=0)
        steps = [
            ("generate", GeneratedFeatures("classes")),
            ("numbers", FunctionTransformer(numbers_of)),
            ("model", forest),
        ]
        folds = make_folds(y, n_splits=4, random_state=seed)
        oof = out_of_fold([("prep", Pipeline(steps))], frame, y, cv=folds, n_jobs=1)
        table = oof.meta_train.to_numpy()[:, -1]
        scores += [roc_auc_score(y[held_out], table[held_out]) for _, held_out in folds.splits]
    error = np.std(scores, ddof=1) / np.sqrt(len(scores))
    assert abs(np.mean(scores) - 0.5) < 3 * error


def numbers_of(frame):
    """Return the numbers alone, for a forest."""
    return frame.select_dtypes("number").fillna(0.0).to_numpy()


def test_target_means_of_random_labels_do_not_give_away_the_labels_of_the_fitted_rows():
    frame = frame_of(800, n_levels=200)[["city"]]
    y = np.random.default_rng(1).permutation(np.arange(800) % 2)
    made = GeneratedFeatures("classes")
    cross_fitted = roc_auc_score(y, made.fit_transform(frame, y)["generated_0"])
    refitted = roc_auc_score(y, made.fit(frame, y).transform(frame)["generated_0"])
    assert abs(cross_fitted - 0.5) < 0.06
    assert refitted > 0.7


def test_the_label_of_a_row_does_not_change_its_own_columns():
    frame = frame_of(100)[["city", "day"]]
    y = np.arange(100) % 2
    made = GeneratedFeatures("classes")
    before = made.fit_transform(frame, y)
    encoded = made.encoded_
    for row in range(0, 100, 10):
        changed = y.copy()
        changed[row] = 1 - y[row]
        after = made.fit_transform(frame, changed)
        assert made.encoded_ == encoded
        pd.testing.assert_series_equal(before.iloc[row], after.iloc[row])


def test_a_row_can_be_prepared_alone_and_unseen_levels_are_gaps():
    frame, y = frame_of(150), np.arange(150) % 3
    made = GeneratedFeatures("classes").fit(frame, y)
    whole = made.transform(frame)
    new = frame.iloc[[7]].assign(city=pd.Categorical([None], categories=frame["city"].cat.categories))
    assert made.transform(new)["x0"].tolist() == whole["x0"].iloc[[7]].tolist()
    pd.testing.assert_frame_equal(made.transform(frame.iloc[[7]]), whole.iloc[[7]])


def test_the_same_rows_give_the_same_columns_and_at_most_two_hundred_new_ones():
    frame = pd.concat([frame_of(200, seed).add_suffix(f"_{seed}") for seed in range(6)], axis=1)
    y = np.arange(200) % 5
    first, second = (GeneratedFeatures("classes").fit_transform(frame, y) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert first.shape[1] - frame.shape[1] <= 200
    assert first.columns.is_unique


@pytest.mark.parametrize("kept", [["x0"], ["city"], ["x0", "x1"], ["city", "day"]])
def test_tables_of_few_columns_are_taken(kept):
    frame, y = frame_of(60)[kept], np.arange(60) % 2
    found = GeneratedFeatures("classes").fit_transform(frame, y)
    assert [*found.columns[: len(kept)]] == kept


def test_a_target_is_needed():
    with pytest.raises(ValueError, match="pass fit"):
        GeneratedFeatures().fit(frame_of(20))
