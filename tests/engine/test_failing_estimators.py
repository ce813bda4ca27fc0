"""Errors of estimators: raised with what is finished, or skipped."""

import pickle
import traceback

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier

from stackit import OutOfFold, make_folds
from tests.engine.cases import (
    GROUPS,
    LR,
    NAMES,
    NB,
    WEIGHTS,
    XR,
    YR,
    AwkwardError,
    Broken,
    BrokenError,
    ConcurrencyCounter,
    X,
    Y,
    out_of_fold,
)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_keeps_its_type_and_says_where_it_happened(n_jobs):
    X = np.c_[XR, np.arange(90)]
    with (
        joblib.parallel_config("threading"),
        pytest.raises(BrokenError, match="this fold is cursed") as caught,
    ):
        out_of_fold([("ok", Ridge()), ("bad", Broken(without=50))], X, YR, cv=KFold(3), n_jobs=n_jobs)
    assert "estimator 'bad' in repeat 0 fold 1" in caught.value.__notes__[0]
    assert "on_error='skip'" in caught.value.__notes__[0]


def test_an_error_hands_over_what_is_finished():
    X = np.c_[XR, np.arange(90)]
    with pytest.raises(BrokenError) as caught:
        out_of_fold([("ok", Ridge()), ("bad", Broken(without=89))], X, YR, X, cv=KFold(3), sample_weight=None)
    finished = caught.value.finished
    assert isinstance(finished, OutOfFold)
    whole = out_of_fold([("ok", Ridge())], X, YR, X, cv=KFold(3))
    assert finished.meta_train.equals(whole.meta_train)
    assert finished.meta_test.equals(whole.meta_test)
    assert "['ok']" in caught.value.__notes__[0]


def test_what_is_finished_has_the_weights_and_the_scoring_of_the_call():
    X, options = (
        np.c_[XR, np.arange(90)],
        {"cv": KFold(3), "scoring": "neg_mean_absolute_error", "sample_weight": WEIGHTS},
    )
    with pytest.warns(UserWarning, match="not passed to bad"), pytest.raises(BrokenError) as caught:
        out_of_fold([("ok", Ridge()), ("bad", Broken(without=89))], X, YR, **options)
    expected = out_of_fold([("ok", Ridge())], X, YR, **options).summary
    pd.testing.assert_frame_equal(caught.value.finished.summary, expected)


def test_an_error_at_the_first_fold_has_nothing_finished():
    with pytest.raises(BrokenError) as caught:
        out_of_fold([("bad", Broken()), ("ok", DecisionTreeRegressor())], XR, YR, cv=3)
    assert caught.value.finished is None
    assert "none" in caught.value.__notes__[0]


def test_after_an_error_nothing_more_is_fitted(concurrency):
    with pytest.raises(BrokenError):
        out_of_fold([("w", ConcurrencyCounter()), ("bad", Broken())], XR, YR, cv=10)
    assert concurrency.fits <= 2


def test_an_error_that_cannot_be_pickled_keeps_its_type():
    with pytest.raises(AwkwardError, match="row 0 column 1"):
        out_of_fold([("bad", Broken(error=AwkwardError))], XR, YR, cv=2)


def test_the_error_of_another_process_shows_the_line_that_raised_it():
    with pytest.raises(ValueError, match="cursed") as caught:
        out_of_fold([("bad", Broken(error=ValueError))], XR, YR, cv=2, n_jobs=2)
    shown = "".join(traceback.format_exception(caught.value))
    assert "self.refuse()" in shown


def test_skipping_drops_the_estimator_and_says_so():
    X = np.c_[XR, np.arange(90)]
    members = [("ok", Ridge()), ("bad", Broken(without=50)), ("fine", KNeighborsRegressor())]
    with pytest.warns(
        UserWarning, match="Estimator 'bad' failed and is left out: BrokenError: this fold"
    ) as caught:
        oof = out_of_fold(members, X, YR, X, cv=KFold(3), on_error="skip")
    assert len(caught) == 1
    whole = out_of_fold([members[0], members[2]], X, YR, X, cv=KFold(3))
    assert oof.meta_train.equals(whole.meta_train)
    assert oof.meta_test.equals(whole.meta_test)
    assert set(oof.scores["estimator"]) == {"ok", "fine"}
    assert isinstance(oof.failures["bad"], BrokenError)
    assert list(oof) == ["ok", "fine"]
    assert "1 estimators failed" in repr(oof)


def test_a_skipped_estimator_is_not_fitted_on_further_folds():
    class CountedBroken(Broken):
        fits = 0

        def fit(self, X, y):
            CountedBroken.fits += 1
            return super().fit(X, y)

    with pytest.warns(UserWarning, match="'bad' failed"):
        out_of_fold([("bad", CountedBroken()), ("ok", Ridge())], XR, YR, cv=10, on_error="skip")
    assert CountedBroken.fits <= 2


def test_when_all_fail_the_first_error_is_raised():
    with pytest.warns(UserWarning, match="left out"), pytest.raises(BrokenError) as caught:
        out_of_fold([("a", Broken()), ("b", Broken())], XR, YR, cv=3, on_error="skip")
    assert "All estimators failed: a, b" in caught.value.__notes__[-1]


