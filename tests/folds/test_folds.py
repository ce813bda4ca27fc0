"""Folds: every scheme, every cv that scikit-learn knows, and the folds file."""

import datetime
import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
    check_cv,
    cross_val_score,
)

from stackit import Folds, make_folds
from stackit.folds import SCHEMES, as_folds, schemes
from stackit.target import classification_target, regression_target

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = [scheme for scheme in SCHEMES if scheme != "forward"]
SEEDS = st.integers(0, 2**31 - 1)
CLASSES = np.array([0, 0, 1] * 12)
GROUPS = np.arange(36) // 3
quick = settings(max_examples=40, deadline=None, derandomize=True)


def titanic():
    """Return Titanic's training table, or skip, naming the file."""
    roots = [os.environ.get("STACKIT_DATA", ROOT / "data"), ROOT / "data", ROOT.parent / "shared" / "data"]
    for root in roots:
        path = Path(root) / "titanic" / "train.csv"
        if path.exists():
            return pd.read_csv(path)
    pytest.skip(
        "titanic/train.csv from kaggle.com/c/titanic is in none of $STACKIT_DATA, data, ../shared/data"
    )


def pairs(folds):
    return [(train.tolist(), held_out.tolist()) for train, held_out in folds.split()]


def same(folds, splits):
    return pairs(folds) == [(list(train), list(held_out)) for train, held_out in splits]


@st.composite
def arguments(draw, schemes=PARTITIONS):
    """Draw (y, keyword arguments) that make_folds takes."""
    n_splits = draw(st.integers(2, 5))
    counts = draw(st.lists(st.integers(n_splits, 15), min_size=2, max_size=4))
    scheme = draw(st.sampled_from(schemes))
    n = sum(counts)
    shuffle = np.random.default_rng(draw(SEEDS)).permutation
    n_groups = draw(st.integers(n_splits, n))
    groups = np.arange(n) % n_groups
    y = shuffle(np.repeat(np.arange(len(counts)), counts))
    options = {
        "scheme": scheme,
        "n_splits": n_splits,
        "n_repeats": draw(st.integers(1, 3)),
        "random_state": draw(SEEDS),
    }
    if "group" in scheme:
        options["groups"] = shuffle(groups)
    return (shuffle(n) * 1.0 if scheme == "binned" else y), options


@st.composite
def times_and_splits(draw):
    """Draw (n_splits, times with ties in no order) with enough times for that many folds."""
    n_splits = draw(st.integers(2, 4))
    counts = draw(st.lists(st.integers(1, 4), min_size=3 * n_splits, max_size=20))
    times = np.repeat(
        np.cumsum(draw(st.lists(st.integers(1, 9), min_size=20, max_size=20))[: len(counts)]), counts
    )
    return n_splits, np.random.default_rng(draw(SEEDS)).permutation(times)


def forward(times, n_splits, gap=0):
    try:
        return make_folds(np.zeros(len(times)), scheme="forward", n_splits=n_splits, time=times, gap=gap)
    except ValueError as error:
        assume("distinct times" not in str(error) and "past" not in str(error))
        raise


# --- what every scheme promises


@quick
@given(arguments())
def test_each_row_is_held_out_once_per_repeat(case):
    y, options = case
    folds = make_folds(y, **options)
    held_out = [rows for _, rows in folds.split()]
    assert len(held_out) == options["n_splits"] * options["n_repeats"]
    for repeat in range(options["n_repeats"]):
        of_repeat = held_out[repeat * options["n_splits"] :][: options["n_splits"]]
        assert np.sort(np.concatenate(of_repeat)).tolist() == list(range(len(y)))
    assert folds.n_repeats == options["n_repeats"]
    assert (folds.coverage == options["n_repeats"]).all()


@quick
@given(arguments())
def test_the_training_part_is_all_rows_that_are_not_held_out(case):
    y, options = case
    for train, held_out in make_folds(y, **options).split():
        assert sorted([*train, *held_out]) == list(range(len(y)))


@quick
@given(arguments())
def test_assignment_names_the_fold_that_holds_out_each_row(case):
    y, options = case
    folds = make_folds(y, **options)
    for (repeat, fold), (_, held_out) in zip(folds.labels, folds.split(), strict=True):
        assert np.flatnonzero(folds.assignment[:, repeat] == fold).tolist() == sorted(held_out)


@quick
@given(arguments(["group", "stratified-group"]))
def test_a_group_is_never_split(case):
    y, options = case
    for train, held_out in make_folds(y, **options).split():
        assert not set(options["groups"][train]) & set(options["groups"][held_out])


@quick
@given(arguments(["stratified"]))
def test_stratified_folds_share_out_each_class_evenly(case):
    y, options = case
    for label in np.unique(y):
        counts = [(y[held_out] == label).sum() for _, held_out in make_folds(y, **options).split()]
        assert max(counts) - min(counts) <= 1


@quick
@given(arguments(["kfold"]))
def test_kfold_sizes_differ_by_one_at_most(case):
    y, options = case
    sizes = [len(held_out) for _, held_out in make_folds(y, **options).split()]
    assert max(sizes) - min(sizes) <= 1


