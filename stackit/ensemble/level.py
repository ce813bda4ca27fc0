"""One level: its estimators, what they see of X, and which folds they are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stackit.engine.run_config import RunConfig
from stackit.ensemble.final import check_weighs_members
from stackit.ensemble.level_columns import Passthrough
from stackit.ensemble.params import NamedMembers
from stackit.estimators.named_estimators import NamedEstimators, check_estimators
from stackit.precomputed.estimators import Precomputed
from stackit.validation import format_list, invalid_value

__all__ = ["Level", "check_nested", "count_fits", "levels_in"]


class Level(NamedMembers):
    """A level of a `LevelsClassifier` or `LevelsRegressor`.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The estimators of this level; 'drop' leaves one out.
    passthrough : bool or list of columns, default=False
        What they see of X beside the meta-features of the level below: nothing, all, or these columns (names
        of a data frame, or positions). The first level, with no level below, sees all of X or these columns.
    cv : Folds, splitter, int, None or iterable of (train, held_out) pairs
        The folds of this level; None is those of the ensemble, which is the usual practice.
    nested : bool, default=False
        Whether the levels below are trained anew inside the training part of each fold, so that no label of
        a held-out row reaches its prediction on any way; see `LevelsClassifier` for when it matters. It costs
        K times the fits below, each on K - 1 folds, and wants at least 3 folds.
    refit : bool, optional
        Whether these estimators are refitted on all rows to predict new ones, or the average over their fold
        estimators does; None is what the ensemble says.

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
        return self._kept()

    def is_refitted(self, settings: RunConfig) -> bool:
        """Whether its estimators are refitted on all rows, where settings are those of the ensemble."""
        return settings.refit if self.refit is None else self.refit

    def check(self, number: int, classify: bool) -> None:
        """Raise unless the estimators are what an ensemble can have as this level.

        Parameters
        ----------
        number : int
            Which level it is, from 1.
        classify : bool
            Whether the ensemble is one of classifiers.

        Raises
        ------
        ValueError
            With a note that says which level.
        """
        try:
            check_estimators(self._undropped(), reserved=self.get_params(deep=False))
            self._check_kinds(classify)
            for _, estimator in self.members if number > 1 else ():
                check_weighs_members(estimator, self.passthrough)
        except ValueError as error:
            error.add_note(f"Raised by level {number}.")
            raise


def levels_in(levels: Any) -> list[Level]:
    """Return what a caller gave as levels, each as a `Level`.

    Parameters
    ----------
    levels : list of Level or of lists of (str, estimator)
        From the first level to the last.

    Raises
    ------
    ValueError
        When it is not such a list.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> levels_in([[("ridge", Ridge())]])
    [Level(estimators=[('ridge', Ridge())])]
    """
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
    """Raise where predictions made elsewhere stand below a nested level: they know labels that it holds out.

    Raises
    ------
    ValueError
        Naming them.
    """
    nested = [at for at, level in enumerate(levels) if at and level.nested]
    below = levels[: max(nested, default=0)]
    given = [
        name for level in below for name, estimator in level.members if isinstance(estimator, Precomputed)
    ]
    if given:
        raise invalid_value(
            "Estimators below a nested level",
            "trained anew inside each of its folds",
            f"predictions made elsewhere, {format_list(given)}",
            "Leave them out, put them into the nested level, or share the folds",
        )


def count_fits(levels: Sequence[Level], n_splits: int, refit: bool = False) -> list[int]:
    """Return how many fits each level takes: K an estimator, and all below K times again for a nested level.

    Parameters
    ----------
    levels : list of Level
        From the first to the last.
    n_splits : int
        The number of folds that all share, K.
    refit : bool
        Whether estimators of levels that do not say themselves are fitted on all rows, too.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> two = [("a", Ridge()), ("b", Ridge(2))]
    >>> count_fits([Level(two), Level(two)], 5), count_fits([Level(two), Level(two, nested=True)], 5)
    ([10, 10], [50, 10])
    >>> count_fits([Level(two), Level(two)], 5, refit=True)
    [12, 12]
    """
    counts = [0] * len(levels)
    for at, level in enumerate(levels):
        counts[at] += len(level.members) * n_splits
        if level.nested and at:
            again = count_fits(levels[:at], n_splits - 1, refit)
            counts[:at] = [n + n_splits * inner for n, inner in zip(counts, again, strict=False)]
    for at in reversed(range(len(levels))):
        if levels[at].is_refitted(RunConfig(refit=refit)):
            counts[at] += len(levels[at].members)
        elif levels[at].nested and at:
            break  # its folds have levels of their own below: nobody asks those of all rows
    return counts
