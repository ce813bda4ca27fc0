"""Results depend on seeds, and not on the number of jobs or the order of estimators."""

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from stackit import make_folds
from tests.engine.cases import NB, X, Y, column, out_of_fold

RANDOM = [
    ("forest", RandomForestClassifier(3)),
    ("extra", ExtraTreesClassifier(3)),
    ("pipe", make_pipeline(StandardScaler(), DecisionTreeClassifier(max_features=1))),
]


def test_processes_change_nothing():
    folds = make_folds(Y, n_splits=3, n_repeats=2)
    one = out_of_fold(RANDOM, X, Y, X, cv=folds, n_jobs=1)
    two = out_of_fold(RANDOM, X, Y, X, cv=folds, n_jobs=2)
    pd.testing.assert_frame_equal(one.meta_train, two.meta_train, check_exact=True)
    pd.testing.assert_frame_equal(one.meta_test, two.meta_test, check_exact=True)
    assert one.scores.drop(columns="seconds").equals(two.scores.drop(columns="seconds"))


def test_the_order_of_estimators_and_one_more_change_no_column():
    some = out_of_fold(RANDOM, X, Y, X, cv=3)
    more = out_of_fold([("nb", NB), *RANDOM[::-1]], X, Y, X, cv=3)
    for name, _ in RANDOM:
        assert some.meta_train[name].equals(more.meta_train[name])
        assert some.meta_test[name].equals(more.meta_test[name])
    with joblib.parallel_config("threading"):
        threads = out_of_fold(RANDOM, X, Y, cv=3, n_jobs=2)
    assert threads.meta_train.equals(some.meta_train)


def test_an_estimators_own_seed_is_honoured():
    forest = RandomForestClassifier(3, random_state=11)
    theirs = cross_val_predict(forest, X, Y, cv=3, method="predict_proba")[:, 1]
    oof = out_of_fold([("forest", forest)], X, Y, cv=3, random_state=5)
    np.testing.assert_array_equal(oof.meta_train["forest"], theirs)
    assert [member.random_state for member in oof["forest"].fold_estimators] == [11] * 3


def test_each_fold_and_repeat_and_name_has_a_seed_of_its_own():
    members = [*RANDOM[:2], ("again", RandomForestClassifier(3))]
    oof = out_of_fold(members, X, Y, cv=make_folds(Y, n_splits=3, n_repeats=2))
    seeds = [member.random_state for name, _ in members for member in oof[name].fold_estimators]
    assert len(set(seeds)) == 18
    assert all(isinstance(seed, int) for seed in seeds)


def test_seeds_reach_into_pipelines():
    oof = out_of_fold(RANDOM[2:], X, Y, cv=3)
    seeds = [pipe[-1].random_state for pipe in oof["pipe"].fold_estimators]
    assert None not in seeds
    assert len(set(seeds)) == 3


def test_the_seed_decides():
    tables = [column(out_of_fold(RANDOM, X, Y, cv=3, random_state=seed)) for seed in (0, 0, 1)]
    assert (tables[0] == tables[1]).all()
    assert (tables[0] != tables[2]).any()
    states = [column(out_of_fold(RANDOM, X, Y, cv=3, random_state=np.random.RandomState(4))) for _ in (0, 1)]
    assert (states[0] == states[1]).all()


def test_without_a_seed_estimators_stay_unseeded():
    oof = out_of_fold(RANDOM[:1], X, Y, cv=3, random_state=None)
    assert [forest.random_state for forest in oof["forest"].fold_estimators] == [None] * 3
