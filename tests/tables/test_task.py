"""The task is recognised by the target, and what cannot be one is refused."""

import numpy as np
import pandas as pd
import pytest

from stackit.tables import detect_scoring, detect_task

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("y", "kind", "n_classes", "reason"),
    [
        (RNG.integers(0, 3, 60), "multiclass", 3, "3 distinct whole numbers from 0 to 2"),
        (RNG.integers(1, 4, 60) * 1.0, "multiclass", 3, "3 distinct whole numbers from 1 to 3"),
        (RNG.integers(0, 3, 60).astype(str), "multiclass", 3, "3 distinct strings that are whole numbers"),
        (RNG.integers(0, 3, 60) * 100, "regression", 0, "3 distinct numbers"),
        (RNG.integers(0, 30, 600), "regression", 0, "30 distinct numbers"),
        ([0, 1, 2, 3, 4, 5] * 2, "regression", 0, "6 distinct numbers"),
        (np.arange(60).astype(str), "regression", 0, "60 distinct strings that are numbers"),
        (RNG.normal(size=60), "regression", 0, "60 distinct numbers"),
        ([0, 1] * 9, "binary", 2, "two classes, 0 and 1"),
        ([2.5, 1.5] * 9, "binary", 2, "two classes, 1.5 and 2.5"),
        ([True, False] * 9, "binary", 2, "two classes, False and True"),
        (["yes", "no"] * 9, "binary", 2, "two classes, 'no' and 'yes'"),
        (["NA", "?"] * 9, "binary", 2, "two classes, '?' and 'NA'"),
        (["a", "b", "c"] * 9, "multiclass", 3, "3 distinct labels"),
        (pd.Series(["a", "b", "c"] * 9, dtype="category"), "multiclass", 3, "3 distinct labels"),
        (pd.Series([1, 2] * 9, dtype="Int64"), "binary", 2, "two classes, 1 and 2"),
        (pd.DataFrame({"y": [1.5, 2.5, 3.5]}), "regression", 0, "3 distinct numbers"),
    ],
)
def test_the_target_says_what_is_predicted(y, kind, n_classes, reason):
    task = detect_task(y)
    assert (task.kind, task.n_classes, task.is_classification) == (kind, n_classes, n_classes > 0)
    assert task.sentence.startswith(f"y has {reason}")
    assert task.sentence.endswith(f"scored by {task.scoring}.")


def test_a_target_with_a_name_is_called_so():
    named = pd.Series(["no", "yes"] * 3, name="Survived")
    assert detect_task(named).sentence.startswith("'Survived' has two classes")
    assert detect_task(named.rename(None)).sentence.startswith("y has two classes")
    with pytest.raises(ValueError, match="'Survived' must have at least two distinct values"):
        detect_task(named[::2])


def test_polars_series_are_targets():
    polars = pytest.importorskip("polars")
    assert detect_task(polars.Series(["a", "b", "a", "b"])).kind == "binary"


def test_what_the_caller_expects_decides_where_both_are_possible():
    ratings = RNG.integers(1, 6, 100)
    assert detect_task(ratings).kind == "multiclass"
    assert detect_task(ratings, expected="regression").kind == "regression"
    codes = RNG.integers(0, 40, 400)
    assert detect_task(codes).kind == "regression"
    assert detect_task(codes, expected="classification").n_classes == 40


def test_a_class_of_one_row_is_named():
    sentence = detect_task(["a"] * 9 + ["b"] * 9 + ["c"]).sentence
    assert "Classes of one row, 'c', are never predicted where they are held out" in sentence


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([1.0, np.nan, 2.0], {}, "y must have no missing values; 1 of its 3 values are missing"),
        (["a", None, "b"], {}, "y must have no missing values; 1 of its 3 values are missing"),
        (pd.Series([True, None, False], dtype="boolean"), {}, "y must have no missing values; 1 of its 3"),
        ([1.0, np.inf, 2.0], {}, "y must be finite; it has infinite values"),
        ([1, 1, 1], {}, "y must have at least two distinct values; it has one, 1"),
        (["a"] * 3, {}, "y must have at least two distinct values; it has one, 'a'"),
        (
            [f"name {at}" for at in range(30)],
            {},
            "labels of classes that repeat; it has 30 distinct labels in 30",
        ),
        (
            RNG.normal(size=30),
            {"expected": "classification"},
            "30 distinct numbers in 30 rows. Use the regressor",
        ),
        (
            ["a", "b"] * 3,
            {"expected": "regression"},
            "y must be numbers for a regression; it has values such as 'a'",
        ),
        (
            [True, False],
            {"expected": "regression"},
            "y must be numbers for a regression; it has values such as True",
        ),
        ([0, 1], {"n_rows": 3}, "y must have one value per row of X, 3; it has 2"),
        ([1], {}, "y must have at least two rows; it has 1"),
        (None, {}, "y must be a target; got None"),
        ([[1, 2], [3, 4]], {}, "y must be one column; got shape="),
    ],
)
def test_what_is_no_target_is_refused(y, options, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        detect_task(y, **options)


@pytest.mark.parametrize(
    ("scoring", "kind", "name"),
    [
        (None, "binary", "roc_auc"),
        (None, "multiclass", "neg_log_loss"),
        (None, "regression", "neg_root_mean_squared_error"),
        ("AUC", "binary", "roc_auc"),
        ("auc", "multiclass", "roc_auc_ovr"),
        ("f1", "multiclass", "f1_macro"),
        ("accuracy", "multiclass", "accuracy"),
        ("mae", "regression", "neg_mean_absolute_error"),
        ("r2", "regression", "r2"),
    ],
)
def test_scorers_are_known_by_usual_names(scoring, kind, name):
    assert detect_scoring(scoring, kind) == name


@pytest.mark.parametrize(
    ("scoring", "kind", "message"),
    [
        ("rmse", "binary", "scoring must be for classes; got scoring='rmse'. Pass scoring='roc_auc'"),
        ("accuracy", "regression", "scoring must be for numbers; got scoring='accuracy'"),
        ("best", "binary", "must be the name of a scikit-learn scorer, or a scorer; got scoring='best'"),
    ],
)
def test_scorers_of_another_task_are_refused(scoring, kind, message):
    with pytest.raises(ValueError, match=message):
        detect_scoring(scoring, kind)


def test_a_scorer_is_used_as_it_is():
    def scorer(estimator, X, y):
        return 0.0

    assert detect_scoring(scorer, "binary") is scorer