@quick
@given(st.integers(2, 6), st.integers(2, 20), SEEDS)
def test_binned_folds_hold_out_one_row_of_each_quantile(n_splits, n_bins, seed):
    y = np.random.default_rng(seed).permutation(n_splits * n_bins) ** 2.0
    blocks = np.argsort(y).reshape(n_bins, n_splits)
    for _, held_out in make_folds(y, scheme="binned", n_splits=n_splits, random_state=seed).split():
        assert [len(set(block) & set(held_out)) for block in blocks] == [1] * n_bins


def test_binned_folds_of_many_rows_use_a_hundred_bins_of_even_size():
    y = np.random.default_rng(0).permutation(5000) ** 1.5
    bins = schemes._bins_of(y, 2)
    assert np.bincount(bins).tolist() == [50] * 100
    for _, held_out in make_folds(y, scheme="binned", n_splits=2).split():
        assert np.bincount(bins[held_out]).tolist() == [25] * 100


def test_binned_folds_take_a_target_that_is_mostly_one_value():
    y = np.r_[np.zeros(40), np.arange(1, 11)]
    counts = [(y[held_out] > 0).sum() for _, held_out in make_folds(y, scheme="binned").split()]
    assert counts == [2] * 5


def test_stratified_group_folds_keep_the_class_shares_of_equal_groups():
    y = np.tile([0, 0, 1], 20)
    folds = make_folds(y, scheme="stratified-group", groups=np.arange(60) // 6)
    assert [y[held_out].mean() for _, held_out in folds.split()] == pytest.approx([1 / 3] * 5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_same_seed_gives_the_same_folds(scheme):
    options = {"groups": GROUPS} if "group" in scheme else {}
    y = np.arange(36) if scheme == "binned" else CLASSES
    assert pairs(make_folds(y, scheme=scheme, n_splits=3, random_state=3, **options)) == pairs(
        make_folds(y, scheme=scheme, n_splits=3, random_state=3, **options)
    )


@pytest.mark.parametrize("scheme", PARTITIONS)
def test_seeds_and_repeats_give_different_folds(scheme):
    options = {"groups": GROUPS} if "group" in scheme else {}
    y = np.arange(36) if scheme == "binned" else CLASSES
    found = [
        make_folds(y, scheme=scheme, n_splits=3, n_repeats=2, random_state=seed, **options).assignment[:, k]
        for seed in (0, 1)
        for k in (0, 1)
    ]
    assert len({tuple(column) for column in found}) == 4


@pytest.mark.parametrize("scheme", ["group", "stratified-group"])
def test_repeats_differ_when_all_groups_have_different_sizes(scheme):
    groups = np.repeat(np.arange(10), np.arange(2, 12))
    folds = make_folds(
        np.arange(len(groups)) % 2, scheme=scheme, groups=groups, n_splits=3, n_repeats=2, random_state=0
    )
    assert (folds.assignment[:, 0] != folds.assignment[:, 1]).any()


@quick
@given(SEEDS, st.integers(2, 6))
def test_group_folds_differ_by_the_largest_group_at_most(seed, n_splits):
    sizes = np.random.default_rng(seed).geometric(0.1, size=200)
    groups = np.repeat(np.arange(200), sizes)
    folds = make_folds(groups, scheme="group", groups=groups, n_splits=n_splits, random_state=seed)
    n_held_out = [len(held_out) for _, held_out in folds.split()]
    assert max(n_held_out) - min(n_held_out) <= sizes.max()


def test_group_folds_are_even_where_few_groups_hold_most_rows():
    groups = np.repeat(np.arange(63), [20, 20, 20, *[1] * 60])
    for seed in range(10):
        folds = make_folds(groups, scheme="group", groups=groups, n_splits=4, random_state=seed)
        assert [len(held_out) for _, held_out in folds.split()] == [30] * 4


@quick
@given(arguments(["kfold", "stratified"]))
def test_one_repeat_is_scikit_learns_own_for_the_same_seed(case):
    y, options = case
    seed, n_splits = options["random_state"], options["n_splits"]
    theirs = (StratifiedKFold if options["scheme"] == "stratified" else KFold)(
        n_splits, shuffle=True, random_state=seed
    )
    first = pairs(make_folds(y, **options))[:n_splits]
    assert first == [(a.tolist(), b.tolist()) for a, b in theirs.split(np.zeros((len(y), 1)), y)]


def test_labels_of_any_type_stratify_alike():
    expected = make_folds(CLASSES, n_splits=3).digest
    names = np.array(["no", "yes"])[CLASSES]
    for y in (
        names,
        list(names),
        pd.Series(names),
        pd.Categorical(names),
        CLASSES == 1,
        pd.Series(CLASSES * 1.0),
    ):
        assert make_folds(y, n_splits=3).digest == expected


def test_groups_of_any_type_are_kept_alike():
    expected = make_folds(CLASSES, scheme="group", n_splits=3, groups=GROUPS).digest
    names = [f"g{group:02}" for group in GROUPS]
    for groups in (names, pd.Series(names, index=range(100, 136)), pd.Categorical(names), GROUPS * 1.0):
        assert make_folds(CLASSES, scheme="group", n_splits=3, groups=groups).digest == expected


# --- forward in time


@quick
@given(times_and_splits())
def test_forward_folds_train_on_the_past_only(case):
    n_splits, times = case
    for train, held_out in forward(times, n_splits).split():
        assert times[train].max() < times[held_out].min()


@quick
@given(times_and_splits())
def test_forward_folds_never_part_rows_of_one_time(case):
    n_splits, times = case
    for _, held_out in forward(times, n_splits).split():
        assert np.isin(times, times[held_out]).sum() == len(held_out)


@quick
@given(times_and_splits())
def test_forward_folds_hold_out_everything_after_the_first_block_once_and_in_order(case):
    n_splits, times = case
    blocks = [times[held_out] for _, held_out in forward(times, n_splits).split()]
    assert len(blocks) == n_splits
    assert all(a.max() < b.min() for a, b in pairwise(blocks))
    assert sorted(np.concatenate(blocks)) == sorted(times[times >= blocks[0].min()])
    assert (times < blocks[0].min()).any()


@quick
@given(times_and_splits(), st.integers(0, 6))
def test_a_gap_of_rows_leaves_out_that_many_rows_before_each_fold(case, gap):
    n_splits, times = case
    for train, held_out in forward(times, n_splits, gap).split():
        past = np.sort(times[times < times[held_out].min()])
        assert np.sort(times[train]).tolist() == past[: len(past) - gap].tolist()


@quick
@given(times_and_splits(), st.integers(1, 20))
def test_a_gap_of_time_trains_on_nothing_inside_it(case, days):
    n_splits, offsets = case
    times = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(offsets, unit="D"))
    for train, held_out in forward(times, n_splits, gap=f"{days}D").split():
        limit = times[held_out].min() - pd.Timedelta(days=days)
        assert sorted(train) == np.flatnonzero(times < limit).tolist()


@pytest.mark.parametrize(
    "gap", ["2D", pd.Timedelta(days=2), datetime.timedelta(days=2), np.timedelta64(2, "D")], ids=repr
)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_gap_of_time_has_any_of_the_usual_types(gap, zone):
    times = pd.Series(pd.date_range("2021-01-01", periods=12, tz=zone))
    folds = make_folds(np.zeros(12), scheme="forward", n_splits=3, time=times, gap=gap)
    assert [len(train) for train, _ in folds.split()] == [1, 4, 7]


def test_a_gap_of_numbers_is_a_difference_of_numeric_times():
    times = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.2, 9.0, 9.5])
    folds = make_folds(np.zeros(8), scheme="forward", n_splits=2, time=times, gap=4.85)
    assert pairs(folds) == [([0, 1], [3, 4]), ([0, 1, 2], [5, 6, 7])]


