"""Hospital stays as tables that estimators can read, each row by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from competitions.encoding import target_encoder

__all__ = ["describe", "fates", "indicators", "ordinal"]

PATIENT = "patient_nbr"
COUNTS = [
    *["time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications", "number_outpatient"],
    *["number_emergency", "number_inpatient", "number_diagnoses"],
]
MADE = ["age_in_years", "n_drugs", "n_changed_drugs"]
CODES = ["diag_1", "diag_2", "diag_3"]
CHAPTERS = [f"chapter_{at}" for at in (1, 2, 3)]
DRUGS = [
    *["metformin", "repaglinide", "nateglinide", "chlorpropamide", "glimepiride", "glipizide", "glyburide"],
    *["pioglitazone", "rosiglitazone", "acarbose", "insulin", "glyburide-metformin"],
]
CATEGORIES = [
    *["race", "gender", "admission_type_id", "discharge_disposition_id", "admission_source_id"],
    *["payer_code", "medical_specialty", "max_glu_serum", "A1Cresult", "change", "diabetesMed"],
    *CHAPTERS,
    *DRUGS,
]
# The first codes of the chapters of the ICD-9, without their names; then E, V and no code.
BOUNDS = [
    0,
    140,
    240,
    250,
    251,
    280,
    290,
    320,
    390,
    460,
    520,
    580,
    630,
    680,
    710,
    740,
    760,
    780,
    800,
    1000,
    2000,
    3000,
]


def describe(stays: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of each stay at its end, and its patient.

    Parameters
    ----------
    stays : (n, 49 or 50) data frame
        The published columns, as text or numbers. `readmitted` is not looked at; `encounter_id` and `weight`
        (missing in 97 of 100 stays) are left out.

    Returns
    -------
    (n, k) data frame
        Counts, years, codes of diagnoses as numbers (missing where there is none) and categories; and the
        column `patient_nbr`, of which only `fates` makes use.
    """
    codes = {name: stays[name].map(_number) for name in CODES}
    drugs = stays[DRUGS]
    made = {
        "age_in_years": stays["age"].str.extract(r"\[(\d+)-", expand=False).astype(float) + 5,
        "n_drugs": (drugs != "No").sum(axis=1).astype(float),
        "n_changed_drugs": drugs.isin(["Up", "Down"]).sum(axis=1).astype(float),
        **{chapter: _chapter(codes[name]) for chapter, name in zip(CHAPTERS, CODES, strict=True)},
    }
    plain = [name for name in CATEGORIES if name not in CHAPTERS]
    texts = stays[plain].astype("str").fillna("none")
    described = stays[[PATIENT, *COUNTS]].assign(**codes, **made, **texts)
    return described[[PATIENT, *COUNTS, *MADE, *CODES, *CATEGORIES]]


def _number(code: Any) -> float:
    """Return a code of the ICD-9 as a number; supplementary ones (E and V) are above 1000 and 2000."""
    if not isinstance(code, str):
        return np.nan
    above = {"E": 1000.0, "V": 2000.0}.get(code[0], 0.0)
    return above + float(code.lstrip("EV"))


def _chapter(numbers: pd.Series[float]) -> pd.Series[Any]:
    """Return the chapter of each code as text; diabetes is a chapter of its own."""
    return pd.Series(np.searchsorted(BOUNDS, numbers, side="right"), index=numbers.index).astype(str)


def indicators() -> ColumnTransformer:
    """Return the transformer to standardised numbers and indicators of all but rare categories."""
    counts = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=100, sparse_output=False)
    columns = [
        ("counts", counts, COUNTS),
        ("made", StandardScaler(), MADE),
        ("categories", categories, CATEGORIES),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)


def ordinal(with_fates: bool = False) -> ColumnTransformer:
    """Return the transformer for trees: numbers as they are, categories numbered, missing codes below all.

    Parameters
    ----------
    with_fates : bool, default=False
        Whether the columns of `fates` come too.
    """
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    codes = FunctionTransformer(_filled)
    columns = [
        ("numbers", "passthrough", COUNTS + MADE),
        ("codes", codes, CODES),
        ("categories", categories, CATEGORIES),
        *([_other_stays()] if with_fates else []),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)


def _filled(codes: pd.DataFrame) -> pd.DataFrame:
    return codes.fillna(-1.0)


def fates() -> Pipeline:
    """Return the transformer to how the other stays of the same patient ended, as far as they are known.

    Of a new patient it knows nothing. Those of training rows are cross-fitted: no stay sees its own end.
    """
    return make_pipeline(ColumnTransformer([_other_stays()]), StandardScaler())


def _other_stays() -> tuple[str, Any, list[str]]:
    return ("patient", target_encoder("multiclass", smooth=1.0), [PATIENT])
