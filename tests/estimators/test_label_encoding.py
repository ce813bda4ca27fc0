"""Who is a classifier, and which labels it gets: doubles that behave as real libraries do."""

import warnings
from inspect import signature

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import f1_score, log_loss, make_scorer, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from stackit import (
    LevelsClassifier,
    LevelsRegressor,
    StackingClassifier,
    StackingRegressor,
    out_of_fold,
)
from stackit.assess import compare, nested_score
from stackit.estimators.copies import unfitted_copy
from stackit.estimators.estimator_type import estimator_type, is_classifier
from stackit.estimators.label_encoding.fitting import encoded_parts
from stackit.estimators.label_encoding.wrappers import (
    ConstantClassifier,
    LabelEncodedClassifier,
    classes_in,
    lacks_order,
)
from tests.doubles import NeverFittedRidge

random = np.random.default_rng(0)
X = random.normal(size=(120, 3))
Y = (X[:, 0] + 0.5 * X[:, 1] + random.normal(size=120) > 0).astype(int)
Y3 = np.digitize(X[:, 0] + 0.5 * random.normal(size=120), [-0.5, 0.5])
FOLDS = StratifiedKFold(3)
LABELS = {
    "1, 2": np.array([1, 2]),
    "-1, 1": np.array([-1, 1]),
    "gap": np.array([0, 5]),
    "text": np.array(["no", "yes"]),
    "objects": np.array(["no", "yes"], dtype=object),
    "bool": np.array([False, True]),
    "float": np.array([0.0, 1.0]),
    "int32": np.array([0, 1], dtype=np.int32),
    "int8": np.array([0, 1], dtype=np.int8),
}
any_labels = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())


class Untagged(BaseEstimator):
    """Logistic regression without tags, as mord, ngboost, tabnet and mlxtend have their classifiers."""

    def __init__(self, C=1.0, class_weight=None):
        self.C = C
        self.class_weight = class_weight

    def fit(self, X, y, sample_weight=None):
        self.inner_ = LogisticRegression(C=self.C, class_weight=self.class_weight)
        self.inner_.fit(X, y, sample_weight)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):
        return self.inner_.predict(X)

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


class Tagged(ClassifierMixin, Untagged):
    """The same with tags."""


class Unreadable(ClassifierMixin):
    """Inherits from the mixin alone, as perpetual's: reading its tags raises."""

    def get_params(self, deep=True):
        return {}

    fit, predict, predict_proba = Untagged.fit, Untagged.predict, Untagged.predict_proba
    C, class_weight = 1.0, None


class Duck:
    """Has neither tags nor parameters, and probabilities."""

    fit, predict, predict_proba = Untagged.fit, Untagged.predict, Untagged.predict_proba
    C, class_weight = 1.0, None


class Silent:
    """Has neither tags nor probabilities: what it predicts is unknown."""

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))

    def predict(self, X):
        return np.full(len(X), self.mean_)


class LooksUpFalseAndTrue(ClassifierMixin, Untagged):
    """Finds probabilities by False and True, as river's: those of other labels are 0."""

    def predict_proba(self, X):
        known = dict(zip(self.classes_.tolist(), super().predict_proba(X).T, strict=True))
        return np.column_stack([known.get(code, np.zeros(len(X))) for code in (False, True)])


class Indexes(ClassifierMixin, Untagged):
    """Labels index its outputs, as a torch net's: as many as it was made with, and only whole numbers."""

    def __init__(self, n_outputs=2, weights=None):
        self.n_outputs = n_outputs
        self.weights = weights
        self.C, self.class_weight = 1.0, None

    def fit(self, X, y):
        if np.asarray(y).dtype != np.int64:
            raise RuntimeError("expected scalar type Long")
        np.zeros(self.n_outputs)[y]
        if y.min() < 0:
            raise IndexError("target out of bounds")
        return super().fit(X, y)

    def predict_proba(self, X):
        table = np.full((len(X), self.n_outputs), 0.01)
        table[:, self.classes_] = super().predict_proba(X)
        return table / table.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


