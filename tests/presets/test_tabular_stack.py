"""The presets as estimators: raw frames in, labels as they came, scikit-learn's manners, files."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from stackit import TabularStackClassifier, TabularStackRegressor
from stackit.presets import tabular_stack
from tests.presets.tiny_members import classifiers, raw_table, regressors

TRUSTED = [
    "sklearn.tree._tree.Tree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Let the presets have three members of a few milliseconds."""

    def portfolio(preset, shape):
        return regressors() if shape.is_regression else classifiers()

    monkeypatch.setattr(tabular_stack, "portfolio", portfolio)
    monkeypatch.setattr(tabular_stack, "left_out", lambda preset, shape: {"huge": "the table is too large"})


def fitted(make=TabularStackClassifier, n=150, **kwargs):
    frame, labels, numbers = raw_table(n)
    options = {"preset": "quick", "cv": 3, "n_jobs": 1, "verbose": 0, **kwargs}
    return make(**options).fit(frame, labels if make is TabularStackClassifier else numbers)


def test_raw_rows_are_classified_better_than_by_chance():
    stack = fitted()
    frame, labels, _ = raw_table(150, seed=1)
    assert stack.classes_.tolist() == ["no", "yes"]
    assert (stack.predict(frame) == labels).mean() > 0.7
    assert np.allclose(stack.predict_proba(frame).sum(axis=1), 1)


def test_raw_rows_are_predicted_better_than_by_the_mean():
    stack = fitted(TabularStackRegressor)
    frame, _, numbers = raw_table(150, seed=1)
    assert stack.score(frame, numbers) > -0.9 * numbers.std()
    assert stack.predict(frame).shape == (150,)


@pytest.mark.parametrize(
    "as_labels",
    [
        lambda yes: np.where(yes, "yes", "no"),
        lambda yes: yes,
        lambda yes: np.where(yes, 7, -3),
        lambda yes: pd.Series(np.where(yes, "a", "b"), dtype="category"),
        lambda yes: np.where(yes, "a", "b").astype(object),
    ],
    ids=["strings", "booleans", "numbers", "categories", "objects"],
)
def test_labels_come_back_as_they_were(as_labels):
    frame, labels, _ = raw_table(150)
    y = as_labels(labels == "yes")
    stack = TabularStackClassifier("quick", cv=3, n_jobs=1, verbose=0).fit(frame, y)
    predicted = stack.predict(frame)
    assert set(predicted) <= set(y)
    assert (predicted == np.asarray(y)).mean() > 0.7
    assert type(predicted[0]) is type(np.asarray(y)[0])


def test_the_fitted_attributes():
    stack = fitted(n=150)
    assert stack.feature_names_in_.tolist() == ["age", "city", "member", "noise"]
    assert stack.n_features_in_ == 4
    assert len(stack.columns_) == 4
    assert stack.score_ == stack.blend_.score
    assert [*stack.oof_] == ["linear", "forest", "neighbors"]
    assert stack.oof_.coverage.tolist() == [1] * 150
    assert stack.seconds_ > 0


def test_the_leaderboard_has_a_row_per_member():
    board = fitted().leaderboard_
    assert set(board.index) == {"linear", "forest", "neighbors", "huge"}
    assert board.loc["huge", "status"] == "left out: the table is too large"
    board = board.drop(index="huge")
    assert board["score"].is_monotonic_decreasing
    assert (board["sem"] > 0).all()
    assert (board["fits"] == 3).all()
    used = board["weight"] > 0
    assert used.any()
    assert (board.loc[used, "status"] == "used").all()


@pytest.mark.parametrize("make", [TabularStackClassifier, TabularStackRegressor])
def test_results_do_not_depend_on_the_number_of_jobs(make):
    frame, _, _ = raw_table(50, seed=1)
    stacks = [fitted(make, n_jobs=n_jobs) for n_jobs in (1, 2)]
    assert stacks[0].score_ == stacks[1].score_
    assert np.array_equal(stacks[0].predict_blend(frame), stacks[1].predict_blend(frame))


