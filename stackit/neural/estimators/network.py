"""What the estimators of this room have in common: reading data, training, predicting."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_consistent_length,
    validate_data,
)

from stackit.neural.estimators.columns import InputColumns
from stackit.neural.estimators.fitted import FittedNetwork, device_of
from stackit.neural.estimators.parameters import PRECISIONS, check_parameters
from stackit.neural.layers.network import NetworkPlan
from stackit.neural.training.batches import Ints
from stackit.neural.training.folds import Fit, Outcome, fit_together
from stackit.neural.training.loop import Training
from stackit.validation import invalid_value

__all__ = ["BatchNormNetwork"]

SMALL = 2000  # rows; steps of such tables take as long in any precision


class BatchNormNetwork(FittedNetwork):
    """What classifiers and regressors, of tables and of images, have in common.

    An estimator has one network, or several whose answers are averaged: ``n_estimators`` of different
    seeds, times ``n_snapshots``.
    """

    classes_: npt.NDArray[Any]
    history_: list[dict[str, float]]
    n_iter_: int

    alpha: float
    batch_size: int | str
    beta_1: float
    beta_2: float
    compile: bool
    decay: float
    early_stopping: bool
    eps: float
    label_smoothing: float
    learning_rate: str
    learning_rate_init: float
    max_iter: int
    momentum: float
    n_estimators: int
    n_iter_no_change: int
    n_snapshots: int
    precision: str
    random_state: Any
    scaling: str | None
    solver: str
    statistics: str
    tol: float
    validation_fraction: float
    verbose: int
    weight_averaging: float | None

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train the network.

        Parameters
        ----------
        X : array-like or data frame with n rows
            In a frame, columns that are neither numbers nor truth values are categories.
        y : (n,) or (n, n_outputs) array-like
            The target.
        sample_weight : (n,) array-like, optional
            Weight 2 is the same as a row that is there twice, also in the statistics of batch norm; rows of
            weight 0 are left out.
        X_val, y_val, sample_weight_val : optional
            Rows to watch: `history_` has the loss on them, and with ``early_stopping=True`` it decides when
            to stop. Without them, a part of the training rows is watched then.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When the data, or a parameter, cannot be used.
        """
        X, y = self._read(X, _given(y, self), reset=True)
        n = len(X)
        weights = None if sample_weight is None else _weights_of(sample_weight, X)
        watched = np.array([], dtype=np.intp)
        if (X_val is None) != (y_val is None):
            lacking = "y_val" if y_val is None else "X_val"
            raise invalid_value("X_val and y_val", "given together", f"{lacking}=None", f"Pass {lacking} too")
        if X_val is not None:
            X_val, y_val = self._read(X_val, y_val, reset=False)
            watched = np.arange(n, n + len(X_val))
            if y.shape[1:] != y_val.shape[1:]:
                got = f"shapes {y.shape} and {y_val.shape}"
                raise invalid_value(
                    "y and y_val", "of as many outputs", got, "Pass both with the same columns"
                )
            X, y = _below(X, X_val), _below(y, y_val)
            if weights is not None or sample_weight_val is not None:
                both = _weights_of(weights, X[:n]), _weights_of(sample_weight_val, X_val)
                weights = np.concatenate(both)
        (fitted,) = self._fit_together([self], X, y, weights, [np.arange(n)], [watched])
        return fitted

    def fit_folds(
        self,
        X: Any,
        y: Any,
        folds: Any,
        sample_weight: Any = None,
        *,
        seeds: Sequence[int | None] | None = None,
        watch: Sequence[Ints] | None = None,
    ) -> list[Any]:
        """Train a network for each fold, all of them at once: each sees what it would see alone.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`, all rows.
        folds : Folds or iterable of (train, held_out) pairs
            Which rows each fold learns from.
        seeds : sequence of int or None, optional
            For each fold, in place of ``random_state``.
        watch : sequence of arrays of int, optional
            For each fold the rows that are watched; they are none of its training rows.

        Returns
        -------
        list of fitted estimators
            One a fold.
        """
        splits = [np.asarray(train) for train, _ in getattr(folds, "splits", folds)]
        estimators = [clone(self) for _ in splits]
        for estimator, seed in zip(estimators, seeds or [None] * len(splits), strict=True):
            estimator.random_state = estimator.random_state if seed is None else seed
        X, y = estimators[0]._read(X, _given(y, self), reset=True)
        for estimator in estimators[1:]:
            _copy_names(estimators[0], estimator)
        weights = None if sample_weight is None else _weights_of(sample_weight, X)
        none = np.array([], dtype=np.intp)
        watched = [none] * len(splits) if watch is None else [np.asarray(rows) for rows in watch]
        return self._fit_together(estimators, X, y, weights, splits, watched)

    def _fit_together(
        self,
        estimators: Sequence[Any],
        X: Any,
        y: npt.NDArray[Any],
        weights: npt.NDArray[np.float64] | None,
        rows: Sequence[Ints],
        watched: Sequence[Ints],
    ) -> list[Any]:
        check_parameters(self)
        targets = self._targets(estimators, y)
        fits = [
            estimator._fit_of(X, targets, weights, *both)
            for estimator, *both in zip(estimators, rows, watched, strict=True)
        ]
        outcomes = fit_together(
            fits,
            X,
            targets,
            weights,
            scaling=self.scaling,
            device=device_of(self.device),
            verbose=self.verbose,
        )
        for estimator, fit, outcome in zip(estimators, fits, outcomes, strict=True):
            estimator._take(fit, outcome)
        return list(estimators)

    def _fit_of(
        self,
        X: Any,
        targets: npt.NDArray[Any],
        weights: npt.NDArray[np.float64] | None,
        rows: Ints,
        watched: Ints,
    ) -> Fit:
        """Say what this estimator's fit is; rows of weight 0 are none of it."""
        random = check_random_state(self.random_state)
        seeds = tuple(int(seed) for seed in random.randint(2**31 - 1, size=self.n_estimators))
        if weights is not None:
            rows, watched = rows[weights[rows] > 0], watched[weights[watched] > 0]
        classes = self._own_classes(targets[np.concatenate([rows, watched])])
        if self.early_stopping and not len(watched):
            rows, watched = self._split(targets, rows, seeds[0])
        if len(rows) < 2:
            raise invalid_value(
                "X",
                "of two rows or more for batch norm",
                f"n_samples = {len(rows)}",
                "Fit on more rows, of weights that are not 0",
            )
        columns = InputColumns.of(X, rows) if X.ndim == 2 else InputColumns(())
        n_numbers = X.shape[1] - len(columns.categories)
        shape = (n_numbers, *X.shape[2:])
        n_outputs = len(classes) if targets.ndim == 1 else targets.shape[1]
        plan = self._plan(shape, tuple(len(levels) for levels in columns.levels), n_outputs)
        of_target = self._of_target(targets, weights, rows, classes)
        return Fit(rows, watched, seeds, columns, plan, self._training(len(rows)), classes, **of_target)

    def _take(self, fit: Fit, outcome: Outcome) -> None:
        """Set the fitted attributes."""
        self.columns_, self.network_ = fit.columns, outcome.network
        self.history_ = [
            {"network": net, **record}
            for net, trained in enumerate(outcome.trained)
            for record in trained.history
        ]
        self.n_iter_ = max(len(trained.history) for trained in outcome.trained)

    def _training(self, n_rows: int) -> Training:
        return Training(
            n_epochs=self.max_iter,
            batch_size=_batch_size(n_rows) if self.batch_size == "auto" else int(self.batch_size),
            solver=self.solver,
            learning_rate=self.learning_rate,
            learning_rate_init=self.learning_rate_init,
            decay_after=getattr(self, "decay_after", None),
            alpha=self.alpha,
            momentum=self.momentum,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            label_smoothing=self.label_smoothing,
            patience=self.n_iter_no_change if self.early_stopping else None,
            tol=self.tol,
            n_snapshots=self.n_snapshots,
            average_from=self.weight_averaging,
            population=self.statistics == "population",
            precision=self._precision(n_rows),
            compile=self.compile,
        )

    def _precision(self, n_rows: int) -> torch.dtype:
        """Few rows are done as fast in float64 on a CPU, and with less rounding."""
        if self.precision == "auto":
            small = n_rows <= SMALL and device_of(self.device).type == "cpu"
            return torch.float64 if small else torch.float32
        return PRECISIONS[self.precision]

    def _read(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Check X, and y where it is given."""
        if reset:
            self._mixed = isinstance(X, pd.DataFrame) and not _all_numbers(X)
        if self._mixed:
            frame = self._read_frame(X, reset)
            if y is not None:
                check_consistent_length(X, y)
            return frame, y if y is None else self._read_y(X, y)
        checks = {"dtype": [np.float64, np.float32], "reset": reset}
        if y is None:
            return validate_data(self, X, **checks), None
        X, y = validate_data(self, X, y, multi_output=True, **checks)
        return X, self._read_y(X, y)

    def _read_frame(self, X: Any, reset: bool) -> pd.DataFrame:
        """Check a table of numbers and categories."""
        if not isinstance(X, pd.DataFrame) or not len(X):
            got = f"{type(X).__name__} of shape {np.shape(X)}"
            raise invalid_value(
                "X", "a data frame of one row or more, as in fit", got, "Pass a pandas DataFrame"
            )
        _check_feature_names(self, X, reset=reset)
        _check_n_features(self, X, reset=reset)
        return X

    @abstractmethod
    def _read_y(self, X: Any, y: Any) -> npt.NDArray[Any]:
        """Check y."""

    @abstractmethod
    def _targets(self, estimators: Sequence[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what the networks learn, and tell the estimators what they need to answer in words of y."""

    @abstractmethod
    def _own_classes(self, targets: npt.NDArray[Any]) -> tuple[int, ...]:
        """Return the positions of the classes that a fit knows: those of its own rows; none for numbers."""

    @abstractmethod
    def _of_target(
        self,
        targets: npt.NDArray[Any],
        weights: npt.NDArray[np.float64] | None,
        rows: Ints,
        classes: tuple[int, ...],
    ) -> dict[str, Any]:
        """Return what a fit is to know of its target: class weights, or how numbers are standardised."""

    @abstractmethod
    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
        """Return what the networks are made of."""

    @abstractmethod
    def _split(self, targets: npt.NDArray[Any], rows: Ints, seed: int) -> tuple[Ints, Ints]:
        """Return the rows to learn from and those to watch."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags


def _given(y: Any, estimator: Any) -> Any:
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    return y


def _batch_size(n_rows: int) -> int:
    """Some sixteen batches an epoch, of 32 to 256 rows: small tables need steps, large ones speed."""
    return int(np.clip(2 ** round(np.log2(max(n_rows, 1) / 16)), 32, 256))


def _all_numbers(X: pd.DataFrame) -> bool:
    return not InputColumns.of(X.iloc[:0]).categories


def _below(upper: Any, lower: Any) -> Any:
    if isinstance(upper, pd.DataFrame):
        return pd.concat([upper, lower], ignore_index=True)
    return np.concatenate([upper, lower])


def _weights_of(weights: Any, X: Any) -> npt.NDArray[np.float64]:
    return np.asarray(_check_sample_weight(weights, X, ensure_non_negative=True))


def _copy_names(source: Any, target: Any) -> None:
    for name in ("n_features_in_", "feature_names_in_", "shape_", "_mixed"):
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))
