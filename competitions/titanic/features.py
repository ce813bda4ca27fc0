"""Titanic passengers as a table that estimators can read, without a label ever reaching its own row.

What can be said without labels (titles, who travelled together, the fare per head) is worked out by
`describe`, for the passengers of both files at once. What is estimated (medians, scales, categories and,
above all, how the party of a passenger fared) is left to `preprocessing`, which every fold fits on its
training part.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

Matrix = NDArray[np.float64]

NUMBERS = ["Age", "FamilySize", "FarePerHead"]
CATEGORIES = ["ClassAndSex", "Title", "Embarked"]
MORE_NUMBERS = ["TicketSize", "AgeMissing", "CabinMissing"]
MORE_CATEGORIES = ["Deck"]


def describe(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add what is known of the passengers without labels, counting companions over both files.

    Parameters
    ----------
    train, test : DataFrame
        Kaggle's two files. A column `Survived` is dropped, and never looked at.

    Returns
    -------
    train, test : DataFrame
        The same rows in the same order, with the raw columns and the new ones.
    """
    passengers = pd.concat([train.drop(columns="Survived", errors="ignore"), test], ignore_index=True)
    passengers = passengers.assign(
        Title=passengers["Name"].str.extract(r", ([^.]+)\.", expand=False),
        ClassAndSex=passengers["Pclass"].astype(str) + passengers["Sex"],
        FamilySize=passengers["SibSp"] + passengers["Parch"] + 1,
        TicketSize=passengers.groupby("Ticket")["Ticket"].transform("size"),
        Deck=passengers["Cabin"].str[0].fillna("unknown"),
        AgeMissing=passengers["Age"].isna().astype(int),
        CabinMissing=passengers["Cabin"].isna().astype(int),
    )
    # A ticket has one price, however many travel on it.
    passengers["FarePerHead"] = passengers["Fare"] / passengers["TicketSize"]
    passengers["Party"] = parties(passengers)
    return passengers[: len(train)], passengers[len(train) :].reset_index(drop=True)


def parties(passengers: pd.DataFrame) -> pd.Series[float]:
    """Number the parties of women and children; a man belongs to none, and gets a missing value.

    Women and boys ("Master") of one party were saved together or lost together, while most men were lost
    whatever became of their companions. Passengers with one ticket are one party, and so are relatives:
    people with relatives aboard who share surname, class and port.
    """
    surname = passengers["Name"].str.split(",").str[0]
    family = passengers.groupby([surname, "Pclass", "Embarked"], dropna=False).ngroup()
    relatives = family.where(passengers["FamilySize"] > 1)
    woman_or_child = (passengers["Sex"] == "female") | (passengers["Title"] == "Master")
    return connected(passengers["Ticket"], relatives).where(woman_or_child)


def connected(*labels: pd.Series[Any]) -> pd.Series[float]:
    """Number the groups of rows that chains of equal labels connect; a missing label connects nothing."""
    rows = pd.Series(range(len(labels[0])))
    # One edge from each row to the first row with its label is enough to connect all that share it.
    firsts = [rows.groupby(label.to_numpy()).transform("first").fillna(rows) for label in labels]
    edges = (np.tile(rows, len(labels)), np.concatenate(firsts).astype(int))
    graph = coo_array((np.ones(len(edges[0])), edges), shape=(len(rows), len(rows)))
    _, group = connected_components(graph, directed=False)
    return pd.Series(group, index=labels[0].index, dtype=float)


def companies(passengers: pd.DataFrame) -> pd.Series[float]:
    """Number the parties of described passengers; one without a party is a group alone.

    Errors in a party are not independent: it was saved or lost together.
    """
    alone = pd.Series(-1.0 - np.arange(len(passengers)), index=passengers.index)
    return passengers["Party"].fillna(alone)


