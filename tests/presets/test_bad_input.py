"""Bad input to the presets: one clear sentence per case, and what can be used is used."""

import re
import warnings
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, make_scorer

from stackit import TabularStackClassifier, TabularStackRegressor
from stackit.presets import tabular_stack
from tests.presets.tiny_members import classifiers, raw_table, regressors

N = 90
X, LABELS, NUMBERS = raw_table(N)
NEW = raw_table(10, seed=1)[0]


@pytest.fixture(autouse=True, scope="module")
def tiny():
    """Let the presets have one or two members of a few milliseconds."""

    def portfolio(preset, shape):
        return regressors()[:1] if shape.is_regression else classifiers()[:2]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular_stack, "portfolio", portfolio)
        patch.setattr(tabular_stack, "left_out", lambda preset, shape: {})
        yield


def fitted(table=X, y=LABELS, make=TabularStackClassifier, **kwargs):
    options = {"preset": "quick", "cv": 3, "n_jobs": 1, "verbose": 0, **kwargs}
    return make(**options).fit(table, y)


@pytest.fixture(scope="module")
def stack(tiny):
    return fitted()


def with_value(values, value):
    changed = np.array(values, dtype=object if isinstance(value, str | None) else None)
    changed[7] = value
    return changed


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (with_value(LABELS, None), "y must have no missing values; 1 of its 90 values are missing."),
        (np.full(N, "yes"), "y must have at least two distinct values; it has one, 'yes'."),
        ([f"id {at}" for at in range(N)], "it has 90 distinct labels in 90 rows. Check the target column."),
        (NUMBERS, "it has 90 distinct numbers in 90 rows. Use the regressor for numbers."),
        (with_value(np.full(N, "no"), "yes"), "its two classes; of 'yes' it has one. Pass more rows of it."),
        (
            with_value(LABELS == "yes", "no"),
            "y must have labels of one type; it has True, 'no'. Convert",
        ),
        (
            [date(2020, 1, 1 + (label == "yes")) for label in LABELS],
            "it has datetime.date(2020, 1, 2). Convert",
        ),
        (LABELS[:9], "y must have one value per row of X, 90; it has 9."),
        (None, "y must be a target; got None. Pass fit(X, y)."),
        (NUMBERS + 1j, "y must be labels or real numbers; it has complex numbers. Pass their real part."),
    ],
    ids=[
        "gap",
        "one-class",
        "all-different",
        "numbers",
        "one-row",
        "mixed",
        "dates",
        "short",
        "none",
        "complex",
    ],
)
def test_a_target_of_classes_that_cannot_be_used(y, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        fitted(y=y)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (with_value(NUMBERS, np.nan), "y must have no missing values; 1 of its 90 values are missing."),
        (with_value(NUMBERS, np.inf), "y must be finite; it has infinite values."),
        (np.full(N, 2.0), "y must have at least two distinct values; it has one, 2.0."),
        (LABELS, "y must be numbers for a regression; it has values such as 'yes'. Use the classifier"),
        (pd.to_timedelta(NUMBERS, unit="h"), "it has durations. Pass y.dt.total_seconds()."),
    ],
    ids=["gap", "infinite", "constant", "words", "durations"],
)
def test_a_target_of_numbers_that_cannot_be_used(y, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        fitted(y=y, make=TabularStackRegressor)


def test_a_class_of_one_row_is_kept_with_a_warning():
    with pytest.warns(UserWarning, match="The training part of some folds lacks classes"):
        stack = fitted(y=with_value(LABELS, "rare"))
    assert stack.classes_.tolist() == ["no", "rare", "yes"]
    assert stack.predict_proba(NEW).shape == (10, 3)


@pytest.mark.parametrize(
    "as_given",
    [
        lambda yes: pd.Series(yes, dtype=object),
        lambda yes: pd.Series(yes).astype("boolean"),
        lambda yes: pd.Series(yes.astype(int), dtype=object),
        lambda yes: pd.Series(yes.astype(int)).astype("Int64"),
        lambda yes: np.where(yes, "1", "0"),
    ],
    ids=["objects", "nullable", "whole-objects", "nullable-whole", "strings"],
)
def test_labels_of_any_container_are_read(as_given):
    y = as_given(LABELS == "yes")
    stack = fitted(y=y)
    assert stack.classes_.tolist() == sorted(set(y))
    assert (stack.predict(X) == np.asarray(y)).mean() > 0.7


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (X.assign(tags=[["a", "b"]] * N), "Column 'tags' holds lists, dicts or arrays. Drop it, or make"),
        (X.set_axis(["age", "age", "c", "d"], axis=1), "Columns must have distinct names; there are several"),
        (X.iloc[:0], "The table must have at least one row; it has none. Pass the training rows."),
        (X[[]], "The table must have at least one column; it has none."),
        (
            X.assign(ratio=with_value(X["noise"], np.inf)),
            "Column 'ratio' cannot be read: it holds",
        ),
        (X[["age"]].assign(age=3), "No column can be used: age is left out: always 3."),
        (None, "The table must have rows and columns; got None. Pass a data frame."),
        ("train.csv", "The table must have rows and columns; got 'train.csv'. Pass a data frame."),
    ],
    ids=["lists", "repeated-names", "no-rows", "no-columns", "infinite", "constant", "none", "path"],
)
def test_a_table_that_cannot_be_used(table, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        fitted(table)


@pytest.mark.parametrize("is_number", [False, True], ids=["classes", "numbers"])
def test_the_target_under_another_name_is_said_as_a_suspicion(is_number):
    y = NUMBERS if is_number else LABELS
    copied = X.assign(**{"after[all]": np.exp(NUMBERS) if is_number else np.where(LABELS == "yes", 7, 3)})
    with pytest.warns(
        UserWarning, match=re.escape("A single column predicts y nearly perfectly: 'after[all]'.")
    ):
        fitted(copied, y, TabularStackRegressor if is_number else TabularStackClassifier)


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_a_few_rows_are_enough(n):
    table, y = X[1 : n + 1], np.array(["no", "yes"] * 4)[:n]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on so few rows some members warn
        numbers = fitted(table, NUMBERS[:n], TabularStackRegressor, cv=None)
        assert np.isfinite(numbers.predict(table)).all()
        if n > 3:
            assert set(fitted(table, y, cv=None).predict(table)) <= {"no", "yes"}
        else:
            with pytest.raises(ValueError, match=r"at least two rows of each|labels of classes"):
                fitted(table, y, cv=None)


def test_new_rows_with_unseen_levels_are_predicted(stack):
    predicted = stack.predict_proba(NEW.assign(city="Mars"))
    assert np.allclose(predicted.sum(axis=1), 1)
    assert np.array_equal(predicted, stack.predict_proba(NEW.assign(city=None)))


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (NEW.drop(columns="city"), "The table lacks the column 'city' of the training table. Add what is"),
        (NEW.rename(columns={"city": "City"}), "It has the column 'City', which the training table had not."),
        (
            NEW.assign(age="old"),
            "Column 'age' cannot be read: it held numbers in the training rows",
        ),
        (NEW.assign(city=3), "Column 'city' cannot be read: it held levels such as"),
        (NEW.assign(age=[[1]] * 10), "Column 'age' holds lists, dicts or arrays."),
        (NEW.to_numpy()[:, :3], "The table must have the 4 columns of the training table; it has 3."),
        (NEW.iloc[:0], "The table must have at least one row; it has none. Pass the rows to predict."),
        (NEW.iloc[0], "The table must have rows and columns; got one dimension. Pass a data frame."),
    ],
    ids=["missing", "renamed", "words", "numbers", "lists", "narrow", "no-rows", "one-row"],
)
def test_new_rows_that_cannot_be_predicted(stack, table, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        stack.predict(table)


def test_an_extra_column_is_ignored_with_a_warning(stack):
    with pytest.warns(UserWarning, match="has the column 'extra', which the training table had not: ignored"):
        predicted = stack.predict_proba(NEW.assign(extra=1))
    assert np.array_equal(predicted, stack.predict_proba(NEW))


@pytest.mark.parametrize(
    "as_given",
    [
        lambda table: table[table.columns[::-1]],
        lambda table: table.astype({"age": str, "city": "category", "member": int}),
        lambda table: table.to_dict("records"),
        lambda table: table.to_dict("list"),
    ],
    ids=["reordered", "other-dtypes", "records", "columns"],
)
def test_the_same_rows_in_another_form_are_predicted_the_same(stack, as_given):
    assert np.array_equal(stack.predict_proba(as_given(NEW)), stack.predict_proba(NEW))


def test_rows_are_predicted_the_same_alone_and_in_batches(stack):
    together = stack.predict_proba(NEW)
    for size in (1, 3):
        parts = [stack.predict_proba(NEW[at : at + size]) for at in range(0, 10, size)]
        assert np.allclose(np.concatenate(parts), together, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("scoring", "sentence"),
    [
        ("best", "scoring must be the name of a scikit-learn scorer, or a scorer; got scoring='best'."),
        ("r2", "scoring must be for classes; got scoring='r2'."),
        ("f1", "'f1' cannot: pos_label=1 is not a valid label"),
        (f1_score, "Pass sklearn.metrics.make_scorer(f1_score)."),
        (
            lambda estimator, table, y: None,
            "scoring must be able to score y; the scorer that was",
        ),
    ],
    ids=["unknown", "of-numbers", "without-positive", "metric", "none"],
)
def test_a_scorer_that_cannot_score_is_named_before_any_fit(scoring, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        fitted(scoring=scoring)


def test_weights_that_leave_one_class_cannot_be_scored():
    with pytest.raises(ValueError, match="scoring must be able to score y; 'roc_auc' cannot"):
        TabularStackClassifier("quick", cv=3, n_jobs=1, verbose=0).fit(
            X, LABELS, sample_weight=LABELS == "yes"
        )


def test_one_group_cannot_be_held_out():
    with pytest.raises(ValueError, match="groups must have at least two distinct values"):
        TabularStackClassifier("quick", n_jobs=1, verbose=0).fit(X, LABELS, groups=np.zeros(N))


@pytest.mark.parametrize("n_jobs", [0, "2", 1.5])
def test_jobs_are_a_whole_number(n_jobs):
    with pytest.raises(ValueError, match="n_jobs must be an integer other than 0, or None; got n_jobs="):
        fitted(n_jobs=n_jobs)


def test_scorers_of_a_positive_label_work_when_they_know_it():
    assert 0 < fitted(scoring=make_scorer(f1_score, pos_label="yes")).score_ < 1
    assert 0 < fitted(y=(LABELS == "yes").astype(int), scoring="f1").score_ < 1


def test_columns_that_are_left_out_are_named(capsys):
    fitted(X.assign(empty=None, key=[f"k{at}" for at in range(N)], copy=X["noise"]), verbose=1)
    said = capsys.readouterr().err
    assert "left out: empty (empty), key (id), copy (duplicate)" in said.replace("\n", " ")


@pytest.mark.parametrize("scoring", ["rmsle", "neg_mean_poisson_deviance"])
def test_predictions_that_the_metric_refuses_are_raised_to_a_floor(scoring, monkeypatch):
    monkeypatch.setattr(tabular_stack, "portfolio", lambda preset, shape: regressors())
    stack = fitted(y=np.exp(NUMBERS), make=TabularStackRegressor, scoring=scoring)
    assert np.isfinite(stack.score_)
    assert np.isfinite(stack.leaderboard_["score"]).all()
    assert stack.predict(NEW).min() > 0
    assert np.isfinite(stack.score(X, np.exp(NUMBERS)))