def test_without_times_forward_folds_follow_the_row_order():
    folds = make_folds(np.zeros(8), scheme="forward", n_splits=3, gap=1)
    assert pairs(folds) == [([0], [2, 3]), ([0, 1, 2], [4, 5]), ([0, 1, 2, 3, 4], [6, 7])]
    assert folds.coverage.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]


def test_forward_folds_follow_the_time_and_not_the_row_order():
    times = pd.to_datetime(["2021-03-01", "2021-01-01", "2021-02-01", "2021-01-01"])
    folds = make_folds(np.zeros(4), scheme="forward", n_splits=2, time=times)
    assert pairs(folds) == [([1, 3], [2]), ([1, 2, 3], [0])]


# --- what make_folds refuses


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"scheme": "folds"}, "scheme must be one of kfold, stratified.*scheme='folds'"),
        ({"n_splits": 1}, "n_splits must be a whole number from 2 to the number of rows, 6; got n_splits=1"),
        ({"n_splits": 7, "scheme": "kfold"}, "n_splits=7. Use fewer folds"),
        ({"n_splits": 2.0}, "n_splits=2.0"),
        ({"n_splits": 2, "n_repeats": 0}, "n_repeats must be a whole number from 1; got n_repeats=0"),
        ({"n_splits": 2, "random_state": None}, "random_state must be a whole number from 0"),
        ({"n_splits": 2, "random_state": -1}, "random_state=-1"),
        ({"n_splits": 3}, r"n_splits=3 rows for scheme='stratified'; 'b' has 2\..*merge rare classes"),
        (
            {"n_splits": 2, "scheme": "group"},
            "scheme='group' needs groups; got groups=None. Pass one group per row",
        ),
        (
            {"n_splits": 2, "scheme": "group", "groups": [1, 2]},
            "groups must be one value per row, 6; got 2 groups",
        ),
        (
            {"n_splits": 2, "scheme": "group", "groups": [1, None] * 3},
            "without missing values; got 3 missing",
        ),
        ({"n_splits": 3, "scheme": "group", "groups": [1, 2] * 3}, "at most the number of groups, 2"),
        ({"n_splits": 3, "scheme": "stratified-group", "groups": [1, 2] * 3}, "number of groups, 2"),
        ({"n_splits": 2, "scheme": "forward", "n_repeats": 2}, "n_repeats must be 1 for scheme='forward'"),
        ({"n_splits": 2, "scheme": "forward", "gap": -1}, "gap must be at least 0; got gap=-1"),
        ({"n_splits": 2, "scheme": "forward", "gap": 2}, "gap must be shorter than the past"),
        ({"n_splits": 2, "scheme": "forward", "gap": "7D"}, "gap must be a number of rows, or a difference"),
        ({"n_splits": 2, "scheme": "forward", "gap": "soon"}, "gap must be .*gap='soon'"),
        (
            {"n_splits": 2, "scheme": "forward", "time": [1, 2]},
            "time must be one value per row, 6; got 2 times",
        ),
        (
            {"n_splits": 2, "scheme": "forward", "time": [1, None, 2, 3, 4, 5]},
            "time must be without missing values; got 1 missing",
        ),
        (
            {"n_splits": 2, "scheme": "forward", "time": [1] * 6},
            "time must be more than 2 distinct times.*got 1 distinct times",
        ),
        ({"n_splits": 5, "scheme": "forward", "time": range(6), "gap": 1}, "gap must be shorter"),
    ],
)
def test_what_make_folds_refuses(options, text):
    with pytest.raises(ValueError, match=text):
        make_folds(["a", "a", "b", "a", "b", "a"], **options)


