"""Fitted ensembles as files: what comes back is what went in, and what a file may not bring with it."""

import ast
import copy
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from stackit import (
    DiskStore,
    Folds,
    Level,
    LevelsClassifier,
    LevelsRegressor,
    MemoryStore,
    PrecomputedClassifier,
    PrecomputedRegressor,
    StackingClassifier,
    StackingRegressor,
    combine,
    make_folds,
)
from stackit.arrays.schema import TableSchema
from stackit.combine import (
    ConvexClassifier,
    GreedyRegressor,
    MeanRegressor,
    RankClassifier,
    TemperatureClassifier,
)
from stackit.ensemble.fitted import FittedLevel, NestedLevel
from stackit.estimators.label_encoding.wrappers import ConstantClassifier, LabelEncodedClassifier
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.seeds import ShuffledFolds
from stackit.persistence.allowlist import class_named, name_of
from stackit.persistence.container import FORMAT
from stackit.precomputed import Predictions
from stackit.results.estimator_result import EstimatorResult
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import Placeholder
from stackit.store.versions import version_of
from stackit.target import Target, TargetType

pytest.importorskip("skops")

N = 80
X, Y = make_regression(N, 4, noise=20.0, random_state=0)
XC, YC = make_classification(N, 5, n_informative=3, n_classes=3, random_state=1)
NAMES = np.array(["b", "a", "c"], dtype=object)[YC]
FRAME = pd.DataFrame(XC, columns=list("abcde"), index=np.arange(N) + 7)
CLASSIFIERS = [
    ("forest", RandomForestClassifier(2)),
    ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
    ("bayes", GaussianNB()),
]
REGRESSORS = [("forest", RandomForestRegressor(2)), ("ridge", Ridge()), ("knn", KNeighborsRegressor(4))]
SECOND = [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))]
CASES = {
    "a stack": (StackingClassifier(CLASSIFIERS, cv=3, random_state=0), FRAME, NAMES),
    "a calibrated combiner": (
        StackingClassifier(
            CLASSIFIERS, TemperatureClassifier(ConvexClassifier()), cv=KFold(3), random_state=0
        ),
        FRAME,
        NAMES,
    ),
    "ranks of two classes": (StackingClassifier(CLASSIFIERS, RankClassifier(), random_state=0), XC, YC > 0),
    "a refitted stack": (StackingRegressor(REGRESSORS, GreedyRegressor(), refit=True, random_state=0), X, Y),
    "a stack of stacks": (
        StackingRegressor(
            [("inner", StackingRegressor(SECOND, cv=2)), ("ridge", Ridge())], cv=3, random_state=0
        ),
        X,
        Y,
    ),
    "levels": (LevelsRegressor([REGRESSORS, Level(SECOND, passthrough=[1])], cv=3, random_state=0), X, Y),
    "nested levels": (
        LevelsRegressor([REGRESSORS, Level(SECOND, nested=True)], MeanRegressor(), cv=3, random_state=0),
        X,
        Y,
    ),
    "levels of classes": (
        LevelsClassifier(
            [CLASSIFIERS, CLASSIFIERS], ConvexClassifier(), cv=make_folds(NAMES), random_state=0
        ),
        FRAME,
        NAMES,
    ),
}


# `make test-all` saves these too: the others hold all that they have.
CONTAINED = ("a stack", "levels", "ranks of two classes")


class Own(Ridge):
    """A type that no other library knows."""


def loaded_from(path, kind):
    """Load a file with whatever of scikit-learn is in it."""
    try:
        return kind.load(path)
    except ValueError as error:
        trusted = ast.literal_eval(str(error).split("pass trusted=")[1][:-1])
        assert all(name.startswith("sklearn.") for name in trusted)
        return kind.load(path, trusted=trusted)


def predictions_of(ensemble, X):
    return ensemble.predict_proba(X) if hasattr(ensemble, "classes_") else ensemble.predict(X)