def test_a_failing_prediction_is_a_failure_too():
    class FailsToPredict(Ridge):
        def predict(self, X):
            raise BrokenError("nothing to say")

    with pytest.warns(UserWarning, match="'mute' failed and is left out: BrokenError: nothing to say"):
        oof = out_of_fold([("mute", FailsToPredict()), ("ok", Ridge())], XR, YR, cv=3, on_error="skip")
    assert list(oof.meta_train) == ["ok"]


def test_a_classifier_that_fails_for_its_own_reasons_shows_its_own_error():
    class QuotesLabels(DecisionTreeClassifier):
        def fit(self, X, y):
            raise ValueError(f"I do not like {sorted(set(map(str, y)))}")

    # It is given codes first, and the first error is the one to hear, whatever the labels as they are bring.
    with pytest.raises(ValueError, match=r"I do not like \['0', '1'\]") as caught:
        out_of_fold([("picky", QuotesLabels())], X, NAMES, cv=2, n_jobs=1)
    assert "codes in place of the labels (no, yes)" in caught.value.__notes__[0]
    assert "Raised by estimator 'picky' in repeat 0 fold 0" in caught.value.__notes__[1]


def test_the_error_of_a_bad_parameter_is_not_hidden_by_the_labels():
    with pytest.raises(ValueError, match="max_depth"):
        out_of_fold([("xgb", XGBClassifier(max_depth=-5))], X, NAMES, cv=2)
    assert caught_classes_of(XGBClassifier(n_estimators=2)) == ["no", "yes"]


def caught_classes_of(estimator):
    return out_of_fold([("e", estimator)], X, NAMES, cv=2)["e"].fold_estimators[0].classes_.tolist()


def test_a_translated_estimator_shows_what_it_has_learned():
    fitted = out_of_fold([("xgb", XGBClassifier(n_estimators=2))], X, NAMES, cv=2)["xgb"].fold_estimators[0]
    assert fitted.feature_importances_.shape == (X.shape[1],)
    assert fitted.get_booster().num_boosted_rounds() == 2
    assert pickle.loads(pickle.dumps(fitted)).predict(X[:2]).tolist() == fitted.predict(X[:2]).tolist()


@pytest.mark.parametrize(
    ("estimator", "method", "alone"),
    [(LR, "predict_proba", 1.0), (LinearSVC(), "decision_function", 0.0), (LR, "predict", 1.0)],
)
def test_a_training_part_of_one_class_predicts_that_class(estimator, method, alone):
    y = np.r_[np.ones(30, int), Y[30:]]
    with pytest.warns(UserWarning, match="lacks 0"):
        oof = out_of_fold(
            [("e", estimator)], X, y, cv=TimeSeriesSplit(4, test_size=15), stack_method=method, n_jobs=1
        )
    first = oof.folds.splits[0][1]
    assert (y[oof.folds.splits[0][0]] == 1).all()
    assert (oof.meta_train["e"].iloc[first] == alone).all()


@pytest.mark.parametrize("kind", [pd.DataFrame, sparse.csr_matrix])
def test_predicting_in_place_does_not_change_any_kind_of_test_table(kind):
    class OverwritesOnPredict(DecisionTreeRegressor):
        def predict(self, X):
            out = super().predict(X)
            if sparse.issparse(X):
                X.data[:] = 0
            else:
                X.iloc[:, 0] = 0
            return out

    test = kind(X[:9].copy())
    out_of_fold(
        [("a", OverwritesOnPredict()), ("b", OverwritesOnPredict())], kind(X), YR, test, cv=2, n_jobs=1
    )
    assert np.array_equal(np.asarray(test.todense() if sparse.issparse(test) else test), X[:9])


def test_a_seed_reaches_splitters_inside_estimators():
    search = GridSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2, 3, 4]},
        cv=StratifiedKFold(3, shuffle=True),
    )
    tables = [out_of_fold([("s", search)], X, Y, cv=3, random_state=5).meta_train for _ in range(2)]
    assert tables[0].equals(tables[1])
    assert search.cv.random_state is None


def test_groups_on_both_sides_are_said():
    with pytest.warns(UserWarning, match=r"\d+ of 15 groups are both trained on and held out"):
        out_of_fold([("nb", NB)], X, Y, cv=make_folds(Y, n_splits=2), groups=GROUPS)


def test_a_metric_is_not_taken_for_a_scorer():
    with pytest.raises(ValueError, match=r"scoring must be a scorer; got the metric log_loss.*make_scorer"):
        out_of_fold([("nb", NB)], X, Y, cv=2, scoring=log_loss)


def test_who_cannot_be_scored_does_not_hide_the_others():
    members = [("nb", NB), ("svm", LinearSVC())]
    oof = out_of_fold(members, X, Y, cv=3, scoring="neg_log_loss")
    with pytest.warns(UserWarning, match="'svm' cannot be scored"):
        summary = oof.summary
    assert np.isfinite(summary.loc["nb", "whole"])
    assert np.isnan(summary.loc["svm", "whole"])
