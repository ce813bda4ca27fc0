"""Stacking of regressors."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin

from stackit.engine.run_config import OnError
from stackit.ensemble.final import FinalRegressor
from stackit.ensemble.stack import Stack
from stackit.estimators.early_stopping import EarlyStopping
from stackit.estimators.named_estimators import NamedEstimators
from stackit.store import Store

__all__ = ["StackingRegressor"]


class StackingRegressor(RegressorMixin, FinalRegressor, Stack):  # type: ignore[misc]
    """Stack of regressors: a final regressor learns from out-of-fold predictions of base estimators.

    A drop-in replacement for scikit-learn's, which also takes several outputs, groups, ordered and
    repeated folds, keeps the out-of-fold table, and by default predicts with the average of the fold
    estimators.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The base estimators; 'drop' leaves one out.
    final_estimator : regressor, optional
        Learns from the (n, k) out-of-fold predictions: any regressor, a combiner of `stackit.combine`,
        or another stack. Default: RidgeCV.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs, "prefit" or None
        How rows are held out. None is 5 folds; with `groups`, group folds. "prefit" takes the base
        estimators as they are: fit the stack on rows that they have not seen.
    n_jobs : int, optional
        How many fits run at once; None is 1, -1 is one a core.
    passthrough : bool
        Whether the final estimator sees X too; data frames keep their columns' types.
    verbose : int
        1 shows a progress bar.
    refit : bool
        False predicts with the average of the K fold estimators: K fits each. True refits each on all
        rows, K + 1 fits, and predicts as scikit-learn's stack does for the same cv and seeds. Estimators to
        which a combiner gives the weight 0 are not refitted, and not asked by `predict` in any case.
    on_error : {"raise", "skip"}
        What happens when a base estimator fails: stop, or leave it out with a warning.
    early_stopping : {"training", "held_out"}
        Which rows tell a base estimator to stop that is set to stop early: some of the fold's training
        part, or the held-out ones, which makes scores optimistic; see `stackit.out_of_fold`.
    random_state : int, RandomState or None
        Seeds each estimator whose own ``random_state`` is None, for each fold anew.
    store : DiskStore, MemoryStore or None
        Where finished fits of the base level are kept: what the store has is not fitted again, so that
        another final estimator costs its own fit alone. A `DiskStore` keeps out-of-fold answers and not,
        without pickle, fitted estimators: with answers from it, the fold estimators are fitted again when
        the first new rows are predicted (or the stack is pickled), and not before; with ``refit=True``
        the fit on all rows is done each time. A `MemoryStore` keeps the fold estimators too.

    Attributes
    ----------
    oof_ : OutOfFold
        The out-of-fold predictions of the base level, with scores and coverage.
    estimators_ : list
        For each base estimator the list of its fold estimators; with ``refit=True`` the refitted one, and
        with ``cv="prefit"`` the one that was given.
    named_estimators_ : Bunch
        The same by name.
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
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from stackit import StackingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> stack = StackingRegressor([("ols", LinearRegression()), ("knn", KNeighborsRegressor(20))])
    >>> stack.fit(X, y).oof_.summary["whole"].round(2).to_dict()
    {'ols': 0.5, 'knn': 0.46}
    """

    def __init__(  # noqa: PLR0913 - scikit-learn's signature and five more
        self,
        estimators: NamedEstimators,
        final_estimator: Any = None,
        *,
        cv: Any = None,
        n_jobs: int | None = None,
        passthrough: bool = False,
        verbose: int = 0,
        refit: bool = False,
        on_error: OnError = "raise",
        early_stopping: EarlyStopping = "training",
        random_state: Any = None,
        store: Store | None = None,
    ) -> None:
        self.estimators = estimators
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
