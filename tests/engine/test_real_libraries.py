"""What real libraries do where a guess is wrong, and what is right here: each as it must stay."""

import ast
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from stackit import StackingClassifier, make_folds, out_of_fold

X, Y = make_classification(120, 4, n_informative=3, n_redundant=1, random_state=0)


def test_every_runtime_of_threads_is_held_to_one():
    """Four libraries bring two runtimes of OpenMP; torch sets its number at its first use, over any limit."""
    code = """
import json
import lightgbm, sklearn.ensemble, torch, xgboost
from threadpoolctl import threadpool_info
from stackit.engine.threads import single_threaded

torch.set_num_threads(2)
with single_threaded():
    held = [pool["num_threads"] for pool in threadpool_info()]
    print(json.dumps([held, torch.get_num_threads()]))
print(torch.get_num_threads())
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    inside, after = done.stdout.splitlines()
    held, of_torch = json.loads(inside)
    assert len(held) >= 3
    assert set(held) == {1}
    assert (of_torch, after) == (1, "2")


def test_temperature_calibration_takes_a_series_with_an_index_without_zero():
    """scikit-learn looks up the label 0 in the index of a pandas y; here y travels as an array."""
    y = pd.Series(Y, index=np.arange(7, 7 + len(Y)))
    estimator = CalibratedClassifierCV(LinearSVC(random_state=0), method="temperature", cv=3)
    named, bare = (
        out_of_fold([("svm", estimator)], X, target, cv=make_folds(Y, random_state=0), n_jobs=1)
        for target in (y, Y)
    )
    np.testing.assert_array_equal(named.meta_train, bare.meta_train)
    stack = StackingClassifier([("svm", estimator)], estimator, cv=3).fit(X, y)
    assert stack.score(X, Y) > 0.7


def test_weights_in_fortran_order_come_back_as_they_were(tmp_path):
    """safetensors' numpy half moves the numbers of such arrays into other cells."""
    torch = pytest.importorskip("torch")
    from stackit.neural import load_weights, save_weights

    table = np.asfortranarray(np.arange(12.0, dtype=np.float32).reshape(3, 4))
    net, other = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    net.weight = torch.nn.Parameter(torch.from_numpy(table))
    save_weights(net, tmp_path / "net.safetensors")
    load_weights(other, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(other.weight.detach().numpy(), table)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_boosters_survive_a_file_to_the_bit_once_their_types_are_trusted(library, tmp_path):
    module = pytest.importorskip(library)
    quiet = {"verbose": -1} if library == "lightgbm" else {}
    booster = {"lightgbm": "LGBMClassifier", "xgboost": "XGBClassifier"}[library]
    estimator = getattr(module, booster)(n_estimators=5, n_jobs=1, **quiet)
    stack = StackingClassifier([("boosted", estimator)], LogisticRegression(), cv=3, random_state=0).fit(X, Y)
    path = stack.save(tmp_path / "it.stackit")
    with pytest.raises(ValueError, match="pass trusted=") as refusal:
        StackingClassifier.load(path)
    trusted = ast.literal_eval(str(refusal.value).split("pass trusted=")[1].rstrip("."))
    assert all(name.startswith((f"{library}.", "collections.")) for name in trusted)
    loaded = StackingClassifier.load(path, trusted=trusted)
    np.testing.assert_array_equal(loaded.predict_proba(X), stack.predict_proba(X))


def test_group_folds_that_are_shuffled_keep_their_sizes():
    """scikit-learn's shuffled GroupKFold deals groups, not rows, whatever their sizes."""
    groups = np.repeat(np.arange(40), np.random.default_rng(0).integers(1, 60, size=40))
    y = np.zeros(len(groups))

    def spread(held_out):
        sizes = [len(rows) for rows in held_out]
        return max(sizes) - min(sizes)

    theirs = spread(rows for _, rows in GroupKFold(5, shuffle=True, random_state=0).split(y, groups=groups))
    folds = make_folds(y, scheme="group", groups=groups, n_splits=5, random_state=0)
    assert spread(rows for _, rows in folds.splits) < theirs / 2
