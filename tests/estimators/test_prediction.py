"""Predictions are checked where they arrive: shape, finite numbers, probabilities, labels of y."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

import stackit
from stackit import Level, MemoryStore, out_of_fold
from stackit.assess import compare, nested_score
from stackit.estimators.prediction import pairwise_votes, prediction_spec
from stackit.target import classification_target

cross_fitted = partial(out_of_fold, n_jobs=1)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 2))
Y = (X[:, 0] + RNG.normal(size=120) > 0).astype(int)
Y3 = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=120), [-0.5, 0.5])
YR = X @ [1.0, 2.0] + RNG.normal(size=120)
Y2 = np.column_stack([YR, -YR])


class Changed(BaseEstimator):
    """An estimator with predictions of another form."""

    def __init__(self, estimator, change, on_rows=None, from_fold=0):
        self.estimator = estimator
        self.change = change
        self.on_rows = on_rows
        self.from_fold = from_fold

    def fit(self, X, y):
        self.fitted_ = clone(self.estimator).fit(X, y)
        if hasattr(self.fitted_, "classes_"):
            self.classes_ = self.fitted_.classes_
        return self

    def _changed(self, method, X):
        raw = getattr(self.fitted_, method)(X)
        return self.change(raw) if self.on_rows in (None, len(X)) else raw


class Proba(ClassifierMixin, Changed):
    def predict(self, X):
        return self.fitted_.predict(X)

    def predict_proba(self, X):
        return self._changed("predict_proba", X)


class Decision(ClassifierMixin, Changed):
    def predict(self, X):
        return self.fitted_.predict(X)

    def decision_function(self, X):
        return self._changed("decision_function", X)


class Labels(ClassifierMixin, Changed):
    def predict(self, X):
        return self._changed("predict", X)


class Numbers(RegressorMixin, Changed):
    def predict(self, X):
        return self._changed("predict", X)


def with_nan(table):
    table = np.array(table, dtype=float)
    table[3] = np.nan
    return table


def with_infinity(table):
    table = np.array(table, dtype=float)
    table[-1] = -np.inf
    return table


def unlike(table, value):
    table = np.array(table, dtype=object)
    table[0] = value
    return table


LOGISTIC = LogisticRegression()
SHAPE2, RANGE = r"of shape \(40, 2\)", "probabilities, from 0 to 1"


# What the rows held out (40 of 120) come back as, and what the error says of it.
def masked(predictions):
    """Predictions of which the first row is masked: what is below the mask is no prediction."""
    first = np.zeros(predictions.shape, dtype=bool)
    first[0] = True
    return np.ma.masked_array(predictions, mask=first)


REFUSED = {
    "one column of two": (Proba(LOGISTIC, lambda p: p[:, 1:]), Y, SHAPE2, r"shape \(40, 1\)"),
    "a vector": (Proba(LOGISTIC, lambda p: p[:, 1]), Y, SHAPE2, r"shape \(40,\)"),
    "one row for all": (Proba(LOGISTIC, lambda p: p[:1]), Y, SHAPE2, r"shape \(1, 2\)"),
    "a row too few": (Proba(LOGISTIC, lambda p: p[1:]), Y, SHAPE2, r"shape \(39, 2\)"),
    "a column too many": (Proba(LOGISTIC, lambda p: p[:, [0, 1, 1]]), Y, SHAPE2, r"shape \(40, 3\)"),
    "two columns of three": (Proba(LOGISTIC, lambda p: p[:, :2]), Y3, r"of shape \(40, 3\)", r"\(40, 2\)"),
    "transposed": (Proba(LOGISTIC, lambda p: p.T), Y3, r"of shape \(40, 3\)", r"shape \(3, 40\)"),
    "nothing": (Proba(LOGISTIC, lambda p: None), Y, SHAPE2, r"shape \(\)"),
    "texts": (Proba(LOGISTIC, lambda p: p.astype(str) + "%"), Y, "numbers", "could not convert"),
    "NaN in a row": (Proba(LOGISTIC, with_nan), Y, "finite", "NaN in 1 of 40 rows"),
    "all NaN": (Proba(LOGISTIC, lambda p: p * np.nan), Y, "finite", "NaN in 40 of 40 rows"),
    "infinity": (Proba(LOGISTIC, with_infinity), Y3, "finite", "infinity in 1 of 40 rows"),
    "per cents": (Proba(LOGISTIC, lambda p: 100 * p), Y, RANGE, "sums from 100 to 100"),
    "not normalised": (Proba(LOGISTIC, lambda p: p / 2), Y3, RANGE, "sums from 0.5 to 0.5"),
    "zeros": (Proba(LOGISTIC, lambda p: 0 * p), Y, RANGE, "values from 0 to 0, with sums from 0 to 0"),
    "decisions": (Proba(LOGISTIC, lambda p: 7 * p - 3), Y, RANGE, "values from -[0-9.]+ to [0-9.]+, with"),
    "below zero": (Proba(LOGISTIC, lambda p: 1.2 * p - 0.1), Y, RANGE, "values from -0"),
    "decisions of two columns": (
        Decision(LOGISTIC, lambda d: np.column_stack([-d, d])),
        Y,
        r"of shape \(40,\) or \(40, 1\)",
        r"shape \(40, 2\)",
    ),
    "decisions of one row": (Decision(LOGISTIC, lambda d: d[:1]), Y3, r"of shape \(40, 3\)", r"\(1, 3\)"),
    "decisions of NaN": (Decision(LOGISTIC, with_nan), Y, "finite", "NaN in 1 of 40 rows"),
    "labels of one row": (Labels(LOGISTIC, lambda p: p[:1]), Y, r"of shape \(40,\)", r"shape \(1,\)"),
    "one-hot labels": (Labels(LOGISTIC, lambda p: np.eye(3)[p]), Y3, r"of shape \(40,\)", r"\(40, 3\)"),
    "other labels": (
        Labels(LOGISTIC, lambda p: p + 5),
        Y,
        r"labels among the classes of y \(0, 1\)",
        "(5|6)",
    ),
    "labels of NaN": (Labels(LOGISTIC, with_nan), Y, "labels among the classes", "nan"),
    "a label of None": (Labels(LOGISTIC, lambda p: unlike(p, None)), Y, "labels among the classes", "None"),
    "a text among numbers": (Labels(LOGISTIC, lambda p: unlike(p, "?")), Y, "labels among", "'[?]'"),
    "numbers of two columns": (
        Numbers(Ridge(), lambda p: np.column_stack([p, p])),
        YR,
        r"\(40,\)",
        r"\(40, 2\)",
    ),
    "numbers of one row": (Numbers(Ridge(), lambda p: p[:1]), YR, r"of shape \(40,\)", r"shape \(1,\)"),
    "a mean": (Numbers(Ridge(), np.mean), YR, r"of shape \(40,\)", r"shape \(\)"),
    "numbers of NaN": (Numbers(Ridge(), with_nan), YR, "finite", "NaN in 1 of 40 rows"),
    "numbers of infinity": (Numbers(Ridge(), with_infinity), YR, "finite", "infinity in 1 of 40 rows"),
    "numbers of several steps": (
        Numbers(Ridge(), lambda p: p[:, None, None]),
        YR,
        r"\(40,\)",
        r"\(40, 1, 1\)",
    ),
    "outputs of one": (Numbers(Ridge(), lambda p: p[:, :1]), Y2, r"of shape \(40, 2\)", r"shape \(40, 1\)"),
    "outputs of one row": (Numbers(Ridge(), lambda p: p[:1]), Y2, r"of shape \(40, 2\)", r"shape \(1, 2\)"),
    "masked numbers": (Numbers(Ridge(), masked), YR, "finite", "NaN in 1 of"),
    "masked probabilities": (Proba(LOGISTIC, masked), Y3, "finite", "NaN in 1 of"),
    "masked labels": (Labels(LOGISTIC, masked), Y3, "labels", "1 of 40 masked"),
    "complex numbers": (Numbers(Ridge(), lambda p: p + 1j), YR, "numbers", "complex numbers"),
    "complex probabilities": (Proba(LOGISTIC, lambda p: p + 0j), Y3, "numbers", "complex numbers"),
    "a regressor among classes": (
        Numbers(Ridge(), lambda p: np.c_[p, p]),
        Y,
        r"of shape \(40,\)",
        r"\(40, 2\)",
    ),
}
cases = pytest.mark.parametrize(("estimator", "y", "expected", "given"), REFUSED.values(), ids=REFUSED)
FIRST = ("first", LogisticRegression())


def well_behaved(estimator, y):
    """A sound estimator of the same kind of target."""
    return ("sound", LinearRegression() if y is YR or y is Y2 else LOGISTIC)


@cases
def test_the_error_names_estimator_fold_what_is_due_and_what_came(estimator, y, expected, given):
    members = [well_behaved(estimator, y), ("odd", estimator)]
    text = (
        rf"Predictions \(\w+\) of estimator 'odd' \(repeat 0 fold 0\) must be .*{expected}.*; got .*{given}"
    )
    with pytest.raises(ValueError, match=text) as caught:
        cross_fitted(members, X, y, cv=KFold(3))
    assert "\n" not in str(caught.value)


@cases
def test_who_is_skipped_is_dropped_whole(estimator, y, expected, given):
    members = [well_behaved(estimator, y), ("odd", estimator)]
    with pytest.warns(UserWarning, match=f"Estimator 'odd' failed and is left out: ValueError: .*{expected}"):
        oof = cross_fitted(members, X, y, X[:7], cv=KFold(3), on_error="skip")
    alone = cross_fitted(members[:1], X, y, X[:7], cv=KFold(3))
    assert [*oof] == ["sound"]
    assert [*oof.failures] == ["odd"]
    np.testing.assert_array_equal(oof.meta_train, alone.meta_train)
    np.testing.assert_array_equal(oof.meta_test, alone.meta_test)


@cases
def test_rows_to_test_and_new_rows_are_checked_as_those_held_out(estimator, y, expected, given):
    odd = clone(estimator).set_params(on_rows=17)  # right for all other tables
    text = rf"of estimator 'odd' \(repeat 0 fold 0\) must be .*{expected.replace('40', '17')}"
    with pytest.raises(ValueError, match=text):
        cross_fitted([("odd", odd)], X, y, X[:17], cv=KFold(3))
    oof = cross_fitted([("odd", odd)], X, y, cv=KFold(3))
    with pytest.raises(ValueError, match=text):
        oof.transform(X[:17])


def test_the_fold_and_repeat_are_those_of_the_fit():
    class Late(Ridge):
        """Diverges where row 119 is not trained on."""

        def predict(self, X):
            raw = super().predict(X)
            return raw if self.knows_ else raw * np.nan

        def fit(self, X, y):
            self.knows_ = bool((y == YR[119]).any())
            return super().fit(X, y)

    folds = stackit.Folds(120, tuple(KFold(3).split(X)) * 2)
    with pytest.raises(
        ValueError, match=r"of estimator 'late' \(repeat 0 fold 2\) must be finite; got NaN in 40"
    ):
        cross_fitted([("late", Late())], X, YR, cv=folds)
    odd = Numbers(Ridge(), lambda p: p[:1], on_rows=5)
    stack = stackit.StackingRegressor([("odd", odd)], cv=3, refit=True).fit(X, YR)
    with pytest.raises(
        ValueError, match=r"of estimator 'odd' \(fitted on all rows\) must be of shape \(5,\)"
    ):
        stack.predict(X[:5])


def test_all_ways_to_new_rows_are_checked():
    odd = Numbers(Ridge(), lambda p: p[:1], on_rows=5)
    first, text = (
        [("odd", odd), ("ridge", Ridge())],
        r"of estimator 'odd' \(repeat 0 fold 0\) must be of shape \(5,\)",
    )
    for ensemble in (
        stackit.StackingRegressor(first, cv=3),
        stackit.LevelsRegressor([first, [("ridge", Ridge())]], cv=3),
        stackit.LevelsRegressor([first, Level([("ridge", Ridge())], nested=True)], cv=3),
        stackit.LevelsRegressor([[("ridge", Ridge())], first], cv=3),
    ):
        fitted = ensemble.fit(X, YR)
        fitted.predict(X[:4])
        with pytest.raises(ValueError, match=text):
            fitted.predict(X[:5])
        with pytest.raises(ValueError, match=text):
            fitted.transform(X[:5])


def test_errors_inside_a_nested_level_say_in_which_fold_of_it():
    odd = Numbers(Ridge(), lambda p: p[:1], on_rows=5)
    levels = stackit.LevelsRegressor([[("ridge", Ridge())], Level([("odd", odd)], nested=True)], cv=3)
    with pytest.raises(ValueError, match=r"of estimator 'odd'") as caught:
        levels.fit(X, YR).predict(X[:5])
    assert caught.value.__notes__ == ["Raised in repeat 0 fold 0 of a nested level."]
    with pytest.raises(ValueError, match=r"of estimator 'odd'") as caught:
        levels.set_params(level_2__odd__on_rows=None).fit(X, YR)
    assert caught.value.__notes__[-1] == "Raised in repeat 0 fold 0 of a nested level."


def test_members_that_mislead_are_dropped_by_stacks_and_levels():
    members = [("sound", LOGISTIC), ("odd", Proba(LOGISTIC, lambda p: p * np.nan))]
    for ensemble in (
        stackit.StackingClassifier(members, cv=3, on_error="skip"),
        stackit.StackingClassifier(members, cv=3, on_error="skip", refit=True),
        stackit.LevelsClassifier([members, [("second", LOGISTIC)]], cv=3, on_error="skip"),
        stackit.LevelsClassifier([[("first", LOGISTIC)], members], cv=3, on_error="skip"),
    ):
        with pytest.warns(UserWarning, match="Estimator 'odd' failed and is left out"):
            assert ensemble.fit(X, Y).score(X, Y) > 0.7


class AllFolds(RegressorMixin, BaseEstimator):
    """Fits all folds at once; the third one diverges."""

    def fit(self, X, y):
        self.value_ = float(np.mean(y))
        return self

    def fit_folds(self, X, y, folds, sample_weight=None):
        fitted = [AllFolds().fit(X[train], y[train]) for train, _ in folds.split()]
        fitted[2].value_ = np.nan
        return fitted

    def predict(self, X):
        return np.full(len(X), self.value_)


def test_folds_fitted_at_once_are_checked_one_by_one():
    text = r"of estimator 'all' \(repeat 0 fold 2\) must be finite; got NaN in 40 of 40 rows"
    with pytest.raises(ValueError, match=text) as caught:
        cross_fitted([("all", AllFolds())], X, YR, cv=KFold(3))
    assert "in repeat 0 fold 2" in caught.value.__notes__[0]
    huge = X * [1.0, 1e200]
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"\(repeat 0 fold 0\) must be finite"):
        cross_fitted([("wild", OverflowingRegressor())], huge, YR, cv=KFold(3))


class OverflowingRegressor(LinearRegression):
    def predict(self, X):
        return np.exp(np.asarray(X)[:, 1] ** 2 * 1e300)


def test_a_store_keeps_nothing_that_is_refused():
    store = MemoryStore()
    for _ in range(2):
        with pytest.raises(ValueError, match="must be finite"):
            cross_fitted([("odd", Numbers(Ridge(), with_nan))], X, YR, cv=KFold(3), store=store)


# What is right in another form


@pytest.mark.parametrize(
    "form",
    [
        lambda p: p.astype(np.float32),
        lambda p: p.tolist(),
        pd.DataFrame,
        lambda p: p.astype(object),
        np.asfortranarray,
        lambda p: p * (1 + 5e-4),
        lambda p: p - 1e-9,
    ],
)
def test_probabilities_come_in_any_container_with_rounding_errors(form):
    oof = cross_fitted([("own", Proba(LOGISTIC, form))], X, Y3, cv=KFold(3))
    plain = cross_val_predict(LOGISTIC, X, Y3, cv=KFold(3), method="predict_proba")
    np.testing.assert_allclose(oof.meta_train, plain, atol=1e-3)
    assert oof.meta_train.to_numpy().min() >= 0


@pytest.mark.parametrize(
    "form",
    [
        lambda p: p[:, np.newaxis],
        pd.Series,
        lambda p: pd.Series(p, index=np.arange(len(p))[::-1]),
        lambda p: p.astype(object),
        lambda p: p.tolist(),
        lambda p: pd.DataFrame({"y": p}),
        lambda p: pd.Series(p).astype("category"),
    ],
)
@pytest.mark.parametrize(
    "y", [Y, Y3, np.array(["a", "b", "c"])[Y3], Y.astype(bool)], ids=["01", "012", "abc", "bool"]
)
def test_labels_come_in_any_container(form, y):
    oof = cross_fitted([("own", Labels(LOGISTIC, form))], X, y, cv=KFold(3))
    plain = cross_fitted([("own", LOGISTIC)], X, y, cv=KFold(3), stack_method="predict")
    pd.testing.assert_frame_equal(oof.meta_train, plain.meta_train)


def test_rounding_errors_of_many_float32_are_cut_off():
    """One minus the mean of many float32 may be some 1e-6 below zero; more than rounding is refused."""

    def certain(below, p):
        return np.vstack([[1 + below, -below, 0.0], p[1:]])

    oof = cross_fitted([("own", Proba(LOGISTIC, partial(certain, 5e-6)))], X, Y3, cv=KFold(3))
    assert oof.meta_train.iloc[0].tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="from 0 to 1"):
        cross_fitted([("own", Proba(LOGISTIC, partial(certain, 5e-5)))], X, Y3, cv=KFold(3))


def test_labels_may_be_floats_of_whole_numbers():
    oof = cross_fitted([("own", Labels(LOGISTIC, lambda p: p.astype(float)))], X, Y + 3, cv=KFold(3))
    assert oof.summary.loc["own", "whole"] > 0.6


@pytest.mark.parametrize("form", [lambda p: p[:, np.newaxis], pd.Series, list, lambda p: p.astype("f4")])
def test_numbers_come_in_any_container(form):
    oof = cross_fitted([("own", Numbers(Ridge(), form))], X, YR, cv=KFold(3))
    np.testing.assert_allclose(
        oof.meta_train["own"], cross_val_predict(Ridge(), X, YR, cv=KFold(3)), rtol=1e-6
    )


def test_a_fold_without_a_class_still_has_its_columns():
    y = np.r_[np.zeros(40, int), np.ones(40, int), np.full(40, 2)]
    for estimator in (LOGISTIC, SVC(), LinearSVC(), SVC(decision_function_shape="ovo")):
        with pytest.warns(UserWarning, match="lacks classes"):
            oof = cross_fitted([("own", estimator)], X, y, X[:5], cv=KFold(3))
        assert oof.meta_train.shape == (120, 3)
        assert oof.meta_test.notna().all(axis=None)


# Several labels and outputs

XM, YM = make_multilabel_classification(90, 5, n_classes=3, allow_unlabeled=True, random_state=1)
MANY = OneVsRestClassifier(LOGISTIC)
FOREST = RandomForestClassifier(5, random_state=0)


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (Proba(MANY, lambda p: p[:, :1]), r"of shape \(30, 3\); got shape \(30, 1\)"),
        (Proba(MANY, lambda p: p[:1]), r"of shape \(30, 3\); got shape \(1, 3\)"),
        (Proba(MANY, with_nan), "finite; got NaN in 1 of 30"),
        (Proba(MANY, lambda p: p * 3 - 1), "probabilities, from 0 to 1; got values from -"),
        (Proba(FOREST, lambda p: [one[:, 1:] for one in p]), r"of shape \(30, 2\); got shape \(30, 1\)"),
        (Proba(FOREST, lambda p: [one[:1] for one in p]), r"of shape \(30, 2\); got shape \(1, 2\)"),
        (Proba(FOREST, lambda p: [100 * one for one in p]), "probabilities, from 0 to 1 and with a sum of 1"),
        (Proba(FOREST, lambda p: p[:2]), r"of shape \(30, 3\); got shape \(2, 30, 2\)"),
        (Labels(FOREST, lambda p: p[:, :1]), r"of shape \(30, 3\); got shape \(30, 1\)"),
        (Labels(FOREST, lambda p: p + 1), "0 or 1 for each label; got values from 1 to 2"),
        (Decision(MANY, lambda p: p[:1]), r"of shape \(30, 3\); got shape \(1, 3\)"),
        (Numbers(Ridge(), lambda p: p[:, 0]), r"of shape \(30, 3\); got shape \(30,\)"),
    ],
)
def test_several_labels_are_checked(estimator, text):
    with pytest.raises(ValueError, match=rf"of estimator 'odd' \(repeat 0 fold 0\) must be {text}"):
        cross_fitted([("sound", MANY), ("odd", estimator)], XM, YM, cv=KFold(3))


def test_several_labels_come_as_lists_tables_and_sparse():
    members = [
        ("lists", FOREST),
        ("table", MANY),
        ("neighbors", KNeighborsClassifier()),
        ("sparse", Labels(FOREST, sparse.csr_matrix)),
    ]
    oof = cross_fitted(members, XM, YM, XM[:5], cv=KFold(3))
    assert oof.meta_train.shape == (90, 12)
    plain = cross_val_predict(FOREST, XM, YM, cv=KFold(3), method="predict_proba")
    np.testing.assert_allclose(oof.meta_train.iloc[:, :3], np.column_stack([one[:, 1] for one in plain]))
    assert set(np.unique(oof.meta_train.iloc[:, 9:])) <= {0.0, 1.0}


# Final estimators

NAMES = np.array(["no", "perhaps", "yes"])[Y3]
FORMS = {
    "a column": lambda p: np.asarray(p)[:, np.newaxis],
    "a series": lambda p: pd.Series(p, index=np.arange(len(p)) + 7),
    "a list": lambda p: np.asarray(p).tolist(),
    "objects": lambda p: np.asarray(p).astype(object),
    "a frame": lambda p: pd.DataFrame({"label": p}),
}
MEMBERS = [("logistic", LOGISTIC), ("neighbors", KNeighborsClassifier())]
ENSEMBLES = {
    "stack": lambda final: stackit.StackingClassifier(MEMBERS, final, cv=2),
    "levels": lambda final: stackit.LevelsClassifier([MEMBERS[:1], MEMBERS[:1]], final, cv=2),
}
in_ensembles = pytest.mark.parametrize("ensemble", ENSEMBLES.values(), ids=ENSEMBLES)


@in_ensembles
@pytest.mark.parametrize(
    "y", [Y3, NAMES, Y.astype(bool), Y3.astype(float)], ids=["ints", "texts", "bools", "floats"]
)
def test_final_labels_are_a_vector_of_the_type_of_y(ensemble, y):
    own = ensemble(Labels(LOGISTIC, None)).fit(X, y)
    for form in (np.asarray, *FORMS.values()):
        own.final_estimator_.change = form
        predicted = own.predict(X)
        assert predicted.shape == (120,)
        assert predicted.dtype == y.dtype
        assert own.score(X, y) == np.mean(predicted == y) > 0.5


@in_ensembles
@pytest.mark.parametrize(
    ("final", "method", "text"),
    [
        (Labels(LOGISTIC, lambda p: p[:1]), "predict", r"of shape \(120,\) or \(120, 1\); got shape \(1,\)"),
        (Labels(LOGISTIC, with_nan), "predict", "labels among the classes of y .*; got nan"),
        (Labels(LOGISTIC, lambda p: p + 9), "predict", "labels among the classes of y .*; got (9|10)"),
        (Proba(LOGISTIC, lambda p: p[:, 1:]), "predict_proba", r"of shape \(120, 3\); got shape \(120, 2\)"),
        (Proba(LOGISTIC, lambda p: p[:1]), "predict_proba", r"of shape \(120, 3\); got shape \(1, 3\)"),
        (Proba(LOGISTIC, with_nan), "predict_proba", "finite; got NaN in 1 of 120 rows"),
        (Proba(LOGISTIC, lambda p: p * 100), "predict_proba", "probabilities, from 0 to 1 .*100"),
        (Decision(LOGISTIC, with_nan), "decision_function", "finite; got NaN in 1 of 120 rows"),
        (
            Decision(LOGISTIC, lambda p: p[:1]),
            "decision_function",
            r"of shape \(120, 3\); got shape \(1, 3\)",
        ),
    ],
)
def test_a_final_estimator_that_predicts_nonsense_is_named(ensemble, final, method, text):
    fitted = ensemble(final).fit(X, Y3[::-1])
    with pytest.raises(
        ValueError, match=rf"Predictions \({method}\) of estimator 'final_estimator' must be {text}"
    ):
        getattr(fitted, method)(X)


def test_final_numbers_are_checked_too():
    bases = [("ridge", Ridge())]
    for y, shape in ((YR, (120,)), (Y2, (120, 2))):
        plain = stackit.StackingRegressor(bases, LinearRegression(), cv=3).fit(X, y).predict(X)
        for form in (lambda p: p.reshape(len(p), -1), lambda p: p.tolist(), pd.DataFrame):
            found = (
                stackit.StackingRegressor(bases, Numbers(LinearRegression(), form), cv=3).fit(X, y).predict(X)
            )
            assert found.shape == shape
            np.testing.assert_array_equal(found, plain)
        for wrong, text in (
            (with_nan, "finite"),
            (lambda p: p[:1], "of shape"),
            (lambda p: p[:, None], "of shape"),
        ):
            if y is YR and wrong is not with_nan and text == "of shape" and wrong(plain).shape == (120, 1):
                continue
            stack = stackit.StackingRegressor(bases, Numbers(LinearRegression(), wrong), cv=3).fit(X, y)
            with pytest.raises(ValueError, match=f"of estimator 'final_estimator' must be {text}"):
                stack.predict(X)


def test_what_a_caller_wants_besides_predictions_is_handed_on():
    class Spread(LinearRegression):
        def predict(self, X, return_std=False, quantiles=None):
            found = super().predict(X)[:, np.newaxis]
            if quantiles is not None:
                return found + np.asarray(quantiles)
            return (found, np.ones(len(found))) if return_std else found

    stack = stackit.StackingRegressor([("ridge", Ridge())], Spread(), cv=3).fit(X, YR)
    mean, spread = stack.predict(X, return_std=True)
    assert mean.shape == spread.shape == stack.predict(X).shape == (120,)
    assert stack.predict(X, quantiles=[0.1, 0.9]).shape == (120, 2)


def test_final_estimators_of_several_labels_are_checked():
    stack = stackit.StackingClassifier([("forest", FOREST)], MANY, cv=3).fit(XM, YM)
    assert stack.predict(XM).shape == YM.shape
    assert stack.predict(XM).dtype == np.intp
    odd = stackit.StackingClassifier([("forest", FOREST)], Proba(MANY, lambda p: p[:, :2]), cv=3).fit(XM, YM)
    with pytest.raises(
        ValueError, match=r"'final_estimator' must be of shape \(90, 3\); got shape \(90, 2\)"
    ):
        odd.predict_proba(XM)


def test_decisions_of_a_final_estimator_have_scikit_learns_shapes():
    for y, shape in ((Y, (120,)), (Y3, (120, 3))):
        stack = stackit.StackingClassifier(MEMBERS, LinearSVC(), cv=3).fit(X, y)
        assert stack.decision_function(X).shape == shape
    four = stackit.StackingClassifier(MEMBERS, SVC(decision_function_shape="ovo"), cv=3).fit(
        X, np.arange(120) % 4
    )
    assert four.decision_function(X).shape == (120, 6)


def test_assessment_names_the_final_estimator_and_the_fold():
    oof = cross_fitted(MEMBERS, X, Y3, cv=KFold(3))
    with pytest.raises(
        ValueError, match=r"of estimator 'odd' \(repeat 0 fold 0\) must be of shape \(40, 3\)"
    ):
        compare(oof, [("odd", Proba(LOGISTIC, lambda p: p[:, :2]))])
    stack = stackit.StackingClassifier(MEMBERS, Proba(LOGISTIC, lambda p: p[:, :2]), cv=3)
    with pytest.raises(
        ValueError, match=r"of estimator 'stack' \(repeat 0 fold 0\) must be of shape \(40, 3\)"
    ):
        nested_score(stack, X, Y3, cv=KFold(3))
    column = stackit.StackingClassifier(MEMBERS, Labels(LOGISTIC, FORMS["a column"]), cv=3)
    plain = nested_score(
        stackit.StackingClassifier(MEMBERS, Labels(LOGISTIC, np.asarray), cv=3), X, Y3, cv=KFold(3)
    )
    found = nested_score(column, X, Y3, cv=KFold(3))
    assert found.table.loc["stack", "whole"] == plain.table.loc["stack", "whole"]


def test_what_is_sound_is_not_touched():
    estimator = CalibratedClassifierCV(LinearSVC(), cv=2)
    oof = cross_fitted([("own", estimator)], X, Y3, cv=KFold(3), random_state=None)
    plain = cross_val_predict(estimator, X, Y3, cv=KFold(3), method="predict_proba")
    np.testing.assert_array_equal(oof.average("own"), plain)
    mean = cross_fitted([("mean", DummyRegressor())], X, YR, cv=KFold(3)).meta_train["mean"]
    np.testing.assert_array_equal(mean, cross_val_predict(DummyRegressor(), X, YR, cv=KFold(3)))


def test_each_pair_of_classes_gives_one_vote():
    assert pairwise_votes(np.array([[-1.0, 0.5, 2.0]]), 3).tolist() == [[1.0, 2.0, 0.0]]


def test_an_estimator_without_probabilities_predicts_decisions():
    spec = prediction_spec("svm", LinearSVC(), "auto", classification_target([0, 1]))
    assert spec.method == "decision_function"
