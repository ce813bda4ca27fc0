"""Several levels of estimators under a final estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sklearn.base import ClassifierMixin, RegressorMixin

from stackit.ensemble.ensemble import StackedEnsemble
from stackit.ensemble.final import FinalClassifierMixin, FinalRegressorMixin
from stackit.ensemble.level import Level, as_levels, check_nested, count_fits
from stackit.estimators.estimator_type import is_classifier

__all__ = ["Levels", "LevelsClassifier", "LevelsRegressor"]


@dataclass(eq=False, repr=False)
class Levels(StackedEnsemble):
    """An ensemble of levels, which are its parameters ``level_1``, ``level_2`` and so on."""

    _parts_param = "levels"

    levels: Any
    final_estimator: Any = None

    def count_fits(self, n_splits: int = 5) -> list[int]:
        """Return how many fits of base estimators each level takes, for a number of folds of all levels.

        Parameters
        ----------
        n_splits : int
            The number of folds.

        Returns
        -------
        list of int
            From the first level to the last; nested levels multiply the fits below them. With ``refit=True``
            it is the most that they take: estimators with zero weight are not refitted.
        """
        return count_fits(self.resolve_levels(), n_splits, self.refit)

    def resolve_levels(self) -> list[Level]:
        """Return the levels as `Level` objects."""
        return as_levels(self.levels)

    def routed_members(self, levels: Sequence[Level]) -> list[tuple[str, Any]]:
        """Return the estimators of all levels as ``level_1__<name>``, ``level_2__<name>`` and so on."""
        return [
            (f"level_{number}__{name}", estimator)
            for number, level in enumerate(levels, start=1)
            for name, estimator in level.members
        ]

    def _named_parts(self) -> dict[str, Level]:
        try:
            levels = self.resolve_levels()
        except ValueError:
            return {}
        return {f"level_{number}": level for number, level in enumerate(levels, start=1)}

    def _replace_parts(self, replaced: Mapping[str, Any]) -> list[Any]:
        return [*(self._named_parts() | dict(replaced)).values()]

    def _levels_to_fit(self) -> list[Level]:
        levels = self.resolve_levels()
        for number, level in enumerate(levels, start=1):
            level.check(number, is_classifier(self))
        check_nested(levels)
        return levels

    def _as_output(self, meta: pd.DataFrame, X: Any) -> Any:
        return meta.to_numpy(copy=True)


@dataclass(eq=False, repr=False)
class LevelsClassifier(ClassifierMixin, FinalClassifierMixin, Levels):  # type: ignore[misc]
    """Several levels of classifiers: the out-of-fold predictions of one level are the features of the next.

    Every level is trained out of fold on the table of the one below, and predicts new rows by the average of
    its fold estimators; a final classifier learns from the last level.

    **What shared folds cost.** By default all levels have the same folds. The level-1 columns of a row come
    from estimators that have not seen it; but those of the *other* rows come from estimators that have, and
    level 2 is trained on these. So a row's own label reaches its level-2 prediction through the columns of
    other rows, also with different folds per level. With ``nested=True`` a level trains all levels below it
    again inside the training part of each of its folds, and the label does not reach the prediction. It is
    enough that the *last* level is nested for its predictions to be so.

    **When it matters.** The leak is as strong as the effect of a single row on the estimators below: with
    many rows and estimators that do not chase single labels it is not worth the fits, and shared folds are
    usual practice. It matters on a few hundred rows, with flexible estimators above others that memorise
    (deep trees, nearest neighbors), where the second digit of out-of-fold scores of a higher level counts.
    Measured with random labels of 200 rows: an AUC of level 2 of 0.508 with shared folds and of 0.493 with
    nested ones, to 0.004 (over 110 tables); with 15 estimators of one column each below logistic regression,
    of 0.61. Where a level above the first sees columns of X (`passthrough`) next to predictions on shared
    folds, the two together give labels away whatever the estimators are: 0.76 on 200 rows and 60 columns,
    0.65 on 3,000 rows. Scores of such a level warn; nest it, or rely on `nested_score` and `compare` alone.
    Scores on new rows are honest with either. Precomputed predictions (`PrecomputedClassifier`) cannot be
    made again inside a fold, and are refused below a nested level.

    Parameters
    ----------
    levels : list of Level or of lists of (str, estimator)
        From the first level, which sees X, to the last. See `Level` for columns of X at higher levels,
        different folds per level, and nested folds.
    final_estimator : classifier, optional
        Learns from the last level's out-of-fold predictions. Default: LogisticRegression.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs or None
        The folds of all levels that have none of their own. None is 5 stratified folds; with `groups`, group
        folds. The levels above do not learn from rows that no fold holds out.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        The method of the classifiers that predicts; "auto" takes the first that each has.
    n_jobs : int, optional
        How many fits run at once; None is 1, -1 is one per core.
    passthrough : bool or list of columns
        The columns of X that the final estimator sees next to the last level.
    verbose : int
        1 shows a progress bar per level.
    refit : bool
        False predicts new rows with the average of the K fold estimators at each level. True refits
        estimators on all rows that their level can learn from, K + 1 fits, for prediction alone: what is
        learned from are the out-of-fold predictions in either case. Estimators with zero weight are not
        refitted. A nested level then has the levels inside its folds refitted on the training part, too. One
        that cannot be refitted (``on_error="skip"``) predicts by the average of its folds. A `Level` may
        have its own setting.
    on_error : {"raise", "skip"}
        What happens when an estimator fails: stop, or leave it out with a warning.
    early_stopping : {"training", "held_out"}
        The validation set of estimators that stop early; see `stackit.out_of_fold`.
    random_state : int, RandomState or None
        Seeds each estimator the ``random_state`` of which is None, with a seed per level and fold.
    store : DiskStore, MemoryStore or None
        Where finished fits of all levels are kept; see `stackit.StackingClassifier`.

    Attributes
    ----------
    levels_ : list of OutOfFold
        The out-of-fold predictions of each level, with scores and coverage.
    oof_ : OutOfFold
        Those of the last.
    top_ : FittedLevel or NestedLevel
        The last fitted level, with those below it, which predict new rows.
    classes_ : (n_classes,) array
        The classes.
    final_estimator_ : classifier
        The fitted final estimator. Estimators to which it, or all that is above them, gives the weight 0 do
        not predict in `predict`.
    n_features_in_, feature_names_in_
        The columns of X.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2), 241-259.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from stackit import Level, LevelsClassifier
    >>> from stackit.combine import MeanClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> first = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))]
    >>> second = Level([("logistic", LogisticRegression()), ("stump", DecisionTreeClassifier(max_depth=2))])
    >>> ensemble = LevelsClassifier([first, second], MeanClassifier(), random_state=0)
    >>> ensemble.fit(X, y).predict(X[:2]).tolist()
    [0, 0]
    >>> [level.meta_train.shape for level in ensemble.levels_]
    [(150, 6), (150, 6)]
    >>> ensemble.count_fits(), ensemble.set_params(level_2__nested=True).count_fits()
    ([10, 10], [50, 10])
    """

    stack_method: str = field(default="auto", kw_only=True)  # type: ignore[misc]


class LevelsRegressor(RegressorMixin, FinalRegressorMixin, Levels):  # type: ignore[misc]
    """Several levels of regressors: the out-of-fold predictions of one level are the features of the next.

    See `LevelsClassifier` for what shared folds cost, and when nested ones matter.

    Parameters
    ----------
    levels : list of Level or of lists of (str, estimator)
        From the first level, which sees X, to the last.
    final_estimator : regressor, optional
        Learns from the last level's out-of-fold predictions. Default: RidgeCV.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs or None
        The folds of all levels that have none of their own. None is 5 folds; with `groups`, group folds. The
        levels above do not learn from rows that no fold holds out.
    n_jobs, passthrough, verbose, refit, on_error, early_stopping, random_state, store
        As in `LevelsClassifier`.

    Attributes
    ----------
    levels_, oof_, top_, n_features_in_, feature_names_in_
        As in `LevelsClassifier`.
    final_estimator_ : regressor
        The fitted final estimator.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression, Ridge
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from stackit import Level, LevelsRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> first = [("ols", LinearRegression()), ("knn", KNeighborsRegressor(20))]
    >>> second = Level([("ridge", Ridge()), ("near", KNeighborsRegressor(40))], passthrough=["bmi", "bp"])
    >>> ensemble = LevelsRegressor([first, second]).fit(X, y)
    >>> ensemble.levels_[0].summary["whole"].round(2).to_dict()
    {'ols': 0.5, 'knn': 0.46}
    >>> sorted(ensemble.levels_[1].optimistic)  # they see columns of X: use nested_score
    ['near', 'ridge']
    """
