"""Warnings of many fits, scores or predictions are shown once with their number, also from processes."""

import threading
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning, UndefinedMetricWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import LeaveOneOut
from sklearn.neighbors import KNeighborsClassifier

from stackit import (
    Level,
    LevelsRegressor,
    StackingClassifier,
    StackingRegressor,
    compare,
    nested_score,
    out_of_fold,
)
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings

N = 60
X = np.random.default_rng(0).normal(size=(N, 3))
YR = X @ [1.0, 2.0, 3.0] + np.random.default_rng(1).normal(size=N)
Y = (YR > 0).astype(int)


class Loud(RegressorMixin, BaseEstimator):
    """Least squares that warns in fit, with a number of its own each time, and when it predicts."""

    def __init__(self, in_fit=True, in_predict=False, category=ConvergenceWarning):
        self.in_fit = in_fit
        self.in_predict = in_predict
        self.category = category

    def fit(self, X, y):
        if self.in_fit:
            gap = float(np.sum(y))
            warnings.warn(f"Not converged: gap {gap:.3e}, tolerance 0.01", self.category, stacklevel=2)
        self.inner_ = LinearRegression().fit(X, y)
        return self

    def predict(self, X):
        if self.in_predict:
            warnings.warn("Rows are far away", RuntimeWarning, stacklevel=2)
        return self.inner_.predict(X)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("action", ["always", "default"])
def test_a_warning_of_each_fold_is_shown_once_with_the_number_of_folds(n_jobs, action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        out_of_fold([("loud", Loud()), ("ols", LinearRegression())], X, YR, cv=LeaveOneOut(), n_jobs=n_jobs)
    assert len(caught) == 1
    assert caught[0].category is ConvergenceWarning
    assert str(caught[0].message).endswith("tolerance 0.01 (in 60 of 60 fits of 'loud')")


def test_estimators_with_the_same_warning_are_counted_separately():
    line_up = [("a", Loud()), ("b", Loud(in_predict=True)), ("c", Loud(in_fit=False))]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out_of_fold(line_up, X, YR, cv=4, n_jobs=1)
    texts = sorted(str(each.message) for each in caught)
    assert len(texts) == 2
    assert texts[0].endswith("(in 4 of 4 fits of 'a', 4 of 4 fits of 'b')")
    assert texts[1] == "Rows are far away (in 4 of 4 fits of 'b')"


def test_children_that_are_forked_or_spawned_report_to_the_parent(capfd):
    from joblib import parallel_config

    with parallel_config("loky", n_jobs=2), pytest.warns(ConvergenceWarning, match="4 of 4 fits") as caught:
        out_of_fold([("loud", Loud())], X, YR, cv=4, n_jobs=2)
    assert len(caught) == 1
    assert "converged" not in capfd.readouterr().err


def test_threads_record_their_warnings_separately():
    from joblib import parallel_config

    before = warnings.showwarning
    with parallel_config("threading", n_jobs=2), pytest.warns(ConvergenceWarning) as caught:
        out_of_fold([("loud", Loud()), ("ols", LinearRegression())], X, YR, cv=20, n_jobs=2)
    assert all("of 'loud'" in str(each.message) or "Not conv" in str(each.message) for each in caught)
    with warnings.catch_warnings(record=True) as after:
        warnings.simplefilter("always")
        warnings.warn("still heard", UserWarning, stacklevel=1)
    assert [str(each.message) for each in after] == ["still heard"]
    assert warnings.showwarning in (before, warnings.showwarning)


def test_filters_that_ignore_or_raise_warnings_still_do():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ConvergenceWarning)
        out_of_fold([("loud", Loud())], X, YR, cv=3, n_jobs=1)
    assert caught == []
    with pytest.raises(ConvergenceWarning, match="gap"):  # warnings are errors in these tests
        out_of_fold([("loud", Loud())], X, YR, cv=3, n_jobs=1)


def test_warnings_are_shown_before_an_error_ends_the_run():
    class Breaking(Loud):
        def fit(self, X, y):
            super().fit(X, y)
            raise RuntimeError("broken")

    with (
        pytest.warns(ConvergenceWarning, match="1 of 1 fits of 'a'"),
        pytest.raises(RuntimeError, match="broken"),
    ):
        out_of_fold([("a", Breaking())], X, YR, cv=3, n_jobs=1)


