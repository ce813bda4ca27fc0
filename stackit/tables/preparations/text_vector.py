"""Text of many words as a short vector: words by frequency, and their main components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from stackit.arrays import Floats

__all__ = ["TextVector", "text_vectors"]

MOST_WORDS = 5000


class TextVector(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """One column of text as `n_components` numbers, whatever words there are; zeros where it is missing."""

    def __init__(self, n_components: int = 16, random_state: int | None = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: pd.Series[Any], y: Any = None) -> TextVector:
        """Learn the words and their components from (n,) texts."""
        words = TfidfVectorizer(sublinear_tf=True, min_df=2 if len(X) >= 100 else 1, max_features=MOST_WORDS)
        try:
            table = words.fit_transform(_filled(X))
        except ValueError:  # no word is frequent enough
            self.components_ = None
            return self
        # Two arrays and no vectorizer: its dict of words would take most of the time to save a stack.
        self.words_, self.idf_ = words.get_feature_names_out().astype(str), words.idf_
        width = min(self.n_components, table.shape[1])
        svd = TruncatedSVD(width, n_iter=2, random_state=self.random_state)
        self.components_ = svd.fit(table) if table.shape[1] > 1 else None
        return self

    def transform(self, X: pd.Series[Any]) -> Floats:
        """Return the (n, n_components) vectors of (n,) texts."""
        vectors = np.zeros((len(X), self.n_components))
        if self.components_ is not None and len(X):
            words = TfidfVectorizer(sublinear_tf=True, vocabulary=self.words_.tolist())
            words.idf_ = self.idf_
            found = self.components_.transform(words.transform(_filled(X)))
            vectors[:, : found.shape[1]] = found
        return vectors


def text_vectors(
    frame: pd.DataFrame, names: Sequence[str], random_state: int | None
) -> dict[str, TextVector]:
    """Return the fitted vectors of some columns of a frame."""
    return {name: TextVector(random_state=random_state).fit(frame[name]) for name in names}


def _filled(texts: pd.Series[Any]) -> list[str]:
    return [text if isinstance(text, str) else "" for text in texts]