def test_the_frame_stays_as_it_was():
    frame, labels, _ = raw_table(150)
    before = frame.copy(deep=True)
    TabularStackClassifier("quick", cv=3, n_jobs=1, verbose=0).fit(frame, labels).predict(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_it_is_cloned_and_cross_validated():
    frame, labels, _ = raw_table(150)
    stack = TabularStackClassifier("quick", cv=3, n_jobs=1, verbose=0, scoring="roc_auc")
    assert clone(stack).get_params() == stack.get_params()
    scores = cross_val_score(stack, frame, labels, cv=3, scoring="roc_auc")
    assert scores.mean() > 0.7


def test_its_score_is_by_the_metric_that_it_was_trained_for():
    frame, labels, _ = raw_table(150, seed=1)
    assert 0.5 < fitted(scoring="roc_auc").score(frame, labels) < 1
    assert -0.7 < fitted(scoring="neg_log_loss").score(frame, labels) < 0


def test_groups_are_held_out_together():
    frame, labels, _ = raw_table(150)
    groups = np.arange(150) // 5
    stack = TabularStackClassifier("quick", n_jobs=1, verbose=0).fit(frame, labels, groups=groups)
    splits = stack.oof_.folds.splits
    assert not any(np.isin(groups[train], groups[held_out]).any() for train, held_out in splits)


def test_rows_without_weight_do_not_count_in_the_score():
    frame, labels, _ = raw_table(150)
    wrong = np.where(np.arange(150) % 3 == 0, np.where(labels == "yes", "no", "yes"), labels)
    weights = np.where(np.arange(150) % 3 == 0, 1e-9, 1.0)
    options = {"preset": "quick", "cv": 3, "n_jobs": 1, "verbose": 0}
    with pytest.warns(UserWarning, match="sample_weight is not passed to neighbors"):
        weighted = TabularStackClassifier(**options).fit(frame, wrong, sample_weight=weights)
    plain = TabularStackClassifier(**options).fit(frame, wrong)
    assert weighted.score_ > plain.score_ + 0.05


@pytest.mark.parametrize("make", [TabularStackClassifier, TabularStackRegressor])
def test_a_loaded_stack_predicts_the_same(make, tmp_path):
    stack = fitted(make)
    frame, _, _ = raw_table(50, seed=1)
    path = stack.save(tmp_path / "it.stackit")
    with pytest.raises(ValueError, match="types that are not trusted"):
        make.load(path)
    with pytest.raises(ValueError, match="trusted must be a list of names of types; got trusted=True"):
        make.load(path, trusted=True)
    loaded = make.load(path, trusted=TRUSTED)
    assert np.array_equal(loaded.predict_blend(frame), stack.predict_blend(frame))
    assert loaded.leaderboard_.equals(stack.leaderboard_)
    assert loaded.columns_.equals(stack.columns_)


def test_it_is_silent_on_request_and_says_what_it_does_otherwise(capsys):
    fitted(verbose=0)
    silent = capsys.readouterr()
    assert silent.out == silent.err == ""
    fitted(verbose=1)
    said = capsys.readouterr()
    assert said.out == ""
    assert "150 rows" in said.err
    assert "roc_auc" in said.err.splitlines()[-1]


@pytest.mark.parametrize("limit", [0, -1, "10", True])
def test_a_limit_is_a_number_of_seconds(limit):
    with pytest.raises(ValueError, match="time_limit must be a number of seconds above 0, or None"):
        fitted(time_limit=limit)


def test_an_unknown_preset_is_an_error():
    for preset in ("extreme", ["quick"], None):
        with pytest.raises(ValueError, match="preset must be one of quick, good, best"):
            fitted(preset=preset)


def test_it_predicts_only_when_fitted():
    with pytest.raises(ValueError, match="not fitted"):
        TabularStackClassifier().predict([[1]])
