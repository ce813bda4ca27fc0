"""Which rows each fit of a run watches, and what the user must know of it."""

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
# As in scikit-learn: a tenth is enough to see a loss turn, and costs a tenth of the rows.
SHARE = 0.1


class EarlyStoppingPlan:
    """Says for each fit which rows an estimator that stops early is fitted on, and which it watches.

    Scikit-learn's histogram gradient boosting is left to its own split of the training part where nothing
    binds the rows: that is as honest, and its predictions are those that it gives elsewhere.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The line-up.
    folds : Folds
        The folds of the run.
    target : Target
        The whole target.
    fit_params : dict of dict
        What each estimator's fit is passed: one that brings its own rows to watch is left alone.
    early_stopping : {"training", "held_out"}
        Which rows are watched: some of the training part, or those held out.

    Attributes
    ----------
    optimistic : set of str
        The estimators that have watched held-out rows, of what was planned so far.

    Raises
    ------
    ValueError
        When an estimator that must be shown rows sits where they cannot reach it, as in a search.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> from stackit.folds import make_folds
    >>> from stackit.target import regression_target
    >>> folds = make_folds(range(40), scheme="forward", n_splits=3)
    >>> boosting = HistGradientBoostingRegressor(early_stopping=True)
    >>> plan = EarlyStoppingPlan([("boosting", boosting)], folds, regression_target(range(40)), {})
    >>> fit, watched = plan.split("boosting", *folds.splits[0], label=(0, 0), seed=0)
    >>> fit.tolist(), watched.tolist()
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
        self.scheme = ValidationSplitter(folds, target)
        self.parts = {name: last_step(estimator) for name, estimator in estimators}
        self.others = {
            name: [part for part in parts_of(estimator) if part is not self.parts[name]]
            for name, estimator in estimators
        }
        self.left_alone = {name for name in self.parts if has_eval_set(fit_params.get(name, ()))}
        self.optimistic: set[str] = set()
        self._habits: dict[tuple[str, bool], tuple[bool, bool]] = {}
        self._known: dict[tuple[float, tuple[int, int]], tuple[Rows, Rows]] = {}
        self._lacking: dict[str, None] = {}
        self._deaf: dict[str, None] = {}
        check_reach(estimators, fit_params)

    def split(
        self, name: str, train: Rows, held_out: Rows, label: tuple[int, int], seed: int | None
    ) -> tuple[Rows, Rows | None]:
        """Return the rows to fit on and the rows to watch, None where an estimator watches none.

        Parameters
        ----------
        name : str
            The estimator.
        train, held_out : (n_train,), (n_held_out,) arrays of int
            The split; with no held-out rows, it is a fit that is for prediction alone.
        label : (int, int)
            Its repeat and fold; (-1, -1) for none.
        seed : int or None
            The run's. The draw depends on it and on `label` alone, so that estimators that watch equally
            many rows watch the same ones; None is 0, for rows are not left to chance.
        """
        if name in self.left_alone:
            return train, None
        is_watching, has_own_split = self._habits_of(name, len(train))
        if has_own_split and not self.scheme.is_plain:
            self._deaf[name] = None
        if not is_watching:
            return train, None
        part = self.parts[name]
        if self.mode == "held_out" and len(held_out):
            return train, self._held_out(name, train, held_out, label)
        if type(part).__module__.startswith("sklearn.") and self.scheme.is_plain:
            return train, None
        return self._of_training_part(part, train, label, seed)

    def warn(self) -> None:
        """Say once what is to be known of all splits so far."""
        if self._lacking:
            warn(
                "The rows to fit on, of those estimators that stop early, lack classes that the training "
                f"part has ({format_list(self._lacking)}): they get probability 0 there. Use other folds, or "
                "merge rare classes."
            )
        if self._deaf:
            warn(
                f"Estimators that stop early on random rows of the training part ({format_list(self._deaf)}) "
                "ignore its groups or times: they may stop too late. Their held-out rows are not concerned."
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
        if (share, label) not in self._known:
            # What is negative, as the label of all rows is, cannot be part of a seed.
            random = np.random.default_rng([abs(seed or 0), label[0] + 1, label[1] + 1])
            fit, watched = self.scheme.split(train, share, random, _place(label))
            self._known[share, label] = fit, watched
            self._note_lost_classes(fit, train, label)
        return self._known[share, label]

    def _held_out(self, name: str, train: Rows, held_out: Rows, label: tuple[int, int]) -> Rows:
        self.optimistic.add(name)
        watched = self.scheme.known(train, held_out)
        if not len(watched):
            raise invalid_value(
                f"Held-out rows {_place(label)}",
                "of a class of the training part where an estimator watches them",
                "none that is",
                "Pass early_stopping='training'",
            )
        return watched

    def _note_lost_classes(self, fit: Rows, train: Rows, label: tuple[int, int]) -> None:
        if self.target.kind in ("binary", "multiclass"):
            lost = np.setdiff1d(self.target.codes[train], self.target.codes[fit])
            if len(lost):
                classes = format_list(self.target.classes[lost])
                self._lacking[f"{classes} {_place(label)}"] = None

    def _habits_of(self, name: str, n_train: int) -> tuple[bool, bool]:
        """Whether an estimator watches rows, and whether it, or a part of it, draws some of its own."""
        key = name, n_train > LARGE
        if key not in self._habits:
            part, others = self.parts[name], self.others[name]
            is_watching = uses_validation_set(part, n_train)
            own = others if is_watching else [part, *others]
            self._habits[key] = is_watching, any(has_internal_split(each, n_train) for each in own)
        return self._habits[key]


def check_reach(estimators: NamedEstimators, fit_params: Mapping[str, Any]) -> None:
    """Raise, before anything is fitted, where an estimator that must be shown rows to stop is out of reach.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Those that will be fitted.
    fit_params : dict of dict
        What each fit is passed: one that brings its own rows to watch is left alone.

    Raises
    ------
    ValueError
        When one sits inside another estimator that is no pipeline, or behind a resampler.
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
                raise invalid_value(
                    f"Within {name!r}, {kind}",
                    "fitted a fixed number of rounds, or be the last step of a pipeline without a resampler: "
                    "only there it can be shown the rows by which it stops",
                    "early stopping switched on",
                    f"Set its rounds of early stopping to None, or pass the {kind} itself",
                )


def _share_of(part: Any, n_train: int) -> float:
    """Return how much of a training part an estimator wants to watch."""
    wanted = getattr(part, "validation_fraction", SHARE)
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
