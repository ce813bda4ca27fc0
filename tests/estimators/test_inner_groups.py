"""Groups that the folds know reach every splitter inside an estimator, and nothing else."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes halving importable
from sklearn.feature_selection import RFECV, SequentialFeatureSelector
from sklearn.linear_model import LassoCV, LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    HalvingGridSearchCV,
    LeaveOneGroupOut,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stackit import (
    Level,
    LevelsRegressor,
    StackingClassifier,
    StackingRegressor,
    make_folds,
    nested_score,
    out_of_fold,
)
from stackit.estimators.inner_groups import KnownGroups, group_splitters

N = 120
X, Y = make_classification(N, 5, n_informative=3, random_state=0)
YR = X @ np.arange(5.0) + np.random.default_rng(0).normal(size=N)
GROUPS = np.random.default_rng(1).integers(0, 15, N)
FOLDS = make_folds(Y, scheme="stratified-group", n_splits=3, groups=GROUPS, random_state=0)
FOLDS_R = make_folds(YR, scheme="group", n_splits=3, groups=GROUPS, random_state=0)


class GroupRecordingKFold(GroupKFold):
    """Group folds that note the groups that they are given."""

    seen = ()

    def split(self, X, y=None, groups=None):
        GroupRecordingKFold.seen = (*GroupRecordingKFold.seen, np.asarray(groups))
        yield from super().split(X, y, groups)


WATCH = GroupRecordingKFold(3)
LR = LogisticRegression()
GRID = {"C": [0.1, 1.0]}
CLASSIFIERS = {
    "search": GridSearchCV(LR, GRID, cv=WATCH),
    "random search": RandomizedSearchCV(LR, GRID, n_iter=1, cv=WATCH, random_state=0),
    "halving": HalvingGridSearchCV(LR, GRID, cv=WATCH, random_state=0, min_resources=60),
    "search in a pipeline": make_pipeline(StandardScaler(), GridSearchCV(LR, GRID, cv=WATCH)),
    "search in a pipeline in a pipeline": make_pipeline(make_pipeline(GridSearchCV(LR, GRID, cv=WATCH))),
    "elimination": RFECV(LR, cv=WATCH),
    "elimination before": make_pipeline(RFECV(LR, cv=WATCH), LR),
    "selection before": make_pipeline(SequentialFeatureSelector(LR, n_features_to_select=1, cv=WATCH), LR),
    "calibrated": CalibratedClassifierCV(LR, cv=WATCH),
    "threshold": TunedThresholdClassifierCV(LR, thresholds=5, cv=WATCH),
    "a stack": StackingClassifier([("lr", LR)], cv=WATCH),
}
REGRESSORS = {
    "ridge": RidgeCV(cv=WATCH),
    "lasso": LassoCV(cv=WATCH, alphas=5),
    "of a target": TransformedTargetRegressor(GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=WATCH)),
    "in a vote": VotingRegressor([("a", RidgeCV(cv=WATCH)), ("b", Ridge())]),
}


@pytest.fixture(autouse=True)
def nothing_seen():
    GroupRecordingKFold.seen = ()


def codes_of(rows):
    return np.unique(GROUPS, return_inverse=True)[1][rows]


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("how", ["folds", "groups"])
def test_groups_reach_splitters_inside_classifiers(kind, how):
    given = {"cv": FOLDS} if how == "folds" else {"cv": 3, "groups": codes_of(slice(None))}
    oof = out_of_fold([("one", CLASSIFIERS[kind])], X, Y, n_jobs=1, **given)
    parts = [codes_of(train) for train, _ in oof.folds.splits]
    assert len(GroupRecordingKFold.seen) >= 3
    for seen in GroupRecordingKFold.seen:
        assert any(np.array_equal(seen, part) for part in parts)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_groups_reach_splitters_inside_regressors(kind):
    oof = out_of_fold([("one", REGRESSORS[kind])], X, YR, cv=FOLDS_R, n_jobs=1)
    parts = [codes_of(train) for train, _ in oof.folds.splits]
    assert len(GroupRecordingKFold.seen) >= 3
    for seen in GroupRecordingKFold.seen:
        assert any(np.array_equal(seen, part) for part in parts)


def test_the_result_is_that_of_passing_groups_to_each_fit():
    search = GridSearchCV(LR, {"C": [1e-3, 1.0]}, cv=LeaveOneGroupOut())
    oof = out_of_fold([("one", search)], X, Y, cv=FOLDS, n_jobs=1)
    for train, held_out in FOLDS.splits:
        theirs = clone(search).fit(X[train], Y[train], groups=GROUPS[train])
        np.testing.assert_array_equal(
            oof.meta_train["one"][held_out], theirs.predict_proba(X[held_out])[:, 1]
        )


def test_fitted_estimators_have_their_own_splitters_again():
    chosen = GroupShuffleSplit(2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), CalibratedClassifierCV(LR, cv=chosen))
    oof = out_of_fold([("one", pipeline)], X, np.array(["n", "y"])[Y], cv=FOLDS, n_jobs=1)
    for fitted in oof["one"].fold_estimators:
        assert type(fitted[-1].cv) is GroupShuffleSplit
    assert pipeline[-1].cv is chosen


def test_stacks_pass_the_groups_of_their_folds_to_members_and_to_the_final_estimator():
    stack = StackingClassifier([("one", RFECV(LR, cv=WATCH))], GridSearchCV(LR, GRID, cv=WATCH), cv=FOLDS)
    stack.fit(X, Y)
    assert any(np.array_equal(seen, codes_of(slice(None))) for seen in GroupRecordingKFold.seen)
    assert len(GroupRecordingKFold.seen) >= 4
    assert type(stack.final_estimator_.cv) is GroupRecordingKFold


def test_levels_pass_them_to_all_levels_and_hold_groups_together_in_all():
    search = GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=WATCH)
    above = Level([("search", search)], cv=2, nested=True)
    levels = LevelsRegressor([[("ridge", RidgeCV(cv=WATCH))], above], search, cv=FOLDS_R).fit(X, YR)
    assert len(GroupRecordingKFold.seen) >= 6
    for train, held_out in levels.levels_[1].folds.splits:
        assert not set(GROUPS[train]) & set(GROUPS[held_out])


def test_a_stack_as_a_member_holds_them_together_too():
    inner = StackingRegressor([("ridge", Ridge())], cv=3)
    oof = out_of_fold([("stack", inner)], X, YR, cv=FOLDS_R, n_jobs=1)
    for fitted, (train, _) in zip(oof["stack"].fold_estimators, FOLDS_R.splits, strict=True):
        for fit, held_out in fitted.oof_.folds.splits:
            assert not set(GROUPS[train][fit]) & set(GROUPS[train][held_out])


def test_nested_scores_know_the_groups_of_their_folds():
    stack = StackingClassifier([("one", RFECV(LR, cv=WATCH))], cv=3)
    nested_score(stack, X, Y, cv=FOLDS)
    assert len(GroupRecordingKFold.seen) >= 9


def test_where_groups_are_not_known_the_error_names_the_estimator():
    with pytest.raises(ValueError, match="groups") as caught:
        out_of_fold([("one", RFECV(LR, cv=GroupKFold(3)))], X, Y, cv=3, n_jobs=1)
    assert "Raised by estimator 'one'" in caught.value.__notes__[0]


def test_the_error_of_a_splitter_inside_another_search_says_what_to_do():
    inside = GridSearchCV(RFECV(LR, cv=GroupKFold(2)), {"estimator__C": [1]}, cv=2, error_score="raise")
    with pytest.raises(
        ValueError,
        match=r"needs the groups of \d+ rows, but groups are known for the \d+ rows.*inside another search",
    ):
        out_of_fold([("one", inside)], X, Y, cv=FOLDS, n_jobs=1)


def test_estimators_without_such_splitters_are_what_they_were():
    expected = cross_val_predict(GridSearchCV(LR, GRID, cv=3), X, Y, cv=FOLDS, method="predict_proba")
    oof = out_of_fold([("one", GridSearchCV(LR, GRID, cv=3))], X, Y, cv=FOLDS, n_jobs=1)
    np.testing.assert_array_equal(oof.meta_train["one"], expected[:, 1])


def test_a_splitter_with_known_groups_splits_without_being_passed_any():
    known = KnownGroups(LeaveOneGroupOut(), np.array(["a", "a", "b"]))
    assert [held_out.tolist() for _, held_out in known.split([[1], [2], [3]])] == [[0, 1], [2]]


def test_splitters_that_use_groups_are_found_inside_a_pipeline():
    pipeline = make_pipeline(CalibratedClassifierCV(cv=GroupKFold(3)))
    assert group_splitters(pipeline) == ["calibratedclassifiercv__cv"]