class Anonymous(Untagged):
    """Has no classes_, as ngboost's."""

    def fit(self, X, y):
        super().fit(X, y)
        del self.classes_


class Shuffled(Anonymous):
    """Has the columns of its probabilities in the order in which its groups brought the classes."""

    def fit(self, X, y):
        super().fit(X, y)
        self.order_ = np.unique(y)[::-1]

    def predict_proba(self, X):
        return super().predict_proba(X)[:, self.order_]


class Columns(Untagged):
    """Predicts a column per class, as venn-abers does."""

    def predict(self, X):
        return self.predict_proba(X)


class Forgets(ClassifierMixin, BaseEstimator):
    """Its get_params does not name `scale`."""

    def __init__(self, C=1.0, scale=1.0):
        self.C = C
        self.scale = scale

    @classmethod
    def _get_param_names(cls):
        return ["C"]

    fit, predict, predict_proba = Untagged.fit, Untagged.predict, Untagged.predict_proba
    class_weight = None


class Keeps(LogisticRegression):
    """Changes what its constructor is given, which scikit-learn refuses to clone."""

    def __init__(self, columns=()):
        super().__init__()
        self.columns = list(columns)

    def fit(self, X, y):
        return super().fit(np.asarray(X)[:, self.columns], y)

    def predict_proba(self, X):
        return super().predict_proba(np.asarray(X)[:, self.columns])


