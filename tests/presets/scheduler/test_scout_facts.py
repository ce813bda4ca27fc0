"""The rounds of scouts next to a store."""

import numpy as np

from stackit import DiskStore, MemoryStore
from stackit.engine.training_data import TrainingData
from stackit.presets.scheduler.scout_facts import ScoutFacts


def kept(store, key, n_rounds):
    ScoutFacts(store, key).keep("staged", 0, n_rounds)


def test_rounds_are_found_again(tmp_path):
    store = DiskStore(tmp_path / "new")
    kept(store, "these folds", 12)
    assert ScoutFacts(store, "these folds").rounds_of("staged", 0) == 12
    assert ScoutFacts(store, "these folds").rounds_of("staged", 1) is None
    assert ScoutFacts(store, "these folds").rounds_of("another", 0) is None


def test_other_folds_have_rounds_of_their_own(tmp_path):
    store = DiskStore(tmp_path)
    kept(store, "these folds", 12)
    kept(store, "those folds", 30)
    assert ScoutFacts(store, "these folds").rounds_of("staged", 0) == 12
    assert ScoutFacts(store, "those folds").rounds_of("staged", 0) == 30


def test_a_damaged_file_counts_as_none(tmp_path):
    store = DiskStore(tmp_path)
    kept(store, "these folds", 12)
    (tmp_path / "scouts.json").write_text("{torn")
    assert ScoutFacts(store, "these folds").rounds_of("staged", 0) is None


def test_other_stores_have_no_file():
    kept(MemoryStore(), "these folds", 12)
    assert ScoutFacts(MemoryStore(), "these folds").rounds_of("staged", 0) is None


def test_other_tables_targets_and_weights_have_rounds_of_their_own(tmp_path):
    store, X, y = DiskStore(tmp_path), np.arange(8.0)[:, np.newaxis], np.arange(8) % 2
    runs = [
        TrainingData.of(table, target, weights, classify=True)
        for table, target, weights in ((X, y, None), (X + 1, y, None), (X, 1 - y, None), (X, y, 1.0 + y))
    ]
    folds = runs[0].resolve_folds(2)
    for at, data in enumerate(runs):
        ScoutFacts.of_run(store, data, folds).keep("staged", 0, 10 + at)
    again = TrainingData.of(X.copy(), y.copy(), classify=True)
    assert ScoutFacts.of_run(store, again, folds).rounds_of("staged", 0) == 10
    assert [ScoutFacts.of_run(store, data, folds).rounds_of("staged", 0) for data in runs] == [10, 11, 12, 13]
