"""What stands inside other estimators is saved with them: nets, pretrained networks, given predictions."""

import shutil
import subprocess
import sys
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest
from joblib import Memory
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import BaggingRegressor, GradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stackit import (
    Level,
    LevelsClassifier,
    LevelsRegressor,
    PrecomputedClassifier,
    PrecomputedRegressor,
    StackingClassifier,
    StackingRegressor,
    make_folds,
    out_of_fold,
    save_predictions,
)
from stackit.combine import MeanRegressor
from stackit.persistence.codec import KIND, Decoder
from tests.doubles import CountingRidge
from tests.persistence.test_persistence import loaded_from

pytest.importorskip("skops")

N = 60
X, Y = make_regression(N, 4, noise=20.0, random_state=0)
XC, YC = make_classification(N, 5, n_informative=3, n_classes=3, random_state=1)
NAMES = np.array(["b", "a", "c"], dtype=object)[YC]
FOLDS = make_folds(Y, scheme="kfold", n_splits=2)


def predictions_of(ensemble, X):
    return ensemble.predict_proba(X) if hasattr(ensemble, "classes_") else ensemble.predict(X)


LOADING = """
import sys, numpy, pandas, stackit
for line in sys.stdin:
    path, kind, folder, trusted = eval(line)
    found = getattr(stackit, kind).load(path, trusted=trusted)
    X = pandas.read_pickle(folder + "/rows")
    prediction = found.predict_proba(X) if hasattr(found, "classes_") else found.predict(X)
    numpy.save(folder + "/prediction.npy", prediction)
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def fresh():
    """A process that has seen no training; one for all tests, since its imports take seconds."""
    command = [sys.executable, "-c", LOADING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


def predictions_in(process, path, kind, X, trusted, tmp_path):
    """What another process predicts with the ensemble in a file."""
    pd.to_pickle(X, tmp_path / "rows")
    process.stdin.write(f"{(str(path), kind.__name__, str(tmp_path), trusted)!r}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"
    return np.load(tmp_path / "prediction.npy")


def nets():
    neural = pytest.importorskip("stackit.neural")
    common = {"max_iter": 2, "random_state": 0}
    return (
        neural.BatchNormMLPClassifier((4,), **common),
        neural.BatchNormMLPRegressor((4,), **common),
    )


def wrapped():
    """Each way in which a net may stand inside an estimator of scikit-learn."""
    net, number = nets()
    chain = [("scale", StandardScaler()), ("net", make_pipeline(StandardScaler(), number))]
    return {
        "calibrated": CalibratedClassifierCV(net, cv=2),
        "calibrated as a whole": CalibratedClassifierCV(
            make_pipeline(StandardScaler(), net), cv=2, ensemble=False
        ),
        "of a transformed target": TransformedTargetRegressor(number, transformer=StandardScaler()),
        "one against the rest": OneVsRestClassifier(net),
        "in a bag": BaggingRegressor(number, 2, random_state=0),
        "in a vote": VotingClassifier([("net", net), ("nb", GaussianNB())], voting="soft"),
        "found by a search": GridSearchCV(
            make_pipeline(StandardScaler(), number), {"standardscaler__with_mean": [True, False]}, cv=2
        ),
        "first in boosting": GradientBoostingClassifier(init=net, n_estimators=2, random_state=0),
        "a step of steps": TransformedTargetRegressor(
            make_pipeline(StandardScaler(), TransformedTargetRegressor(chain[1][1])), func=None
        ),
    }


# Kept as one estimator, as a list, in a pipeline of wrappers and next to objects of scikit-learn's own.
KINDS = ("calibrated", "in a vote", "first in boosting", "a step of steps")
OTHER_KINDS = (
    "calibrated as a whole",
    "of a transformed target",
    "one against the rest",
    "in a bag",
    "found by a search",
)


@pytest.mark.parametrize(
    "kind", [*KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in OTHER_KINDS)]
)
def test_nets_are_saved_inside_any_estimator(kind, tmp_path):
    wrapper = wrapped()[kind]
    classify = hasattr(wrapper, "predict_proba") or wrapper.__sklearn_tags__().estimator_type == "classifier"
    ensemble, X_, y = (StackingClassifier, XC, NAMES) if classify else (StackingRegressor, X, Y)
    plain = ("plain", GaussianNB() if classify else Ridge())
    fitted = ensemble([("wrapped", wrapper), plain], cv=2, random_state=0).fit(X_, y)
    path = fitted.save(tmp_path / "it.stackit")
    with zipfile.ZipFile(path) as file:
        assert any(name.endswith(".safetensors") for name in file.namelist())
    loaded = loaded_from(path, ensemble)
    assert_array_equal(predictions_of(loaded, X_), predictions_of(fitted, X_))
    one, other = (each.oof_["wrapped"].fold_estimators[0] for each in (loaded, fitted))
    assert type(one) is type(other)
    assert vars(one).keys() == vars(other).keys()
    assert set(loaded.get_params()) == set(fitted.get_params())
    again = loaded_from(loaded.save(tmp_path / "again.stackit"), ensemble)
    assert_array_equal(again.predict(X_), fitted.predict(X_))


def test_a_fresh_process_predicts_the_same_to_the_bit(fresh, tmp_path):
    net, _ = nets()
    first = [("calibrated", CalibratedClassifierCV(net, cv=2)), ("nb", GaussianNB())]
    levels = LevelsClassifier([first, [("net", net), ("nb", GaussianNB())]], cv=2, refit=True, random_state=0)
    fitted = levels.fit(XC, NAMES)
    path = fitted.save(tmp_path / "it.stackit")
    trusted = ["sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration"]
    found = predictions_in(fresh, path, LevelsClassifier, XC, trusted, tmp_path)
    assert_array_equal(found, fitted.predict_proba(XC))


def test_the_type_of_a_wrapper_must_be_trusted_like_any_other(tmp_path):
    class_of = f"{PairWrapper.__module__}.PairWrapper"
    _, number = nets()
    fitted = StackingRegressor([("wrapped", PairWrapper(number))], cv=2).fit(X, Y)
    path = fitted.save(tmp_path / "it.stackit")
    with pytest.raises(ValueError, match=f"holds types that are not trusted: {class_of}\\. If you trust"):
        StackingRegressor.load(path)
    loaded = StackingRegressor.load(path, trusted=[class_of])
    assert_array_equal(loaded.predict(X), fitted.predict(X))


class PairWrapper(RegressorMixin, BaseEstimator):
    """A wrapper that no library knows, which keeps its estimators in an array."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        self.estimators_ = np.empty((1, 2), dtype=object)
        self.estimators_[0] = [self.estimator.fit(X, y), Ridge().fit(X, y)]
        return self

    def predict(self, X):
        return sum(one.predict(X) for one in self.estimators_.flat)


