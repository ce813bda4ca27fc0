"""Who does the work: stackit, its peers, and the loop that people write by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression

from stackit import out_of_fold
from tests.bench.workloads import SEED, Workload

METHODS = ("predict_proba", "decision_function", "predict")
# What each returns: the out-of-fold table, and the averaged test table or None where it is no average.
Tables = tuple[Any, Any]
FIT_MODES: dict[str, str] = {}  # how stackit has fitted each estimator


def stackit(work: Workload, n_jobs: int) -> Tables:
    """The engine."""
    oof = out_of_fold(
        work.estimators,
        work.X,
        work.y,
        work.X_test,
        cv=work.folds(),
        n_jobs=n_jobs,
        return_estimator=False,  # as the loop by hand and vecstack, which keep none
    )
    FIT_MODES.update((name, result.fit_mode) for name, result in oof.items())
    test = None if oof.meta_test is None else oof.meta_test.to_numpy()
    return oof.meta_train.to_numpy(), test


def by_hand(work: Workload, n_jobs: int) -> Tables:
    """The loop that people write."""

    def one(estimator: Any, train: Any, held_out: Any) -> Any:
        fitted = clone(estimator).fit(work.X[train], work.y[train])
        method = getattr(fitted, next(name for name in METHODS if hasattr(fitted, name)))
        return method(work.X[held_out]), None if work.X_test is None else method(work.X_test)

    folds = work.folds()
    jobs = [(estimator, *split) for _, estimator in work.estimators for split in folds]
    results = Parallel(n_jobs)(delayed(one)(*job) for job in jobs)
    trains, tests = [], []
    for at in range(len(work.estimators)):
        own = results[at * len(folds) : (at + 1) * len(folds)]
        trains.append(np.empty((len(work.y), *own[0][0].shape[1:])))
        for (_, held_out), (predicted, _) in zip(folds, own, strict=True):
            trains[-1][held_out] = predicted
        if work.X_test is not None:
            tests.append(sum(predicted for _, predicted in own) / len(folds))
    return _columns(trains), _columns(tests) if tests else None


def sklearn(work: Workload, n_jobs: int) -> Tables:
    """scikit-learn's stack; its base estimators are fitted once more on all rows."""
    stack = StackingClassifier(work.estimators, Keeping(), cv=work.folds(), n_jobs=n_jobs)
    stack.fit(work.X, work.y).transform(work.X_test)
    return stack.final_estimator_.table_, None


class Keeping(LogisticRegression):
    """A final estimator that only keeps what it is given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Keeping:
        self.table_, self.classes_ = X, np.unique(y)
        return self


def mlxtend(work: Workload, n_jobs: int) -> Tables:
    """mlxtend's stack; a second one for estimators without probabilities, of which it keeps labels."""
    from mlxtend.classifier import StackingCVClassifier

    def stacked(estimators: list[tuple[str, Any]], **options: Any) -> Any:
        if not estimators:
            return None
        members = [estimator for _, estimator in estimators]
        stack = StackingCVClassifier(
            members, Keeping(), cv=work.folds(), shuffle=False, n_jobs=n_jobs, **options
        )
        stack.fit(work.X, work.y).predict_meta_features(work.X_test)
        return stack.meta_clf_.table_

    drop = "first" if len(np.unique(work.y)) == 2 else None
    table = stacked(work.with_probabilities, use_probas=True, drop_proba_col=drop)
    stacked(work.without)
    return table, None


def vecstack(work: Workload, n_jobs: int) -> Tables:
    """vecstack, once for estimators with probabilities and once for the others; it has no workers."""
    from vecstack import stacking

    def stacked(estimators: list[tuple[str, Any]], needs_proba: bool) -> Tables:
        if not estimators:
            return None, None
        members = [estimator for _, estimator in estimators]
        options = {"regression": False, "mode": "oof_pred_bag", "stratified": True, "shuffle": True}
        options |= {"n_folds": work.n_splits, "random_state": SEED, "needs_proba": needs_proba}
        return stacking(members, work.X, work.y, work.X_test, **options)

    train, test = stacked(work.with_probabilities, True)
    stacked(work.without, False)
    step = slice(1, None, 2) if len(np.unique(work.y)) == 2 else slice(None)
    return train[:, step], test[:, step]


def without_test(work: Workload) -> Workload:
    """The same work without a test table, for contenders without one."""
    return replace(work, X_test=None)


def _columns(tables: list[Any]) -> Any:
    """Put predictions side by side; of two probabilities the second."""
    return np.column_stack(
        [table[:, 1] if table.ndim == 2 and table.shape[1] == 2 else table for table in tables]
    )


CONTENDERS = {
    "stackit": stackit,
    "hand": by_hand,
    "scikit-learn": sklearn,
    "mlxtend": mlxtend,
    "vecstack": vecstack,
}
