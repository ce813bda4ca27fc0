"""CatBoost on frames with columns of the category dtype and gaps, which it refuses by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from stackit.arrays import Floats, Labels
from stackit.validation import import_optional

__all__ = ["CatBoostFrameClassifier", "CatBoostFrameRegressor"]

GAP = "(missing)"  # CatBoost takes no gaps in categories
# What CatBoost writes into a model, and differs between two equal ones: a random name, and when it was made.
OF_ONE_FIT = ("model_guid", "train_finish_time")


class CatBoostFrame(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share: parameters, and fitting on a frame."""

    def __init__(
        self,
        iterations: int = 1000,
        learning_rate: float | None = None,
        depth: int = 6,
        early_stopping_rounds: int | None = None,
        options: Mapping[str, Any] | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.iterations = iterations
        self.learning_rate = learning_rate
        self.depth = depth
        self.early_stopping_rounds = early_stopping_rounds
        self.options = options
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: pd.DataFrame,
        y: Any,
        sample_weight: Any = None,
        eval_set: Any = None,
        sample_weight_eval_set: Any = None,
    ) -> Any:
        """Fit on one thread, and stop early where `early_stopping_rounds` and `eval_set` are given."""
        catboost = import_optional("catboost", "boost")
        frame = words_for_gaps(X)
        categories = [name for name, kind in X.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
        validation = None
        if eval_set:
            weights = None if sample_weight_eval_set is None else sample_weight_eval_set[0]
            ((X_val, y_val),) = eval_set
            validation = catboost.Pool(words_for_gaps(X_val), y_val, categories, weight=weights)
        self.booster_ = getattr(catboost, self._kind)(
            iterations=self.iterations,
            learning_rate=self.learning_rate,
            depth=self.depth,
            random_seed=self.random_state,
            thread_count=1,
            allow_writing_files=False,
            verbose=self.verbose,
            **(self.options or {}),
        )
        self.booster_.fit(
            catboost.Pool(frame, y, categories, weight=sample_weight),
            eval_set=validation,
            early_stopping_rounds=self.early_stopping_rounds if eval_set else None,
        )
        facts = self.booster_.get_metadata()
        for name in OF_ONE_FIT:
            facts[name] = ""
        self.n_iter_ = int(self.booster_.tree_count_)
        self.n_features_in_ = X.shape[1]
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "booster_")


class CatBoostFrameClassifier(ClassifierMixin, CatBoostFrame):  # type: ignore[misc]
    """CatBoost for classes.

    Examples
    --------
    >>> frame = pd.DataFrame({"sex": pd.Categorical(["m", "f", None, "f"] * 5), "age": [1.0, 2, 3, 4] * 5})
    >>> booster = CatBoostFrameClassifier(iterations=5, random_state=0).fit(frame, ["a", "b", "a", "b"] * 5)
    >>> booster.predict(frame[:2]).tolist()
    ['a', 'b']
    """

    _kind = "CatBoostClassifier"

    @property
    def classes_(self) -> Labels:
        """The sorted classes."""
        return np.asarray(self.booster_.classes_)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Return the (n, n_classes) probabilities."""
        return np.asarray(self.booster_.predict_proba(words_for_gaps(X), thread_count=1), dtype=np.float64)

    def predict(self, X: pd.DataFrame) -> Labels:
        """Return the (n,) labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class CatBoostFrameRegressor(RegressorMixin, CatBoostFrame):  # type: ignore[misc]
    """CatBoost for numbers.

    Examples
    --------
    >>> frame = pd.DataFrame({"sex": pd.Categorical(["m", "f", None, "f"] * 5), "age": [1.0, 2, 3, 4] * 5})
    >>> booster = CatBoostFrameRegressor(iterations=5, random_state=0).fit(frame, np.arange(20.0))
    >>> booster.predict(frame[:2]).shape
    (2,)
    """

    _kind = "CatBoostRegressor"

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return the (n,) predicted numbers."""
        return np.asarray(self.booster_.predict(words_for_gaps(X), thread_count=1), dtype=np.float64)


def words_for_gaps(X: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with the categories as words, and one word for their gaps."""
    words: dict[str, Any] = {
        str(name): column.cat.add_categories([GAP]).fillna(GAP).astype(str)
        for name, column in X.items()
        if isinstance(column.dtype, pd.CategoricalDtype)
    }
    return X.assign(**words) if words else X
