"""Several levels of regressors."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin

from stackit.engine.run_config import OnError
from stackit.ensemble.final import FinalRegressor
from stackit.ensemble.level_columns import Passthrough
from stackit.ensemble.levels import Levels
from stackit.estimators.early_stopping import EarlyStopping
from stackit.store import Store

__all__ = ["LevelsRegressor"]


class LevelsRegressor(RegressorMixin, FinalRegressor, Levels):  # type: ignore[misc]
    """Several levels of regressors: the out-of-fold predictions of one level are the features of the next.

    See `LevelsClassifier` for what shared folds cost, and when nested ones matter.

    Parameters
    ----------
    levels : list of Level or of lists of (str, estimator)
        From the first level, which sees X, to the last.
    final_estimator : regressor, optional
        Learns from the last level's out-of-fold predictions. Default: RidgeCV.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs or None
        The folds that all levels share which have none of their own. None is 5 folds; with `groups`, group
        folds. Rows that no fold of a level holds out are not learned from above it.
    n_jobs : int, optional
        How many fits run at once; None is 1, -1 is one a core.
    passthrough : bool or list of columns
        What the final estimator sees of X beside the last level.
    verbose : int
        1 shows a progress bar a level.
    refit : bool
        False predicts new rows with the average of the K fold estimators at each level. True refits those
        that somebody reads on all rows that their level can learn from, K + 1 fits, for prediction alone:
        what is learned from are the out-of-fold predictions in either case. A nested level then has the
        levels inside its folds refitted on the training part, too. One that cannot be refitted
        (``on_error="skip"``) predicts by the average of its folds. A `Level` may say otherwise for itself.
    on_error : {"raise", "skip"}
        What happens when an estimator fails: stop, or leave it out with a warning.
    early_stopping : {"training", "held_out"}
        Which rows tell an estimator to stop that is set to stop early; see `stackit.out_of_fold`.
    random_state : int, RandomState or None
        Seeds each estimator whose own ``random_state`` is None, for each level and fold anew.
    store : DiskStore, MemoryStore or None
        Where finished fits of all levels are kept; see `stackit.StackingRegressor`.

    Attributes
    ----------
    levels_ : list of OutOfFold
        The out-of-fold predictions of each level, with scores and coverage.
    oof_ : OutOfFold
        Those of the last.
    top_ : FittedLevel or NestedLevel
        The last level as it was fitted, with those below it: what predicts.
    final_estimator_ : regressor
        The fitted final estimator.
    n_features_in_, feature_names_in_
        The columns of X.

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

    def __init__(  # noqa: PLR0913 - as of a stack
        self,
        levels: Any,
        final_estimator: Any = None,
        *,
        cv: Any = None,
        n_jobs: int | None = None,
        passthrough: Passthrough = False,
        verbose: int = 0,
        refit: bool = False,
        on_error: OnError = "raise",
        early_stopping: EarlyStopping = "training",
        random_state: Any = None,
        store: Store | None = None,
    ) -> None:
        self.levels = levels
        self.final_estimator = final_estimator
        self.cv = cv
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.refit = refit
        self.on_error = on_error
        self.early_stopping = early_stopping
        self.random_state = random_state
        self.store = store
