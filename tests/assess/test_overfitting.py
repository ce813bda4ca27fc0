"""The alarm for stacked overfitting: cases that are known, and how often it is wrong."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from stackit import Level, LevelsClassifier, StackingClassifier, out_of_fold, overfitting_alarm
from stackit.assess.encodings import encoded_columns, left_out_columns
from stackit.assess.reversal import gains_from_seen_rows
from stackit.target import classification_target, regression_target
from tests.assess.overfitting_cases import (
    ABOVE,
    BELOW,
    CASES,
    clean,
    duplicates,
    in_sample,
    noise,
    of_levels,
    target_encoding,
)

FAST = [
    ("logistic", LogisticRegression()),
    ("bayes", GaussianNB()),
    ("neighbors", KNeighborsClassifier(15)),
    ("tree", DecisionTreeClassifier(max_depth=4)),
    ("full tree", DecisionTreeClassifier()),
]


@pytest.mark.parametrize("case", [clean, noise])
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_honest_predictions_raise_no_alarm(case, seed):
    found = case(seed, FAST)
    alarm = overfitting_alarm(found.oof, found.X_test)
    assert alarm.alarmed == []
    assert alarm.verdict == "No estimator looks better out of fold than it does on new rows."
    assert overfitting_alarm(found.oof, found.X_test, found.y_test).alarmed == []


def test_predictions_of_rows_that_were_trained_on_do():
    found = in_sample(0, ("full tree", "forest"))
    alarm = overfitting_alarm(found.oof, found.X_test)
    assert set(alarm.alarmed) == found.guilty
    assert alarm.table["too_good"]["full tree elsewhere"]
    assert "Do not believe the out-of-fold predictions of full tree elsewhere" in alarm.verdict
    measured = overfitting_alarm(found.oof, found.X_test, found.y_test)
    assert set(measured.alarmed) == found.guilty
    assert measured.table["z"]["full tree elsewhere"] > 4


@pytest.mark.parametrize("passed", [True, False])
def test_a_target_encoding_outside_the_folds_is_named_and_so_is_who_reads_it(passed):
    """New rows are encoded by the same map: their predictions look the same, with X passed or not."""
    found = target_encoding(0, FAST)
    alarm = overfitting_alarm(found.oof, found.X_test, X=found.X if passed else None)
    assert alarm.encoded == ("8",)
    assert "encoded with y before the folds: 8; encode inside the folds." in alarm.verdict
    assert set(alarm.table["reason"]) == {"encoded"}
    assert alarm.alarmed == list(found.oof)


def test_who_does_not_read_an_encoded_column_has_no_alarm():
    found = target_encoding(0, [("lr", make_pipeline(Front(), LogisticRegression())), FAST[0]])
    alarm = overfitting_alarm(found.oof, found.X_test)
    assert (alarm.encoded, alarm.alarmed) == (("8",), ["logistic"])


def test_labels_of_new_rows_show_what_encodings_have_claimed():
    found = target_encoding(0, FAST)
    few = replace(found.oof, results={name: found.oof[name] for name in ("logistic", "tree")})
    verdict = overfitting_alarm(few, found.X_test, found.y_test).verdict
    assert verdict.startswith("All estimators look better out of fold than on new rows")
    assert "claimed, 0." in verdict


def test_duplicates_are_seen_and_those_that_new_rows_have_too_are_none():
    found = duplicates(0, FAST[:2])
    alarm = overfitting_alarm(found.oof, found.X_test, X=found.X)
    assert alarm.duplicates[0] > 0.5
    assert alarm.duplicates[1] == 0
    assert "have a duplicate in their training part, and 0.0% of new rows" in repr(alarm)
    with_duplicate = overfitting_alarm(duplicates(1, FAST[3:]).oof, found.X_test)
    assert set(with_duplicate.table["reason"]) == {"duplicates"}
    assert "they are better where a row has a duplicate in the training part" in with_duplicate.verdict
    coarse = np.random.default_rng(0).integers(0, 3, size=(400, 3)).astype(float)
    y = np.arange(400) % 2
    oof = out_of_fold(FAST[:2], coarse[:200], y[:200], cv=4, n_jobs=1)
    alarm = overfitting_alarm(oof, coarse[200:], X=coarse[:200])
    assert (alarm.duplicates, alarm.encoded) == (None, ())


@pytest.mark.parametrize("kind", ["numbers", "labels", "classes"])
def test_encoded_columns_are_found_and_honest_ones_are_not(kind):
    far = {}
    for seed in range(8):
        random = np.random.default_rng(seed)
        level, x = random.integers(0, 60, size=600), random.normal(size=60)
        signal = x[level] + random.normal(size=600)
        y = signal if kind == "numbers" else np.digitize(signal, [0] if kind == "labels" else [-0.5, 0.5])
        truth = pd.Series(y == 0 if kind != "numbers" else y).astype(float)
        sums, counts = (truth.groupby(level).transform(way) for way in ("sum", "count"))
        other = np.arange(600) % 2
        inside = [truth[other != half].groupby(level[other != half]).mean() for half in (0, 1)]
        X = pd.DataFrame(
            {
                "encoded": sums / counts,
                "smoothed": (sums + 4 * truth.mean()) / (counts + 4),
                "inside folds": np.where(other == 0, inside[0].reindex(level), inside[1].reindex(level)),
                "level": level,
                "honest": x[level],
                "text": "a",
            }
        )
        target = regression_target(y) if kind == "numbers" else classification_target(y)
        for name, z in encoded_columns(X, target).items():
            far.setdefault(name, []).append(z)
    assert sorted(far) == ["encoded", "honest", "inside folds", "level", "smoothed"]
    assert max(far["encoded"] + far["smoothed"]) < -4
    assert min(far["level"] + far["honest"] + far["inside folds"]) > -4


def test_expected_losses_of_numbers_by_hand():
    """Calibration learns y = prediction; a row's expected loss is var(y) - (prediction - mean(y)) ** 2."""
    random = np.random.default_rng(0)
    X, X_test = random.normal(size=(100, 1)), random.normal(size=(60, 1)) / 2
    y = X[:, 0]
    oof = out_of_fold([("echo", Echo())], X, y, cv=4, n_jobs=1)
    row = overfitting_alarm(oof, X_test).table.loc["echo"]
    held, new = [], []
    for train, held_out in oof.folds.splits:
        held.append(y[train].var() - (y[held_out] - y[train].mean()) ** 2)
        new.append(y[train].var() - (X_test[:, 0] - y[train].mean()) ** 2)
    held, new = np.concatenate(held), np.mean(new, axis=0)
    assert_allclose([row["claimed"], row["expected"]], [held.mean(), new.mean()])
    assert_allclose(row["standard_error"], np.sqrt(held.var() / 100 + new.var() / 60))
    y_test = X_test[:, 0] + 1
    assert_allclose(overfitting_alarm(oof, X_test, y_test).table["measured"]["echo"], 1)