@pytest.mark.filterwarnings("ignore:The scores of .* are optimistic")
@pytest.mark.parametrize(
    ("ensemble", "X", "y"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] if name in CONTAINED else [])
        for name, case in CASES.items()
    ],
)
def test_what_is_loaded_predicts_to_the_bit_what_was_saved(ensemble, X, y, tmp_path):
    fitted = clone(ensemble).fit(X, y)
    loaded = loaded_from(fitted.save(tmp_path / "it.stackit", oof=True), type(fitted))
    lean = loaded_from(fitted.save(tmp_path / "lean.stackit"), type(fitted))
    for one in (loaded, lean, pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert_array_equal(one.predict(X), fitted.predict(X))
        assert_array_equal(predictions_of(one, X), predictions_of(fitted, X))
        assert_array_equal(one.transform(X), fitted.transform(X))
        assert list(one.get_feature_names_out()) == list(fitted.get_feature_names_out())
    assert loaded.oof_.meta_train.equals(fitted.oof_.meta_train)
    assert loaded.oof_.summary.equals(fitted.oof_.summary)
    assert loaded.oof_.folds.digest == fitted.oof_.folds.digest
    assert loaded.predict(X).dtype == fitted.predict(X).dtype
    assert set(loaded.get_params()) == set(fitted.get_params())
    twice = loaded_from(loaded.save(tmp_path / "again.stackit"), type(fitted))
    assert_array_equal(twice.predict(X), fitted.predict(X))
    assert_array_equal(clone(loaded).fit(X, y).predict(X).shape, fitted.predict(X).shape)


def test_a_loaded_ensemble_still_checks_its_columns(tmp_path):
    fitted = StackingClassifier(CLASSIFIERS, cv=3).fit(FRAME, NAMES)
    loaded = loaded_from(fitted.save(tmp_path / "it.stackit"), StackingClassifier)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(FRAME[list("edcba")])


@pytest.mark.parametrize("disk", [True, False])
def test_stores_are_not_saved_and_failures_become_text(disk, tmp_path):
    store = DiskStore(tmp_path / "runs") if disk else MemoryStore()
    members = [*REGRESSORS, ("broken", KNeighborsRegressor(-1))]
    stack = StackingRegressor(members, cv=3, store=store, on_error="skip", random_state=0)
    with pytest.warns(UserWarning, match="'broken' failed"):
        stack.fit(X, Y)
    with pytest.warns(UserWarning, match="'broken' failed"):
        again = clone(stack).fit(X, Y)  # fold estimators of a disk are fitted again to be saved
    loaded = loaded_from(again.save(tmp_path / "it.stackit"), StackingRegressor)
    assert_array_equal(loaded.predict(X), stack.predict(X))
    assert loaded.store is None
    assert "n_neighbors" in str(loaded.oof_.failures["broken"])


def test_a_file_holds_no_pickle(tmp_path):
    path = StackingRegressor(REGRESSORS, cv=3).fit(X, Y).save(tmp_path / "it.stackit")
    with zipfile.ZipFile(path) as file:
        assert sorted(file.namelist()) == ["stackit.json", "state.skops"]
        with file.open("state.skops") as inner, zipfile.ZipFile(inner) as state:
            kinds = {name.rpartition(".")[2] for name in state.namelist()}
    assert kinds <= {"json", "npy", "npz", "bin"}
    assert not list(tmp_path.glob("*.part"))


def test_a_type_that_is_not_trusted_is_refused_by_name(tmp_path):
    path = (
        StackingRegressor([("own", Own()), ("ridge", Ridge())], cv=3).fit(X, Y).save(tmp_path / "it.stackit")
    )
    name = f"{Own.__module__}.Own"
    with pytest.raises(ValueError, match=f"holds types that are not trusted: {name}\\. .*pass trusted="):
        StackingRegressor.load(path)
    loaded = StackingRegressor.load(path, trusted=[name])
    assert type(loaded.oof_["own"].fold_estimators[0]) is Own
    with pytest.raises(ValueError, match=f"not trusted: {name}"):
        StackingRegressor.load(path, trusted=["another.Type"])


def test_types_that_skops_itself_does_not_trust_are_named_too(tmp_path):
    stack = StackingClassifier(
        [("boost", HistGradientBoostingClassifier(max_iter=3)), ("nb", GaussianNB())], cv=3
    )
    path = stack.fit(XC, YC).save(tmp_path / "it.stackit")
    predictor = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
    with pytest.raises(ValueError, match=predictor) as caught:
        StackingClassifier.load(path)
    assert "sklearn.naive_bayes" not in str(caught.value)
    assert_array_equal(loaded_from(path, StackingClassifier).predict(XC), stack.predict(XC))


def test_what_cannot_be_written_without_pickle_is_refused(tmp_path):
    bent = make_pipeline(FunctionTransformer(lambda X: X + 1), Ridge())
    stack = StackingRegressor([("bent", bent), ("ridge", Ridge())], cv=3).fit(X, Y)
    with pytest.raises(ValueError, match=r"The part ensemble.* cannot be written by skops"):
        stack.save(tmp_path / "it.stackit")
    assert not (tmp_path / "it.stackit").exists()


def test_files_of_something_else_are_refused(tmp_path):
    path = StackingRegressor(REGRESSORS, cv=3).fit(X, Y).save(tmp_path / "it.stackit")
    with pytest.raises(
        ValueError, match=r"holds a StackingRegressor, not a LevelsR\w+\. Call StackingR\w+\.load"
    ):
        LevelsRegressor.load(path)
    (tmp_path / "text").write_text("a text")
    with pytest.raises(ValueError, match=r"The file .*text. was not written by `save`, or is damaged \("):
        StackingRegressor.load(tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("readme.txt", "nothing")
    with pytest.raises(ValueError, match=r"it holds readme\.txt instead of stackit\.json and state\.skops"):
        StackingRegressor.load(tmp_path / "other.zip")
    with pytest.raises(FileNotFoundError):
        StackingRegressor.load(tmp_path / "nowhere")
    with pytest.raises(NotFittedError):
        StackingRegressor(REGRESSORS).save(tmp_path / "new")


def test_damaged_files_are_refused(tmp_path):
    path = StackingRegressor(REGRESSORS, cv=3).fit(X, Y).save(tmp_path / "it.stackit")
    whole, damaged = path.read_bytes(), tmp_path / "damaged"
    middle = len(whole) // 3
    for data in (
        whole[: len(whole) // 2],
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
    ):
        damaged.write_bytes(data)
        with pytest.raises(ValueError, match=r"The file .* was not written by `save`, or is damaged"):
            StackingRegressor.load(damaged)
    right = {"format": FORMAT, "class": "StackingRegressor", "versions": {"sklearn": version_of("sklearn")}}
    for metadata in ("{}", "no json", "[1]", json.dumps(right | {"versions": []}), json.dumps(right)):
        with zipfile.ZipFile(damaged, "w") as file:
            file.writestr("stackit.json", metadata)
            file.writestr("state.skops", b"no state")
        with pytest.raises(ValueError, match=r"The file .* was not written by `save`, or is damaged"):
            StackingRegressor.load(damaged)
    with pytest.raises(ValueError, match=r"The file .* was not written by `save`, or is damaged"):
        StackingRegressor.load(tmp_path)
    with pytest.raises(ValueError, match=r"Pass trusted=\['sklearn\.tree\._tree\.Tree'\]"):
        StackingRegressor.load(path, trusted="sklearn.tree._tree.Tree")
    with pytest.raises(ValueError, match="types that are not trusted"):
        StackingRegressor.load(path, trusted=None)


def test_imputers_and_dates_need_no_trust(tmp_path):
    whole = make_pipeline(SimpleImputer(), Ridge())
    for moments in (
        pd.date_range("2020", periods=len(X), tz="Europe/Paris", name="day"),
        pd.to_timedelta(range(len(X))),
    ):
        table = pd.DataFrame(X, index=moments).rename(columns=str)
        stack = StackingRegressor([("ridge", whole)], cv=3).fit(table, Y)
        loaded = StackingRegressor.load(stack.save(tmp_path / "it.stackit", oof=True))
        assert_array_equal(loaded.predict(table), stack.predict(table))
        pd.testing.assert_frame_equal(loaded.oof_.meta_train, stack.oof_.meta_train, check_freq=False)


def test_another_version_of_scikit_learn_is_warned_of(tmp_path):
    path = StackingRegressor(REGRESSORS, cv=3).fit(X, Y).save(tmp_path / "it.stackit")
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    metadata = json.loads(content["stackit.json"])
    metadata["versions"]["sklearn"] = "0.24.2"
    content["stackit.json"] = json.dumps(metadata).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)
    with pytest.warns(UserWarning, match=r"written with scikit-learn 0\.24\.2"):
        loaded_from(path, StackingRegressor)


def test_a_file_of_another_format_is_refused_with_what_to_do(tmp_path):
    path = StackingRegressor(REGRESSORS, cv=3).fit(X, Y).save(tmp_path / "it.stackit")
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    metadata = json.loads(content["stackit.json"]) | {"format": FORMAT - 1}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in (content | {"stackit.json": json.dumps(metadata).encode()}).items():
            file.writestr(name, data)
    with pytest.raises(ValueError, match=f"has format {FORMAT - 1}, .* only format {FORMAT}. Save"):
        StackingRegressor.load(path)


ALLOWED = (
    *(getattr(combine, name) for name in combine.__all__ if isinstance(getattr(combine, name), type)),
    *(Level, LevelsClassifier, LevelsRegressor, StackingClassifier, StackingRegressor),
    *(Folds, OutOfFold, PrecomputedClassifier, PrecomputedRegressor, Predictions),
    *(ConstantClassifier, LabelEncodedClassifier, Placeholder, ShuffledFolds),
    *(EstimatorResult, FittedLevel, NestedLevel, PredictionSpec, TableSchema, Target, TargetType),
)


@pytest.mark.parametrize("kind", ALLOWED, ids=lambda kind: kind.__name__)
def test_a_file_may_name_the_classes_of_which_ensembles_consist(kind):
    assert class_named(name_of(kind)) is kind


@pytest.mark.parametrize(
    "name",
    [
        "DiskStore",
        "stackit.store.disk.DiskStore",
        "stackit.engine.run_config.RunConfig",
        "stackit.images.io.cache.CodeCache",  # neither an estimator nor a record
        "stackit.folds.folds.SplitConstraints",  # imported there from elsewhere
        "stackit.folds.folds.Path",
        "stackit.folds.folds.os",
        "stackit.folds.nothing.Folds",
        "stackit.folds.folds.Folds.save",
        "stackitfolds.folds.Folds",
        "builtins.eval",
        "sklearn.linear_model.Ridge",
    ],
)
def test_a_file_may_name_no_other_class(name):
    with pytest.raises(
        ValueError, match=f"Classes in the file must be those that `save` writes; got '{name}'"
    ):
        class_named(name)


def test_nets_are_kept_as_safetensors(tmp_path):
    pytest.importorskip("torch")
    from stackit.neural import BatchNormMLPRegressor

    net = BatchNormMLPRegressor((8,), max_iter=3)
    members = [("net", net), ("scaled", make_pipeline(StandardScaler(), net)), ("ridge", Ridge())]
    levels = LevelsRegressor([members, SECOND], LinearRegression(), cv=2, random_state=0).fit(X, Y)
    path = levels.save(tmp_path / "it.stackit")
    with zipfile.ZipFile(path) as file:
        assert sum(name.endswith(".safetensors") for name in file.namelist()) == 4
    loaded = loaded_from(path, LevelsRegressor)
    assert_array_equal(loaded.predict(X), levels.predict(X))
    assert loaded.get_params()["level_1__net__max_iter"] == 3
    with zipfile.ZipFile(path) as file, zipfile.ZipFile(tmp_path / "less", "w") as less:
        for name in file.namelist():
            if not name.endswith(".safetensors"):
                less.writestr(name, file.read(name))
    with pytest.raises(ValueError, match=r"was not written by `save`, or is damaged .*safetensors"):
        LevelsRegressor.load(tmp_path / "less", trusted=["sklearn.tree._tree.Tree"])
