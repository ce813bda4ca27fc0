"""What came out of one estimator: its predictions, its fitted copies and how long they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from stackit.arrays import Floats
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.prediction_checks import ALL_ROWS
from stackit.folds import Folds
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.results.repeated_warnings import RepeatedWarnings, record_warnings
from stackit.results.shared_steps import SharedSteps

__all__ = ["EstimatorResult", "FitMode", "concatenate"]

FitMode = Literal["batched", "plain"]


@dataclass(frozen=True, eq=False)
class EstimatorResult:
    """The result of one estimator on all folds.

    Attributes
    ----------
    spec : PredictionSpec
        Which method predicts, and which columns its predictions have.
    held_out : sequence of (n_held_out, width) arrays
        For each split, the predictions of the rows that were held out.
    fold_estimators : sequence of estimators
        The fitted estimator of each split. Stores and files hold predictions only: fold estimators that
        came out of one are fitted again, with the same seeds, when they are first used.
    seconds : sequence of float
        For each split, how long the fit took.
    test : (m, width) array or None
        The predictions of the test rows, averaged over the splits; None without a test table.
    fit_mode : {"batched", "plain"}
        Whether the folds were fitted together or one by one.
    refitted : estimator or None
        The estimator fitted on all rows, if there is one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import out_of_fold
    >>> X, y = load_iris(return_X_y=True)
    >>> result = out_of_fold([("bayes", GaussianNB())], X, y, cv=5, n_jobs=1)["bayes"]
    >>> result
    EstimatorResult('bayes', predict_proba, 5 splits, batched)
    >>> [table.shape for table in result.held_out]
    [(30, 3), (30, 3), (30, 3), (30, 3), (30, 3)]
    """

    spec: PredictionSpec
    held_out: Sequence[Floats]
    fold_estimators: Sequence[Any] = ()
    seconds: Sequence[float] = ()
    test: Floats | None = None
    fit_mode: FitMode = "plain"
    refitted: Any = None

    def __repr__(self) -> str:
        refitted = ", refitted" if self.refitted is not None else ""
        n_splits, method = len(self.seconds), self.spec.method
        return f"EstimatorResult({self.spec.name!r}, {method}, {n_splits} splits, {self.fit_mode}{refitted})"

    @property
    def predictors(self) -> Sequence[Any]:
        """The estimators that predict new rows: the refitted one, or else those of the folds."""
        return self.fold_estimators if self.refitted is None else [self.refitted]

    def average(self, folds: Folds) -> Floats:
        """Return the (n, width) held-out predictions, averaged over repeats; NaN in rows never held out."""
        shape = folds.n_samples, self.held_out[0].shape[1]
        if folds.n_repeats == 1:
            only: Floats = np.full(shape, np.nan)
            for (_, rows), predictions in zip(folds.splits, self.held_out, strict=True):
                only[rows] = predictions
            return only
        total = np.zeros(shape)
        for (_, rows), predictions in zip(folds.splits, self.held_out, strict=True):
            total[rows] += predictions
        counts = np.where(folds.coverage > 0, folds.coverage, np.nan)
        average: Floats = total / counts[:, np.newaxis]
        return average

    def placed(self, folds: Folds, *, refitted: bool = False) -> list[tuple[Any, tuple[int, int]]]:
        """Return the estimators that predict new rows, each with its (repeat, fold).

        Without a refit these are the estimators of the folds.
        """
        if refitted and self.refitted is not None:
            return [(self.refitted, ALL_ROWS)]
        # The same object in all folds (a frozen estimator) predicts once.
        pairs = zip(self.fold_estimators, folds.labels, strict=True)
        return [*{id(one): (one, label) for one, label in pairs}.values()]

    def predict(
        self,
        X: Any,
        folds: Folds,
        repeats: RepeatedWarnings,
        *,
        refitted: bool = False,
        shared: SharedSteps | None = None,
    ) -> Floats:
        """Return the (m, width) predictions of new rows: the average over folds, or those of the refit.

        Errors name the fold; `repeats` collects the warnings. Without a refit the folds predict. `shared` has
        the rows as steps transform them that the estimators have in common with others.
        """
        placed, predictions = self.placed(folds, refitted=refitted), []
        shared = SharedSteps(X, [one for one, _ in placed]) if shared is None else shared
        for estimator, label in placed:
            with record_warnings() as caught:
                predictor, table, owned = shared.predictor(estimator)
                predictions.append(self.spec.predict_readonly(predictor, table, label, owned=owned))
            repeats.add(caught, self.spec.name)
        return np.asarray(np.mean(predictions, axis=0))

    def restrict(self, splits: list[int]) -> EstimatorResult:
        """Return the result of some splits only, given their positions, without test predictions."""
        estimators = self.fold_estimators
        if isinstance(estimators, LazyFoldEstimators):
            estimators = estimators.restrict(splits)
        elif estimators:
            estimators = [estimators[at] for at in splits]
        held_out, seconds = [self.held_out[at] for at in splits], [self.seconds[at] for at in splits]
        return replace(self, held_out=held_out, fold_estimators=estimators, seconds=seconds, test=None)


def concatenate(parts: Sequence[EstimatorResult]) -> EstimatorResult:
    """Return the results of one estimator on single splits as one; test predictions are averaged.

    Fold estimators that a store lacks are fitted when they are first used.
    """
    tests = [part.test for part in parts if part.test is not None and len(part.test)]
    return replace(
        parts[0],
        held_out=[part.held_out[0] for part in parts],
        fold_estimators=LazyFoldEstimators(
            [None] * len(parts), lambda missing: [parts[at].fold_estimators[0] for at in missing]
        ),
        seconds=[part.seconds[0] for part in parts],
        test=np.asarray(np.mean(tests, axis=0)) if tests else None,
    )