@pytest.mark.parametrize("empty", [np.average, np.add, Ridge, 3, pytest])
def test_a_file_fills_nothing_but_objects_of_its_own(empty):
    state = {KIND: "dict", "parts": [["fit", 1]]}
    with pytest.raises(ValueError, match=r"The file assigns attributes to .* of type \w+, which"):
        Decoder(None).decode({KIND: "filled", "parts": [empty, state]})


def test_a_file_does_not_choose_a_cache_folder():
    pytest.importorskip("torch")
    state = {KIND: "dict", "parts": [["cache", "somewhere"], ["pool", "max"]]}
    codes = Decoder(None).decode({KIND: "stackit.images.codes.CNNCodes", "parts": state})
    assert (codes.cache, codes.pool) == (None, "max")


def test_the_memory_of_a_pipeline_is_not_saved(tmp_path):
    steps = make_pipeline(StandardScaler(), Ridge(), memory=Memory(tmp_path / "memory", verbose=0))
    fitted = StackingRegressor([("steps", steps)], cv=2).fit(X, Y)
    loaded = StackingRegressor.load(fitted.save(tmp_path / "it.stackit"))
    assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.get_params()["steps__memory"] is None


def test_an_object_that_holds_itself_is_refused(tmp_path):
    _, number = nets()
    fitted = StackingRegressor([("wrapped", PairWrapper(number))], cv=2).fit(X, Y)
    inner = fitted.oof_["wrapped"].fold_estimators[1]
    inner.itself_ = [inner]
    with pytest.raises(ValueError, match="A PairWrapper holds itself, and cannot be saved"):
        fitted.save(tmp_path / "it.stackit")


# --- photographs


