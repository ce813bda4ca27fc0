"""Houses as tables that estimators can read: what a row says of itself, and what each fold estimates.

`describe` looks at one row at a time and never at a price. What is estimated from other rows (medians,
scales, which categories there are, and what houses of a neighbourhood cost) is left to `standardised` and
`target_encoded`, which every fold fits on its training part.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from competitions.encoding import target_encoder

__all__ = ["describe", "outliers", "standardised", "target_encoded"]

QUALITY = {"Po": 1, "Fa": 2, "TA": 3, "Gd": 4, "Ex": 5}
FINISH = {"Unf": 1, "LwQ": 2, "Rec": 3, "BLQ": 4, "ALQ": 5, "GLQ": 6}
# What has an order, in that order; where a house has no basement, say, its quality is 0.
GRADES_OF_PARTS = {
    **dict.fromkeys(["BsmtQual", "BsmtCond", "FireplaceQu", "GarageQual", "GarageCond", "PoolQC"], QUALITY),
    **dict.fromkeys(["BsmtFinType1", "BsmtFinType2"], FINISH),
    "BsmtExposure": {"No": 1, "Mn": 2, "Av": 3, "Gd": 4},
    "GarageFinish": {"Unf": 1, "RFn": 2, "Fin": 3},
    "Fence": {"MnWw": 1, "GdWo": 2, "MnPrv": 3, "GdPrv": 4},
}
# What every house has: a missing value is one that is not known.
GRADES = {
    **dict.fromkeys(["ExterQual", "ExterCond", "HeatingQC", "KitchenQual"], QUALITY),
    "Functional": {
        name: at for at, name in enumerate(["Sal", "Sev", "Maj2", "Maj1", "Mod", "Min2", "Min1", "Typ"])
    },
    "LotShape": {"IR3": 0, "IR2": 1, "IR1": 2, "Reg": 3},
    "LandSlope": {"Sev": 0, "Mod": 1, "Gtl": 2},
    "PavedDrive": {"N": 0, "P": 1, "Y": 2},
    "CentralAir": {"N": 0, "Y": 1},
}
# In square feet (and dollars): parts that a house may lack, and what every house has.
PARTS = [
    *["MasVnrArea", "BsmtFinSF1", "BsmtFinSF2", "BsmtUnfSF", "TotalBsmtSF", "2ndFlrSF", "LowQualFinSF"],
    *["GarageArea", "WoodDeckSF", "OpenPorchSF", "EnclosedPorch", "3SsnPorch", "ScreenPorch", "PoolArea"],
    *["MiscVal", "PorchArea"],
]
AREAS = ["LotArea", "LotFrontage", "1stFlrSF", "GrLivArea", "TotalArea", "FinishedArea", "AreaPerRoom"]
COUNTS = [
    *["OverallQual", "OverallCond", "FullBath", "HalfBath", "BsmtFullBath", "BsmtHalfBath", "Baths"],
    *["BedroomAbvGr", "KitchenAbvGr", "TotRmsAbvGrd", "Fireplaces", "GarageCars"],
    *["Age", "SinceRemodelled", "GarageAge", "MonthSold", "IsNew", "WasRemodelled", "UnfinishedGiant"],
    *["HasBasement", "HasGarage", "HasSecondFloor", "HasFireplace"],
    *["QualityArea", "QualityLog", "ConditionAge", "QualitySquared", "Grades", "KitchenArea"],
]
NUMBERS = [*COUNTS, *GRADES_OF_PARTS, *GRADES]
CATEGORIES = [
    *["MSSubClass", "MSZoning", "LandContour", "LotConfig", "Neighborhood", "Condition1", "Condition2"],
    *["BldgType", "HouseStyle", "RoofStyle", "RoofMatl", "Exterior1st", "Exterior2nd", "MasVnrType"],
    *["Foundation", "Heating", "Electrical", "GarageType", "SaleType", "SaleCondition", "MiscFeature"],
    *["Alley", "Street", "MoSold"],
]


def outliers(houses: pd.DataFrame) -> pd.Series[bool]:
    """Return which sold houses have more than 4000 square feet and went for less than 300 000 dollars.

    Looking at prices, this may decide what is learned from, and never what is scored.
    """
    return (houses["GrLivArea"] > 4000) & (houses["SalePrice"] < 300_000)


def describe(houses: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of each house without prices and without other houses.

    Parameters
    ----------
    houses : (n, 80 or 81) data frame
        Kaggle's columns. `Id` and `SalePrice` are dropped, and never looked at.

    Returns
    -------
    (n, k) data frame
        The columns `PARTS`, `AREAS`, `NUMBERS` and `CATEGORIES`, in square feet, years and grades; missing
        are numbers that a house has and that were not recorded.
    """
    known = houses.drop(columns=["Id", "SalePrice"], errors="ignore")
    grades = {name: known[name].map(grade).fillna(0.0) for name, grade in GRADES_OF_PARTS.items()}
    grades |= {name: known[name].map(grade) for name, grade in GRADES.items()}
    lacking = [name for name in PARTS if name in known]
    lacking += ["BsmtFullBath", "BsmtHalfBath", "GarageCars"]
    known = known.assign(
        **known[lacking].fillna(0).astype(float),
        **known[CATEGORIES].astype("str").fillna("none"),
        **grades,
    )
    known = known.assign(**_made(known))
    known = known.assign(**_crossed(known))
    numbers = known[[*PARTS, *AREAS, *NUMBERS]].astype(float)
    return numbers.join(known[CATEGORIES])


