"""One estimator is taken as one, and estimators without names get them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from stackit import (
    Level,
    LevelsClassifier,
    StackingClassifier,
    average_or_refit,
    compare,
    diversity,
    out_of_fold,
    shapley,
)
from stackit.combine import MeanClassifier

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 2))
Y = (X[:, 0] + RANDOM.normal(size=90) > 0).astype(int)
LR, NB = LogisticRegression(), GaussianNB()
TWO = [("lr", LR), ("nb", NB)]

GIVEN = {
    "estimator": (lambda: LR, ["logisticregression"]),
    "pipeline": (lambda: make_pipeline(StandardScaler(), LR), ["pipeline"]),
    "pair": (lambda: ("lr", LR), ["lr"]),
    "dict": (lambda: dict(TWO), ["lr", "nb"]),
    "generator": (lambda: (pair for pair in TWO), ["lr", "nb"]),
    "items": (lambda: dict(TWO).items(), ["lr", "nb"]),
    "tuple": (lambda: tuple(TWO), ["lr", "nb"]),
    "no names": (lambda: [LR, NB], ["logisticregression", "gaussiannb"]),
    "some names": (lambda: [("gaussiannb", LR), NB, NB], ["gaussiannb", "gaussiannb-1", "gaussiannb-2"]),
    "two of a kind": (lambda: [LR, LR], ["logisticregression-1", "logisticregression-2"]),
}
all_given = pytest.mark.parametrize(("make", "names"), GIVEN.values(), ids=GIVEN)


@all_given
def test_a_run_takes_estimators_as_they_come(make, names):
    oof = out_of_fold(make(), X, Y, cv=3, n_jobs=1)
    assert list(oof) == names
    named = out_of_fold([("lr", LR)], X, Y, cv=3, n_jobs=1)
    if names[0] != "pipeline":
        assert_allclose(oof.meta_train.to_numpy()[:, 0], named.meta_train["lr"])


@all_given
def test_so_do_comparisons(make, names):
    oof = out_of_fold([("a", LR), ("b", NB)], X, Y, cv=3, n_jobs=1)
    assert compare(oof, make()).table.index.tolist()[5:] == names


def test_a_name_that_was_made_is_no_members_name():
    oof = out_of_fold(LR, X, Y, cv=3, n_jobs=1)
    table = compare(oof, LR).table
    assert table.index.tolist()[-1] == "logisticregression-1"
    with pytest.raises(ValueError, match="Rename 'lr'"):
        compare(out_of_fold(TWO, X, Y, cv=3, n_jobs=1), ("lr", LR))


@all_given
def test_so_does_the_choice_of_average_or_refit(make, names):
    assert average_or_refit(make(), X[60:], X[:60], Y[:60]).table.index.tolist() == names


@pytest.mark.parametrize("wrong", [None, 3, "lr", [], {}, [3], iter([]), [("lr", LR, 3)]], ids=repr)
def test_anything_else_is_refused_in_a_sentence(wrong):
    with pytest.raises(ValueError, match=r"^(estimators|Each member of est\w+) must be .*Pass for example"):
        out_of_fold(wrong, X, Y, cv=3)


@pytest.mark.parametrize("make", [lambda: GaussianNB, lambda: [GaussianNB], lambda: [("nb", GaussianNB)]])
def test_a_class_is_no_estimator(make):
    oof = out_of_fold(TWO, X, Y, cv=3, n_jobs=1)
    for call in (lambda: out_of_fold(make(), X, Y), lambda: compare(oof, make())):
        with pytest.raises(ValueError, match=r"must be an object with fit and predict; .*Pass an instance"):
            call()


@pytest.mark.parametrize("wrong", [LR, {"lr": LR}, [LR, NB], iter(TWO)], ids=["one", "dict", "bare", "iter"])
def test_stacks_and_levels_want_the_list_that_scikit_learn_wants(wrong):
    """Names are parameters there: an ensemble cannot be cloned or set without them."""
    for ensemble in (StackingClassifier(wrong), LevelsClassifier([Level(wrong)])):
        with pytest.raises(ValueError, match=r"must be a .*\(name, estimator\) tuple"):
            ensemble.fit(X, Y)
    with pytest.raises(ValueError, match="levels must be a non-empty list of Level objects, or of lists"):
        LevelsClassifier(LR).fit(X, Y)


@pytest.mark.parametrize("assess", [diversity, shapley])
@pytest.mark.parametrize("wrong", [[("lr", LR)], LogisticRegression, "mean"], ids=["list", "class", "text"])
def test_a_combiner_is_one_estimator(assess, wrong):
    oof = out_of_fold(TWO, X, Y, cv=3, n_jobs=1)
    with pytest.raises(ValueError, match=r"^combiner=.* must be one estimator, or None for the plain mean"):
        assess(oof, wrong)
    assert assess(oof, MeanClassifier())


def test_classifiers_and_regressors_are_distinguished_after_naming():
    oof = out_of_fold(TWO, X, Y, cv=3, n_jobs=1)
    with pytest.raises(ValueError, match=r"final_estimators must be classifiers; \['ridge'\] are not"):
        compare(oof, [DecisionTreeClassifier(max_depth=2), Ridge()])
