"""The protocol of stores, a store in memory, and one that keeps nothing."""

from __future__ import annotations

from typing import Any, Protocol, Self, runtime_checkable

from stackit.store.record import Key, Stored

__all__ = ["MemoryStore", "NoStore", "Store"]


@runtime_checkable
class Store(Protocol):
    """The protocol of stores of finished fits."""

    def get(self, key: Key) -> Stored | None:
        """Return the result of a key, or None; raise an OSError if it cannot be read."""

    def put(self, key: Key, result: Stored) -> None:
        """Keep a result; raise an OSError if it cannot be kept."""


class NoStore:
    """Keeps nothing, so every fit is done.

    Examples
    --------
    >>> NoStore().get(Key("0f")) is None
    True
    """

    def get(self, key: Key) -> Stored | None:
        """Return None."""
        return None

    def put(self, key: Key, result: Stored) -> None:
        """Do nothing."""


class MemoryStore:
    """Keeps results, with their fitted estimators, as long as this object lives.

    It is for notebooks and searches: a stack that is fitted again with another final estimator does not
    fit its base estimators again. A copy, as by `sklearn.base.clone`, is the same store.

    Examples
    --------
    >>> import numpy as np
    >>> store = MemoryStore()
    >>> store.put(Key("0f", test="1e"), Stored(np.ones((2, 1)), test=np.zeros((3, 1))))
    >>> store.get(Key("0f")).held_out.tolist()
    [[1.0], [1.0]]
    >>> store.get(Key("0f", test="2d")) is None
    True
    >>> len(store)
    1
    """

    def __init__(self) -> None:
        self._results: dict[str, dict[str, Stored]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._results.values()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def get(self, key: Key) -> Stored | None:
        """Return the result of a key, or None."""
        by_test = self._results.get(key.fit, {})
        return by_test.get(key.test) if key.test else next(iter(by_test.values()), None)

    def put(self, key: Key, result: Stored) -> None:
        """Keep a result."""
        self._results.setdefault(key.fit, {})[key.test] = result