def _made(known: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Sums, ages and flags."""
    age = (known["YrSold"] - known["YearBuilt"]).clip(lower=0)
    is_unfinished = known["SaleCondition"] == "Partial"
    return {
        "TotalArea": known["TotalBsmtSF"] + known["1stFlrSF"] + known["2ndFlrSF"],
        "FinishedArea": known["GrLivArea"] + known["BsmtFinSF1"] + known["BsmtFinSF2"],
        "AreaPerRoom": known["GrLivArea"] / known["TotRmsAbvGrd"],
        "PorchArea": known[["OpenPorchSF", "EnclosedPorch", "3SsnPorch", "ScreenPorch"]].sum(axis=1),
        "Baths": known["FullBath"] + known["BsmtFullBath"] + (known["HalfBath"] + known["BsmtHalfBath"]) / 2,
        "Age": age,
        "SinceRemodelled": (known["YrSold"] - known["YearRemodAdd"]).clip(lower=0),
        # One garage is noted as built in 2207; one without a year is as old as its house.
        "GarageAge": (known["YrSold"] - known["GarageYrBlt"]).fillna(age).clip(lower=0),
        "MonthSold": 12 * (known["YrSold"] - 2006) + known["MoSold"].astype(int),
        "IsNew": (known["YrSold"] <= known["YearBuilt"]).astype(float),
        "WasRemodelled": (known["YearRemodAdd"] > known["YearBuilt"]).astype(float),
        # The price of a house sold before it is complete says little where the plans are very large.
        "UnfinishedGiant": (is_unfinished & (known["GrLivArea"] > 4000)).astype(float),
        "HasBasement": (known["TotalBsmtSF"] > 0).astype(float),
        "HasGarage": (known["GarageArea"] > 0).astype(float),
        "HasSecondFloor": (known["2ndFlrSF"] > 0).astype(float),
        "HasFireplace": (known["Fireplaces"] > 0).astype(float),
    }


def _crossed(known: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Products: what one thing is worth depends on another."""
    quality = known["OverallQual"]
    return {
        "QualityArea": quality * known["TotalArea"] / 1000,
        "QualityLog": quality * np.log(known["FinishedArea"]),
        "QualitySquared": quality.astype(float) ** 2,
        "ConditionAge": known["OverallCond"] * np.log1p(known["Age"]),
        "Grades": known[["ExterQual", "KitchenQual", "BsmtQual", "HeatingQC"]].sum(axis=1) + quality,
        "KitchenArea": known["KitchenQual"] * known["TotalArea"] / 1000,
    }


def standardised() -> ColumnTransformer:
    """Return the transformer to standardised numbers and indicators, for all that weighs or measures.

    Areas enter as logarithms, those that may be 0 as square roots, what a neighbourhood costs as a number.
    """
    log = make_pipeline(SimpleImputer(strategy="median"), FunctionTransformer(np.log1p), StandardScaler())
    root = make_pipeline(FunctionTransformer(np.sqrt), StandardScaler())
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    # Rare categories are pooled, so that no house is memorised.
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=8, sparse_output=False)
    prices = make_pipeline(target_encoder("continuous"), StandardScaler())
    columns = [
        ("areas", log, AREAS),
        ("parts", root, PARTS),
        ("numbers", numbers, NUMBERS),
        ("categories", categories, CATEGORIES),
        ("prices", prices, ["Neighborhood", "MSSubClass"]),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)


def target_encoded() -> ColumnTransformer:
    """Return the transformer for trees: numbers as they are, and each category as what its houses cost.

    Means are shrunk, and those of training rows are cross-fitted: no row sees its own price.
    """
    columns = [
        ("numbers", SimpleImputer(strategy="median"), [*PARTS, *AREAS, *NUMBERS]),
        ("prices", target_encoder("continuous"), CATEGORIES),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)
