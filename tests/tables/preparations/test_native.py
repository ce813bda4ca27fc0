"""The frame for boosters: numbers and categories as they are, dates in parts, text as a vector."""

import numpy as np
import pandas as pd

from stackit.tables import NativePreparation
from tests.tables.preparations.typed import typed_frame


def test_numbers_and_categories_are_not_changed():
    frame = typed_frame()
    prepared = NativePreparation().fit_transform(frame)
    names = ["size", "count", "active", "few", "some", "many"]
    pd.testing.assert_frame_equal(prepared[names], frame[names])
    assert "size_missing" not in prepared
    assert np.shares_memory(prepared["size"].to_numpy(), frame["size"].to_numpy())


def test_dates_are_parts_of_the_calendar_and_hours_where_there_are_any():
    frame = typed_frame()
    prepared = NativePreparation().fit_transform(frame)
    assert "day_hour" not in prepared
    assert prepared["at_hour"].tolist() == frame["at"].dt.hour.tolist()
    assert prepared["day_weekday"].tolist() == frame["day"].dt.day_of_week.tolist()
    back = pd.Timestamp(2000, 1, 1) + pd.to_timedelta(prepared["at_days"], unit="D")
    assert (back.dt.round("s") == frame["at"]).all()


def test_text_is_a_vector_in_which_equal_words_are_near():
    frame = pd.DataFrame({"text": ["red wine of Italy", "blue sea of Spain"] * 20}, dtype=object)
    vectors = NativePreparation().fit_transform(frame).to_numpy()
    assert vectors.shape == (40, 16)
    assert np.allclose(vectors[::2], vectors[0])
    assert not np.allclose(vectors[1], vectors[0])
    assert NativePreparation(text="drop").fit_transform(frame).shape == (40, 0)


def test_text_without_frequent_words_is_zeros():
    frame = pd.DataFrame({"text": [f"{at}a {at}b {at}c" for at in range(200)]}, dtype=object)
    assert not NativePreparation().fit_transform(frame).to_numpy().any()


def test_parts_never_take_the_name_of_a_column():
    frame = pd.DataFrame({"on": pd.to_datetime(["2020-01-01"] * 3), "on_days": [1.0, 2.0, 3.0]})
    prepared = NativePreparation().fit_transform(frame)
    assert prepared.columns.is_unique
    assert prepared.shape == (3, 7)
