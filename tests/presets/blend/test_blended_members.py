"""Blends of fitted members: groups and times are respected where blends are scored, too."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from stackit import make_folds, out_of_fold
from stackit.presets.blend.blended_members import blend_members

N = 1800
ESTIMATORS = [("logistic", LogisticRegression()), ("bayes", GaussianNB())]


def table(seed=0):
    random = np.random.default_rng(seed)
    X = np.tile(random.normal(size=(N, 4)), 3)  # copies of columns, which make naive Bayes too certain
    return X, (X[:, 0] + random.normal(size=N) > 0).astype(int)


def blended(X, y, folds, calibrated=("bayes",)):
    oof = out_of_fold(ESTIMATORS, X, y, cv=folds, n_jobs=1)
    families = {name: name for name in oof}
    return blend_members([oof], families, calibrated, scoring="roc_auc")


def test_what_comes_later_reaches_no_blended_prediction():
    X, y = table()
    folds = make_folds(y, scheme="forward", n_splits=4)
    later = folds.splits[-1][1]
    other = y.copy()
    other[later[:40]] = 1 - other[later[:40]]
    covered = np.flatnonzero(folds.coverage)
    earlier = ~np.isin(covered, later)
    before, after = blended(X, y, folds), blended(X, other, folds)
    assert [*before.calibrators] == [*after.calibrators] == ["bayes"]
    assert np.isfinite(before.blend.oof[earlier]).any()
    assert_allclose(after.blend.oof[earlier], before.blend.oof[earlier], rtol=1e-9)


def test_the_rows_of_a_single_fold_are_blended_with_groups_kept_whole():
    X, y = table()
    groups = np.arange(N) // 10
    folds = make_folds(y, scheme="group", n_splits=2, groups=groups, random_state=0)
    folds = replace(folds, splits=folds.splits[:1])
    held_out = folds.splits[0][1]
    own = groups[held_out] == groups[held_out[0]]
    other = y.copy()
    other[held_out[own]] = 1 - other[held_out[own]]
    before, after = blended(X, y, folds).blend.oof, blended(X, other, folds).blend.oof
    assert_allclose(after[own], before[own], rtol=1e-9)
    assert abs(after[~own] - before[~own]).max() > 1e-6


def test_the_rows_of_a_single_fold_in_time_are_blended_by_earlier_ones():
    X, y = table()
    folds = make_folds(y, scheme="forward", n_splits=2)
    folds = replace(folds, splits=folds.splits[:1])
    held_out = folds.splits[0][1]
    other = y.copy()
    other[held_out[-50:]] = 1 - other[held_out[-50:]]
    before, after = blended(X, y, folds).blend.oof, blended(X, other, folds).blend.oof
    assert np.isfinite(before[:-50]).any()
    assert_allclose(after[:-50], before[:-50], rtol=1e-9)


@pytest.mark.parametrize("n_repeats", [1, 2])
def test_a_lone_member_has_the_score_of_the_blend(n_repeats):
    X, y = table()
    folds = make_folds(y, n_splits=3, n_repeats=n_repeats, random_state=0)
    oof = out_of_fold(ESTIMATORS[:1], X, y, cv=folds, n_jobs=1)
    found = blend_members([oof], {"logistic": "logistic"}, (), scoring="roc_auc")
    assert found.scores["logistic"] == pytest.approx((found.blend.score, found.blend.sem))