@pytest.mark.parametrize("refit", [False, True])
def test_a_stack_shows_warnings_once_per_fit_of_folds_refit_and_prediction(refit):
    stack = StackingRegressor([("loud", Loud(in_predict=True))], Ridge(), cv=5, refit=refit)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stack.fit(X, YR)
    texts = sorted(str(each.message).partition("(")[2] for each in caught)
    of_refit = ["in 1 of 1 fits of 'loud')"] if refit else []
    assert texts == [*of_refit, "in 5 of 5 fits of 'loud')", "in 5 of 5 fits of 'loud')"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stack.predict(X)
    n = 1 if refit else 5
    assert [str(each.message) for each in caught] == [
        f"Rows are far away (in {n} of {n} predictions of 'loud')"
    ]


def test_scores_that_are_undefined_in_each_fold_warn_once():
    line_up = [("ols", LinearRegression()), ("ridge", Ridge())]
    oof = out_of_fold(line_up, X, YR, cv=LeaveOneOut(), n_jobs=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = oof.summary
    assert len(caught) == 1
    assert caught[0].category is UndefinedMetricWarning
    assert str(caught[0].message).endswith("(in 60 of 60 scores of 'ols', 60 of 60 scores of 'ridge')")
    assert table["mean"].isna().all()


@pytest.mark.parametrize("nested", [False, True])
def test_levels_show_warnings_once_per_level(nested):
    levels = LevelsRegressor([[("loud", Loud())], Level([("ridge", Ridge())], nested=nested)], Ridge(), cv=4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        levels.fit(X, YR)
    texts = [str(each.message) for each in caught]
    assert len(texts) == 1 + nested
    assert not nested or texts[1].endswith("(in 4 of 4 folds)")


def test_stackits_own_warnings_in_each_outer_fold_are_shown_once():
    stack = StackingClassifier([("knn", KNeighborsClassifier())], LogisticRegression(), cv=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nested_score(stack, X, Y, sample_weight=np.ones(N), cv=4)
    texts = [str(each.message) for each in caught]
    assert len(texts) == 1
    assert texts[0].startswith("sample_weight is not passed to knn")
    assert texts[0].endswith("(in 4 of 4 outer folds)")


def test_a_stack_inside_a_stack_warns_of_unsupported_weights_once():
    inner = StackingClassifier([("knn", KNeighborsClassifier())], LogisticRegression(), cv=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        StackingClassifier([("in", inner)], LogisticRegression(), cv=5).fit(X, Y, sample_weight=np.ones(N))
    assert len(caught) == 1
    assert str(caught[0].message).endswith("(in 5 of 5 fits of 'in')")


def test_compare_shows_warnings_of_final_estimators_once():
    oof = out_of_fold([("ols", LinearRegression()), ("ridge", Ridge())], X, YR, cv=4, n_jobs=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compare(oof, [("loud", Loud())])
    assert len(caught) == 1


def test_a_warning_of_a_class_that_takes_more_than_a_text_is_shown_as_a_user_warning():
    repeats = RepeatedWarnings("fits")
    with record_warnings() as caught:
        warnings.simplefilter("always")
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name="Ridge", current_sklearn_version="2", original_sklearn_version="1"
            ),
            stacklevel=1,
        )
    repeats.add(caught, "ridge")
    with pytest.warns(UserWarning, match=r"(?s)^InconsistentVersionWarning: .*1 of 1 fits of 'ridge'"):
        repeats.warn()


def test_warnings_of_other_threads_are_shown_while_one_thread_is_recorded():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with record_warnings() as recorded:
            thread = threading.Thread(target=lambda: warnings.warn("from outside", UserWarning, stacklevel=1))
            thread.start()
            thread.join()
    assert recorded == []
    assert [str(each.message) for each in caught] == ["from outside"]


def test_a_recorded_warning_has_its_category_and_text():
    with record_warnings() as caught:
        warnings.simplefilter("always")
        warnings.warn("Too few rows", UserWarning, stacklevel=1)
    assert [(each.category, each.text) for each in caught] == [(UserWarning, "Too few rows")]
