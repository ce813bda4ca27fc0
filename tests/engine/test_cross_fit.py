"""The out-of-fold engine gives what is worked out by hand, and other basics."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from stackit import Folds, make_folds
from tests.engine.cases import (
    KNN,
    LABELS,
    LR,
    NAMES,
    NAMES3,
    NB,
    OUTPUTS,
    WEIGHTS,
    X3,
    XR,
    Y3,
    YR,
    X,
    Y,
    assert_equal_to_rounding,
    column,
    out_of_fold,
    weighted_by_hand,
)


def test_a_nearest_neighbour_worked_by_hand():
    X, y = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]]), [0, 1, 1, 0, 0, 1]
    folds = [([1, 2, 4, 5], [0, 3]), ([0, 2, 3, 5], [1, 4]), ([0, 1, 3, 4], [2, 5])]
    oof = out_of_fold([("nn", KNeighborsClassifier(1))], X, y, [[0.4], [11.6]], cv=folds)
    # Row 0 is nearest to 1 (class 1), row 3 to 4 (0); row 1 is as near to 0 as to 2, and 0 comes first ...
    assert oof.meta_train["nn"].tolist() == [1, 0, 1, 0, 0, 0]
    # ... and the test rows' neighbours in the three folds are 1, 0, 0 and 5, 5, 4.
    assert oof.meta_test["nn"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert oof.scores["score"].tolist() == [0.5, 0.5, 0.5]
    assert oof.summary.loc["nn"].tolist() == [0.5, 0.0, 0.0, 0.5]


CASES = {
    "probability": (LR, X, Y, "predict_proba"),
    "probability of names": (LR, X, NAMES, "predict_proba"),
    "probabilities": (NB, X3, NAMES3, "predict_proba"),
    "decision": (LinearSVC(), X, NAMES, "decision_function"),
    "decisions": (LinearSVC(), X3, NAMES3, "decision_function"),
    "pairwise decisions": (SVC(decision_function_shape="ovo"), X3, NAMES3, "decision_function"),
    "regression": (Ridge(), XR, YR, "predict"),
    "several outputs": (Ridge(), XR, OUTPUTS, "predict"),
    "several labels": (MultiOutputClassifier(LR), X, LABELS, "predict"),
}


@pytest.mark.parametrize("cv", [KFold(4), KFold(4, shuffle=True, random_state=0)], ids=["rows", "shuffled"])
@pytest.mark.parametrize(("estimator", "X", "y", "method"), CASES.values(), ids=CASES)
def test_out_of_fold_equals_cross_val_predict(estimator, X, y, method, cv):
    theirs = cross_val_predict(estimator, X, y, cv=cv, method=method).reshape(len(X), -1)
    theirs = theirs[:, 1:] if method == "predict_proba" and theirs.shape[1] == 2 else theirs
    ours = out_of_fold([("a", estimator)], X, y, cv=cv, stack_method=method)
    assert_equal_to_rounding(column(ours), theirs)


@pytest.mark.parametrize(
    "estimator", [KNN, MultiOutputClassifier(LR), RandomForestClassifier(5, random_state=0)]
)
def test_several_labels_give_the_probability_of_each(estimator):
    theirs = cross_val_predict(estimator, X, LABELS, cv=4, method="predict_proba")
    oof = out_of_fold([("a", estimator)], X, LABELS, cv=4)
    np.testing.assert_array_equal(column(oof), np.column_stack([table[:, 1] for table in theirs]))
    assert oof.scores["score"].between(0, 1).all()


@pytest.mark.parametrize("y", [Y, NAMES, Y3, NAMES3], ids=["0 1", "names", "0 1 2", "three names"])
def test_predicted_labels_become_positions_of_the_sorted_classes(y):
    theirs = cross_val_predict(NB, X, y, cv=4)
    oof = out_of_fold([("nb", NB)], X, y, cv=4, stack_method="predict")
    assert np.unique(y)[oof.meta_train["nb"].astype(int)].tolist() == theirs.tolist()
    assert oof.summary.loc["nb", "whole"] == accuracy_score(y, theirs)


@pytest.mark.parametrize(("estimator", "X", "y", "method"), CASES.values(), ids=CASES)
def test_the_test_table_is_the_average_over_folds(estimator, X, y, method):
    cv, X_test = KFold(3, shuffle=True, random_state=1), X[::-1][:20] + 0.1
    predictions = [
        getattr(estimator.fit(X[train], y[train]), method)(X_test).reshape(20, -1) for train, _ in cv.split(X)
    ]
    mean = np.mean(predictions, axis=0)
    mean = mean[:, 1:] if method == "predict_proba" and mean.shape[1] == 2 else mean
    oof = out_of_fold([("a", estimator)], X, y, X_test, cv=cv, stack_method=method)
    np.testing.assert_allclose(oof.meta_test, mean, rtol=1e-12)
    np.testing.assert_allclose(oof.transform(X_test), mean, rtol=1e-12)


def test_the_test_labels_are_those_of_most_folds():
    cv, X_test = KFold(3), X3[:40] + 0.3
    votes = np.array(
        [
            DecisionTreeClassifier(random_state=0).fit(X3[a], NAMES3[a]).predict(X_test)
            for a, _ in cv.split(X3)
        ]
    )
    tables = [(votes == name).sum(axis=0) for name in "abc"]
    oof = out_of_fold(
        [("t", DecisionTreeClassifier(random_state=0))], X3, NAMES3, X_test, cv=cv, stack_method="predict"
    )
    assert oof.meta_test["t"].tolist() == np.argmax(tables, axis=0).tolist()


def test_regressors_among_classifiers_predict_class_positions():
    oof = out_of_fold([("nb", NB), ("ridge", Ridge())], X3, NAMES3, cv=3)
    theirs = cross_val_predict(
        Ridge(), X3, np.unique(NAMES3, return_inverse=True)[1], cv=StratifiedKFold(3).split(X3, NAMES3)
    )
    np.testing.assert_allclose(oof.meta_train["ridge"], theirs)


def test_there_is_no_test_table_without_test_rows():
    assert out_of_fold([("lr", LR)], X, Y, cv=3).meta_test is None


def test_fold_estimators_are_those_of_the_splits_in_order():
    oof = out_of_fold([("ridge", Ridge())], XR, YR, cv=KFold(3))
    for ridge, (train, _) in zip(oof["ridge"].fold_estimators, KFold(3).split(XR), strict=True):
        assert_equal_to_rounding(ridge.coef_, Ridge().fit(XR[train], YR[train]).coef_)


def test_progress_is_shown_on_standard_error_only(capsys):
    out_of_fold([("ridge", Ridge())], XR, YR, cv=3, verbose=1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "3/3" in shown.err


def test_the_short_text_says_what_there_is():
    oof = out_of_fold([("nb", NB), ("lr", LR)], X3, NAMES3, cv=3)
    assert repr(oof) == "OutOfFold(2 estimators, 6 columns, Folds(StratifiedKFold, 90 rows, 3 folds))"


def test_metadata_routing_is_honoured_when_it_is_on():
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        members = [
            ("pipe", make_pipeline(scaler, Ridge().set_fit_request(sample_weight=True))),
            ("requests", Ridge().set_fit_request(sample_weight=True)),
            ("not", Ridge().set_fit_request(sample_weight=False)),
        ]
        oof = out_of_fold(members, XR, YR, cv=KFold(3), sample_weight=WEIGHTS)
    pipe = make_pipeline(StandardScaler(), Ridge())
    np.testing.assert_allclose(oof.meta_train["pipe"], weighted_by_hand(pipe, XR, YR, "ridge__sample_weight"))
    np.testing.assert_allclose(oof.meta_train["requests"], weighted_by_hand(Ridge(), XR, YR, "sample_weight"))
    np.testing.assert_allclose(oof.meta_train["not"], cross_val_predict(Ridge(), XR, YR, cv=KFold(3)))


def test_folds_of_the_result_are_those_of_the_call():
    folds = make_folds(Y, n_splits=3)
    assert isinstance(out_of_fold([("nb", NB)], X, Y, cv=folds).folds, Folds)
    assert out_of_fold([("nb", NB)], X, Y, cv=folds).folds.digest == folds.digest


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_without_return_estimator_predictions_are_the_same_and_estimators_come_when_used(n_jobs):
    X, y = make_classification(400, 8, random_state=0)
    pairs = [("forest", RandomForestClassifier(20)), ("bayes", GaussianNB())]
    kept, lean = (
        out_of_fold(pairs, X, y, X[:9], cv=3, n_jobs=n_jobs, return_estimator=keep) for keep in (True, False)
    )
    assert lean.meta_train.equals(kept.meta_train)
    assert lean.meta_test.equals(kept.meta_test)
    assert "0 of 3 fitted" in repr(lean["forest"].fold_estimators)
    assert "0 of 3 fitted" in repr(lean["bayes"].fold_estimators)
    assert lean.transform(X).equals(kept.transform(X))