class Unchained(LogisticRegression):
    """Its fit returns nothing."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)


def table_of(estimator, y=Y, **options):
    return out_of_fold([("one", estimator)], X, y, cv=FOLDS, n_jobs=1, **options).meta_train.to_numpy()


RIGHT = table_of(LogisticRegression())


# --- who is a classifier


@pytest.mark.parametrize("kind", [Untagged, Unreadable, Duck])
def test_what_has_probabilities_is_a_classifier_without_tags(kind):
    alone = out_of_fold([("a", kind())], X, Y, cv=5, n_jobs=1)
    together = out_of_fold([("lr", LogisticRegression()), ("a", kind())], X, Y, cv=5, n_jobs=1)
    assert alone.target.kind == "binary"
    assert alone.folds.metadata["scheme"] == "StratifiedKFold"
    np.testing.assert_array_equal(together.meta_train["a"], together.meta_train["lr"])
    np.testing.assert_array_equal(alone.meta_train["a"], together.meta_train["lr"])
    assert alone.summary.loc["a", "whole"] == together.summary.loc["lr", "whole"]


@pytest.mark.parametrize("kind", [Untagged, Unreadable, Duck])
def test_stacks_and_levels_take_them_as_classifiers(kind):
    for ensemble in (StackingClassifier([("a", kind())]), LevelsClassifier([[("a", kind())]])):
        fitted = ensemble.fit(X, Y)
        theirs = clone(ensemble.set_params(**_with(ensemble, LogisticRegression()))).fit(X, Y)
        np.testing.assert_array_equal(fitted.predict_proba(X), theirs.predict_proba(X))
        assert [result.spec.method for result in fitted.oof_.values()] == ["predict_proba"]


def _with(ensemble, member):
    return {"levels": [[("a", member)]]} if hasattr(ensemble, "levels") else {"estimators": [("a", member)]}


@pytest.mark.parametrize("kind", [Untagged, Unreadable, Duck])
@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: make_pipeline(StandardScaler(), e)])
def test_regressors_do_not_take_them(kind, wrap):
    for ensemble in (StackingRegressor([("a", wrap(kind()))]), LevelsRegressor([[("a", wrap(kind()))]])):
        with pytest.raises(ValueError, match=r"must be regressors; \['a'\] are classifiers"):
            ensemble.fit(X, Y)
    with pytest.raises(ValueError, match=r"(?s)final_estimator=.* must be a regressor"):
        StackingRegressor([("r", Ridge())], wrap(kind())).fit(X, Y)


@pytest.mark.parametrize("kind", [Untagged, Unreadable, Duck])
def test_they_can_be_final(kind):
    y = LABELS["text"][Y]
    fitted = StackingClassifier([("nb", GaussianNB())], kind()).fit(X, y)
    theirs = StackingClassifier([("nb", GaussianNB())], LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), theirs.predict_proba(X))
    assert fitted.predict(X).tolist() == theirs.predict(X).tolist()
    if kind is not Untagged:
        return
    table = compare(fitted, [("own", kind())]).table
    assert (
        table.loc["own", "mean"] == compare(theirs, [("own", LogisticRegression())]).table.loc["own", "mean"]
    )


@pytest.mark.parametrize(
    "wrap", [lambda e: make_pipeline(StandardScaler(), e), lambda e: GridSearchCV(e, {})]
)
@pytest.mark.parametrize("kind", [Untagged, Unreadable])
def test_wrappers_are_what_they_wrap(wrap, kind):
    assert is_classifier(wrap(kind()))
    assert not is_classifier(wrap(Ridge()))


def test_metadata_routing_does_not_change_who_is_a_classifier():
    with sklearn.config_context(enable_metadata_routing=True):
        np.testing.assert_array_equal(table_of(Untagged()), RIGHT)


def test_tags_count_before_methods():
    class Bins(RegressorMixin, Untagged):
        """A regressor with probabilities of its bins."""

    assert estimator_type(Bins()) == "regressor"
    assert estimator_type(GaussianMixture()) == "density_estimator"


def test_an_estimator_of_unknown_type_is_named_before_any_fit():
    with pytest.raises(
        ValueError, match="Estimator 'mute' is neither known as a classifier nor as a regressor"
    ):
        out_of_fold([("never", NeverFittedRidge()), ("mute", Silent())], X, X[:, 0], cv=3)
    with pytest.raises(ValueError, match="Estimator 'mute' is neither known"):
        StackingRegressor([("never", NeverFittedRidge()), ("mute", Silent())]).fit(X, X[:, 0])


def test_an_estimator_of_unknown_type_is_skipped_where_failures_are():
    members = [("ridge", Ridge()), ("mute", Silent())]
    with pytest.warns(UserWarning, match="Estimator 'mute' failed and is left out: ValueError") as caught:
        oof = out_of_fold(members, X, X[:, 0], cv=3, on_error="skip", n_jobs=1)
    assert len(caught) == 1
    assert list(oof.meta_train) == ["ridge"]
    assert list(oof.failures) == ["mute"]
    with pytest.warns(UserWarning, match="'mute' failed"):
        assert StackingRegressor(members, on_error="skip").fit(X, X[:, 0]).stack_method_ == ["predict"]
    with (
        pytest.warns(UserWarning, match="'mute' failed"),
        pytest.raises(ValueError, match="'mute' is neither known"),
    ):
        out_of_fold([("mute", Silent())], X, X[:, 0], cv=3, on_error="skip")


# --- codes


@any_labels
@pytest.mark.parametrize("kind", [LooksUpFalseAndTrue, Indexes, Untagged, Anonymous, Columns])
def test_predictions_do_not_depend_on_the_labels(kind, labels):
    expected = table_of(kind())
    np.testing.assert_allclose(expected, table_of(kind(), labels[Y]))
    oof = out_of_fold([("one", kind())], X, labels[Y], cv=FOLDS, n_jobs=1)
    assert roc_auc_score(Y, oof.meta_train["one"]) == roc_auc_score(Y, RIGHT[:, 0])
    for fitted in oof["one"].fold_estimators:
        assert fitted.classes_.tolist() == labels.tolist()
        assert fitted.classes_.dtype == labels.dtype


@any_labels
@pytest.mark.parametrize("kind", [LooksUpFalseAndTrue, Indexes, Anonymous, Columns])
def test_final_predictions_do_not_depend_on_the_labels(kind, labels):
    base = [("nb", GaussianNB())]
    theirs = StackingClassifier(base, LogisticRegression(), cv=FOLDS).fit(X, Y)
    fitted = StackingClassifier(base, kind(), cv=FOLDS).fit(X, labels[Y])
    assert fitted.predict(X).tolist() == labels[theirs.predict(X)].tolist()
    np.testing.assert_allclose(fitted.predict_proba(X).argmax(axis=1), theirs.predict_proba(X).argmax(axis=1))


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("labels", [np.arange(3), np.array(["a", "b", "c"]), np.array([-1, 0, 7])], ids=str)
def test_a_net_of_fixed_outputs_takes_a_fold_without_a_class(missing, labels):
    held_out = np.flatnonzero(Y3 == missing)
    rest = np.flatnonzero(Y3 != missing)
    splits = [(rest, held_out), (np.r_[held_out, rest[::2]], rest[1::2])]
    with pytest.warns(UserWarning, match=f"lacks {labels[missing]}"):
        oof = out_of_fold([("net", Indexes(3))], X, labels[Y3], cv=splits, n_jobs=1)
    table = oof.meta_train.to_numpy()
    plain = LogisticRegression().fit(X[rest], Y3[rest])
    expected = np.zeros((len(held_out), 3))
    expected[:, plain.classes_] = plain.predict_proba(X[held_out])
    np.testing.assert_allclose(table[held_out], expected, atol=0.02)
    assert (table[held_out, missing] == 0).all()
    np.testing.assert_allclose(table[~np.isnan(table).any(axis=1)].sum(axis=1), 1)


@any_labels
def test_a_plain_torch_net_takes_any_labels(labels):
    torch = pytest.importorskip("torch")

    class Net(BaseEstimator):
        def fit(self, X, y):
            torch.manual_seed(0)
            self.net_ = torch.nn.Linear(X.shape[1], 3)  # one output more than there are classes
            rows, targets = torch.tensor(X, dtype=torch.float32), torch.tensor(np.asarray(y))
            optimizer = torch.optim.Adam(self.net_.parameters(), lr=0.1)
            for _ in range(30):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(self.net_(rows), targets).backward()
                optimizer.step()

        def predict_proba(self, X):
            with torch.no_grad():
                return self.net_(torch.tensor(X, dtype=torch.float32)).softmax(dim=1).numpy()

        def predict(self, X):
            return self.predict_proba(X).argmax(axis=1)

    table = table_of(Net(), labels[Y])
    np.testing.assert_array_equal(table, table_of(Net(), Y))
    assert roc_auc_score(Y, table[:, 0]) > 0.75


@pytest.mark.parametrize("error", [IndexError, RuntimeError, KeyError, ZeroDivisionError])
@pytest.mark.parametrize("known", [False, True])
def test_codes_are_tried_whatever_error_labels_raise(error, known):
    class Refuses(LogisticRegression):
        def fit(self, X, y):
            if np.asarray(y).dtype.kind not in "iu":
                raise error("only whole numbers")
            return super().fit(X, y)

    if known:  # as of a library that takes any labels, and then does not
        Refuses.__module__ = "sklearn.linear_model"
        assert encoded_parts(Refuses()) == ()
    np.testing.assert_array_equal(table_of(Refuses(), LABELS["text"][Y]), RIGHT)


def test_labels_as_they_are_are_tried_where_codes_fail():
    class WantsWords(LogisticRegression):
        def fit(self, X, y):
            if np.asarray(y).dtype.kind != "U":
                raise LookupError("I know 'no' and 'yes'")
            return super().fit(X, y)

    np.testing.assert_array_equal(table_of(WantsWords(), LABELS["text"][Y]), RIGHT)


def test_where_both_fail_the_first_error_is_raised_with_name_and_fold():
    class FailsWithItsLabels(LogisticRegression):
        def fit(self, X, y):
            raise RuntimeError(f"out of luck with {np.unique(y).tolist()}")

    with pytest.raises(RuntimeError, match=r"out of luck with \[0, 1\]") as caught:
        table_of(FailsWithItsLabels(), LABELS["text"][Y])
    assert any("Raised by estimator 'one' in repeat 0 fold 0" in note for note in caught.value.__notes__)
    with pytest.raises(RuntimeError, match=r"out of luck with \[0, 1\]"):
        StackingClassifier([("nb", GaussianNB())], FailsWithItsLabels()).fit(X, LABELS["text"][Y])


def test_a_class_alone_is_predicted_whatever_error_it_raises():
    class NeedsTwo(LogisticRegression):
        def fit(self, X, y):
            if len(np.unique(y)) < 2:
                raise IndexError("list index out of range")
            return super().fit(X, y)

    y = np.r_[np.zeros(40, int), np.ones(40, int)]
    with pytest.warns(UserWarning, match="lacks"):
        oof = out_of_fold([("one", NeedsTwo())], X[:80], y, cv=KFold(2), n_jobs=1)
    assert oof.meta_train["one"].tolist() == [1.0] * 40 + [0.0] * 40


def test_libraries_that_take_any_labels_get_them_as_they_are():
    oof = out_of_fold([("one", GaussianNB())], X, LABELS["text"][Y], cv=FOLDS, n_jobs=1)
    assert type(oof["one"].fold_estimators[0]) is GaussianNB

    class Shallow(DecisionTreeClassifier):
        """Only its defaults are the user's: what runs is scikit-learn's."""

        def __init__(self, max_depth=1):
            super().__init__(max_depth=max_depth)

    assert encoded_parts(Shallow()) == ()


@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples")
@pytest.mark.parametrize("labels", [[-1, 0, 1], [-1.0, 2.0, 3.0]])
@pytest.mark.parametrize(
    "estimator",
    [
        LabelSpreading(),
        make_pipeline(StandardScaler(), LabelPropagation(kernel="knn", n_neighbors=20)),
        SelfTrainingClassifier(LogisticRegression()),
        CalibratedClassifierCV(LabelSpreading(), cv=2),
    ],
    ids=["spreading", "in a pipeline", "self-training", "calibrated"],
)
def test_a_label_of_minus_one_is_a_class_as_any_other(estimator, labels):
    """To semi-supervised estimators it means that a row has no label; scikit-learn's stack gives codes."""
    given, codes = (out_of_fold([("one", estimator)], X, y, cv=FOLDS) for y in (np.array(labels)[Y3], Y3))
    np.testing.assert_allclose(given.meta_train, codes.meta_train, atol=1e-12)


