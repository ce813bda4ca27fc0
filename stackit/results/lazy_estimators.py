"""Fold estimators that came out of a store without their fit: they are fitted again on first use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

__all__ = ["LazyFoldEstimators"]


class LazyFoldEstimators(Sequence[Any]):
    """The fitted estimator of each split; those that are None are fitted together on first use.

    Copies and pickles of it are plain lists of all estimators.

    Parameters
    ----------
    estimators : list
        One per split; None where it is missing.
    fit : callable
        Returns the fitted estimators of some splits, given their positions.

    Examples
    --------
    >>> estimators = LazyFoldEstimators(["first", None], lambda missing: [f"fitted {at}" for at in missing])
    >>> estimators
    LazyFoldEstimators(1 of 2 fitted, the others on first use)
    >>> list(estimators)
    ['first', 'fitted 1']
    """

    def __init__(self, estimators: list[Any], fit: Callable[[list[int]], list[Any]]) -> None:
        self._estimators = estimators
        self._fit = fit

    def __len__(self) -> int:
        return len(self._estimators)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...

    def __getitem__(self, at: int | slice) -> Any:
        missing = self._missing()
        if missing:
            for position, estimator in zip(missing, self._fit(missing), strict=True):
                self._estimators[position] = estimator
        return self._estimators[at]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, LazyFoldEstimators | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    @property
    def n_missing(self) -> int:
        """How many estimators would be fitted on first use."""
        return len(self._missing())

    def __repr__(self) -> str:
        n_fitted = len(self) - self.n_missing
        return f"LazyFoldEstimators({n_fitted} of {len(self)} fitted, the others on first use)"

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)

    def restrict(self, splits: list[int]) -> LazyFoldEstimators:
        """Return the estimators of some splits, without fitting those that are missing."""
        estimators = [self._estimators[at] for at in splits]
        return LazyFoldEstimators(estimators, lambda missing: [self[splits[at]] for at in missing])

    def _missing(self) -> list[int]:
        return [at for at, estimator in enumerate(self._estimators) if estimator is None]
