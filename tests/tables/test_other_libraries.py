"""Frames of other libraries give the typed frame of the pandas frame."""

import numpy as np
import pandas as pd
import pytest

from competitions.data import find
from stackit.tables import TableReader

TABLES = ["attrition.csv.gz", "hawks.csv.gz", "loan_interest.csv.gz", "movie_ratings.csv.gz"]


def real_table(name):
    try:
        folder = find(
            "tables", [name], "the Penn machine learning benchmark or the R package of its index.csv"
        )
    except FileNotFoundError as error:
        pytest.skip(str(error))
    return pd.read_csv(folder / name, nrows=500)


def made_table():
    rng = np.random.default_rng(0)
    days = pd.Series(pd.date_range("2024-01-01", periods=90)).where(rng.random(90) < 0.9)
    return pd.DataFrame(
        {
            "size": np.where(rng.random(90) < 0.1, np.nan, rng.normal(size=90)),
            "count": rng.integers(0, 9, 90),
            "active": rng.random(90) < 0.5,
            "city": rng.choice(["Rome", "Oslo", None], 90),
            "grade": pd.Categorical(rng.choice(["a", "b"], 90)),
            "day": days,
            "at": pd.date_range("2024-01-01", periods=90, freq="h", tz="Europe/Rome"),
            "code": rng.integers(0, 9, 90).astype(np.int8),
        }
    )


def of_polars(frame):
    return pytest.importorskip("polars").from_pandas(frame)


def of_pyarrow(frame):
    return pytest.importorskip("pyarrow").Table.from_pandas(frame, preserve_index=False)


def of_pandas_on_pyarrow(frame):
    pytest.importorskip("pyarrow")
    return frame.convert_dtypes(dtype_backend="pyarrow")


def of_nullable_pandas(frame):
    return frame.convert_dtypes()


def of_objects(frame):
    return frame.astype({name: object for name in frame if name not in ("code", "grade")})


CONVERSIONS = [of_polars, of_pyarrow, of_pandas_on_pyarrow, of_nullable_pandas, of_objects]


@pytest.mark.parametrize("converted", CONVERSIONS)
def test_a_table_of_all_kinds_is_read_the_same(converted):
    frame = made_table()
    reader = TableReader().fit(frame)
    pd.testing.assert_frame_equal(TableReader().fit_transform(converted(frame)), reader.transform(frame))
    pd.testing.assert_frame_equal(
        reader.transform(converted(frame.iloc[:9])), reader.transform(frame.iloc[:9])
    )


@pytest.mark.parametrize("converted", CONVERSIONS)
@pytest.mark.parametrize("name", TABLES)
def test_real_tables_are_read_the_same(converted, name):
    frame = real_table(name)
    expected = TableReader().fit_transform(frame)
    pd.testing.assert_frame_equal(TableReader().fit_transform(converted(frame)), expected)
