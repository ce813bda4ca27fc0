"""The flowers script: no photograph is in two parts, codes belong to their photographs, and a short run."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestCentroid
from typer.testing import CliRunner

from competitions.data import find
from competitions.flowers import solve
from competitions.flowers.levels import AVERAGE, STACK, both_levels, crossed_scores, held_scores, said
from competitions.flowers.lineup import (
    DECISIONS,
    STRENGTHS,
    base_estimators,
    comparable,
    final_estimator,
    probabilities,
)
from competitions.flowers.photographs import digests, given_codes, groups_of, own_codes, three_parts
from competitions.flowers.pictures import in_the_plane, worst
from stackit import DiskStore, make_folds

pytestmark = pytest.mark.usefixtures("single_torch_thread")


@pytest.fixture(scope="module")
def folder():
    try:
        return find("flowers", solve.FILES, solve.PAGE)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def photographs(folder):
    table = pd.read_csv(folder / "labels.csv")
    codes = given_codes(folder, np.arange(len(table)))
    return table.assign(group=groups_of(digests(folder / "photos.zip", table["file"]), list(codes.values())))


# --- which photographs are one and the same


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.randoms())
def test_groups_are_those_of_equal_contents_and_equal_directions(kinds, random):
    contents = [random.choice(["same", f"own {row}"]) for row in range(len(kinds))]
    lengths = np.arange(10, 10 + len(kinds))
    groups = groups_of(contents, [lengths[:, np.newaxis] * np.eye(6)[kinds]])
    for one in range(len(kinds)):
        for other in range(len(kinds)):
            if kinds[one] == kinds[other] or contents[one] == contents[other]:
                assert groups[one] == groups[other]
    # No two are put together without a chain of reasons: as many groups as connected pairs leave.
    merged = {kind: kind for kind in kinds}
    with_same = {kind for kind, content in zip(kinds, contents, strict=True) if content == "same"}
    merged |= dict.fromkeys(with_same, -1)
    assert len(set(groups)) == len(set(merged.values()))


def test_contents_and_codes_must_be_equally_many():
    with pytest.raises(ValueError, match=r"contents must be one for each of 2 codes; got 1 contents"):
        groups_of(["a"], [np.eye(2, dtype=np.float32)])


def test_all_networks_must_find_photographs_alike():
    one, other = np.float32([[1, 0], [1, 0], [0, 1]]), np.float32([[1, 0], [0, 1], [0, 1]])
    assert groups_of(list("abc"), [one]).tolist() == [0, 0, 1]
    assert groups_of(list("abc"), [other]).tolist() == [0, 1, 1]
    assert groups_of(list("abc"), [one, other]).tolist() == [0, 1, 2]


def test_three_pairs_of_photographs_are_equal_and_no_group_is_torn(folder, photographs):
    contents = pd.Series(digests(folder / "photos.zip", photographs["file"]))
    assert (len(contents), contents.nunique()) == (3670, 3667)
    assert (photographs["group"].groupby(contents.to_numpy()).nunique() == 1).all()
    # Groups are pairs and a few larger ones that show the same picture; similar flowers are not grouped.
    assert 3640 < photographs["group"].nunique() < 3667
    assert photographs["group"].value_counts().max() <= 6
    for _, held_out in solve.folds_of(photographs, 10).split():
        others = np.setdiff1d(np.arange(3670), held_out)
        assert not set(photographs["group"].iloc[held_out]) & set(photographs["group"].iloc[others])


def test_the_parts_are_those_of_the_notes_and_share_no_photograph(photographs):
    y = photographs["label"].to_numpy()
    parts = three_parts(y, photographs["group"].to_numpy(), seed=0)
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 2936, "valid": 367, "test": 367}
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(3670))
    groups = [set(photographs["group"].iloc[rows]) for rows in parts.values()]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    valid, test = (pd.Series(y[parts[part]]).value_counts() for part in ("valid", "test"))
    # Halves by position alone, as in the notes, differ by up to eight.
    assert (valid - test).abs().max() <= 1
    # Those that are there twice are learned from.
    assert (valid - 0.1 * pd.Series(y).value_counts()).abs().max() < 3


# --- codes belong to their photographs


def test_given_codes_are_in_the_order_of_the_labels(folder, photographs):
    for codes in given_codes(folder, np.arange(3670)).values():
        even, odd = np.arange(0, 3670, 2), np.arange(1, 3670, 2)
        near = NearestCentroid().fit(codes[even], photographs["label"].iloc[even])
        assert near.score(codes[odd], photographs["label"].iloc[odd]) > 0.7


def test_own_and_given_codes_find_the_same_photographs_alike(folder, photographs, tmp_path):
    some = photographs[photographs["label"] == "roses"].iloc[::40]
    try:
        own = own_codes(folder / "photos.zip", some["file"], tmp_path, n_jobs=1)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    pairs = np.triu_indices(len(some), k=1)
    alike = {
        name: np.corrcoef(codes)[pairs]
        for name, codes in {**own, **given_codes(folder, some.index.to_numpy())}.items()
    }
    for name, values in alike.items():
        for other, others in alike.items():
            if name < other and "squeezenet" not in name + other:
                assert np.corrcoef(values, others)[0, 1] > 0.3, (name, other)


# --- the two levels


def table_of(n, seed, noise):
    """Two code sets of three classes, which say more the less noise there is."""
    random = np.random.default_rng(seed)
    y = np.array(["a", "b", "c"])[np.arange(n) % 3]
    centres = random.normal(size=(2, 3, 6))
    codes = {
        name: (centres[at][np.arange(n) % 3] + noise * random.normal(size=(n, 6))).astype(np.float32)
        for at, name in enumerate(("first_1.0", "second"))
    }
    return codes, y


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    codes, y = table_of(120, seed=0, noise=0.8)
    folds = make_folds(y[:90], n_splits=3, random_state=0)
    store = DiskStore(tmp_path_factory.mktemp("store"))
    own, held = ({name: X[part] for name, X in codes.items()} for part in (slice(90), slice(90, None)))
    return both_levels(own, y[:90], folds, store, held), y


def test_both_levels_have_all_estimators_with_their_scores(levels):
    levels, y = levels
    names = [name for network in ("first_1.0", "second") for name, _ in base_estimators(network)]
    names += [AVERAGE, "first_1.0/stack", "second/stack", STACK]
    crossed = crossed_scores(levels)
    assert list(crossed) == names
    assert crossed[STACK]["accuracy"] > 0.8
    assert crossed[STACK]["behind the stack"] == 0
    one, other = (levels[name].scores["score"].to_numpy() for name in (STACK, AVERAGE))
    assert crossed[AVERAGE]["behind the stack"] == pytest.approx((one - other).mean())
    assert crossed[AVERAGE]["its standard error"] == pytest.approx((one - other).std(ddof=1) / 3**0.5)
    held = held_scores(levels, {"valid": y[90:105], "test": y[105:]})
    assert list(held) == names
    # By hand: the class of the greatest probability.
    said_of = levels[STACK].meta_test.to_numpy()
    predicted = np.array(["a", "b", "c"])[said_of.argmax(axis=1)]
    right = predicted == y[90:]
    assert held[STACK] == {"valid": right[:15].mean(), "test": right[15:].mean()}
    np.testing.assert_allclose(said(levels[STACK])[["a", "b", "c"]].sum(axis=1), 1)


def test_the_average_is_that_of_all_probabilities(levels):
    levels, _ = levels
    meta = pd.concat([levels["first_1.0"].meta_train, levels["second"].meta_train], axis=1)
    distances = tuple(f"/{name}__a" for name in DECISIONS)
    of_a = [column for column in meta if column.endswith("__a") and not column.endswith(distances)]
    assert len(of_a) == 10
    np.testing.assert_allclose(meta[of_a].mean(axis=1), said(levels[AVERAGE])["a"])


def test_random_labels_are_predicted_at_chance(tmp_path):
    codes, y = table_of(300, seed=1, noise=1.0)
    y = np.random.default_rng(0).permutation(y)
    levels = both_levels(codes, y, make_folds(y, n_splits=3, random_state=0), DiskStore(tmp_path))
    for name, scores in crossed_scores(levels).items():
        # Three standard errors of a third in 300; a stack's meta-features have seen a little more.
        assert abs(scores["accuracy"] - 1 / 3) < 3 * 0.0272 + 0.02 * (STACK in name), name


def test_no_row_of_the_first_level_knows_its_own_label(tmp_path):
    codes, y = table_of(60, seed=2, noise=1.0)
    folds, turned = make_folds(y, n_splits=3, random_state=0), y.copy()
    turned[7] = "b" if y[7] != "b" else "c"
    before, after = (both_levels(codes, labels, folds, DiskStore(tmp_path)) for labels in (y, turned))
    for network in codes:
        one, other = before[network].meta_train, after[network].meta_train
        pd.testing.assert_series_equal(one.iloc[7], other.iloc[7])
        assert not one.equals(other)


def test_meta_features_on_one_scale_by_hand():
    meta = pd.DataFrame([[1.0, -0.5, 0.1], [0.0, 2.0, 1.2]], columns=["n/lda__a", "n/ridge__a", "n/svm__a"])
    expected = meta.assign(**{"n/lda__a": [0.0, np.log(1e-4)]})
    pd.testing.assert_frame_equal(comparable(meta), expected)
    assert list(probabilities(meta)) == ["n/lda__a"]


def test_the_strength_is_chosen_by_the_rows_that_are_learned_from():
    """Where columns say nothing the strongest shrinkage is best; where they say all, the weakest."""
    random, y = np.random.default_rng(0), np.arange(90) % 3
    noise = pd.DataFrame(random.normal(size=(90, 240)), columns=[f"n/svm__{at}" for at in range(240)])
    clear = noise + 4 * np.eye(3)[y][:, np.arange(240) % 3]
    chosen = [final_estimator().fit(meta, y)[-1].best_params_ for meta in (noise, clear)]
    assert chosen == [{"logisticregression__C": C} for C in (min(STRENGTHS), max(STRENGTHS))]


# --- pictures


def test_the_worst_have_the_least_probability_of_their_own_class():
    photographs = pd.DataFrame({"file": ["1", "2", "3"], "label": ["b", "a", "b"]})
    said_of = pd.DataFrame({"a": [0.9, 0.6, 0.3], "b": [0.1, 0.4, 0.7]}, index=[5, 6, 7])
    found = worst(photographs, said_of, 2)
    assert found.to_dict("list") == {
        "file": ["1", "2"],
        "label": ["b", "a"],
        "prediction": ["a", "a"],
        "of_label": [0.1, 0.6],
    }


def test_the_map_keeps_together_what_is_together():
    random = np.random.default_rng(0)
    codes = np.repeat(np.eye(3) * 20, 15, axis=0) @ random.normal(size=(3, 30)) + random.normal(size=(45, 30))
    points, kinds = in_the_plane(codes), np.repeat([0, 1, 2], 15)
    assert points.shape == (45, 2)
    assert NearestCentroid().fit(points, kinds).score(points, kinds) == 1


@pytest.mark.slow
def test_a_short_run_writes_what_it_found(folder, tmp_path):
    app = solve.typer.Typer()
    app.command()(solve.main)
    options = ["--data", str(folder), "--out", str(tmp_path), "--quick"]
    result = CliRunner().invoke(app, options)
    if isinstance(result.exception, FileNotFoundError):
        pytest.skip(str(result.exception))
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["photographs"] == 5 * solve.QUICK["of a class"]
    assert len(report["folds"]) == len(report["held back"]) == 4 * 7 + 4 + 2
    assert report["folds"][STACK]["accuracy"] > 0.6
    pictures = ("confusion.png", "worst.png", "map.png")
    assert all((tmp_path / name).stat().st_size > 10_000 for name in pictures)
    assert pd.read_csv(tmp_path / "oof.csv").shape == (report["photographs"], 3 + 5)
