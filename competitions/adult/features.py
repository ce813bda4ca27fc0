"""Adults as tables that estimators can read, each row by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, SplineTransformer, StandardScaler

__all__ = ["CATEGORIES", "FILES", "PAGE", "describe", "indicators", "ordinal", "read"]

FILES = ["adult-train.csv.gz", "adult-test.csv.gz"]
PAGE = "the page 'Adult' of the UCI machine learning repository"
COLUMNS = [
    *["age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation"],
    *["relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country"],
    "income",
]
NUMBERS = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
CATEGORIES = [
    *["workclass", "marital-status", "occupation", "relationship", "race", "sex", "native-country"],
]
# Amounts that many report are tax brackets and the like: each says more than its size.
AMOUNTS = ["capital-gain", "capital-loss"]


def read(folder: Path, n_rows: int | None = None) -> list[pd.DataFrame]:
    """Return the training and the test file; "?" is missing, and labels of the test file lose their dot."""
    how = {"header": None, "names": COLUMNS, "skipinitialspace": True, "na_values": "?", "nrows": n_rows}
    tables = [pd.read_csv(folder / file, **how) for file in FILES]
    return [table.assign(income=table["income"].str.rstrip(".")) for table in tables]


def describe(adults: pd.DataFrame) -> pd.DataFrame:
    """Return numbers, and categories as text, with a word where one is missing.

    `income` is not looked at; `education` is left out, because `education-num` numbers the same degrees.
    """
    texts = adults[CATEGORIES].astype("str").fillna("unknown")
    return pd.concat([adults[NUMBERS].astype(float), texts], axis=1)


def indicators() -> ColumnTransformer:
    """Return the transformer to smooth bends of numbers, and indicators of all but rare categories."""
    bends = make_pipeline(SplineTransformer(n_knots=6, knots="quantile"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20, sparse_output=False)
    columns = [
        ("bends", bends, ["age", "education-num"]),
        ("numbers", StandardScaler(), NUMBERS),
        ("categories", categories, [*CATEGORIES, *AMOUNTS, "hours-per-week"]),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)


def ordinal() -> ColumnTransformer:
    """Return the transformer for trees: numbers as they are, and numbered categories."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    columns = [("numbers", "passthrough", NUMBERS), ("categories", codes, CATEGORIES)]
    return ColumnTransformer(columns, verbose_feature_names_out=False)