def test_a_tagged_classifier_on_codes_is_not_wrapped():
    fitted = out_of_fold([("one", LooksUpFalseAndTrue())], X, Y, cv=FOLDS, n_jobs=1)["one"].fold_estimators
    assert [type(each) for each in fitted] == [LooksUpFalseAndTrue] * 3


def test_columns_in_another_order_are_not_used():
    labels = np.array(["a", "b", "c"])[Y3]
    with pytest.warns(UserWarning, match="The labels that 'one' predicts are used, not its prob") as caught:
        oof = out_of_fold([("one", Shuffled())], X, labels, X[:5], cv=FOLDS, n_jobs=1)
    assert len(caught) == 1
    expected = out_of_fold(
        [("one", LogisticRegression())], X, labels, X[:5], cv=FOLDS, n_jobs=1, stack_method="predict"
    )
    assert oof.meta_train.equals(expected.meta_train)
    assert oof.meta_test.equals(expected.meta_test)
    assert oof.transform(X).equals(expected.transform(X))
    assert oof.summary["whole"].tolist() == expected.summary["whole"].tolist()
    with pytest.raises(ValueError, match="The columns of predict_proba of Shuffled are not in the order"):
        StackingClassifier([("nb", GaussianNB())], Shuffled()).fit(X, labels).predict_proba(X)


