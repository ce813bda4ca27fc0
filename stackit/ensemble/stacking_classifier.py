"""Stacking of classifiers."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin

from stackit.engine.run_config import OnError
from stackit.ensemble.final import FinalClassifier
from stackit.ensemble.stack import Stack
from stackit.estimators.early_stopping import EarlyStopping
from stackit.estimators.named_estimators import NamedEstimators
from stackit.store import Store

__all__ = ["StackingClassifier"]


class StackingClassifier(ClassifierMixin, FinalClassifier, Stack):  # type: ignore[misc]
    """Stack of classifiers: a final classifier learns from out-of-fold predictions of base estimators.

    A drop-in replacement for scikit-learn's, which also takes groups, ordered and repeated folds, keeps
    the out-of-fold table, and by default predicts with the average of the fold estimators.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The base estimators; 'drop' leaves one out.
    final_estimator : classifier, optional
        Learns from the (n, k) out-of-fold predictions: any classifier, a combiner of `stackit.combine`,
        or another stack. Default: LogisticRegression.
    cv : Folds, splitter, int, iterable of (train, held_out) pairs, "prefit" or None
        How rows are held out. None is 5 stratified folds; with `groups`, group folds. Repeats are averaged
        per row before the final estimator learns. "prefit" takes the base estimators as they are: fit the
        stack on rows that they have not seen.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}
        What base classifiers are asked; "auto" takes the first that each has.
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
    classes_ : (n_classes,) array
        The classes.
    estimators_ : list
        For each base estimator the list of its fold estimators; with ``refit=True`` the refitted one, and
        with ``cv="prefit"`` the one that was given.
    named_estimators_ : Bunch
        The same by name.
    final_estimator_ : classifier
        The fitted final estimator.
    stack_method_ : list of str
        What each base estimator is asked.
    n_features_in_, feature_names_in_
        The columns of X.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5(2), 241-259.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from stackit import StackingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> stack = StackingClassifier([("bayes", GaussianNB()), ("knn", KNeighborsClassifier())])
    >>> stack.fit(X, y).predict(X[:2]).tolist()
    [0, 0]
    >>> stack.oof_.meta_train.shape
    (150, 6)
    """

    def __init__(  # noqa: PLR0913 - scikit-learn's signature and five more
        self,
        estimators: NamedEstimators,
        final_estimator: Any = None,
        *,
        cv: Any = None,
        stack_method: str = "auto",
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
        self.stack_method = stack_method
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.refit = refit
        self.on_error = on_error
        self.early_stopping = early_stopping
        self.random_state = random_state
        self.store = store