class GroupSurvival(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace the number of a group by how the *other* members of the group fared.

    The rate of positive labels in a group is shrunk towards a constant,
    ``(positive + smooth * prior) / (known + smooth)``. A row without a group (a missing value), or without
    companions of known label, gets exactly `prior`.

    As with scikit-learn's `TargetEncoder`, ``fit_transform(X, y)`` does not equal ``fit(X, y).transform(X)``.
    `fit_transform` leaves the label of each row out of its own rate: estimators are trained on this, and
    pipelines call it. `transform` counts all labels that `fit` has seen: it is meant for other rows.

    Parameters
    ----------
    smooth : float, default=1.0
        The weight of `prior`, in members. Must be positive.
    prior : float, default=0.5
        The rate of the unknown. A constant: the mean label of the other rows would tell the row's own.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels; the last one is the positive one.
    members_ : list of DataFrame
        For each column of X, the `positive` and the `known` members of each group.

    See Also
    --------
    sklearn.preprocessing.TargetEncoder : Cross-fits by parts, which hides more of a small group.

    Examples
    --------
    >>> groups, survived = [[7], [7], [7], [8]], [1, 1, 0, 1]
    >>> GroupSurvival().fit_transform(groups, survived).ravel().round(2).tolist()
    [0.5, 0.5, 0.83, 0.5]
    >>> GroupSurvival().fit(groups, survived).transform([[7], [8], [9]]).ravel().round(2).tolist()
    [0.62, 0.75, 0.5]
    """

    def __init__(self, smooth: float = 1.0, prior: float = 0.5) -> None:
        self.smooth = smooth
        self.prior = prior

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Count the members of each group, and the positive ones."""
        self._count(X, y)
        return self

    def fit_transform(self, X: ArrayLike, y: ArrayLike) -> Matrix:
        """Fit, and return for each row the rate among the other members of its group."""
        groups, positive = self._count(X, y)
        # A row without a group is counted nowhere, so there is nothing to take back.
        own = ~np.isnan(groups)
        return self._rate(groups, own * positive[:, None], own)

    def transform(self, X: ArrayLike) -> Matrix:
        """Return for each row the rate among all members of its group that `fit` has seen."""
        check_is_fitted(self)
        groups = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return self._rate(groups)

    def _count(self, X: ArrayLike, y: ArrayLike) -> tuple[Matrix, Matrix]:
        groups, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        self.classes_ = np.unique(labels)
        positive = (labels == self.classes_[-1]).astype(np.float64)
        members = pd.DataFrame({"positive": positive, "known": 1.0})
        self.members_ = [members.groupby(column).sum() for column in groups.T]
        return groups, positive

    def _rate(self, groups: Matrix, own_positive: ArrayLike = 0.0, own: ArrayLike = 0.0) -> Matrix:
        pairs = zip(self.members_, groups.T, strict=True)
        members = [counts.reindex(column).fillna(0.0) for counts, column in pairs]
        positive = np.column_stack([counts["positive"] for counts in members]) - own_positive
        known = np.column_stack([counts["known"] for counts in members]) - own
        return np.asarray((positive + self.smooth * self.prior) / (known + self.smooth))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        return tags


def preprocessing(more: bool = False) -> ColumnTransformer:
    """Return the transformer from described passengers to standardised numbers and indicators.

    Parameters
    ----------
    more : bool, default=False
        Whether deck, ticket size and missing-value flags come too. Estimators that weigh each column make use
        of them; those that measure distances, or draw columns at random, are distracted.
    """
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    # Rare titles and decks are pooled, so the sparse evidence on each cannot be memorised.
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, sparse_output=False)
    columns = [
        ("numbers", numbers, NUMBERS + MORE_NUMBERS * more),
        ("categories", categories, CATEGORIES + MORE_CATEGORIES * more),
        ("party", make_pipeline(GroupSurvival(), StandardScaler()), ["Party"]),
    ]
    return ColumnTransformer(columns, verbose_feature_names_out=False)


def sex_and_party() -> ColumnTransformer:
    """Return the transformer to the two columns that decide most: sex, and how the party fared."""
    sex = OneHotEncoder(drop="first", sparse_output=False)
    columns = [("sex", sex, ["Sex"]), ("party", GroupSurvival(), ["Party"])]
    return ColumnTransformer(columns, verbose_feature_names_out=False)
