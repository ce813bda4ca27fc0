"""Fold estimators of results that came out of a store: fitted again when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

__all__ = ["LazyFoldEstimators"]


class LazyFoldEstimators(Sequence[Any]):
    """The fitted estimators of one name, one a split, of which some are not there yet.

    A store keeps answers and not, without pickle, fitted estimators. Whoever asks for one here gets it all
    the same: those that are missing are fitted then, all at once, with the data, rows and seeds of the
    run. A copy, and what is pickled, is a plain list of all.

    Parameters
    ----------
    estimators : list
        One a split; None where it is missing.
    fit : callable
        Returns the fitted estimators of some splits, given their positions.

    Examples
    --------
    >>> estimators = LazyFoldEstimators(["first", None], lambda missing: [f"fitted {at}" for at in missing])
    >>> estimators
    FoldEstimators(1 of 2 fitted, the others when they are asked for)
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

    def __repr__(self) -> str:
        n_fitted = len(self) - len(self._missing())
        return f"FoldEstimators({n_fitted} of {len(self)} fitted, the others when they are asked for)"

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)

    def part(self, positions: list[int]) -> LazyFoldEstimators:
        """Return those at some positions; what is missing still is."""
        estimators = [self._estimators[at] for at in positions]
        return LazyFoldEstimators(estimators, lambda missing: [self[positions[at]] for at in missing])

    def _missing(self) -> list[int]:
        return [at for at, estimator in enumerate(self._estimators) if estimator is None]