def test_a_negative_gap_of_time_is_refused_by_its_name():
    times = pd.date_range("2021-01-01", periods=12)
    with pytest.raises(ValueError, match="gap must be"):
        make_folds(np.zeros(12), scheme="forward", n_splits=3, time=times, gap="-2D")


@pytest.mark.parametrize(
    ("y", "found"),
    [([1.0, np.nan, 2.0, 3.0], "NaN or infinite values"), ([[1.0, 2.0]] * 4, r"shape \(4, 2\)")],
)
def test_binned_folds_need_one_finite_number_per_row(y, found):
    text = f"y must have one finite number per row for scheme='binned'; it has {found}"
    with pytest.raises(ValueError, match=text):
        make_folds(y, scheme="binned", n_splits=2)


def test_stratified_folds_refuse_several_labels_a_row():
    with pytest.raises(ValueError, match="y must be one label per row for scheme='stratified'"):
        make_folds([[0, 1], [1, 1], [1, 0], [0, 0]], n_splits=2)


# --- Folds


def test_a_row_in_both_parts_of_a_split_is_refused():
    with pytest.raises(
        ValueError, match=r"Split 1 trains on 1 rows that it also holds out \(2\); their labels leak"
    ):
        Folds(4, (([0, 1], [2, 3]), ([2, 3], [0, 2])))


@pytest.mark.parametrize(
    ("splits", "text"),
    [
        ((), "Folds need at least one split; got no splits"),
        ((([], [0, 1]),), "The training part of split 0 has no rows"),
        ((([0, 1], []),), "The held-out part of split 0 has no rows"),
        ((([0, 4], [1]),), "The training rows of split 0 must be between 0 and 3; got rows from 0 to 4"),
        ((([0, 1], [-1]),), "The held-out rows of split 0 must be between 0 and 3; got rows from -1 to -1"),
        ((([0, 1], [2, 2]),), "The held-out rows of split 0 must be unique; got repeated rows 2"),
    ],
)
def test_splits_that_folds_refuse(splits, text):
    with pytest.raises(ValueError, match=text):
        Folds(4, splits)


def test_rows_that_are_no_whole_numbers_are_refused():
    with pytest.raises((TypeError, ValueError)):
        Folds(4, (([0.5, 1.7], [2.2, 3.9]),))


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(ValueError, match="4"):
        Folds(4, (([True, False, False], [False, True, True]),))


def test_a_table_of_other_length_is_refused():
    with pytest.raises(ValueError, match="The folds were made for 36 rows, but X has 35 rows"):
        next(make_folds(CLASSES).split(np.zeros((35, 2))))


def test_folds_split_rows_whatever_the_table_is():
    folds = make_folds(CLASSES, n_splits=3)
    for X in (None, np.zeros((36, 1)), pd.DataFrame({"a": CLASSES}), ["text"] * 36):
        assert pairs(folds) == [(a.tolist(), b.tolist()) for a, b in folds.split(X, CLASSES, GROUPS)]


def test_folds_are_a_scikit_learn_cv():
    X = np.random.default_rng(0).normal(size=(36, 2))
    folds = make_folds(CLASSES, n_splits=3, n_repeats=2)
    assert folds.get_n_splits(X, CLASSES) == 6
    scores = cross_val_score(LogisticRegression(), X, CLASSES, cv=folds)
    assert (
        scores.tolist() == cross_val_score(LogisticRegression(), X, CLASSES, cv=list(folds.split())).tolist()
    )
    assert GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=folds).fit(X, CLASSES).n_splits_ == 6


@quick
@given(arguments(), st.randoms(use_true_random=False))
def test_the_digest_is_that_of_the_splits(case, random):
    y, options = case
    folds = make_folds(y, **options)
    splits = [(train[::-1].copy(), held_out) for train, held_out in folds.split()]
    assert Folds(len(y), tuple(splits)).digest == folds.digest
    number = random.randrange(len(splits))
    assert Folds(len(y), tuple(splits[:number] + splits[number + 1 :])).digest != folds.digest
    splits[number] = (splits[number][0][1:], splits[number][1])
    assume(len(splits[number][0]))
    assert Folds(len(y), tuple(splits)).digest != folds.digest


def test_consecutive_splits_without_a_common_row_are_one_repeat():
    folds = Folds(4, (([2, 3], [0]), ([0, 3], [1, 2]), ([1, 2], [0, 3]), ([0, 3], [1])))
    assert folds.labels == ((0, 0), (0, 1), (1, 0), (1, 1))
    assert folds.assignment.tolist() == [[0, 0], [1, 1], [1, -1], [-1, 0]]
    assert folds.coverage.tolist() == [2, 2, 1, 1]


