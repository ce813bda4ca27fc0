"""scikit-learn's callbacks are called for all fits of a preset."""

import pytest

from stackit import TabularStackRegressor
from stackit.presets import tabular_stack
from tests.presets.tiny_members import raw_table, regressors

pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")


class Counter:
    def __init__(self):
        self.ended = []

    def setup(self, estimator, context):
        self.ended.append("setup")

    def teardown(self, estimator, context):
        self.ended.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)


def test_each_fit_is_a_task_and_files_have_no_callbacks(monkeypatch, tmp_path):
    monkeypatch.setattr(tabular_stack, "portfolio", lambda preset, shape: regressors()[:1])
    monkeypatch.setattr(tabular_stack, "left_out", lambda preset, shape: {})
    frame, _, numbers = raw_table(60)
    counter = Counter()
    stack = TabularStackRegressor("quick", cv=3, n_jobs=1, verbose=0).set_callbacks(counter)
    stack.fit(frame, numbers)
    (name,) = stack.oof_
    assert [counter.ended[0], *counter.ended[-2:]] == ["setup", "fit", "teardown"]
    assert sorted(one for one in counter.ended if one.startswith(f"fit-{name}-")) == [
        f"fit-{name}-split-{at}" for at in range(3)
    ]
    loaded = TabularStackRegressor.load(stack.save(tmp_path / "it.stackit"))
    assert (loaded.predict(frame) == stack.predict(frame)).all()