class Echo(RegressorMixin, BaseEstimator):
    """Predicts the first column."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return X[:, 0]


def test_the_runs_of_stacks_decisions_labels_and_names_are_looked_at_too():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(300, 3)), columns=list("abc"))
    y = np.where(X["a"] + random.normal(size=300) > 0, "yes", "no")
    stack = StackingClassifier([("svm", RidgeClassifier()), ("nb", GaussianNB())], cv=3).fit(X[:200], y[:200])
    for labels in (None, y[200:]):
        assert overfitting_alarm(stack, X[200:], labels).alarmed == []
    votes = out_of_fold(FAST[:2], X[:200], y[:200], cv=3, stack_method="predict", n_jobs=1)
    assert overfitting_alarm(votes, X[200:]).alarmed == []


def test_what_cannot_be_compared_is_refused():
    found = clean(0, FAST[:1])
    with pytest.raises(ValueError, match="At least 30 held-out and 30 new rows are needed; got 800 held out"):
        overfitting_alarm(found.oof, found.X_test[:5])
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        overfitting_alarm(found.oof, found.X_test, level=1)
    with pytest.raises(ValueError, match="y_test must have one value per row of X_test, 800; got 3 values"):
        overfitting_alarm(found.oof, found.X_test, [0, 1, 0])
    with pytest.raises(ValueError, match=r"y_test has the classes 2, which are not in y \(0, 1\)"):
        overfitting_alarm(found.oof, found.X_test, np.full(800, 2))
    with pytest.raises(ValueError, match="y_test must have as many columns as y"):
        overfitting_alarm(found.oof, found.X_test, np.zeros((800, 2)))


def test_columns_of_one_name_are_kept_apart_and_tables_must_have_the_same():
    found = clean(0, FAST[:1])
    table = pd.DataFrame(found.X)
    y = found.oof.target.y
    level = np.random.default_rng(0).integers(0, 100, size=len(y))
    means = pd.Series(y).groupby(level).transform("mean")
    doubled = pd.concat([table, pd.Series(level), means], axis=1)
    doubled.columns = [*map(str, table.columns), "level", "level"]
    encoded = encoded_columns(doubled, found.oof.target)
    assert [name for name, z in encoded.items() if z < -4] == [f"level (number {table.shape[1] + 1})"]
    with pytest.raises(ValueError, match=r"X_test must have the .* columns of X; got shape="):
        overfitting_alarm(found.oof, found.X_test, X=doubled)


def test_weights_that_go_with_difficulty_are_no_alarm():
    random = np.random.default_rng(0)
    X = random.normal(size=(1200, 2))
    y = (2 * X[:, 0] + random.logistic(size=1200) > 0).astype(int)
    sure = np.where(np.abs(X[:, 0]) > 1, 10.0, 1.0)
    weighted, new = slice(0, 800), slice(800, None)
    oof = out_of_fold(
        [("lr", LogisticRegression())], X[weighted], y[weighted], sample_weight=sure[weighted], n_jobs=1
    )
    assert not overfitting_alarm(oof, X[new]).alarmed
    assert not overfitting_alarm(oof, X[new], y[new]).alarmed


# Encodings that leave the row itself out


def left_out(levels, y, smoothed=0):
    by_level = pd.Series(y).groupby(levels)
    sums, counts = by_level.transform("sum"), by_level.transform("count")
    return ((sums - y + smoothed * np.mean(y)) / (counts - 1 + smoothed)).to_numpy()


def test_an_encoding_that_leaves_each_row_out_is_named_and_not_taken_for_duplicates():
    """A forest reads random labels off it out of fold, and not those of new rows, which have plain means."""
    random = np.random.default_rng(0)
    levels, y = random.integers(0, 20, size=1200), random.integers(0, 2, size=1200)
    means = pd.Series(y[:600]).groupby(levels[:600]).mean()
    column = np.r_[left_out(levels[:600], y[:600]), means[levels[600:]]][:, np.newaxis]
    two = np.column_stack([random.normal(size=1200), column])
    tables = {"0": column, "1": two, "b": pd.DataFrame({"a": 0.5, "b": column[:, 0]})}
    for name, table in tables.items():
        oof = out_of_fold([("forest", RandomForestClassifier(20))], table[:600], y[:600], cv=4, n_jobs=1)
        assert roc_auc_score(y[:600], oof.meta_train) > 0.8
        alarm = overfitting_alarm(oof, table[600:])
        assert (alarm.encoded, alarm.alarmed, alarm.duplicates) == ((name,), ["forest"], None)
        assert "encoded with y" in alarm.verdict
        assert "duplicate" not in alarm.verdict


@pytest.mark.parametrize("kind", ["labels", "classes", "numbers"])
@pytest.mark.parametrize("smoothed", [0, 5])
def test_left_out_encodings_are_found_and_honest_columns_are_not(kind, smoothed):
    random = np.random.default_rng(1)
    level = random.integers(0, 20, size=400)
    y = (
        random.normal(size=400)
        if kind == "numbers"
        else random.integers(0, 2 + (kind == "classes"), size=400)
    )
    truth = y if kind == "numbers" else (y == 1).astype(float)
    X = pd.DataFrame(
        {
            "left out": left_out(level, truth, smoothed),
            "means": pd.Series(truth).groupby(level).transform("mean"),
            "share": random.integers(1, 10, size=400) / random.integers(10, 20, size=400),
            "noise": random.uniform(size=400),
            "number": np.arange(400) / 400,
            "text": "a",
        }
    )
    found = left_out_columns(X, regression_target(y) if kind == "numbers" else classification_target(y))
    assert found.pop("left out") > 0.5
    assert sorted(found) == ["means", "noise", "number", "share"]
    assert max(found[name] for name in ("noise", "number", "share")) < 0.05


# Levels


def test_levels_that_invert_the_level_below_are_caught_and_honest_ones_are_not():
    above = Level(ABOVE[:1], passthrough=True)
    for seed in range(2):
        found = of_levels(seed, 300, 40, 0.7, BELOW[:2], above)
        alarm = overfitting_alarm(found.oof, found.X_test)
        assert alarm.alarmed == ["logistic"]
        assert alarm.table.loc["logistic", "reversal"] > 4
        assert "they become worse where the level below has seen a row" in alarm.verdict
        honest = of_levels(seed, 300, 8, 1.0, BELOW[:3], Level(ABOVE[:1]))
        assert overfitting_alarm(honest.oof, honest.X_test).alarmed == []


def test_what_levels_gain_by_hand():
    """The last level of a fold predicts its rows from what each other fold predicts for them."""
    found = of_levels(0, 80, 3, 1.0, BELOW[:2], Level(ABOVE[:1], passthrough=[1]))
    gained = gains_from_seen_rows(found.oof, found.X)["logistic"]
    first, last = found.oof.levels_
    for at, (_, rows) in enumerate(last.folds.splits):
        y = last.target.codes[rows]
        losses = []
        for other in range(5):
            below = [
                each.fold_estimators[other].predict_proba(found.X[rows])[:, 1] for each in first.values()
            ]
            table = np.column_stack([*below, found.X[rows, 1]])
            predicted = last["logistic"].fold_estimators[at].predict_proba(table)
            losses.append(1 - predicted[np.arange(len(y)), y])
        by_hand = losses[at] - np.mean([losses[other] for other in range(5) if other != at], axis=0)
        assert_allclose(gained[rows], by_hand)


def test_levels_of_three_and_of_other_folds():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(90, 3)), random.integers(0, 2, size=90)
    two = BELOW[:2]
    three = LevelsClassifier([two, two, Level(two, passthrough=True)], cv=3, random_state=0).fit(X, y)
    assert set(gains_from_seen_rows(three, X)) == {"logistic", "bayes"}
    assert set(overfitting_alarm(three, X[:40]).table["reason"]) <= {"", "reversal"}
    middle = LevelsClassifier([two, Level(two, nested=True), two], cv=3, random_state=0).fit(X, y)
    assert gains_from_seen_rows(middle, X) is not None
    for levels in ([two], [two, Level(two, cv=4)], [two, Level(two, nested=True)]):
        whole = LevelsClassifier(levels, cv=3, random_state=0).fit(X, y)
        assert gains_from_seen_rows(whole, X) is None
        assert overfitting_alarm(whole, X[:40]).table["reversal"].isna().all()


def test_the_table_is_at_hand_and_does_not_travel():
    found = clean(0, FAST[:1])
    assert found.oof.known_X is not None
    again = pickle.loads(pickle.dumps(found.oof))
    assert again.known_X is None
    assert overfitting_alarm(again, found.X_test).encoded == ()


@pytest.mark.parametrize("refit", [False, True])
def test_stacks_and_levels_have_it_at_hand_too(refit):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(90, 3)), random.integers(0, 2, size=90)
    stack = StackingClassifier(BELOW[:2], cv=3, refit=refit).fit(X, y)
    assert stack.oof_.known_X is X
    levels = LevelsClassifier([BELOW[:2], ABOVE[:1]], cv=3, refit=refit).fit(X, y)
    assert [oof.known_X is X for oof in levels.levels_] == [True, True]
    assert overfitting_alarm(levels, X[:40]).table["reversal"].notna().all()


class Front(TransformerMixin, BaseEstimator):
    """Drops the last column."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X[:, :-1]