IMAGES = np.random.default_rng(0).integers(0, 256, (24, 40, 36, 3), dtype=np.uint8)
LABELS = np.arange(24) % 2


@pytest.fixture
def weights(tmp_path):
    """A file of weights under the name of a published network."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("PIL")
    from stackit.images import cifar_resnet
    from stackit.neural import save_weights

    torch.manual_seed(0)
    save_weights(cifar_resnet(20), tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def photographs(folder):
    """Write images to files, and return a frame of their names."""
    from PIL import Image

    for number, pixels in enumerate(IMAGES):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return pd.DataFrame({"file": [f"{number}.png" for number in range(len(IMAGES))]})


def test_codes_are_saved_with_their_network_and_without_cache(fresh, weights, tmp_path):
    from stackit.images import CNNCodes

    X = photographs(tmp_path)
    codes = CNNCodes("cifar10_resnet20", weights=weights, root=tmp_path, cache=tmp_path / "cache")
    chosen = ColumnTransformer([("codes", codes, "file")])
    union = FeatureUnion(
        [("mean", codes), ("max", CNNCodes("cifar10_resnet20", weights=weights, root=tmp_path, pool="max"))]
    )
    members = [
        ("codes", make_pipeline(codes, StandardScaler(), LogisticRegression())),
        ("chosen", make_pipeline(chosen, LogisticRegression())),
        ("both", make_pipeline(union, LogisticRegression())),
    ]
    fitted = StackingClassifier(members, cv=2, random_state=0).fit(X, LABELS)
    expected = fitted.predict_proba(X)
    path = fitted.save(tmp_path / "it.stackit")
    with zipfile.ZipFile(path) as file:  # all have the same weights
        assert sum(name.endswith(".safetensors") for name in file.namelist()) == 1
    weights.unlink()
    shutil.rmtree(tmp_path / "cache")
    assert_array_equal(predictions_in(fresh, path, StackingClassifier, X, [], tmp_path), expected)
    loaded = StackingClassifier.load(path)
    inner = loaded.oof_["codes"].fold_estimators[0][0]
    assert inner.cache is None
    assert inner.network_.digest == fitted.oof_["codes"].fold_estimators[0][0].network_.digest


def test_a_network_is_saved_if_its_architecture_has_a_name(tmp_path):
    pytest.importorskip("torch")
    from stackit.images import (
        CNNCodes,
        Preprocessing,
        PretrainedNetwork,
        cifar_resnet,
        load_network,
        save_network,
    )

    looks = Preprocessing.torchvision(32, 32)
    own = PretrainedNetwork(cifar_resnet(20), looks, "flatten", "own")
    save_network(own, tmp_path / "own.safetensors")
    found = load_network(tmp_path / "own.safetensors")
    assert_array_equal(found.codes(IMAGES[:5]), own.codes(IMAGES[:5]))
    assert (found.digest, found.name, found.layer) == (own.digest, "own", "flatten")
    last = PretrainedNetwork(cifar_resnet(20), looks, "flatten", "own", channels="last")
    save_network(last, tmp_path / "last.safetensors")
    assert load_network(tmp_path / "last.safetensors").channels == "last"
    strange = PretrainedNetwork(cifar_resnet(8), looks, "flatten", "small")
    with pytest.raises(ValueError, match=r"'small' has none of the published architectures"):
        save_network(strange, tmp_path / "small.safetensors")
    member = make_pipeline(CNNCodes(strange), LogisticRegression())
    fitted = StackingClassifier([("codes", member)], cv=2).fit(IMAGES, LABELS)
    with pytest.raises(ValueError, match="Compute its codes once"):
        fitted.save(tmp_path / "it.stackit")
    assert not (tmp_path / "it.stackit").exists()


def test_another_file_is_no_network(tmp_path):
    torch = pytest.importorskip("torch")
    from stackit.images import load_network
    from stackit.neural import save_weights

    save_weights(torch.nn.Linear(2, 1), tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="was not written by save_network"):
        load_network(tmp_path / "other.safetensors")


# --- predictions made elsewhere


@pytest.mark.parametrize("classify", [True, False])
def test_precomputed_predictions_are_saved_with_their_ids(classify, fresh, tmp_path):
    rows = pd.DataFrame(XC if classify else X).add_prefix("x").rename_axis("id")
    y, kind = (NAMES, PrecomputedClassifier) if classify else (Y, PrecomputedRegressor)
    made = [("nb", GaussianNB())] if classify else [("ridge", Ridge())]
    folds = make_folds(y, scheme="kfold", n_splits=2)
    new = rows.set_axis(rows.index + 1000)
    oof = out_of_fold(made, rows, y, new, cv=folds, n_jobs=1)
    given = kind.load(
        save_predictions(oof, tmp_path / "oof.csv", tmp_path / "test.csv"), tmp_path / "test.csv"
    )
    ensemble = StackingClassifier if classify else StackingRegressor
    inner = make_pipeline(FunctionTransformer(), given)
    fitted = ensemble([("given", given), ("inside", inner), *made], cv=folds).fit(rows, y)
    path = fitted.save(tmp_path / "it.stackit")
    loaded = loaded_from(path, ensemble)
    assert_array_equal(predictions_of(loaded, new), predictions_of(fitted, new))
    for name in ("oof.csv", "test.csv"):
        (tmp_path / name).unlink()
    assert_array_equal(predictions_in(fresh, path, ensemble, new, [], tmp_path), predictions_of(fitted, new))
    with pytest.raises(ValueError, match="unknown ids"):
        loaded.predict(rows.set_axis(rows.index + 5000))


# --- what is not saved, and which estimators do not predict


def test_an_error_has_the_path_to_what_cannot_be_written(tmp_path):
    bent = make_pipeline(StandardScaler(), FunctionTransformer(partial(np.add, 1)), Ridge())
    worse = make_pipeline(FunctionTransformer(lambda X: X + 1), Ridge())
    fine = StackingRegressor([("bent", bent), ("ridge", Ridge())], cv=2).fit(X, Y)
    assert fine.save(tmp_path / "it.stackit").exists()
    stack = StackingRegressor([("ridge", Ridge()), ("bent", worse)], cv=2).fit(X, Y)
    with pytest.raises(ValueError, match=r"ensemble\.estimators\[1\]\[1\]\.steps\[0\]\[1\]\.func cannot be"):
        stack.save(tmp_path / "other.stackit")


class Elsewhere(TransformerMixin, BaseEstimator):
    """A transformer that keeps something of torch's."""

    def fit(self, X, y=None):
        self.tensor_ = pytest.importorskip("torch").zeros(2)
        return self

    def transform(self, X):
        return X