# --- parameters that name labels


@pytest.mark.parametrize("labels", [np.array(["no", "yes"]), np.array([1, 2]), np.array([0, 1])], ids=str)
def test_class_weights_are_kept_by_label(labels):
    y, weights = labels[Y], {labels[0]: 1.0, labels[1]: 9.0}
    theirs = table_of(LogisticRegression(class_weight=weights), y)
    own = Untagged(class_weight=weights)
    np.testing.assert_array_equal(table_of(own, y), theirs)
    assert own.class_weight == weights
    scaled = table_of(make_pipeline(StandardScaler(), LogisticRegression(class_weight=weights)), y)
    np.testing.assert_array_equal(table_of(make_pipeline(StandardScaler(), own), y), scaled)
    grid = {"class_weight": [weights]}
    np.testing.assert_array_equal(table_of(GridSearchCV(Tagged(), grid), y), theirs)


def test_class_weights_of_a_foreign_wrapper_are_kept_by_label():
    class FirstOfGrid(ClassifierMixin, BaseEstimator):
        def __init__(self, estimator=None, param_grid=None):
            self.estimator = estimator
            self.param_grid = param_grid

        def fit(self, X, y):
            self.fitted_ = clone(self.estimator).set_params(**{k: v[0] for k, v in self.param_grid.items()})
            self.fitted_.fit(X, y)
            self.classes_ = self.fitted_.classes_
            return self

        def predict_proba(self, X):
            return self.fitted_.predict_proba(X)

    y, weights = LABELS["text"][Y], {"no": 1.0, "yes": 9.0}
    theirs = table_of(LogisticRegression(class_weight=weights), y)
    inside = FirstOfGrid(LogisticRegression(class_weight=weights), {})
    in_grid = FirstOfGrid(LogisticRegression(), {"class_weight": [weights]})
    np.testing.assert_array_equal(table_of(inside, y), theirs)
    np.testing.assert_array_equal(table_of(in_grid, y), theirs)


