"""In a real kernel, tables and progress come out as a notebook shows them."""

import pytest

from tests.notebook.kernel import running_kernel

FIT = """
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor
from stackit import StackingRegressor
X = np.random.default_rng(0).normal(size=(40, 2))
stack = StackingRegressor(
    [("<ridge>", Ridge()), ("tree", DecisionTreeRegressor(max_depth=2))], verbose={verbose}
).fit(X, X[:, 0])
"""


@pytest.fixture(scope="module")
def kernel():
    with running_kernel() as kernel:
        yield kernel


def test_a_fitted_stack_is_a_diagram_with_tables_and_text(kernel):
    assert kernel.run(FIT.format(verbose=0)) == []
    (result,) = kernel.run("stack")
    assert result["type"] == "execute_result"
    assert result["data"]["text/plain"].startswith("StackingRegressor(")
    page = result["data"]["text/html"]
    assert "sk-top-container" in page
    assert "&lt;ridge&gt;" in page
    assert "<ridge>" not in page


def test_out_of_fold_predictions_and_folds_are_tables(kernel):
    kernel.run(FIT.format(verbose=0))
    for code, row in (("stack.oof_", "&lt;ridge&gt;"), ("stack.oof_.folds", "held-out rows")):
        (result,) = kernel.run(code)
        assert row in result["data"]["text/html"]
        assert result["data"]["text/plain"].startswith(("OutOfFold(", "Folds("))


def test_progress_is_one_bar_that_is_replaced_in_place(kernel):
    first, *updates = kernel.run(FIT.format(verbose=1))
    assert first["type"] == "display_data"
    assert "<progress " in first["data"]["text/html"]
    assert {one["type"] for one in updates} <= {"update_display_data"}
    assert updates[-1]["transient"] == first["transient"]
    assert updates[-1]["data"]["text/plain"].startswith("10/10 fits")


def test_the_progress_of_presets_leaves_their_notes(kernel):
    run = """
from stackit.progress import ProgressEvent, observer_for
with observer_for({verbose}) as observer:
    for event in () if observer is None else [
        ProgressEvent(kind="note", text="90 rows."),
        ProgressEvent(kind="members", members=("linear",), n_splits=2),
        ProgressEvent(kind="finish", member="linear", splits=(0,)),
    ]:
        observer(event)
"""
    assert kernel.run(run.format(verbose=0)) == []
    messages = kernel.run(run.format(verbose=1))
    assert [one["type"] for one in messages] == [
        "display_data",
        *["update_display_data"] * (len(messages) - 1),
    ]
    assert messages[-1]["data"]["text/plain"] == "90 rows."
