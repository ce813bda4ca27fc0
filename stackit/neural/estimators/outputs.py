"""The meaning of a network's outputs: probabilities of classes, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from stackit.arrays import Floats, Rows
from stackit.neural.estimators.network import NetEstimator
from stackit.neural.training.folds import FitOutcome, FitSpec
from stackit.validation import invalid_value

__all__ = ["NetClassifier", "NetRegressor"]


@dataclass(eq=False, repr=False, kw_only=True)
class NetClassifier(ClassifierMixin, NetEstimator):  # type: ignore[misc]
    """The base class of classifiers, for any network."""

    label_smoothing: float = 0.0
    class_weight: Any = None

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of the classes, averaged over the networks.

        Parameters
        ----------
        X : array-like or data frame with m rows
            New rows.

        Returns
        -------
        (m, n_classes) array
        """
        parts = [outputs.double().softmax(1).mean(0).T for outputs in self._outputs(X)]
        return np.asarray(torch.cat(parts).numpy())

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like or data frame with m rows
            New rows.

        Returns
        -------
        (m,) array of labels
        """
        codes = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[codes])

    def _read_y(self, X: Any, y: Any) -> npt.NDArray[Any]:
        y = column_or_1d(y, warn=True)
        if pd.isna(y).any():
            raise invalid_value("y", "labels", "NaN or None in y", "Drop these rows")
        check_classification_targets(y)
        return np.asarray(y)

    def _targets(self, estimators: Sequence[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        classes, codes = np.unique(y, return_inverse=True)
        for estimator in estimators:
            estimator.classes_ = classes
        return codes.astype(np.int64)

    def _classes_in(self, targets: npt.NDArray[Any]) -> tuple[int, ...]:
        return tuple(np.unique(targets).tolist())

    def _target_options(
        self, targets: npt.NDArray[Any], weights: Floats | None, rows: Rows, classes: tuple[int, ...]
    ) -> dict[str, Any]:
        if self.class_weight is None:
            return {}
        of_class = np.zeros(len(self.classes_))
        present = np.unique(targets[rows])
        own = None if weights is None else weights[rows]
        of_class[present] = self._class_weights(present, targets[rows], own)
        return {"class_weight": of_class[list(classes)]}

    def _set_fitted(self, spec: FitSpec, outcome: FitOutcome) -> None:
        super()._set_fitted(spec, outcome)
        self.classes_ = self.classes_[list(spec.classes)]

    def _split(self, targets: npt.NDArray[Any], rows: Rows, seed: int) -> tuple[Rows, Rows]:
        y = targets[rows]
        n_validation = max(1, round(self.validation_fraction * len(rows)))
        n_classes = len(np.unique(y))
        enough = n_classes <= min(n_validation, len(rows) - n_validation)
        can_stratify = enough and np.bincount(y)[np.unique(y)].min() >= 2
        return _split_rows(rows, n_validation, seed, y if can_stratify else None)

    def _class_weights(self, present: Rows, codes: npt.NDArray[Any], weights: Floats | None) -> Floats:
        given = self.class_weight
        if given == "balanced":  # as in scikit-learn, with weights as counts
            of_class = np.bincount(codes, weights)[present]
            return np.asarray(of_class.sum() / (len(present) * of_class))
        if isinstance(given, dict):
            labels = list(self.classes_)
            by_code = {labels.index(label): weight for label, weight in given.items() if label in labels}
            given = {code: weight for code, weight in by_code.items() if code in present}
        return np.asarray(compute_class_weight(given, classes=present, y=codes))


class NetRegressor(RegressorMixin, NetEstimator):  # type: ignore[misc]
    """The base class of regressors, for any network."""

    label_smoothing = 0.0
    centre_: Any
    scale_: Any
    lowest_: Any
    highest_: Any

    def predict(self, X: Any) -> Floats:
        """Return the predicted numbers, averaged over the networks.

        Parameters
        ----------
        X : array-like or data frame with m rows
            New rows.

        Returns
        -------
        (m,) or (m, n_outputs) array
        """
        parts = [self._bounded(outputs.double()).mean(0).T for outputs in self._outputs(X)]
        standardised = np.asarray(torch.cat(parts).numpy())
        numbers: Floats = standardised * self.scale_ + self.centre_
        return numbers[:, 0] if self._one_dimension else numbers

    def _bounded(self, outputs: Tensor) -> Tensor:
        """Return the (networks, outputs, rows) standardised numbers that networks predict."""
        return outputs

    def _read_y(self, X: Any, y: Any) -> npt.NDArray[Any]:
        numbers = np.asarray(y, dtype=np.float64)
        self._one_dimension = numbers.ndim == 1
        if not np.isfinite(numbers).all():
            raise invalid_value("y", "finite numbers", "NaN or infinity in y", "Drop these rows")
        return numbers

    def _targets(self, estimators: Sequence[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        for estimator in estimators:
            estimator._one_dimension = y.ndim == 1
        return y.reshape(len(y), -1)

    def _classes_in(self, targets: npt.NDArray[Any]) -> tuple[int, ...]:
        return ()

    def _target_options(
        self, targets: npt.NDArray[Any], weights: Floats | None, rows: Rows, classes: tuple[int, ...]
    ) -> dict[str, Any]:
        own = None if weights is None else weights[rows]
        centre = np.average(targets[rows], axis=0, weights=own)
        scale = np.sqrt(np.average(np.square(targets[rows] - centre), axis=0, weights=own))
        varies = np.ptp(targets[rows], axis=0) > 0
        return {"centre": centre, "factor": _inverse(scale, where=varies)}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _set_fitted(self, spec: FitSpec, outcome: FitOutcome) -> None:
        super()._set_fitted(spec, outcome)
        self.centre_, self.scale_ = spec.centre, _inverse(spec.factor)

    def _split(self, targets: npt.NDArray[Any], rows: Rows, seed: int) -> tuple[Rows, Rows]:
        return _split_rows(rows, max(1, round(self.validation_fraction * len(rows))), seed, None)


def _inverse(numbers: Any, where: Any = True) -> Floats:
    """Return 1 / numbers, and 0 where they are 0, so that a constant target is predicted exactly."""
    return np.asarray(np.divide(1, numbers, where=where & (numbers > 0), out=np.zeros(len(numbers))))


def _split_rows(rows: Rows, n_validation: int, seed: int, stratify: Any) -> tuple[Rows, Rows]:
    if len(rows) - n_validation < 2:
        raise invalid_value(
            "X",
            "of enough rows for training and validation",
            f"n_samples = {len(rows)}",
            "Pass early_stopping=False, or X_val and y_val",
        )
    train, validation = train_test_split(rows, test_size=n_validation, random_state=seed, stratify=stratify)
    return np.sort(train), np.sort(validation)
