"""Raw tables become typed frames, row by row, by what the training rows were."""

import numpy as np
import pandas as pd
import pytest

from stackit.tables import TableReader


@pytest.fixture(scope="module")
def raw():
    n = 200
    rng = np.random.default_rng(0)
    gap = rng.random(n) < 0.1
    return pd.DataFrame(
        {
            "row": np.arange(n) + 1000,
            "age": np.where(gap, np.nan, rng.integers(1, 90, n)),
            "income": np.where(gap, "?", rng.integers(1, 90, n).astype(str)),
            "member": np.where(rng.random(n) < 0.5, "yes", "No"),
            "active": rng.random(n) < 0.5,
            "city": rng.choice(["Rome", "Oslo", "Lima"], n, p=[0.6, 0.3, 0.1]),
            "joined": pd.date_range("2020-01-31", periods=n).strftime("%d/%m/%Y"),
            "seen": pd.date_range("2024-01-01", periods=n, freq="h", tz="Europe/Rome"),
            "words": [
                f"the {rng.integers(900)} brown foxes jumped over {rng.integers(900)} dogs" for _ in range(n)
            ],
            "code": [f"A{number:07d}x" for number in rng.permutation(n)],
            "country": "it",
            "empty": np.nan,
            "years": np.where(gap, np.nan, rng.integers(1, 90, n)),
        }
    ).assign(years=lambda table: table["age"])


KINDS = {
    "row": "id",
    "age": "number",
    "income": "number",
    "member": "boolean",
    "active": "boolean",
    "city": "category",
    "joined": "datetime",
    "seen": "datetime",
    "words": "text",
    "code": "id",
    "country": "constant",
    "empty": "empty",
    "years": "duplicate",
}


def test_each_column_has_its_kind(raw):
    assert TableReader().fit(raw).columns_["kind"].to_dict() == KINDS


def test_the_typed_frame_has_one_dtype_per_kind(raw):
    typed = TableReader().fit_transform(raw)
    assert typed.dtypes.astype(str).to_dict() == {
        "age": "float64",
        "age_missing": "bool",
        "income": "float64",
        "income_missing": "bool",
        "member": "float32",
        "active": "float32",
        "city": "category",
        "joined": "datetime64[s]",
        "seen": "datetime64[us]",
        "words": "object",
    }
    assert typed["city"].cat.categories.tolist() == ["Rome", "Oslo", "Lima"]
    assert typed["income"].dropna().tolist() == [float(value) for value in raw["income"] if value != "?"]
    assert typed["joined"].dt.strftime("%d/%m/%Y").tolist() == raw["joined"].tolist()


def test_a_row_is_read_by_itself(raw):
    reader = TableReader()
    whole = reader.fit_transform(raw)
    one_by_one = pd.concat([reader.transform(raw.iloc[[at]]) for at in range(0, len(raw), 20)])
    pd.testing.assert_frame_equal(one_by_one, whole.iloc[::20])
    pd.testing.assert_frame_equal(reader.transform(raw), whole)
