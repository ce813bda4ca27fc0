"""The Otto script: its representations, what neighbours may say of a row, its levels and a short run."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from competitions.data import find
from competitions.otto import solve
from competitions.otto.features import (
    described,
    logarithms,
    next_table,
    roots,
    row_numbers,
    tf_idf,
    unit_roots,
)
from competitions.otto.lineup import (
    SIZES,
    AveragedAdaBoost,
    Size,
    blend_of_winners,
    first_level,
    third_level,
)
from competitions.otto.neighbors import NeighborEvidence
from competitions.otto.scores import score
from stackit import make_folds, out_of_fold

# The lightest estimators of each kind.
FULL, SHORT = (Size(None, 2, 0.01, short) for short in (False, True))
COUNTS = arrays(np.float32, (7, 5), elements=st.integers(0, 40).map(float))


@pytest.fixture(scope="module")
def folder():
    try:
        return find("otto", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def counts_and_classes(n, n_classes=3, seed=0):
    """Counts of which some depend on the class."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    rates = random.gamma(0.5, 2.0, size=(n_classes, 12))
    return random.poisson(rates[y]).astype(np.float32), y


# --- representations


@given(COUNTS)
def test_representations_are_finite_and_of_one_row_at_a_time(counts):
    for transformer in (logarithms(), roots(), unit_roots()):
        found = transformer.fit_transform(counts)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(transformer.transform(counts[2:3]), found[2:3], rtol=1e-6)
    np.testing.assert_allclose(row_numbers(counts[2:3]), row_numbers(counts)[2:3], rtol=1e-6)


