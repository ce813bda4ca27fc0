"""The base class of all nets: reading data, training on all rows or on folds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import fields
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

from stackit.arrays import Floats, Rows
from stackit.arrays.frames import as_pandas, is_foreign_frame
from stackit.neural.estimators.columns import InputColumns
from stackit.neural.estimators.fitted import FittedNetwork, choose_device
from stackit.neural.estimators.parameters import PRECISIONS, NetParameters, check_parameters
from stackit.neural.layers.network import NetworkPlan
from stackit.neural.training.config import TrainingConfig
from stackit.neural.training.folds import FitOutcome, FitSpec, fit_jointly
from stackit.validation import invalid_value

__all__ = ["NetEstimator"]

SMALL = 2000  # rows; training on fewer takes as long in any precision


class NetEstimator(NetParameters, FittedNetwork):
    """What nets for tables and images, for classes and numbers, have in common.

    An estimator has one network, or averages several: ``n_estimators`` of different seeds, times
    ``n_snapshots``.
    """

    label_smoothing: float
    _finite: bool | str = True  # "allow-nan" where numbers may be missing

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
            In a frame, columns that are neither numbers nor booleans are categories.
        y : (n,) or (n, n_outputs) array-like
            The target.
        sample_weight : (n,) array-like, optional
            Weight 2 is the same as a row that occurs twice, also in the statistics of batch norm; rows of
            weight 0 are ignored.
        X_val, y_val, sample_weight_val : optional
            A validation set: `history_` has its loss, and with ``early_stopping=True`` this loss decides when
            to stop. Early stopping without a validation set uses a part of the training rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When the data or a parameter are not valid.
        """
        X, y = self._read(X, _require_y(y, self), reset=True)
        n = len(X)
        weights = None if sample_weight is None else _check_weights(sample_weight, X)
        validation = np.array([], dtype=np.intp)
        if (X_val is None) != (y_val is None):
            missing = "y_val" if y_val is None else "X_val"
            raise invalid_value("X_val and y_val", "given together", f"{missing}=None", f"Pass {missing} too")
        if X_val is not None:
            X_val, y_val = self._read(X_val, y_val, reset=False)
            validation = np.arange(n, n + len(X_val))
            if y.shape[1:] != y_val.shape[1:]:
                raise ValueError(
                    "y and y_val must have the same number of outputs; their shapes are "
                    f"{y.shape} and {y_val.shape}. Pass both with the same columns."
                )
            if weights is not None or sample_weight_val is not None:
                both = _check_weights(weights, X), _check_weights(sample_weight_val, X_val)
                weights = np.concatenate(both)
            X, y = _concatenate(X, X_val), _concatenate(y, y_val)
        (fitted,) = self._fit_jointly([self], X, y, weights, [np.arange(n)], [validation])
        return fitted

    def fit_folds(
        self,
        X: Any,
        y: Any,
        folds: Any,
        sample_weight: Any = None,
        *,
        seeds: Sequence[int | None] | None = None,
        watch: Sequence[Rows] | None = None,
    ) -> list[Any]:
        """Train one estimator per fold, all in one loop; each is the same as if it were trained alone.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`, all rows.
        folds : Folds or iterable of (train, held_out) pairs
            The training rows of each fold.
        seeds : sequence of int or None, optional
            For each fold, instead of ``random_state``.
        watch : sequence of arrays of int, optional
            The validation rows of each fold, which are not among its training rows.

        Returns
        -------
        list of fitted estimators
            One per fold.
        """
        splits = [np.asarray(train) for train, _ in getattr(folds, "splits", folds)]
        estimators = [clone(self) for _ in splits]
        for estimator, seed in zip(estimators, seeds or [None] * len(splits), strict=True):
            estimator.random_state = estimator.random_state if seed is None else seed
        X, y = estimators[0]._read(X, _require_y(y, self), reset=True)
        for estimator in estimators[1:]:
            _copy_input_attributes(estimators[0], estimator)
        weights = None if sample_weight is None else _check_weights(sample_weight, X)
        none = np.array([], dtype=np.intp)
        validation = [none] * len(splits) if watch is None else [np.asarray(rows) for rows in watch]
        return self._fit_jointly(estimators, X, y, weights, splits, validation)

    def _fit_jointly(
        self,
        estimators: Sequence[Any],
        X: Any,
        y: npt.NDArray[Any],
        weights: Floats | None,
        rows: Sequence[Rows],
        validation: Sequence[Rows],
    ) -> list[Any]:
        check_parameters(self)
        targets = self._targets(estimators, y)
        specs = [
            estimator._fit_spec(X, targets, weights, *both)
            for estimator, *both in zip(estimators, rows, validation, strict=True)
        ]
        device = choose_device(self.device)
        outcomes = fit_jointly(
            specs, X, targets, weights, scaling=self.scaling, device=device, verbose=self.verbose
        )
        for estimator, spec, outcome in zip(estimators, specs, outcomes, strict=True):
            estimator._set_fitted(spec, outcome)
        return list(estimators)

    def _fit_spec(
        self, X: Any, targets: npt.NDArray[Any], weights: Floats | None, rows: Rows, validation: Rows
    ) -> FitSpec:
        """Return what this estimator is trained on and how; rows of weight 0 are left out."""
        random = check_random_state(self.random_state)
        seeds = tuple(int(seed) for seed in random.randint(2**31 - 1, size=self.n_estimators))
        if weights is not None:
            rows, validation = rows[weights[rows] > 0], validation[weights[validation] > 0]
        classes = self._classes_in(targets[np.concatenate([rows, validation])])
        if self.early_stopping and not len(validation):
            rows, validation = self._split(targets, rows, seeds[0])
        if len(rows) < 2:
            got, advice = f"n_samples = {len(rows)}", "Fit on more rows, of weights that are not 0"
            raise invalid_value("X", "of two rows or more", got, advice)
        columns = InputColumns.of(X, rows, self._finite is not True) if X.ndim == 2 else InputColumns(())
        n_numbers = X.shape[1] - len(columns.categories)
        n_outputs = len(classes) if targets.ndim == 1 else targets.shape[1]
        plan = self._plan((n_numbers, *X.shape[2:]), columns.n_levels, n_outputs)
        options = self._target_options(targets, weights, rows, classes)
        config = self._training_config(len(rows))
        return FitSpec(rows, validation, seeds, columns, plan, config, classes, **options)

    def _set_fitted(self, spec: FitSpec, outcome: FitOutcome) -> None:
        """Set the fitted attributes."""
        self.columns_, self.network_ = spec.columns, outcome.network
        self.history_ = [
            {"network": net, **record}
            for net, trained in enumerate(outcome.trained)
            for record in trained.history
        ]
        self.n_iter_ = max(len(trained.history) for trained in outcome.trained)

    def _training_config(self, n_rows: int) -> TrainingConfig:
        own, names = vars(self), {field.name for field in fields(TrainingConfig)}
        return TrainingConfig(
            **{name: own[name] for name in names & self.get_params(deep=False).keys()}
            | {
                "n_epochs": self.max_iter,
                "batch_size": _batch_size(n_rows) if self.batch_size == "auto" else int(self.batch_size),
                "patience": self.n_iter_no_change if self.early_stopping else None,
                "average_from": own.get("weight_averaging"),
                "population": own.get("statistics") == "population",
                "precision": self._precision(n_rows),
            }
        )

    def _precision(self, n_rows: int) -> torch.dtype:
        """Return the precision; small tables train as fast in float64 on a CPU, and with less rounding."""
        if self.precision == "auto":
            small = n_rows <= SMALL and choose_device(self.device).type == "cpu"
            return torch.float64 if small else torch.float32
        return PRECISIONS[self.precision]

    def _read(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Check X, and y unless it is None."""
        X = as_pandas(X) if is_foreign_frame(X) else X
        if reset:
            self._mixed = isinstance(X, pd.DataFrame) and bool(InputColumns.of(X.iloc[:0]).categories)
        if self._mixed:
            frame = self._read_frame(X, reset)
            check_consistent_length(X, y)
            return frame, y if y is None else self._read_y(X, y)
        checks = {"dtype": [np.float64, np.float32], "reset": reset, "ensure_all_finite": self._finite}
        if y is None:
            return validate_data(self, X, **checks), None
        X, y = validate_data(self, X, y, multi_output=True, **checks)
        return X, self._read_y(X, y)

    def _read_frame(self, X: Any, reset: bool) -> pd.DataFrame:
        """Check a table of numbers and categories."""
        if not isinstance(X, pd.DataFrame) or not len(X):
            expected = "a data frame of one row or more, as in fit"
            got = f"{type(X).__name__} of shape {np.shape(X)}"
            raise invalid_value("X", expected, got, "Pass a pandas DataFrame")
        _check_feature_names(self, X, reset=reset)
        _check_n_features(self, X, reset=reset)
        return X

    @abstractmethod
    def _read_y(self, X: Any, y: Any) -> npt.NDArray[Any]:
        """Check y."""

    @abstractmethod
    def _targets(self, estimators: Sequence[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the targets of the networks, and set what the estimators need to predict in terms of y."""

    @abstractmethod
    def _classes_in(self, targets: npt.NDArray[Any]) -> tuple[int, ...]:
        """Return the positions of the classes in these rows; none for numbers."""

    @abstractmethod
    def _target_options(
        self, targets: npt.NDArray[Any], weights: Floats | None, rows: Rows, classes: tuple[int, ...]
    ) -> dict[str, Any]:
        """Return the options of a fit for its target: class weights, or how numbers are standardised."""

    @abstractmethod
    def _plan(self, shape: tuple[int, ...], n_levels: tuple[int, ...], n_outputs: int) -> NetworkPlan:
        """Return the architecture of the networks."""

    @abstractmethod
    def _split(self, targets: npt.NDArray[Any], rows: Rows, seed: int) -> tuple[Rows, Rows]:
        """Return training rows and validation rows."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags


def _require_y(y: Any, estimator: Any) -> Any:
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    return y


def _batch_size(n_rows: int) -> int:
    """Return a sixteenth of the rows, from 32 to 256: small tables need steps, large ones speed."""
    return int(np.clip(2 ** round(np.log2(max(n_rows, 1) / 16)), 32, 256))


def _concatenate(upper: Any, lower: Any) -> Any:
    is_frame = isinstance(upper, pd.DataFrame)
    return pd.concat([upper, lower], ignore_index=True) if is_frame else np.concatenate([upper, lower])


def _check_weights(weights: Any, X: Any) -> Floats:
    return np.asarray(_check_sample_weight(weights, X, ensure_non_negative=True))


def _copy_input_attributes(source: Any, target: Any) -> None:
    for name in ("n_features_in_", "feature_names_in_", "shape_", "_mixed"):
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))
