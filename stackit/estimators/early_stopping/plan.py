"""The validation rows of each fit of a run, and the warnings about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np

from stackit.arrays import Rows
from stackit.estimators.early_stopping.fitting import (
    LARGE,
    has_eval_set,
    has_internal_split,
    last_step,
    needs_encoded_labels,
    parts_of,
    uses_validation_set,
)
from stackit.estimators.early_stopping.splitter import ValidationSplitter
from stackit.estimators.named_estimators import NamedEstimators
from stackit.folds import Folds
from stackit.target import Target
from stackit.validation import format_list, invalid_value, warn

__all__ = ["EarlyStopping", "EarlyStoppingPlan", "check_reach"]

EarlyStopping = Literal["training", "held_out"]
DEFAULT_SHARE = 0.1  # of the training part, as in scikit-learn


class EarlyStoppingPlan:
    """The rows to fit on and the validation rows of each fit of an estimator that stops early.

    With `early_stopping="training"` the validation rows are part of the training part, with "held_out" they
    are the held-out rows. Estimators with validation rows among their `fit_params` are left alone. So is
    scikit-learn's histogram gradient boosting where neither groups nor times constrain the rows: its own
    split is as honest, and its predictions are then those of scikit-learn. `optimistic` has the names of
    estimators that have used held-out rows so far.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> from stackit.folds import make_folds
    >>> from stackit.target import regression_target
    >>> folds = make_folds(range(40), scheme="forward", n_splits=3)
    >>> boosting = HistGradientBoostingRegressor(early_stopping=True)
    >>> plan = EarlyStoppingPlan([("boosting", boosting)], folds, regression_target(range(40)), {})
    >>> fit, validation = plan.split("boosting", *folds.splits[0], label=(0, 0), seed=0)
    >>> fit.tolist(), validation.tolist()
    ([0, 1, 2, 3, 4, 5, 6, 7, 8], [9])
    """

    def __init__(
        self,
        estimators: NamedEstimators,
        folds: Folds,
        target: Target,
        fit_params: Mapping[str, Any],
        early_stopping: EarlyStopping = "training",
    ) -> None:
        if early_stopping not in get_args(EarlyStopping):
            raise invalid_value(
                "early_stopping",
                "'training' or 'held_out'",
                f"early_stopping={early_stopping!r}",
                "Pass early_stopping='training'",
            )
        self.mode, self.target = early_stopping, target
        self.splitter = ValidationSplitter(folds, target)
        self.parts = {name: last_step(estimator) for name, estimator in estimators}
        self.others = {
            name: [part for part in parts_of(estimator) if part is not self.parts[name]]
            for name, estimator in estimators
        }
        self.left_alone = {name for name in self.parts if has_eval_set(fit_params.get(name, ()))}
        self.optimistic: set[str] = set()
        self._traits: dict[tuple[str, bool], tuple[bool, bool]] = {}
        self._splits: dict[tuple[float, tuple[int, int]], tuple[Rows, Rows]] = {}
        self._lost_classes: dict[str, None] = {}
        self._own_split: dict[str, None] = {}
        check_reach(estimators, fit_params)

    def split(
        self, name: str, train: Rows, held_out: Rows, label: tuple[int, int], seed: int | None
    ) -> tuple[Rows, Rows | None]:
        """Return the rows to fit on and the validation rows, None where an estimator uses none.

        `held_out` is empty and `label`, the (repeat, fold), is (-1, -1) for a fit on all rows. The draw
        depends on `seed` (None counts as 0) and `label` only, so that estimators with the same share have the
        same validation rows.
        """
        if name in self.left_alone:
            return train, None
        uses_rows, has_own_split = self._traits_of(name, len(train))
        if has_own_split and not self.splitter.is_plain:
            self._own_split[name] = None
        if not uses_rows:
            return train, None
        part = self.parts[name]
        if self.mode == "held_out" and len(held_out):
            return train, self._held_out(name, train, held_out, label)
        if type(part).__module__.startswith("sklearn.") and self.splitter.is_plain:
            return train, None
        return self._of_training_part(part, train, label, seed)

    def warn(self) -> None:
        """Warn once about all splits so far."""
        if self._lost_classes:
            warn(
                "The rows that estimators with early stopping are fitted on lack classes of the training "
                f"part ({format_list(self._lost_classes)}): these get probability 0 there. Use other folds, "
                "or merge rare classes."
            )
        if self._own_split:
            warn(
                "Estimators that stop early on random rows of the training part "
                f"({format_list(self._own_split)}) ignore its groups or times: they may stop too late. "
                "Held-out rows are unaffected."
            )
        if self.optimistic:
            warn(
                f"The scores of {format_list(sorted(self.optimistic))} are optimistic: these estimators stop "
                "when they are best on the held-out rows. Leave out early_stopping='held_out'."
            )

    def _of_training_part(
        self, part: Any, train: Rows, label: tuple[int, int], seed: int | None
    ) -> tuple[Rows, Rows]:
        share = _share_of(part, len(train))
        if (share, label) not in self._splits:
            # A seed cannot be negative, as the label (-1, -1) is.
            random = np.random.default_rng([abs(seed or 0), label[0] + 1, label[1] + 1])
            fit, validation = self.splitter.split(train, share, random, _place(label))
            self._splits[share, label] = fit, validation
            self._note_lost_classes(fit, train, label)
        return self._splits[share, label]

    def _held_out(self, name: str, train: Rows, held_out: Rows, label: tuple[int, int]) -> Rows:
        self.optimistic.add(name)
        validation = self.splitter.of_known_classes(train, held_out)
        if not len(validation):
            raise ValueError(
                f"No held-out row {_place(label)} has a class of the training part, so that {name!r} cannot "
                "stop early on them. Pass early_stopping='training'."
            )
        return validation

    def _note_lost_classes(self, fit: Rows, train: Rows, label: tuple[int, int]) -> None:
        if self.target.kind in ("binary", "multiclass"):
            lost = np.setdiff1d(self.target.codes[train], self.target.codes[fit])
            if len(lost):
                classes = format_list(self.target.classes[lost])
                self._lost_classes[f"{classes} {_place(label)}"] = None

    def _traits_of(self, name: str, n_train: int) -> tuple[bool, bool]:
        """Whether an estimator uses validation rows, and whether it or a part of it draws its own."""
        key = name, n_train > LARGE
        if key not in self._traits:
            part, others = self.parts[name], self.others[name]
            uses_rows = uses_validation_set(part, n_train)
            own = others if uses_rows else [part, *others]
            self._traits[key] = uses_rows, any(has_internal_split(each, n_train) for each in own)
        return self._traits[key]


def check_reach(estimators: NamedEstimators, fit_params: Mapping[str, Any]) -> None:
    """Raise, before anything is fitted, where an estimator that needs validation rows cannot be passed any.

    That is one inside another estimator that is not a pipeline, or behind a resampler.
    """
    for name, estimator in estimators:
        if has_eval_set(fit_params.get(name, ())):
            continue
        for part in parts_of(estimator):
            if (
                part is not last_step(estimator)
                and needs_encoded_labels(part)
                and uses_validation_set(part, 0)
            ):
                kind = type(part).__name__
                raise ValueError(
                    f"{kind} inside {name!r} has early stopping switched on, but validation rows reach only "
                    "the last step of a pipeline without a resampler. Set its rounds of early stopping to "
                    f"None, or pass the {kind} itself."
                )


def _share_of(part: Any, n_train: int) -> float:
    """Return the share of the training part that an estimator wants as validation rows."""
    wanted = getattr(part, "validation_fraction", DEFAULT_SHARE)
    share = wanted / n_train if isinstance(wanted, int | np.integer) else float(wanted)
    if not 0 < share < 1:
        raise invalid_value(
            "validation_fraction",
            "between 0 and 1, or fewer rows than the training part has",
            f"validation_fraction={wanted!r}",
            "Pass validation_fraction=0.1",
        )
    return share


def _place(label: tuple[int, int]) -> str:
    return "of all rows" if label[0] < 0 else "of repeat {} fold {}".format(*label)
