"""Any table made of columns of the known kinds is read, row by row."""

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackit.tables import NativePreparation, OrdinalPreparation, ScaledPreparation, TableReader

VALUES = {
    "ints": st.integers(-(2**53), 2**53),
    "floats": st.floats(-1e30, 1e30, allow_nan=False),
    "bools": st.booleans(),
    "words": st.sampled_from(["red", "blue", "dark green", "none", "0x", "ÄÖ", "-"]),
    "strings": st.text(max_size=4),
    "digits": st.integers(0, 500).map(str),
    "dates": st.dates().map(str),
    "times": st.datetimes(),
    "text": st.lists(st.sampled_from(["one", "two", "three", "four"]), min_size=4, max_size=6).map(" ".join),
}


@st.composite
def tables(draw, most_rows=40):
    n = draw(st.integers(1, most_rows))
    kinds = draw(st.lists(st.sampled_from([*VALUES]), min_size=1, max_size=6))
    columns = {}
    for at, kind in enumerate(kinds):
        values = draw(st.lists(VALUES[kind] | st.none(), min_size=n, max_size=n))
        columns[f"{kind} {at}"] = pd.Series(values, dtype=object)
    index = draw(st.permutations(range(100, 100 + n)))
    return pd.DataFrame(columns).infer_objects().set_axis(index)


def read(table):
    try:
        reader = TableReader()
        return reader, reader.fit_transform(table)
    except ValueError as error:
        if "No column can be used" not in str(error):
            raise
        return None, None


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_a_typed_frame_has_the_rows_of_the_table(table):
    before = table.copy()
    reader, typed = read(table)
    pd.testing.assert_frame_equal(table, before)
    if reader is None:
        return
    assert typed.index.equals(table.index)
    kinds = {one.typed_name: one.kind for one in reader.records_ if not one.is_left_out}
    for name, kind in kinds.items():
        wanted = {"number": "f", "boolean": "f", "datetime": "M", "category": "O", "text": "O"}[kind]
        assert typed[name].dtype.kind == wanted
    pd.testing.assert_frame_equal(reader.transform(table), typed)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.data())
def test_a_row_does_not_depend_on_the_others(table, data):
    reader, typed = read(table)
    if reader is not None:
        rows = data.draw(st.lists(st.integers(0, len(table) - 1), min_size=1, max_size=5))
        try:
            some = reader.transform(table.iloc[rows])
        except ValueError as error:  # none of a few rows is what the column was
            if "in the training rows and holds values such as" not in str(error):
                raise
            return
        pd.testing.assert_frame_equal(some, typed.iloc[rows])


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), tables(most_rows=5))
def test_levels_that_training_had_not_are_missing(table, other):
    table = table.assign(level=pd.Series(["a", "b"] * len(table), dtype=object).to_numpy()[: len(table)])
    reader, typed = read(table)
    if reader is not None and "level" in typed:
        new = table.iloc[[0] * len(other)].assign(level="c")
        assert reader.transform(new)["level"].isna().all()


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.integers(0, 2**31))
def test_what_is_read_can_be_prepared(table, seed):
    reader, typed = read(table)
    if reader is None or len(table) < 2:
        return
    y = np.random.default_rng(seed).integers(0, 3, len(table))
    half = typed.iloc[: (len(typed) + 1) // 2 + 1]
    for preparation in (NativePreparation(), OrdinalPreparation("classes"), ScaledPreparation("numbers")):
        whole = preparation.fit_transform(typed, y)
        if not isinstance(preparation, NativePreparation):
            assert np.isfinite(whole).all()
        width = preparation.fit(half, y[: len(half)]).transform(typed).shape[1]
        assert width == whole.shape[1] or len(np.unique(y)) != len(np.unique(y[: len(half)]))