# The rates


@pytest.mark.slow
def test_alarms_are_right_as_often_as_the_docstring_says():
    """Three cases of each kind, of seeds on which nothing was chosen; `pytest -s -m slow` prints them."""
    rows = []
    for name, make in CASES.items():
        for seed in range(200, 203):
            found = make(seed)
            alarms = overfitting_alarm(found.oof, found.X_test).table["alarm"]
            rows += [(name, one in found.guilty, bool(alarms[one])) for one in alarms.index]
    table = pd.DataFrame(rows, columns=["case", "guilty", "alarm"])
    print(table.groupby(["case", "guilty"])["alarm"].agg(["sum", "size"]).to_string())
    guilty, honest = table[table["guilty"]], table[~table["guilty"]]
    assert (table["guilty"] == table["alarm"]).mean() > 0.85
    assert guilty["alarm"].mean() > 0.85
    assert honest["alarm"].mean() < 0.05


def test_a_second_level_that_inverts_noise_is_caught_more_often_than_not():
    """Some 8 of 10 elsewhere: of 5 cases fewer than 2 in one of 100 such samples."""
    cases = [CASES["reversal"](seed) for seed in range(5)]
    assert sum(bool(overfitting_alarm(case.oof, case.X_test).alarmed) for case in cases) >= 2