def test_weights_by_position_follow_their_class_where_one_is_missing():
    class Weighted(Indexes):
        def __init__(self, n_outputs=3, class_weight=None):
            super().__init__(n_outputs)
            self.class_weight = class_weight

        def fit(self, X, y):
            self.seen_ = {int(code): self.class_weight[code] for code in np.unique(y)}
            given, self.class_weight = self.class_weight, self.seen_
            super().fit(X, y)
            self.class_weight = given
            return self

    rest, held_out = np.flatnonzero(Y3 != 1), np.flatnonzero(Y3 == 1)
    with pytest.warns(UserWarning, match="lacks b"):
        oof = out_of_fold(
            [("one", Weighted(3, [1.0, 5.0, 9.0]))],
            X,
            np.array(["a", "b", "c"])[Y3],
            cv=[(rest, held_out)],
            n_jobs=1,
        )
    assert oof["one"].fold_estimators[0].seen_ == {0: 1.0, 1: 9.0}


def test_scorers_of_a_search_see_labels():
    y, seen = LABELS["text"][Y], set()

    def scorer(estimator, X, y):
        seen.update(np.unique(y).tolist(), estimator.predict(X).tolist(), estimator.classes_.tolist())
        return estimator.score(X, y)

    for scoring in (scorer, make_scorer(f1_score, pos_label="yes")):
        grid = {"C": [0.01, 1.0]}
        own = GridSearchCV(Untagged(), grid, scoring=scoring, error_score="raise")
        theirs = GridSearchCV(LogisticRegression(), grid, scoring=scoring, error_score="raise")
        np.testing.assert_array_equal(table_of(own, y), table_of(theirs, y))
    assert seen == {"no", "yes"}


def test_weights_of_rows_reach_a_classifier_inside_a_calibration():
    y, weights = LABELS["text"][Y], random.random(120) + 0.1
    calibrated = CalibratedClassifierCV(Tagged(), cv=2)
    with_weights = table_of(calibrated, y, sample_weight=weights)
    np.testing.assert_array_equal(with_weights, table_of(calibrated, Y, sample_weight=weights))
    assert np.abs(with_weights - table_of(calibrated, y)).max() > 0.001


def test_a_translated_classifier_can_be_cloned_and_set():
    wrapper = LabelEncodedClassifier(Untagged(C=2.0))
    copied = clone(wrapper).set_params(C=3.0)
    assert (wrapper.estimator.C, copied.estimator.C, copied.get_params()["C"]) == (2.0, 3.0, 3.0)
    assert "sample_weight" in signature(copied.fit).parameters


# --- fit, get_params and clone


