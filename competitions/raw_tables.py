"""The tables of seven competitions as their files have them, for presets that do all the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from competitions.adult import features as adult_files
from competitions.amazon_employee_access import features as amazon_files
from competitions.bike_sharing import order
from competitions.bike_sharing import solve as bike_script
from competitions.data import find
from competitions.diabetes_hospital import solve as diabetes_script
from competitions.house_prices import solve as house_script
from competitions.otto import files as otto_files
from competitions.titanic import solve as titanic_script
from stackit import make_folds

__all__ = ["RAW_TABLES", "RawTable"]


@dataclass(frozen=True, eq=False)
class RawTable:
    """What a preset is given, and how it is scored.

    Parameters
    ----------
    X : data frame
        The raw columns.
    y : series
        The target, as the script of the competition scores it: prices and counts as logarithms.
    scoring : str
        scikit-learn's name of the metric of the script.
    groups : series, optional
        Rows of a group are held out together.
    cv : Folds, optional
        The folds, where they must be in the order of time.
    X_test, y_test : data frame and series, optional
        Rows with known labels that the script puts aside.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    scoring: str
    groups: Any = None
    cv: Any = None
    X_test: pd.DataFrame | None = None
    y_test: pd.Series[Any] | None = None

    def head(self, n_rows: int) -> RawTable:
        """Return the first rows, without folds: to see quickly that something runs."""
        groups = None if self.groups is None else self.groups[:n_rows]
        return RawTable(self.X[:n_rows], self.y[:n_rows], self.scoring, groups)


def titanic(data: Path | None) -> RawTable:
    """Return the passengers, with their names, tickets and cabins."""
    train = pd.read_csv(find("titanic", titanic_script.FILES, titanic_script.PAGE, data) / "train.csv")
    return RawTable(train.drop(columns="Survived"), train["Survived"], "accuracy")


def house_prices(data: Path | None) -> RawTable:
    """Return the houses; the target is the logarithm of the price."""
    train = pd.read_csv(find("house_prices", house_script.FILES, house_script.PAGE, data) / "train.csv")
    price = np.log(train["SalePrice"])
    return RawTable(train.drop(columns="SalePrice"), price, "neg_root_mean_squared_error")


def otto(data: Path | None) -> RawTable:
    """Return the products, 93 counts each."""
    train, _ = otto_files.read(find("otto", otto_files.FILES, otto_files.PAGE, data), None)
    return RawTable(train.drop(columns="target"), train["target"], "neg_log_loss")


def bike_sharing(data: Path | None) -> RawTable:
    """Return the hours, on the forward folds of the script; the target is the logarithm of 1 + count."""
    hours = bike_script.read(
        find("bike_sharing", bike_script.FILES, bike_script.PAGE, data) / "train.csv", False
    )
    y = np.log1p(hours["count"])
    folds = order.forward(y, hours["datetime"], bike_script.N_SPLITS["full"])
    # The first two add up to the count.
    X = hours.drop(columns=["casual", "registered", "count"])
    return RawTable(X, y, "neg_root_mean_squared_error", cv=folds)


def diabetes_hospital(data: Path | None) -> RawTable:
    """Return the stays, patients kept whole; the patients that the script puts aside are the test rows."""
    folder = find("diabetes_hospital", diabetes_script.FILES, diabetes_script.PAGE, data)
    stays = diabetes_script.read(folder)
    patients, y = stays["patient_nbr"], stays["readmitted"]
    seed = diabetes_script.SEED
    train, new = make_folds(stays, scheme="group", n_splits=5, groups=patients, random_state=seed).splits[0]
    X = stays.drop(columns=["readmitted", "patient_nbr"])
    return RawTable(
        X.iloc[train],
        y.iloc[train],
        "neg_log_loss",
        patients.iloc[train],
        X_test=X.iloc[new],
        y_test=y.iloc[new],
    )


def adult(data: Path | None) -> RawTable:
    """Return the adults of the training file; the official test file has the test rows."""
    train, test = adult_files.read(find("adult", adult_files.FILES, adult_files.PAGE, data))
    X, X_test = (table.drop(columns="income") for table in (train, test))
    return RawTable(X, train["income"], "neg_log_loss", X_test=X_test, y_test=test["income"])


def amazon_employee_access(data: Path | None) -> RawTable:
    """Return the requests; its whole numbers are ids, which a file cannot say and a user must."""
    folder = find("amazon_employee_access", amazon_files.FILES, amazon_files.PAGE, data)
    requests = amazon_files.read(folder)
    ids = requests.drop(columns="ACTION").astype("category")
    return RawTable(ids, requests["ACTION"], "roc_auc")


RAW_TABLES: dict[str, Callable[[Path | None], RawTable]] = {
    "titanic": titanic,
    "house_prices": house_prices,
    "otto": otto,
    "bike_sharing": bike_sharing,
    "diabetes_hospital": diabetes_hospital,
    "adult": adult,
    "amazon_employee_access": amazon_employee_access,
}
