"""Honest scores of ensembles of several levels: what is asked is what the levels are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from stackit import Level, LevelsClassifier, overfitting_alarm

RANDOM = np.random.default_rng(0)
N = 200
X = RANDOM.normal(size=(N, 2))
Y = (X[:, 0] + RANDOM.normal(size=N) > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["age", "fare"])
FIRST = [("nb", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))]
SECOND = [("lr", LogisticRegression()), ("knn", KNeighborsClassifier(15))]
KNOWN, NEW = slice(0, 120), slice(120, None)
LEVELS = {
    "shared folds": [FIRST, SECOND],
    "nested folds": [FIRST, Level(SECOND, nested=True)],
    "columns": [Level(FIRST, passthrough=["fare", "age"]), Level(SECOND, passthrough=["fare"])],
    "one level": [Level(FIRST, passthrough=["age"])],
}
all_levels = pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)


def fitted(levels, **options):
    return LevelsClassifier(levels, cv=3, random_state=0, **options).fit(FRAME[KNOWN], Y[KNOWN])


# The alarm


@all_levels
@pytest.mark.parametrize("labels", [None, Y[NEW]], ids=["promised", "measured"])
def test_the_alarm_asks_levels_about_the_table_that_they_make(levels, labels):
    whole = fitted(levels)
    found = overfitting_alarm(whole, FRAME[NEW], labels)
    assert found.alarmed == []
    tables = whole.top_.tables(FRAME[NEW])
    for name, estimators in whole.oof_.fold_estimators.items():
        asked = [one.predict_proba(table) for one, table in zip(estimators, tables, strict=True)]
        assert_allclose(np.mean(asked, axis=0), whole.top_.answers(FRAME[NEW])[name])


def test_the_alarm_of_shared_folds_is_that_of_a_run_on_the_first_levels_table():
    whole = fitted([FIRST, SECOND])
    alone = replace(whole.oof_, own_table=False)
    meta = whole.levels_[0].transform(FRAME[NEW]).to_numpy()
    expected, found = overfitting_alarm(alone, meta, Y[NEW]), overfitting_alarm(whole, FRAME[NEW], Y[NEW])
    pd.testing.assert_frame_equal(found.table, expected.table)


@all_levels
def test_a_level_alone_is_not_asked_about_rows_of_x(levels):
    whole = fitted(levels)
    last = whole.levels_[-1]
    for ask in (last.transform, last.transform_refitted, lambda rows: overfitting_alarm(last, rows)):
        with pytest.raises(ValueError, match="must be one whose estimators read X as it is; got a level"):
            ask(FRAME[NEW])
    assert whole.transform(FRAME[NEW]).shape == (80, 2)


def test_the_first_level_reads_x_as_it_is():
    whole = fitted([FIRST, SECOND])
    assert overfitting_alarm(whole.levels_[0], FRAME[NEW]).alarmed == []
    assert whole.levels_[0].transform(FRAME[NEW]).shape == (80, 2)
