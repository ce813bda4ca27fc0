"""scikit-learn's callbacks are called for levels, fits and the final estimator, as in its own pipelines."""

import importlib.util
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import Level, LevelsRegressor, MemoryStore, StackingClassifier, StackingRegressor
from stackit.combine import MeanRegressor
from stackit.estimators import callbacks
from stackit.estimators.callbacks import FitCallbacks

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X[:, 0]
MEMBERS = [("tree", DecisionTreeRegressor(max_depth=2)), ("ols", LinearRegression())]


class Recorder:
    """A callback that notes the tasks that begin and end, outer ones first."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.calls.append(("begin", context.task_name, None if X is None else len(X)))

    def on_fit_task_end(self, estimator, context):
        self.calls.append(("end", context.task_name))

    def names(self, which):
        return [call[1] for call in self.calls if call[0] == which]


def recorded(ensemble, y=Y):
    recorder = Recorder()
    ensemble.set_callbacks(recorder).fit(X, y)
    assert recorder.calls[0] == "setup"
    assert recorder.calls[-1] == "teardown"
    assert sorted(recorder.names("begin")) == sorted(recorder.names("end"))
    return recorder


def fits_of(recorder, name):
    return sorted(one for one in recorder.names("end") if one.startswith(f"fit-{name}-"))


def test_a_stack_has_a_level_with_its_fits_and_a_final_estimator():
    recorder = recorded(StackingRegressor(MEMBERS, cv=3))
    names = recorder.names("begin")
    assert names[:2] == ["fit", "fit-level-1"]
    assert names[-1] == "fit-final-estimator"
    assert len(names) == 2 + 6 + 1
    for name in ("tree", "ols"):  # the one fold by fold, the other all folds at once
        assert fits_of(recorder, name) == [f"fit-{name}-split-{at}" for at in range(3)]
    assert recorder.calls[1] == ("begin", "fit", 30)
    assert recorder.names("end")[-1] == "fit"


def test_refits_and_further_levels_are_steps_of_their_own():
    second = Level([("ridge", LinearRegression())], refit=True)
    recorder = recorded(LevelsRegressor([MEMBERS, second], MeanRegressor(), cv=3))
    steps = [name for name in recorder.names("begin") if "level" in name or "final" in name]
    assert steps == ["fit-level-1", "fit-level-2", "fit-final-estimator", "refit-level-2"]
    assert "fit-ridge-all-rows" in recorder.names("end")


def test_levels_below_a_nested_one_are_steps_inside_its_folds():
    second = Level([("ols", LinearRegression())], nested=True)
    recorder = recorded(LevelsRegressor([MEMBERS[:1], second], MeanRegressor(), cv=3))
    assert len(fits_of(recorder, "tree")) == 3 + 3 * 2


def test_results_do_not_depend_on_callbacks_and_stored_fits_count_too():
    store = MemoryStore()
    plain = StackingRegressor(MEMBERS, cv=3, random_state=0, store=store).fit(X, Y)
    stack = clone(plain)
    recorder = recorded(stack)
    assert (stack.predict(X) == plain.predict(X)).all()
    assert stack.oof_.n_stored == 6
    assert len(recorder.names("end")) == 9


def test_the_final_estimator_gets_callbacks_that_are_passed_on():
    class Passed(Recorder):
        max_propagation_depth = 1

    recorder = Passed()
    stack = StackingClassifier([("tree", DecisionTreeClassifier(max_depth=2))], cv=3)
    stack.set_callbacks(recorder).fit(X, Y > 0)
    assert recorder.calls.count("setup") == 1
    assert "lbfgs-iter" in recorder.names("end")  # steps of the logistic regression
    assert not hasattr(stack.final_estimator_, "_skl_callbacks")


def test_progress_bars_of_scikit_learn_count_all_fits(capsys):
    stack = StackingClassifier([("tree", DecisionTreeClassifier(max_depth=2))], LogisticRegression(), cv=3)
    stack.set_callbacks(callback.ProgressBar()).fit(X, Y > 0)
    shown = capsys.readouterr().out
    assert "StackingClassifier - fit " in shown
    assert "StackingClassifier - fit-level-1 #0" in shown
    assert "100%" in shown


def test_a_fit_that_fails_tears_callbacks_down():
    recorder = Recorder()
    stack = StackingRegressor(MEMBERS, cv=3).set_callbacks(recorder)
    with pytest.raises(ValueError, match="NaN"):
        stack.fit(X, np.where(Y > 1, np.nan, Y))
    assert recorder.calls in ([], ["setup", ("begin", "fit", 30), "teardown"])


def test_callbacks_of_a_base_estimator_are_called_for_each_of_its_folds():
    recorder = Recorder()
    pipeline = make_pipeline(StandardScaler(), LinearRegression()).set_callbacks(recorder)
    StackingRegressor([("scaled", pipeline)], cv=3).fit(X, Y)
    assert recorder.names("end").count("fit") == 3


def test_files_have_no_callbacks(tmp_path):
    stack = StackingRegressor(MEMBERS[1:], cv=3).set_callbacks(Recorder()).fit(X, Y)
    loaded = StackingRegressor.load(stack.save(tmp_path / "it.stackit"))
    assert (loaded.predict(X) == stack.predict(X)).all()
    assert not hasattr(loaded, "_skl_callbacks")


def test_without_callbacks_nothing_is_called():
    with FitCallbacks.of(LinearRegression(), X, Y) as calls, calls.step("fit", 1) as tasks:
        tasks.end("ols", 0)
    with calls.final(LinearRegression(), X, Y):
        pass
    assert calls.context is None


def test_before_scikit_learn_1_9_there_are_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    spec = importlib.util.spec_from_file_location("callbacks_of_old", callbacks.__file__)
    old = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "callbacks_of_old", old)
    spec.loader.exec_module(old)
    assert not hasattr(old.CallbackSupportMixin, "set_callbacks")
    assert old.with_callbacks(len) is len
    with old.FitCallbacks.of(LinearRegression(), X, Y) as calls:
        assert calls.context is None