# --- whatever scikit-learn takes as cv

SPLITTERS = [
    KFold(3),
    KFold(3, shuffle=True, random_state=1),
    StratifiedKFold(4),
    RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
    ShuffleSplit(3, random_state=0),
    StratifiedShuffleSplit(3, random_state=0),
    GroupKFold(3),
    GroupShuffleSplit(3, random_state=0),
    StratifiedGroupKFold(3),
    LeaveOneGroupOut(),
    LeaveOneOut(),
    PredefinedSplit(np.r_[-1, np.arange(35) % 5]),
    TimeSeriesSplit(4, gap=2, max_train_size=9),
]


@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda splitter: type(splitter).__name__)
def test_any_splitter_gives_its_own_splits(splitter):
    groups = GROUPS if "Group" in type(splitter).__name__ else None
    folds = as_folds(splitter, np.zeros((36, 1)), classification_target(CLASSES), groups)
    assert same(folds, splitter.split(np.zeros((36, 1)), CLASSES, groups))


@pytest.mark.parametrize("cv", [None, 3, np.int64(4)])
@pytest.mark.parametrize("target", [classification_target, regression_target])
def test_a_number_means_what_it_means_to_scikit_learn(cv, target):
    theirs = check_cv(cv, CLASSES, classifier=target is classification_target)
    assert same(as_folds(cv, np.zeros(36), target(CLASSES)), theirs.split(np.zeros(36), CLASSES))


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("target", [classification_target, regression_target])
def test_a_number_with_groups_means_group_folds(cv, target):
    folds = as_folds(cv, np.zeros(36), target(CLASSES), GROUPS)
    assert folds.coverage.tolist() == [1] * 36
    assert folds.get_n_splits() == (cv or 5)
    for train, held_out in folds.split():
        assert not set(GROUPS[train]) & set(GROUPS[held_out])


@pytest.mark.parametrize(
    "pack",
    [
        list,
        tuple,
        iter,
        lambda splits: [(list(a), list(b)) for a, b in splits],
        lambda splits: [tuple(np.isin(np.arange(36), rows) for rows in pair) for pair in splits],
        lambda splits: ((a, b) for a, b in splits),
    ],
    ids=["list", "tuple", "iterator", "lists", "masks", "generator"],
)
def test_pairs_of_rows_are_taken_in_any_wrapping(pack):
    splits = list(KFold(3).split(CLASSES))
    assert same(as_folds(pack(splits), np.zeros(36), classification_target(CLASSES)), splits)


def test_folds_stay_the_folds_they_are():
    folds = make_folds(CLASSES, n_splits=3, n_repeats=2)
    assert as_folds(folds, np.zeros(36), classification_target(CLASSES)).digest == folds.digest
    with pytest.raises(ValueError, match="36 rows"):
        as_folds(folds, np.zeros(30), classification_target(CLASSES[:30]))


def test_the_callers_splitter_and_its_random_state_do_not_move():
    state = np.random.RandomState(0)
    splitter = KFold(3, shuffle=True, random_state=state)
    before = state.get_state()[1].copy()
    found = [pairs(as_folds(splitter, np.zeros(36), classification_target(CLASSES))) for _ in range(2)]
    assert splitter.random_state is state
    assert (state.get_state()[1] == before).all()
    assert found[0] == found[1]


def test_the_callers_pairs_are_not_changed():
    splits = [([3, 2], [1, 0]), ([1, 0], [3, 2])]
    as_folds(splits, np.zeros(4), classification_target([0, 1, 0, 1]))
    assert splits == [([3, 2], [1, 0]), ([1, 0], [3, 2])]


def test_a_group_splitter_without_groups_says_what_is_missing():
    with pytest.raises(ValueError, match="groups"):
        as_folds(GroupKFold(3), np.zeros(36), classification_target(CLASSES))


# --- the folds file


@quick
@given(
    arguments(), st.sampled_from([int, str, "{:05}".format, "id {}, 'x'".format, 'say "{}"'.format, float])
)
def test_a_saved_file_loads_as_the_same_folds(tmp_path_factory, case, name):
    y, options = case
    folds = make_folds(y, **options)
    ids = [name(number) for number in range(1, len(y) + 1)]
    path = folds.save(tmp_path_factory.mktemp("folds") / "folds.csv", ids)
    loaded = Folds.load(path, ids)
    assert loaded.digest == folds.digest
    assert loaded.metadata == folds.metadata
    assert loaded.assignment.tolist() == folds.assignment.tolist()


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=8)


@quick
@given(st.lists(TEXT, min_size=4, max_size=9, unique=True))
def test_ids_may_be_any_text(tmp_path_factory, ids):
    folds = make_folds(ids, scheme="kfold", n_splits=2)
    path = folds.save(tmp_path_factory.mktemp("folds") / "folds.csv", ids)
    assert Folds.load(path, ids).digest == folds.digest