def test_fit_need_not_return_anything():
    np.testing.assert_array_equal(table_of(Unchained()), RIGHT)
    np.testing.assert_array_equal(table_of(make_pipeline(Unchained())), RIGHT)
    base = [("nb", GaussianNB())]
    for final in (Unchained(), make_pipeline(StandardScaler(), Unchained())):
        fitted = StackingClassifier(base, final).fit(X, LABELS["text"][Y])
        assert set(fitted.predict(X)) == {"no", "yes"}
    refitted = StackingClassifier([("one", Unchained())], refit=True).fit(X, Y)
    theirs = StackingClassifier([("one", LogisticRegression())], refit=True).fit(X, Y)
    np.testing.assert_array_equal(refitted.predict_proba(X), theirs.predict_proba(X))


def test_fit_of_a_regressor_may_return_what_it_likes():
    class History(Ridge):
        def fit(self, X, y, sample_weight=None):
            super().fit(X, y, sample_weight)
            return {"loss": [1.0]}

    own, theirs = (
        StackingRegressor([("one", kind())], kind(), cv=3).fit(X, X @ [1.0, 2.0, 3.0]).predict(X)
        for kind in (History, Ridge)
    )
    np.testing.assert_allclose(own, theirs)


def test_lost_parameters_are_said_once_by_name():
    with pytest.warns(UserWarning, match=r"'tiny' loses scale=1e-06") as caught:
        out_of_fold([("tiny", Forgets(scale=1e-6)), ("lr", LogisticRegression())], X, Y, cv=3, n_jobs=1)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="'in_pipe' loses scale=2.0, 'final_estimator' loses scale=3.0"):
        StackingClassifier([("in_pipe", make_pipeline(Forgets(scale=2.0)))], Forgets(scale=3.0)).fit(X, Y)
    with pytest.warns(UserWarning, match="'level_1__tiny' loses scale=2.0"):
        LevelsClassifier([[("tiny", Forgets(scale=2.0))]]).fit(X, Y)
    for stack, text in [
        (StackingClassifier([("lr", LogisticRegression())], Forgets(scale=3.0)), "'final_estimator'"),
        (LevelsClassifier([[("tiny", Forgets(scale=3.0))]]), "'level_1__tiny'"),
    ]:
        with pytest.warns(UserWarning, match=f"{text} loses scale=3.0") as caught:
            nested_score(stack, X, Y, cv=2, inner_cv=2)
        assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table_of(Forgets(C=2.0, scale=1.0))


def test_an_unfitted_estimator_that_cannot_be_cloned_is_copied():
    with pytest.raises(RuntimeError, match="Cannot clone"):
        clone(Keeps([0, 1]))
    expected = out_of_fold([("one", LogisticRegression())], X[:, :2], Y, cv=FOLDS, n_jobs=1).meta_train
    np.testing.assert_allclose(table_of(Keeps([0, 1])), expected)
    np.testing.assert_allclose(table_of(make_pipeline(Keeps([0, 1]))), expected)
    base = [("a", GaussianNB()), ("b", LinearRegression())]
    fitted = StackingClassifier(base, Keeps([0]), cv=FOLDS, refit=True).fit(X, LABELS["text"][Y])
    assert log_loss(Y, fitted.predict_proba(X)) < np.log(2)
    for ensemble in (fitted, LevelsClassifier([[("a", Keeps([0]))], [("b", Keeps([0]))]]).fit(X, Y)):
        copied = clone(ensemble)
        assert not hasattr(copied, "oof_")
        assert copied.fit(X, LABELS["text"][Y]).predict_proba(X).shape == (120, 2)
    assert nested_score(fitted, X, LABELS["text"][Y], cv=3).scores["score"].notna().all()
    with pytest.raises(RuntimeError) as caught:
        unfitted_copy(Keeps([0]).fit(X, Y))
    assert "must not be fitted yet" in caught.value.__notes__[0]


def test_a_constant_classifier_predicts_the_only_class():
    assert ConstantClassifier().fit([[0], [1]], ["no", "no"]).predict([[5]]).tolist() == ["no"]


def test_a_classifier_without_encoded_labels_has_probabilities_in_a_known_order():
    assert not lacks_order(LogisticRegression(), "predict_proba")


@pytest.mark.parametrize(("classes", "expected"), [(np.array([0, 1]), [0, 1]), (None, [])])
def test_classes_are_listed_as_python_values(classes, expected):
    assert classes_in(classes) == expected
