"""One level of an ensemble: its estimators, the columns of X that they see, and their folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stackit.engine.run_config import RunConfig
from stackit.ensemble.final import check_weighs_members
from stackit.ensemble.params import NamedMembers
from stackit.ensemble.passthrough import Passthrough
from stackit.estimators.named_estimators import NamedEstimators
from stackit.precomputed.estimators import Precomputed
from stackit.validation import format_list, invalid_value

__all__ = ["Level", "as_levels", "check_nested", "count_fits"]


class Level(NamedMembers):
    """A level of a `LevelsClassifier` or `LevelsRegressor`.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The estimators of this level; 'drop' leaves one out.
    passthrough : bool or list of columns, default=False
        The columns of X that they see next to the meta-features of the level below: none, all, or these
        (names of a data frame, or positions). The first level, with no level below, sees all of X or these
        columns.
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        The folds of this level; None takes those of the ensemble, which is the usual practice.
    nested : bool, default=False
        Whether the levels below are trained again inside the training part of each fold, so that no label of
        a held-out row reaches its prediction; see `LevelsClassifier` for when it matters. It costs K times
        the fits below, each on K - 1 folds, and needs at least 3 folds.
    refit : bool, optional
        Whether these estimators are refitted on all rows to predict new ones; otherwise the average over
        their fold estimators predicts. None takes the setting of the ensemble.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> level = Level([("ridge", Ridge())], passthrough=["age", "fare"], nested=True)
    >>> level.get_params()["ridge__alpha"]
    1.0
    """

    def __init__(
        self,
        estimators: NamedEstimators,
        *,
        passthrough: Passthrough = False,
        cv: Any = None,
        nested: bool = False,
        refit: bool | None = None,
    ) -> None:
        self.estimators = estimators
        self.passthrough = passthrough
        self.cv = cv
        self.nested = nested
        self.refit = refit

    @property
    def members(self) -> list[tuple[str, Any]]:
        """The (name, estimator) pairs without those that are 'drop'."""
        return self._members()

    def is_refitted(self, config: RunConfig) -> bool:
        """Whether its estimators are refitted on all rows, where `config` is that of the ensemble."""
        return config.refit if self.refit is None else self.refit

    def check(self, number: int, classify: bool) -> None:
        """Raise unless the estimators fit this level.

        Parameters
        ----------
        number : int
            The number of the level, counted from 1.
        classify : bool
            Whether the ensemble is a classifier.

        Raises
        ------
        ValueError
            When a name or an estimator is not valid here; a note says which level it is.

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> Level([("ridge", Ridge())]).check(1, classify=False)
        """
        try:
            self._check_members(self.get_params(deep=False), classify)
            for _, estimator in self.members if number > 1 else ():
                check_weighs_members(estimator, self.passthrough)
        except ValueError as error:
            error.add_note(f"Raised by level {number}.")
            raise


def as_levels(levels: Any) -> list[Level]:
    """Return a list of levels, or of lists of (name, estimator) pairs, as a list of `Level`."""
    some = isinstance(levels, Sequence) and not isinstance(levels, str) and len(levels) > 0
    if not some or not all(isinstance(level, Level | list | tuple) for level in levels):
        raise invalid_value(
            "levels",
            "a non-empty list of Level objects, or of lists of (name, estimator) tuples",
            f"levels={levels!r}",
            "Pass for example [[('lr', LogisticRegression())], Level([('nb', GaussianNB())])]",
        )
    return [level if isinstance(level, Level) else Level(level) for level in levels]


def check_nested(levels: Sequence[Level]) -> None:
    """Raise where precomputed predictions stand below a nested level: their models saw its held-out rows."""
    nested = [at for at, level in enumerate(levels) if at and level.nested]
    below = levels[: max(nested, default=0)]
    given = [name for level in below for name, one in level.members if isinstance(one, Precomputed)]
    if given:
        raise ValueError(
            "Estimators below a nested level are trained again inside each of its folds, which is impossible "
            f"for the precomputed predictions {format_list(given)}. Leave them out, put them into the nested "
            "level, or share the folds."
        )


def count_fits(levels: Sequence[Level], n_splits: int, refit: bool = False) -> list[int]:
    """Return the number of fits of each level: K per estimator, and below a nested level K times as many.

    `n_splits` is the number of folds that all levels share, and `refit` that of the ensemble.
    """
    counts = [0] * len(levels)
    for at, level in enumerate(levels):
        counts[at] += len(level.members) * n_splits
        if level.nested and at:
            inner = count_fits(levels[:at], n_splits - 1, refit)
            counts[:at] = [n + n_splits * more for n, more in zip(counts, inner, strict=False)]
    for at in reversed(range(len(levels))):
        if levels[at].is_refitted(RunConfig(refit=refit)):
            counts[at] += len(levels[at].members)
        elif levels[at].nested and at:
            break  # each of its folds has levels of its own below, so those of all rows never predict
    return counts