def test_representations_by_hand():
    counts = np.array([[0, 3, 1], [0, 0, 0]], dtype=np.float32)
    np.testing.assert_allclose(logarithms().fit_transform(counts)[0], [0, np.log(4), np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(roots().fit_transform(counts)[0] ** 2, [0.375, 3.375, 1.375], rtol=1e-6)
    np.testing.assert_allclose(unit_roots().fit_transform(counts)[0], [0, 0.75**0.5, 0.5], rtol=1e-6)
    entropy = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    np.testing.assert_allclose(row_numbers(counts), [[2, 1, 4, 3, 1, entropy], [0] * 6], rtol=1e-6)


@given(COUNTS.filter(lambda counts: (counts > 0).any(axis=1).all()))
def test_rows_of_tf_idf_have_length_one(counts):
    found = tf_idf().fit_transform(counts)
    np.testing.assert_allclose((found**2).sum(axis=1), 1, rtol=1e-5)
    assert ((found > 0) == (counts > 0)).all()


def test_descriptions_are_counts_numbers_and_distances_to_centres():
    counts, _ = counts_and_classes(100)
    found = described(n_clusters=4).fit_transform(counts)
    assert found.shape == (100, 12 + 6 + 4)
    np.testing.assert_array_equal(found[:, :12], counts)


def test_the_next_level_sees_logarithms_that_are_finite():
    meta = pd.DataFrame({"a__0": [0.0, 1.0], "a__1": [1.0, 0.0]})
    found = next_table(meta, np.array([[0, 2], [1, 0]], dtype=np.float32))
    assert found.shape == (2, 2 + 6)
    np.testing.assert_allclose(found[:, :3], [[np.log(1e-6), 0, 1], [0, np.log(1e-6), 1]])


# --- neighbours: nothing that is said of a row knows its own label, or the row itself


def test_evidence_is_what_scikit_learns_search_finds():
    X, y = counts_and_classes(90)
    random = np.random.default_rng(1)
    X = (X + random.random(X.shape)).astype(np.float32)  # no ties
    new = (X[:20] + random.random((20, 12))).astype(np.float32)
    found = NeighborEvidence(sizes=[2, 5], nearest=[1, 3]).fit(X, y).transform(new)
    expected = []
    for k in (2, 5):
        near = NearestNeighbors(n_neighbors=k).fit(X).kneighbors(new, return_distance=False)
        counts = np.stack([(y[near] == label).sum(axis=1) for label in range(3)], axis=1)
        expected.append(np.log((counts + 1 / 3) / (k + 1)))
    for label in range(3):
        distances = NearestNeighbors(n_neighbors=3).fit(X[y == label]).kneighbors(new)[0]
        expected.append(np.stack([distances[:, 0], distances.mean(axis=1)], axis=1))
    np.testing.assert_allclose(found, np.hstack(expected), rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 44), st.integers(0, 5))
def test_no_rows_own_label_reaches_its_evidence(row, seed):
    X, y = counts_and_classes(45, seed=seed)
    X = (X + np.random.default_rng(seed).random(X.shape)).astype(np.float32)  # no ties
    before = NeighborEvidence(sizes=[2, 8], nearest=[1, 2]).fit_transform(X, y)
    flipped = y.copy()
    flipped[row] = (y[row] + 1) % 3
    after = NeighborEvidence(sizes=[2, 8], nearest=[1, 2]).fit_transform(X, flipped)
    np.testing.assert_allclose(before[row], after[row], rtol=1e-4)
    assert (before != after).any()


def test_leaving_a_row_out_is_not_having_it():
    X, y = counts_and_classes(60)
    X = (X + np.random.default_rng(1).random(X.shape)).astype(np.float32)
    evidence = NeighborEvidence(sizes=[1, 4, 16], nearest=[1, 4])
    found = evidence.fit_transform(X, y)
    for row in (0, 7, 59):
        without = np.delete(np.arange(60), row)
        alone = evidence.fit(X[without], y[without]).transform(X[[row]])
        np.testing.assert_allclose(found[[row]], alone, rtol=1e-4)


def test_random_labels_are_predicted_at_chance():
    X, y = counts_and_classes(600)
    shuffled = np.random.default_rng(0).permutation(y)
    estimator = make_pipeline(
        NeighborEvidence(sizes=[1, 4, 16, 64]), StandardScaler(), LogisticRegression(C=0.01)
    )
    oof = out_of_fold([("neighbors", estimator)], X, shuffled, cv=5, n_jobs=1)
    # Three standard errors of a share of a third in 600 rows.
    assert abs(oof.summary.loc["neighbors", "whole"] - 1 / 3) < 3 * 0.0192


def test_rows_that_are_there_twice_are_neighbours_of_each_other():
    X, y = np.array([[0.0], [0.0], [5.0], [6.0]]), ["a", "b", "a", "b"]
    found = NeighborEvidence(sizes=[1], nearest=[1]).fit_transform(X, y)
    np.testing.assert_allclose(found[:2, 2:], [[5, 0], [0, 6]])
    np.testing.assert_allclose(found[:2, :2], np.log([[0.25, 0.75], [0.75, 0.25]]), rtol=1e-5)


def test_evidence_that_is_kept_is_the_same(tmp_path):
    X, y = counts_and_classes(60)
    kept, plain = (NeighborEvidence(sizes=[2], memory=place) for place in (str(tmp_path), None))
    for _ in range(2):
        np.testing.assert_array_equal(kept.fit_transform(X, y), plain.fit_transform(X, y))
        np.testing.assert_array_equal(kept.transform(X), plain.transform(X))


def test_a_class_of_few_rows_is_refused():
    with pytest.raises(ValueError, match=r"Each class must have more than 4 rows, .*; class b has 2\. Pass"):
        NeighborEvidence().fit(np.zeros((8, 1)), list("aaaaaabb"))


# --- levels


def test_the_winners_blend_is_its_formula():
    random = np.random.default_rng(0)
    xgboost, net, trees = random.dirichlet(np.ones(9), size=(3, 20))
    blend = blend_of_winners(xgboost, net, trees)
    np.testing.assert_allclose(blend.sum(axis=1), 1)
    raw = 0.85 * np.exp(0.65 * np.log(xgboost) + 0.35 * np.log(net)) + 0.15 * trees
    np.testing.assert_allclose(blend * raw.sum(axis=1, keepdims=True), raw)
    np.testing.assert_allclose(blend_of_winners(net, net, net), net)


def test_scores_by_hand():
    folds = make_folds([0, 0, 1, 1], n_splits=2, random_state=0)
    table = np.array([[0.5, 0.5], [0.25, 0.75], [0.2, 0.8], [0.0, 1.0]])
    found = score([0, 0, 1, 1], table, folds)
    losses = -np.log([0.5, 0.25, 0.8, 1.0])
    means = [losses[held_out].mean() for _, held_out in folds.splits]
    assert found["mean"] == round(losses.mean(), 4)
    assert found["standard_error"] == round(abs(means[0] - means[1]) / 2, 4)


def test_boosted_forests_predict_the_average_of_their_probabilities():
    X, y = counts_and_classes(90)
    forests = AveragedAdaBoost(ExtraTreesClassifier(5, min_samples_leaf=5), n_estimators=3, random_state=0)
    forests.fit(X, y)
    weights = forests.estimator_weights_[: len(forests.estimators_)]
    assert len(weights) == 3
    pairs = zip(weights, forests.estimators_, strict=True)
    total = sum(weight * forest.predict_proba(X) for weight, forest in pairs)
    np.testing.assert_allclose(forests.predict_proba(X), total / weights.sum())


def test_the_third_level_starts_from_what_both_levels_say():
    combiners = dict(third_level(n_first=2))
    assert combiners["mean_of_second"].weights == [1, 1, 1, 0, 0]
    random = np.random.default_rng(0)
    y, table = np.arange(60) % 3, random.dirichlet(np.ones(3), size=(5, 60))
    mean = combiners["mean_of_second"].fit(np.hstack(table), y).predict_proba(np.hstack(table))
    np.testing.assert_allclose(mean, table[:3].mean(axis=0))


def test_less_work_is_less_work_of_the_same_kinds():
    names = [name for name, _ in first_level()]
    assert [name for name, _ in first_level(0.01)] == names
    few = [name for name, _ in first_level(short=True)]
    assert few == names[: len(few)]
    assert len(set(names)) == len(names)
    assert dict(first_level(0.5))["xgboost"].n_estimators == round(
        dict(first_level())["xgboost"].n_estimators / 2
    )


# --- the script


def some_rows(folder, n):
    train, test = solve.read(folder, n)
    return train, test.iloc[:50]


@pytest.fixture(scope="module")
def levels(folder, tmp_path_factory):
    """Three levels on a few rows."""
    out = tmp_path_factory.mktemp("otto")
    train, test = some_rows(folder, 360)
    folds = make_folds(train["target"], scheme="stratified", n_splits=2, random_state=0)
    return train, folds, solve.three_levels(train, test, folds, FULL, out, n_jobs=1), out


def test_the_files_are_our_split_of_otto(folder):
    train, test = solve.read(folder, None)
    assert (train.shape, test.shape) == ((49_502, 94), (12_376, 93))
    assert not set(train.index) & set(test.index)
    some, _ = solve.read(folder, 900)
    assert len(some) == 900
    shares = [table["target"].value_counts(normalize=True).sort_index() for table in (some, train)]
    np.testing.assert_allclose(*shares, atol=1 / 900)


@pytest.mark.slow
def test_every_level_predicts_every_row(levels):
    train, folds, of_levels, _ = levels
    assert [len(oof) for oof in of_levels] == [len(first_level()), 1, 3, len(third_level(2))]
    for oof in of_levels:
        assert (oof.coverage == 1).all()
        assert oof.meta_test.shape == (50, 9 * len(oof))
    for name, (own, other) in solve.blends(of_levels).items():
        for table in (own, other):
            np.testing.assert_allclose(table.sum(axis=1), 1, err_msg=name)
        # Better than the shares of the classes, whatever the level.
        assert score(train["target"], own, folds)["mean"] < 1.95


@pytest.mark.slow
def test_a_second_run_goes_on_where_the_first_was(levels, folder):
    train, folds, of_levels, out = levels
    again = solve.three_levels(train, some_rows(folder, 360)[1], folds, FULL, out, n_jobs=1)
    assert [oof.n_stored for oof in again] == [2 * len(oof) for oof in of_levels]
    pd.testing.assert_frame_equal(again[3].meta_test, of_levels[3].meta_test)


def test_random_labels_are_no_better_predicted_by_any_level(folder, tmp_path):
    train, test = some_rows(folder, 360)
    shuffled = train.assign(target=np.random.default_rng(0).permutation(train["target"]))
    folds = make_folds(shuffled["target"], scheme="stratified", n_splits=2, random_state=0)
    of_levels = solve.three_levels(shuffled, test, folds, SHORT, tmp_path, n_jobs=1)
    shares = shuffled["target"].value_counts(normalize=True)
    chance = -(shares * np.log(shares)).sum()
    for name, (own, _) in solve.blends(of_levels).items():
        assert score(shuffled["target"], own, folds)["mean"] > chance - 0.03, name


@pytest.mark.slow
@pytest.mark.parametrize("size", ["tiny", "quick"])
def test_a_run_writes_a_valid_submission(size, folder, tmp_path):
    # A process of its own, as users start it.
    command = [sys.executable, "-m", "competitions.otto.solve", f"--{size}"]
    subprocess.run([*command, "--data", str(folder), "--out", str(tmp_path)], check=True, timeout=1800)
    submission, sample = pd.read_csv(tmp_path / "submission.csv"), pd.read_csv(folder / solve.FILES[2])
    assert submission.columns.tolist() == sample.columns.tolist()
    assert submission["id"].tolist() == sample["id"].tolist()
    np.testing.assert_allclose(submission.iloc[:, 1:].sum(axis=1), 1, atol=1e-3)
    report = json.loads((tmp_path / "report.json").read_text())
    best = report["levels"]["third"][report["submitted"]]["mean"]
    singles = [one["mean"] for one in report["levels"]["first"].values()]
    # 360 rows are too few for three levels to beat the best of the first.
    assert best < (min(singles) if size == "quick" else np.median(singles))
    assert (tmp_path / "folds.csv").read_text().count("\n") == SIZES[size].n_rows + 1