GIVEN = {
    "forward with a gap": make_folds(np.zeros(20), scheme="forward", n_splits=3, gap=2),
    "a part is never held out": Folds(
        20, ((np.arange(5), np.arange(5, 9)), (np.arange(7), np.arange(12, 20)))
    ),
    "one split against all other rows": Folds(20, ((np.arange(4, 20), np.arange(4)),)),
    "shuffled halves": Folds(20, tuple(ShuffleSplit(4, test_size=0.5, random_state=0).split(np.zeros(20)))),
    "small random tests": Folds(20, tuple(ShuffleSplit(4, test_size=3, random_state=0).split(np.zeros(20)))),
    "purged": Folds(20, tuple((np.arange(10, 20) - k, np.arange(5) + 15 * k // 10) for k in (0, 1))),
    "a drawn training part": Folds(20, ((np.repeat(np.arange(10), 2), np.arange(10, 20)),)),
}


@pytest.mark.parametrize("folds", GIVEN.values(), ids=GIVEN)
def test_splits_from_anywhere_survive_the_file(tmp_path, folds):
    loaded = Folds.load(folds.save(tmp_path / "folds.csv", range(20)), range(20))
    assert loaded.digest == folds.digest
    assert loaded.labels == folds.labels


def test_the_file_reads_plainly_as_id_and_kfold(tmp_path):
    path = make_folds(CLASSES, n_splits=3).save(tmp_path / "folds.csv", range(101, 137))
    table = pd.read_csv(path)
    assert table.columns.tolist() == ["id", "kfold"]
    assert table["id"].tolist() == list(range(101, 137))
    assert table["kfold"].tolist() == make_folds(CLASSES, n_splits=3).assignment[:, 0].tolist()


def test_repeats_are_further_columns(tmp_path):
    folds = make_folds(CLASSES, n_splits=3, n_repeats=3)
    table = pd.read_csv(folds.save(str(tmp_path / "folds.csv"), range(36)))
    assert table.columns.tolist() == ["id", "kfold", "kfold_1", "kfold_2"]
    assert table.iloc[:, 1:].to_numpy().tolist() == folds.assignment.tolist()


def test_leading_zeros_stay_in_the_file(tmp_path):
    path = make_folds([0, 0, 1, 1], n_splits=2).save(tmp_path / "folds.csv", ["007", "08", "9", "0"])
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == ["id", "007", "08", "9", "0"]


def test_the_json_file_says_how_the_folds_were_made(tmp_path):
    make_folds(CLASSES, n_splits=3, random_state=7).save(tmp_path / "folds.csv", range(36))
    metadata = json.loads((tmp_path / "folds.csv.json").read_text())
    expected = {"scheme": "stratified", "n_splits": 3, "n_repeats": 1, "random_state": 7}
    assert metadata["made_by"] == expected
    assert metadata["n_samples"] == 36


def test_saving_leaves_the_two_files_and_nothing_else(tmp_path):
    make_folds(CLASSES, n_splits=3).save(tmp_path / "folds.csv", range(36))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folds.csv", "folds.csv.json"]


def test_a_folds_file_from_elsewhere_is_read(tmp_path):
    path = tmp_path / "train_folds.csv"
    path.write_text("PassengerId,kfold,kfold_1\n3,0,1\n1,1,1\n2,1,0\n")
    folds = Folds.load(path, pd.Series([3, 1, 2]))
    assert pairs(folds) == [([1, 2], [0]), ([0], [1, 2]), ([0, 1], [2]), ([2], [0, 1])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id,kfold\na,0\nb,1\n", r"must be those of the table; got 1 ids without a fold \(c\)"),
        ("id,kfold\na,0\nb,1\nc,0\nd,1\n", r"got 1 ids that the table does not have \(d\)"),
        (
            "id,kfold\na,0\nb,1\nx,0\n",
            r"1 ids without a fold \(c\); 1 ids that the table does not have \(x\)",
        ),
        (
            "id,kfold\nb,0\na,1\nc,0\n",
            "in the order of the table; got id b in the file and a in the table at row 0",
        ),
        ("id,kfold\na,0\nb,1\nb,1\nc,0\n", r"1 repeated ids \(b\)"),
        (
            "id,kfold\na,0\nb,2\nc,2\n",
            "kfold in .* must be numbered from 0 without gaps; got no rows in fold 1",
        ),
        ("id,kfold\na,1\nb,1\nc,2\n", "without gaps; got no rows in fold 0"),
        ("id,kfold\na,0\nb,\nc,1\n", r"kfold in .* must be a fold number in each row; got 1 others \(''\)"),
        ("id,kfold\na,0\nb,nan\nc,1\n", r"got 1 others \('nan'\)"),
        ("id,kfold\na,0\nb,0.5\nc,-2\n", r"got 2 others \('0.5', '-2'\)"),
        ("id,kfold,kfold_1\na,0,0\nb,1,x\nc,0,1\n", r"kfold_1 in .* must be a fold number.*'x'"),
        ("id,kfold\na,-1\nb,0\nc,1\n", r"needs folds.csv.json next to it, .* some rows are never held out"),
        (
            "id,fold\na,0\nb,1\nc,0\n",
            r"must be id, kfold; got columns=\['id', 'fold'\]. Name them id and kfold",
        ),
        ("id\na\nb\nc\n", "must be id, kfold"),
        ("kfold,id\n0,a\n1,b\n0,c\n", "must be id, kfold"),
        ("id,kfold\na,0\nb,0\nc,0\n", "training part of split 0 has no rows"),
    ],
)
def test_what_a_folds_file_is_refused_for(tmp_path, text, found):
    path = tmp_path / "folds.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=found):
        Folds.load(path, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (["a", "b", "b", "c"], r"ids must be unique; got 1 repeated \(b\)"),
        (["a", "b", "c"], "ids must be one per row, 4; got 3 ids"),
        (["a", None, "b", "c"], r"ids must be without missing values; got 1 missing \(rows 1\)"),
        ([1, "1", 2, 3], r"ids must be unique; got 1 repeated \(1\)"),
    ],
)
def test_ids_that_saving_refuses(tmp_path, ids, text):
    with pytest.raises(ValueError, match=text):
        make_folds([0, 0, 1, 1], n_splits=2).save(tmp_path / "folds.csv", ids)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folds\.csv"):
        Folds.load(tmp_path / "folds.csv", [1])


def edited(tmp_path, folds, row, fold):
    path = folds.save(tmp_path / "folds.csv", range(folds.n_samples))
    table = pd.read_csv(path)
    table.loc[row, "kfold"] = fold
    table.to_csv(path, index=False)
    return path


def test_an_edited_file_is_refused_and_taken_without_the_metadata(tmp_path):
    folds = make_folds(CLASSES, n_splits=3)
    path = edited(tmp_path, folds, 0, (folds.assignment[0, 0] + 1) % 3)
    with pytest.raises(ValueError, match=r"folds\.csv was edited since folds\.csv\.json was written"):
        Folds.load(path, range(36))
    (tmp_path / "folds.csv.json").unlink()
    assert Folds.load(path, range(36)).digest != folds.digest


@pytest.mark.parametrize(("row", "fold"), [(0, 0), (19, 3), (19, 1), (6, -1)])
def test_an_edited_file_of_forward_folds_is_refused_as_edited(tmp_path, row, fold):
    path = edited(tmp_path, make_folds(np.zeros(20), scheme="forward", n_splits=3), row, fold)
    with pytest.raises(ValueError, match="was edited since"):
        Folds.load(path, range(20))


EDITS = {
    "rows missing": lambda metadata: metadata["train"][0][0].__setitem__(1, metadata["train"][0][0][1] - 1),
    "rows repeated": lambda metadata: metadata["train"][0].append(metadata["train"][0][0]),
    "rows of the future": lambda metadata: metadata["train"][0].append([19, 20]),
    "rows out of range": lambda metadata: metadata["train"][0].append([20, 25]),
    "a row that is no number": lambda metadata: metadata["train"][0].append(["a", 2]),
    "a split missing": lambda metadata: metadata["train"].pop(),
    "splits in another order": lambda metadata: metadata["train"].reverse(),
    "no list at all": lambda metadata: metadata.update(train=None),
    "the list taken away": lambda metadata: metadata.pop("train"),
    "another scheme": lambda metadata: metadata["made_by"].update(scheme="kfold"),
    "another number of rows": lambda metadata: metadata.update(n_samples=21),
    "no digest": lambda metadata: metadata.pop("digest"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_training_list_that_was_edited_is_refused(tmp_path, edit):
    folds = make_folds(np.zeros(20), scheme="forward", n_splits=3)
    path = folds.save(tmp_path / "folds.csv", range(20))
    metadata_file = tmp_path / "folds.csv.json"
    metadata = json.loads(metadata_file.read_text())
    metadata_file.write_text(json.dumps(metadata, sort_keys=True))  # written in another way, and the same
    assert Folds.load(path, range(20)).digest == folds.digest
    EDITS[edit](metadata)
    metadata_file.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"folds\.csv\.json (was edited|has no digest).*ave the folds again"):
        Folds.load(path, range(20))


def test_a_file_without_a_training_list_takes_none_from_an_editor(tmp_path):
    path = make_folds(CLASSES, n_splits=3).save(tmp_path / "folds.csv", range(36))
    metadata_file = tmp_path / "folds.csv.json"
    metadata = json.loads(metadata_file.read_text())
    metadata["train"] = [[[1, 3]], [[0, 1]], [[0, 1]]]
    metadata_file.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="its digest is not that of its training rows"):
        Folds.load(path, range(36))


def test_forward_folds_without_the_metadata_are_refused(tmp_path):
    path = make_folds(np.zeros(20), scheme="forward", n_splits=3).save(tmp_path / "folds.csv", range(20))
    (tmp_path / "folds.csv.json").unlink()
    with pytest.raises(
        ValueError, match=r"folds\.csv\.json next to it.* never held out .*Copy that file too"
    ):
        Folds.load(path, range(20))


def test_metadata_of_other_ids_are_refused(tmp_path):
    make_folds([0, 0, 1, 1], n_splits=2).save(tmp_path / "folds.csv", ["a", "b", "c", "d"])
    (tmp_path / "folds.csv").write_text("id,kfold\ne,0\nf,0\ng,1\nh,1\n")
    with pytest.raises(ValueError, match="two files do not belong together"):
        Folds.load(tmp_path / "folds.csv", ["e", "f", "g", "h"])


def test_broken_metadata_are_named(tmp_path):
    path = make_folds([0, 0, 1, 1], n_splits=2).save(tmp_path / "folds.csv", list("abcd"))
    for text in ("{", "{}"):
        (tmp_path / "folds.csv.json").write_text(text)
        with pytest.raises(ValueError, match=r"folds\.csv\.json is damaged .*Error.* Restore it"):
            Folds.load(path, list("abcd"))


# --- times as text, and folds that stay as they are


def test_times_in_an_ambiguous_form_are_refused():
    times = ["31/12/2019", "01/01/2020", "02/01/2020", "03/01/2020"]
    with pytest.raises(ValueError, match="time must be numbers, or dates such as 2024-12-31"):
        make_folds(np.zeros(4), scheme="forward", n_splits=2, time=times)


def test_numbers_as_text_are_ordered_as_numbers():
    folds = make_folds(np.zeros(6), scheme="forward", n_splits=2, time=["8", "9", "10", "11", "12", "7"])
    assert folds.splits[0][0].tolist() == [0, 5]


def test_dates_as_text_take_a_gap_of_time():
    times = [f"2024-01-{day:02d}" for day in range(1, 13)]
    folds = make_folds(np.zeros(12), scheme="forward", n_splits=2, time=times, gap="2D")
    assert folds.splits[0][0].tolist() == [0, 1]


def test_folds_do_not_change_with_the_arrays_that_made_them():
    train, held_out = np.array([0, 1]), np.array([2, 3])
    folds = Folds(4, ((train, held_out),))
    held_out[:] = 0
    assert folds.splits[0][1].tolist() == [2, 3]
    with pytest.raises(ValueError, match="read-only"):
        folds.splits[0][1][:] = 0


def test_uneven_splits_are_not_called_folds_and_repeats():
    shuffled = as_folds(
        ShuffleSplit(3, test_size=0.5, random_state=0), np.zeros((8, 1)), regression_target(range(8))
    )
    assert "3 splits" in repr(shuffled)


# --- Titanic


def test_titanic_folds_are_of_712_and_179_or_713_and_178(tmp_path):
    train = titanic()
    folds = make_folds(train["Survived"], n_splits=5, random_state=42)
    sizes = sorted((len(rows), len(held_out)) for rows, held_out in folds.split())
    assert sizes == [(712, 179)] + [(713, 178)] * 4
    assert (
        Folds.load(folds.save(tmp_path / "f.csv", train["PassengerId"]), train["PassengerId"]).digest
        == folds.digest
    )


def test_titanic_tickets_are_never_split():
    train = titanic()
    folds = make_folds(train["Survived"], scheme="stratified-group", groups=train["Ticket"])
    tickets = train["Ticket"].to_numpy()
    for rows, held_out in folds.split():
        assert not set(tickets[rows]) & set(tickets[held_out])
    assert [train["Survived"][rows].mean() for _, rows in folds.split()] == pytest.approx(
        [0.384] * 5, abs=0.03
    )


def test_training_rows_that_are_left_out_are_not_taken_in_where_the_list_is_lost(tmp_path):
    rows = np.arange(12)
    purged = [(rows[(rows % 3 != fold) & (rows != 11 - fold)], rows[rows % 3 == fold]) for fold in range(3)]
    folds = as_folds(purged, np.zeros((12, 1)), regression_target(rows))
    path = folds.save(tmp_path / "folds.csv", ids=rows)
    assert Folds.load(path, ids=rows).digest == folds.digest
    (tmp_path / "folds.csv.json").unlink()
    with pytest.raises(ValueError, match=r"folds\.csv\.json next to it, with its list of training rows"):
        Folds.load(path, ids=rows)


def test_the_scheme_follows_from_what_is_given():
    y, groups = np.tile([0, 1], 10), np.arange(20) // 2
    assert make_folds(y, n_splits=2).metadata["scheme"] == "stratified"
    assert make_folds(y, n_splits=2, groups=groups).metadata["scheme"] == "stratified-group"
    assert make_folds(np.linspace(0, 1, 20), n_splits=2, groups=groups).metadata["scheme"] == "group"
    assert make_folds(y, n_splits=2, time=np.arange(20)).metadata["scheme"] == "forward"
    with pytest.raises(ValueError, match="groups and time cannot be combined; got both"):
        make_folds(y, n_splits=2, groups=groups, time=np.arange(20))


@pytest.mark.parametrize(
    ("scheme", "ignored"),
    [("forward", "groups"), ("group", "time"), ("stratified", "time"), ("kfold", "gap")],
)
def test_what_a_scheme_would_ignore_is_refused(scheme, ignored):
    given_for = {"groups": np.arange(20) // 2, "time": np.arange(20), "gap": "2D"}
    params = {ignored: given_for[ignored]} | ({"groups": np.arange(20) // 2} if scheme == "group" else {})
    with pytest.raises(ValueError, match=f"{ignored} must be left out for scheme='{scheme}'.*Use scheme="):
        make_folds(np.tile([0, 1], 10), scheme=scheme, n_splits=2, **params)


def test_folds_that_split_groups_know_them_and_warn_where_they_are_used():
    y, groups = np.tile([0, 1], 10), np.repeat(["b", "a", "c", "d"], 5)
    folds = make_folds(y, scheme="kfold", n_splits=5, groups=groups)
    assert folds.digest == make_folds(y, scheme="kfold", n_splits=5).digest
    with pytest.warns(UserWarning, match="4 of 4 groups are both trained on and held out"):
        used = as_folds(folds, np.zeros((20, 1)), classification_target(y))
    assert used.constraints.groups.tolist() == np.repeat([1, 0, 2, 3], 5).tolist()
