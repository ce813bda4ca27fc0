"""What holds for all preparations: widths, few rows, rows by themselves, parameters, and files."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from stackit import StackingClassifier
from stackit.tables import NativePreparation, OrdinalPreparation, ScaledPreparation, TableReader
from tests.tables.preparations.typed import typed_frame, without_values

PREPARATIONS = [NativePreparation(), OrdinalPreparation(), ScaledPreparation()]
by_class = pytest.mark.parametrize("preparation", PREPARATIONS, ids=lambda one: type(one).__name__)


def target(n, n_classes=2):
    return np.random.default_rng(1).integers(0, n_classes, n)


@pytest.fixture(scope="module")
def frame():
    return typed_frame()


def values_of(table):
    if isinstance(table, np.ndarray):
        return table
    return table.apply(lambda column: column.cat.codes if column.dtype == "category" else column).to_numpy()


@by_class
def test_the_width_depends_on_dtypes_alone(preparation, frame):
    whole = clone(preparation).fit_transform(frame, target(len(frame)))
    sparse = clone(preparation).fit_transform(without_values(frame), target(len(frame)))
    assert sparse.shape == whole.shape
    assert np.isfinite(values_of(sparse)).all() or isinstance(preparation, NativePreparation)
    few = clone(preparation).fit(frame.iloc[:3], [0, 1, 0]).transform(frame)
    assert few.shape == whole.shape


@by_class
def test_a_row_is_prepared_by_itself(preparation, frame):
    fitted = clone(preparation).fit(frame, target(len(frame)))
    whole = values_of(fitted.transform(frame))
    one_by_one = np.vstack([values_of(fitted.transform(frame.iloc[[at]])) for at in range(0, len(frame), 40)])
    np.testing.assert_allclose(one_by_one, whole[::40], rtol=1e-6, atol=1e-9)


@by_class
def test_fits_are_equal_and_change_nothing(preparation, frame):
    before = frame.copy()
    first = clone(preparation).fit_transform(frame, target(len(frame)))
    again = clone(preparation).fit_transform(frame, target(len(frame)))
    np.testing.assert_array_equal(values_of(first), values_of(again))
    pd.testing.assert_frame_equal(frame, before)


@by_class
def test_other_tables_are_refused(preparation):
    with pytest.raises(TypeError, match="needs the typed frame of a TableReader; got ndarray"):
        clone(preparation).fit(np.zeros((3, 2)), [0, 1, 0])


@by_class
def test_a_table_of_numbers_alone_is_prepared(preparation):
    frame = TableReader().fit_transform(np.arange(12.0).reshape(6, 2) ** 2)
    assert clone(preparation).fit_transform(frame, [0, 1] * 3).shape == (6, 2)


def test_readers_and_preparations_are_saved_and_loaded(tmp_path):
    pytest.importorskip("skops")
    raw = pd.DataFrame(
        {
            "level": ["x", "y", "x"] * 30,
            "many": [f"m{at % 60}" for at in range(90)],
            "size": ["1", "?", "3"] * 30,
            "day": ["2020-01-01", None, "2020-01-03"] * 30,
            "words": ["a few words of text", "words of a few", "text"] * 30,
        }
    )
    models = [DummyClassifier(), GaussianNB(), GaussianNB()]
    pipelines = [
        (f"number {at}", Pipeline([("read", TableReader()), ("prepare", preparation), ("model", model)]))
        for at, (preparation, model) in enumerate(zip(PREPARATIONS, models, strict=True))
    ]
    stack = StackingClassifier(pipelines, final_estimator=GaussianNB(), cv=2, n_jobs=1).fit(raw, target(90))
    stack.save(tmp_path / "stack.stackit")
    loaded = StackingClassifier.load(tmp_path / "stack.stackit")
    np.testing.assert_array_equal(loaded.predict_proba(raw), stack.predict_proba(raw))
