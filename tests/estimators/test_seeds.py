"""Seeds: a run with a seed comes out the same, bit for bit, whatever in an estimator is left to chance."""

import random
import warnings
from contextlib import suppress
from functools import partial
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    TransformerMixin,
    clone,
    is_classifier,
)
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

import stackit
from stackit import DiskStore, StackingClassifier, make_folds
from stackit.estimators.seeds import DRAWING, ShuffledFolds, seed_of, seeds_of, shared_draws
from stackit.estimators.traits import set_seeds

RNG = np.random.default_rng(0)
N = 90
X = RNG.normal(size=(N, 3))
Y = (X[:, 0] + RNG.normal(size=N) > 0).astype(int)
TIED = np.round(RNG.normal(size=(N, 12)))
LETTERS = pd.DataFrame({"letter": RNG.choice(list("abcdefghij"), N), "number": X[:, 0], "other": X[:, 1]})
out_of_fold = partial(stackit.out_of_fold, n_jobs=1)


class Global(ClassifierMixin, BaseEstimator):
    """Draws from the generators that all share, in fit and in predict."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.share_ = np.random.uniform() + random.random()  # noqa: NPY002 - what is tried
        return self

    def predict_proba(self, X):
        share = np.random.uniform(size=len(X)) * self.share_ / 2  # noqa: NPY002 - what is tried
        return np.c_[share, 1 - share]

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Named(RegressorMixin, BaseEstimator):
    """Calls its seed otherwise, and draws from the operating system without one."""

    def __init__(self, seed=None):
        self.seed = seed

    def fit(self, X, y):
        self.value_ = np.random.default_rng(self.seed).normal()
        return self

    def predict(self, X):
        return np.full(len(X), self.value_)


class NamedLonger(Named):
    def __init__(self, random_seed=None):
        self.random_seed = random_seed

    @property
    def seed(self):
        return self.random_seed


class Noise(TransformerMixin, BaseEstimator):
    """Draws from a generator that it was given."""

    def __init__(self, generator):
        self.generator = generator

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X + self.generator.normal(size=np.shape(X))


def noisy(X):
    return X + np.random.normal(size=np.shape(X))  # noqa: NPY002 - what is tried


ENCODED = ColumnTransformer([("t", TargetEncoder(), ["letter"])], remainder="passthrough")
UNSEEDED = {
    "target encoder": (make_pipeline(TargetEncoder(), LogisticRegression()), LETTERS[["letter"]]),
    "target encoder among columns": (make_pipeline(ENCODED, LogisticRegression()), LETTERS),
    "target encoder, deeper": (
        VotingClassifier(
            [("a", make_pipeline(FeatureUnion([("c", ENCODED)]), LogisticRegression()))], voting="soft"
        ),
        LETTERS,
    ),
    "target encoder of numbers": (
        make_pipeline(TargetEncoder(cv=3, target_type="continuous"), Ridge()),
        LETTERS[["letter"]],
    ),
    "target encoder in a search": (
        GridSearchCV(
            make_pipeline(TargetEncoder(), LogisticRegression()), {"logisticregression__C": [1, 9]}, cv=2
        ),
        LETTERS[["letter"]],
    ),
    # Ties are broken by unseeded noise.
    "a scorer of columns": (
        make_pipeline(SelectKBest(mutual_info_classif, k=1), LogisticRegression()),
        TIED,
    ),
    "a function": (make_pipeline(FunctionTransformer(noisy), LogisticRegression()), X),
    "the generators that all share": (Global(), X),
    "the shared generator, named": (SGDClassifier(random_state=np.random.mtrand._rand, loss="log_loss"), X),
    "seed": (Named(), X),
    "random_seed": (NamedLonger(), X),
    "a generator": (make_pipeline(Noise(np.random.default_rng(0)), LogisticRegression()), X),
    "a random state": (make_pipeline(Noise(np.random.RandomState(0)), LogisticRegression()), X),
    "estimators among candidates": (
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression": [RandomForestClassifier(3), DecisionTreeClassifier(max_features=1)]},
            cv=2,
        ),
        X,
    ),
    "splitters": (GridSearchCV(LogisticRegression(), {"C": [0.01, 1]}, cv=KFold(3, shuffle=True)), X),
    "splitters that always shuffle": (
        GridSearchCV(LogisticRegression(), {"C": [0.01, 1]}, cv=ShuffleSplit(2)),
        X,
    ),
    "repeated splitters": (
        RandomizedSearchCV(
            SGDClassifier(loss="log_loss"),
            {"alpha": [0.1, 1e-4]},
            n_iter=1,
            cv=RepeatedStratifiedKFold(n_splits=2),
        ),
        X,
    ),
    "estimators inside": (BaggingClassifier(DecisionTreeClassifier(max_features=1), 3), X),
}


def bits(oof, name="a"):
    return [table.filter(like=name).to_numpy().tobytes() for table in (oof.meta_train, oof.meta_test)]


@pytest.mark.filterwarnings("ignore:The total space of parameters")
@pytest.mark.parametrize("what", UNSEEDED)
def test_a_seed_decides_all(what):
    estimator, table = UNSEEDED[what]
    other = [] if table is not X else [("z", Global())]
    np.random.seed(1)  # noqa: NPY002 - what must not count
    first = out_of_fold([("a", estimator), *other], table, Y, table[:9], cv=3)
    np.random.seed(2)  # noqa: NPY002 - the global one
    again = out_of_fold([*other, ("a", estimator)], table, Y, table[:9], cv=3)
    assert bits(first) == bits(again)


@pytest.mark.parametrize("what", ["target encoder", "the generators that all share", "seed"])
def test_other_seeds_are_other_draws_and_none_is_chance(what):
    estimator, table = UNSEEDED[what]
    runs = [out_of_fold([("a", estimator)], table, Y, table[:9], cv=3, random_state=seed) for seed in (0, 1)]
    runs += [out_of_fold([("a", estimator)], table, Y, table[:9], cv=3, random_state=None) for _ in range(2)]
    assert len({bits(run)[0] for run in runs}) == 4


def test_shared_generators_go_on_as_if_nothing_had_been():
    np.random.seed(3), random.seed(3)  # noqa: NPY002 - the global one
    np.random.normal()  # noqa: NPY002 - of a pair, the other half waits
    expected = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002 - the global one
    out_of_fold([("a", Global())], X, Y, cv=2)
    state = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002 - the global one
    assert str(state) == str(expected)
    with pytest.raises(ZeroDivisionError), shared_draws(0):
        raise ZeroDivisionError
    assert str((np.random.get_state(legacy=False), random.getstate())) == str(expected)  # noqa: NPY002 - the global one


class Inside(Global):
    """Trains a stack with a final estimator that draws, and goes on drawing."""

    def fit(self, X, y):
        np.random.seed(5)  # noqa: NPY002 - the global one
        expected = np.random.uniform(size=2)  # noqa: NPY002 - the global one
        np.random.seed(5)  # noqa: NPY002 - the global one
        first = np.random.uniform()  # noqa: NPY002 - the global one
        StackingClassifier([("a", Global())], Global(), cv=2, random_state=0).fit(X, y)
        assert [first, np.random.uniform()] == expected.tolist()  # noqa: NPY002 - the global one
        return super().fit(X, y)


def test_draws_of_a_run_inside_a_fit_do_not_change_those_of_the_fit():
    out_of_fold([("a", Inside())], X, Y, cv=2)


def test_workers_draw_as_the_parent_does():
    members = [
        ("a", Global()),
        ("b", make_pipeline(SelectKBest(mutual_info_classif, k=1), LogisticRegression())),
    ]
    one, two = (stackit.out_of_fold(members, X, Y, X[:9], cv=4, n_jobs=jobs) for jobs in (1, 2))
    assert [bits(one, name) for name in "ab"] == [bits(two, name) for name in "ab"]


def test_final_estimators_draw_by_the_seed():
    stacks = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002 - the global one
        final = make_pipeline(FunctionTransformer(noisy), LogisticRegression())
        stack = StackingClassifier([("a", LogisticRegression())], final, cv=3, n_jobs=1, random_state=0)
        stacks.append(stack.fit(X, Y))
    coefficients = [stack.final_estimator_[-1].coef_.tolist() for stack in stacks]
    assert coefficients[0] == coefficients[1]


def test_a_resumed_run_is_the_run(tmp_path):
    members = [("a", UNSEEDED["target encoder"][0])]
    table, folds = LETTERS[["letter"]], make_folds(Y, n_splits=4, random_state=0)
    whole = out_of_fold(members, table, Y, table, cv=folds)
    store = DiskStore(tmp_path)
    out_of_fold(members, table, Y, table, cv=list(folds.split())[:2], store=store)
    resumed = out_of_fold(members, table, Y, table, cv=folds, store=store)
    assert resumed.n_stored == 2
    assert bits(resumed) == bits(whole)


def test_an_encoder_that_is_seeded_or_does_not_shuffle_stays_as_it_is():
    for cv in (KFold(3), KFold(3, shuffle=True, random_state=1)):
        encoder = TargetEncoder(cv=cv)
        set_seeds(encoder, 1)
        assert encoder.cv is cv
    encoder = TargetEncoder(cv=4)
    set_seeds(encoder, 1)
    assert (encoder.cv.n_splits, encoder.cv.shuffle) == (4, True)


def test_folds_of_an_encoder_are_those_of_scikit_learn_but_for_the_seed():
    letters = LETTERS[["letter"]]
    for y, folds in ((Y, StratifiedKFold), (X[:, 0], KFold)):
        encoder = TargetEncoder(cv=3)
        set_seeds(encoder, 1)
        assert encoder.cv.random_state is not None
        given = folds(3, shuffle=True, random_state=encoder.cv.random_state)
        assert (encoder.fit_transform(letters, y) == TargetEncoder(cv=given).fit_transform(letters, y)).all()


def test_one_seed_is_set_where_a_part_has_several_names_for_it():
    class Two(BaseEstimator):
        def __init__(self, random_state=None, seed=None):
            self.random_state = random_state
            self.seed = seed

    given, none = Two(seed=3), Two()
    set_seeds(given, 1)
    set_seeds(none, 1)
    assert (given.random_state, given.seed) == (None, 3)
    assert none.random_state is not None
    assert none.seed is None


def test_nothing_is_left_to_chance_in_what_draws_nothing():
    for estimator in (
        LogisticRegression(random_state=0),
        make_pipeline(StandardScaler(), Ridge(random_state=1)),
    ):
        assert not seeds_of(estimator, estimator.get_params()).are_open


# --- all that scikit-learn has


# One of each kind of chance; all others are tried too, in their time.
CHANCY = (
    "AdaBoostClassifier BaggingRegressor BernoulliRBM ExtraTreesClassifier FastICA GaussianProcessClassifier "
    "GradientBoostingRegressor HistGradientBoostingClassifier Isomap KBinsDiscretizer "
    "LinearSVC LogisticRegression MLPClassifier MiniBatchKMeans Nystroem QuantileTransformer RANSACRegressor "
    "RandomForestClassifier RandomTreesEmbedding SGDRegressor SVC SVR SelectFromModel SparsePCA "
    "TargetEncoder TruncatedSVD"
).split()


@pytest.fixture(scope="module")
def members():
    """An estimator of each kind, transformers in front of a classifier."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in all_estimators(type_filter=["classifier", "regressor", "transformer"]):
            with suppress(StopIteration, TypeError, ValueError, SkipTest):
                estimator = next(iter(_construct_instances(kind)))
                is_last = hasattr(estimator, "predict") and not hasattr(estimator, "transform")
                found[name] = estimator if is_last else make_pipeline(estimator, LogisticRegression())
    return found


