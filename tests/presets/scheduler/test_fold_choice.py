"""The folds of a preset: their number by rows, classes in all folds, groups kept whole."""

import numpy as np
import pytest
from sklearn.model_selection import KFold

from stackit import make_folds
from stackit.engine.training_data import TrainingData
from stackit.presets.scheduler.fold_choice import choose_folds, has_repeats, n_splits_for


def data_of(y, groups=None, classify=True):
    return TrainingData.of(np.zeros((len(y), 1)), y, groups=groups, classify=classify)


def test_fewer_folds_for_more_rows():
    sizes = [100, 999, 1_000, 2_999, 3_000, 29_999, 30_000]
    assert [n_splits_for(n) for n in sizes] == [10, 10, 8, 8, 5, 5, 4]


def test_each_fold_has_the_shares_of_the_classes():
    folds = choose_folds(data_of([0] * 80 + [1] * 20), None, 0)
    assert [sorted(held_out >= 80).count(True) for _, held_out in folds.splits] == [2] * 10


def test_rare_classes_are_spread_over_folds():
    y = ["a"] * 50 + ["b"] * 50 + ["rare"] * 3 + ["rarer"] * 2
    folds = choose_folds(data_of(y), None, 0)
    assert len(folds.splits) == 10
    assert folds.coverage.tolist() == [1] * 105


def test_numbers_are_spread_evenly_over_folds():
    y = np.arange(200.0)
    means = [y[held_out].mean() for _, held_out in choose_folds(data_of(y, classify=False), None, 0).splits]
    assert np.std(means) < 3  # plain folds of 20 rows have 13


@pytest.mark.parametrize("classify", [True, False])
def test_groups_are_held_out_together(classify):
    groups = np.repeat(np.arange(30), 5)
    y = np.arange(150) % 2
    folds = choose_folds(data_of(y, groups, classify), None, 0)
    assert not any(np.isin(groups[train], groups[held_out]).any() for train, held_out in folds.splits)


def test_there_are_no_more_folds_than_groups():
    folds = choose_folds(data_of([0, 1] * 50, np.arange(100) % 3), None, 0)
    assert len(folds.splits) == 3


def test_repeats_deal_the_rows_into_other_folds():
    data = data_of([0, 1] * 50)
    first, again, second = (choose_folds(data, 5, 0, repeat) for repeat in (0, 0, 1))
    assert first.digest == again.digest != second.digest


def test_given_folds_are_taken_as_they_are():
    data, folds = data_of([0, 1] * 10), make_folds([0, 1] * 10, n_splits=4)
    assert choose_folds(data, folds, 0).digest == folds.digest
    assert len(choose_folds(data, KFold(3), 0).splits) == 3
    assert [has_repeats(cv) for cv in (None, 5, folds, KFold(3))] == [True, True, False, False]