def test_a_tensor_in_a_strange_estimator_is_named(tmp_path):
    stack = StackingRegressor([("torch", make_pipeline(Elsewhere(), Ridge()))], cv=2).fit(X, Y)
    with pytest.raises(ValueError, match=r"\.steps\[0\]\[1\]\.tensor_ cannot be written by skops \("):
        stack.save(tmp_path / "it.stackit")


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("refit", [False, True])
def test_estimators_without_weight_do_not_predict_after_loading_either(nested, refit, tmp_path):
    first = [("a", CountingRidge("a")), ("b", CountingRidge("b", 5.0)), ("c", CountingRidge("c", 9.0))]
    second = [("ab", MeanRegressor({"a": 1, "b": 2})), ("bc", MeanRegressor({"b": 1, "c": 1}))]
    levels = LevelsRegressor(
        [first, Level(second, nested=nested)], MeanRegressor({"bc": 1}), cv=3, refit=refit
    )
    fitted = levels.fit(X, Y)
    expected = fitted.predict(X)
    loaded = LevelsRegressor.load(
        fitted.save(tmp_path / "it.stackit"), trusted=[f"{CountingRidge.__module__}.CountingRidge"]
    )
    CountingRidge.predictions = {}
    assert_array_equal(loaded.predict(X), expected)
    times = 1 if refit else 6 if nested else 3
    assert CountingRidge.predictions == {"b": times, "c": times}
    assert [list(level.refitted) for level in loaded.levels_] == ([["b", "c"], ["bc"]] if refit else [[], []])


def test_the_loaded_estimators_have_names_as_attributes(tmp_path):
    fitted = StackingRegressor([("ridge", Ridge())], cv=FOLDS).fit(X, Y)
    loaded = StackingRegressor.load(fitted.save(tmp_path / "it.stackit"))
    assert_array_equal(loaded.named_estimators_.ridge[0].coef_, fitted.named_estimators_.ridge[0].coef_)