POSITIVE = np.abs(RNG.normal(size=(240, 6))) + 0.1
LABELS = (POSITIVE[:, 0] > 0.8).astype(int)


def twice(estimator):
    """The bits of two runs from different states of the generators that all share; None where it fails."""
    found = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002 - the global one
        y = LABELS if is_classifier(estimator) else POSITIVE[:, 1] + POSITIVE[:, 2]
        try:
            oof = out_of_fold([("a", clone(estimator))], POSITIVE, y, POSITIVE[:9], cv=2)
        except Exception:  # noqa: BLE001 - a table that is not for it
            return None
        found.append(bits(oof))
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CHANCY)
def test_two_runs_of_one_seed_are_equal(name, members):
    first, again = twice(members[name])
    assert first == again


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_runs_of_all_that_scikit_learn_has_are_equal(members):
    found = {name: twice(estimator) for name, estimator in members.items()}
    fitted = {name: pair for name, pair in found.items() if pair is not None}
    assert [name for name, (first, again) in fitted.items() if first != again] == []
    assert len(fitted) > 120


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_draws_from_shared_generators_is_known(members):
    """A new version of scikit-learn may bring others: SVR and the like draw a number that they do not use."""
    drawing = set()
    for name, estimator in members.items():
        set_seeds(estimator := clone(estimator), 1)
        before = str(np.random.get_state(legacy=False))  # noqa: NPY002 - the global one
        with suppress(Exception):
            y = LABELS if is_classifier(estimator) else POSITIVE[:, 1]
            estimator.fit(POSITIVE, y).predict(POSITIVE)
        if str(np.random.get_state(legacy=False)) != before:  # noqa: NPY002 - the global one
            drawing.add(name)
    assert drawing <= DRAWING | {"SVR", "NuSVR"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", ["lightgbm", "xgboost", "stackit.neural"])
def test_two_runs_of_boosting_and_of_nets_are_equal(module):
    if module == "stackit.neural":
        pytest.importorskip("torch")
        from stackit.neural import BatchNormMLPClassifier

        estimator = BatchNormMLPClassifier(hidden_layer_sizes=(4,), max_iter=2, n_estimators=2)
    elif module == "lightgbm":
        library = pytest.importorskip(module)
        estimator = library.LGBMClassifier(n_estimators=5, bagging_fraction=0.5, bagging_freq=1, verbose=-1)
    else:
        estimator = pytest.importorskip(module).XGBClassifier(n_estimators=5, subsample=0.5)
    found = twice(estimator)
    assert found[0] == found[1]


def test_a_stack_with_seeded_encoders_is_saved_and_read_again(tmp_path):
    encoder, table = UNSEEDED["target encoder"]
    stack = StackingClassifier([("a", encoder)], cv=3, n_jobs=1, random_state=0).fit(table, Y)
    again = StackingClassifier.load(stack.save(tmp_path / "it.stackit") or tmp_path / "it.stackit")
    assert (again.predict_proba(table) == stack.predict_proba(table)).all()


def test_folds_of_an_encoder_hold_out_each_class():
    y = np.array([0, 0, 1, 1])
    folds = ShuffledFolds(2, random_state=0)
    assert [sorted(y[rows].tolist()) for rows, _ in folds.split(np.zeros(4), y)] == [[0, 1], [0, 1]]


def test_the_seed_of_a_task_depends_on_its_fold():
    first = seed_of(0, "forest", repeat=0, fold=1)
    assert seed_of(0, "forest", repeat=0, fold=1) == first
    assert seed_of(0, "forest", repeat=0, fold=2) != first


def test_shared_generators_draw_the_same_from_the_same_seed():
    draws = []
    for _ in range(2):
        with shared_draws(0):
            draws.append((np.random.uniform(), random.random()))  # noqa: NPY002 - the global one
    assert draws[0] == draws[1]
