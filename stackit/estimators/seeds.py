"""The unseeded random parts of an estimator, and how they are seeded."""

from __future__ import annotations

import copy
import hashlib
import random
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder
from sklearn.utils.multiclass import type_of_target

from stackit.arrays import Rows
from stackit.arrays.isolation import WELL_KNOWN

__all__ = ["Seeds", "ShuffledFolds", "generator_states", "kept_draws", "seed_of", "seeds_of", "shared_draws"]

# Names of seed parameters. The first that a part has is set, unless the part has been given a seed.
SPELLINGS = ("random_state", "random_seed", "seed")
# Estimators of scikit-learn that draw from numpy's global generator without a parameter for it. Support
# vector machines without ``random_state`` draw from it too, but do not use the number.
DRAWING = frozenset({"GraphicalLasso", "GraphicalLassoCV", "Isomap", "SGDOneClassSVM"})
PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type, np.generic, np.ndarray, np.dtype)
_NOTHING = nullcontext()
_LOCAL = threading.local()


@dataclass(frozen=True)
class Seeds:
    """The random parts of an estimator that have no seed.

    `unseeded` are the parameters, also of its parts, that hold a seed and are None; `splitters` those that
    are shuffling splitters without a seed; `encoders` the ``cv`` of target encoders that is a number of
    folds, which are then shuffled without a seed. `draws` says whether it may draw from the global
    generators, because it or one of its parameters is a function or object of an unknown library.
    """

    unseeded: tuple[str, ...] = ()
    splitters: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    draws: bool = False

    @property
    def are_open(self) -> bool:
        """Whether any random part has no seed."""
        return bool(self.unseeded or self.splitters or self.encoders or self.draws)

    def set(self, estimator: Any, seed: int | None) -> None:
        """Set each unseeded parameter in place, to a seed that depends on its name."""
        if seed is None or not (self.unseeded or self.splitters or self.encoders):
            return
        values: dict[str, Any] = {name: seed_of(seed, name, 0, 0) for name in self.unseeded}
        params = estimator.get_params(deep=True) if self.splitters or self.encoders else {}
        for name in self.splitters:
            splitter = copy.copy(params[name])
            splitter.random_state = seed_of(seed, name, 0, 0)
            values[name] = splitter
        for name in self.encoders:
            n_splits = 5 if params[name] is None else int(params[name])
            stratify = _owner(estimator, params, name).target_type != "continuous"
            values[name] = ShuffledFolds(n_splits, random_state=seed_of(seed, name, 0, 0), stratify=stratify)
        estimator.set_params(**values)

    def drawing(self, seed: int | None) -> AbstractContextManager[None]:
        """Return a context in which the global generators start from a seed, where the estimator may draw."""
        return shared_draws(seed) if self.draws and seed is not None else _NOTHING


class ShuffledFolds(KFold):  # type: ignore[misc]
    """The folds that a target encoder makes of a number of folds, with a seed.

    With `stratify`, they are stratified where y holds classes, as scikit-learn's are.
    """

    def __init__(self, n_splits: int = 5, *, random_state: int | None = None, stratify: bool = True) -> None:
        super().__init__(n_splits, shuffle=True, random_state=random_state)
        self.stratify = stratify

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Yield the (train, test) row positions."""
        if self.stratify and y is not None and type_of_target(y) in ("binary", "multiclass"):
            folds = StratifiedKFold(self.n_splits, shuffle=True, random_state=self.random_state)
            yield from folds.split(X, y)
        else:
            yield from super().split(X, y)


def seed_of(random_state: int | None, name: str, repeat: int, fold: int) -> int | None:
    """Derive the seed of a task from (random_state, estimator name, repeat, fold)."""
    if random_state is None:
        return None
    text = f"{random_state}/{name}/{repeat}/{fold}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "little") >> 1


def seeds_of(estimator: Any, params: Mapping[str, Any]) -> Seeds:
    """Find the unseeded random parts of an estimator, given its parameters and those of its parts.

    Examples
    --------
    >>> from sklearn.feature_selection import SelectKBest, mutual_info_classif
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> pipe = make_pipeline(SelectKBest(mutual_info_classif), RandomForestClassifier())
    >>> seeds_of(pipe, pipe.get_params())
    Seeds(unseeded=('randomforestclassifier__random_state',), splitters=(), encoders=(), draws=True)
    """
    return Seeds(
        unseeded=tuple(_unseeded(params)),
        splitters=tuple(name for name, value in params.items() if _is_unseeded_splitter(value)),
        encoders=tuple(
            name
            for name, value in params.items()
            if name.rpartition("__")[2] == "cv" and _shuffles(_owner(estimator, params, name), value)
        ),
        draws=_may_draw(estimator, params),
    )


class shared_draws:
    """Seed the global generators of numpy, Python and, where it is loaded, torch; restore them afterwards.

    Threads that run meanwhile share them. It is a class instead of a generator function because it is entered
    for each fit of an unknown library, and is faster.
    """

    __slots__ = ("_seed", "_states")

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __enter__(self) -> None:
        torch = _torch_generator()
        self._states = () if getattr(_LOCAL, "are_kept", False) else _states(torch)
        _LOCAL.are_kept = False
        np.random.seed(self._seed)  # noqa: NPY002 - the global one
        random.seed(self._seed)
        if torch is not None:
            torch.manual_seed(self._seed)

    def __exit__(self, *error: Any) -> None:
        _LOCAL.are_kept = not self._states
        _restore(*self._states)


@contextmanager
def kept_draws() -> Iterator[None]:
    """Restore the global generators once, after all uses of `shared_draws` in this thread.

    Reading and setting the state of numpy's generator takes a tenth of a millisecond, too much for each fit.
    Inside the context, the generators stay where the last `shared_draws` has left them.

    Examples
    --------
    >>> np.random.seed(0)
    >>> with kept_draws():
    ...     for seed in range(3):
    ...         with shared_draws(seed):
    ...             drawn = np.random.uniform()
    >>> round(np.random.uniform(), 3)
    0.549
    """
    outer = getattr(_LOCAL, "are_kept", False)
    states = _states(_torch_generator())
    _LOCAL.are_kept = True
    try:
        yield
    finally:
        _LOCAL.are_kept = outer
        _restore(*states)


def generator_states() -> tuple[Any, ...]:
    """Return the states of the global generators such that equal ones compare as equal.

    >>> before = generator_states()
    >>> drawn = np.random.uniform()
    >>> generator_states() == before
    False
    """
    _, of_python, _, of_torch = _states(_torch_generator())
    name, key, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - the global one
    return (
        name,
        np.asarray(key).tobytes(),
        *rest,
        of_python,
        None if of_torch is None else of_torch.numpy().tobytes(),
    )


def _torch_generator() -> Any:
    return getattr(sys.modules.get("torch"), "default_generator", None)


def _states(torch: Any) -> tuple[Any, ...]:
    """Return the states of the generators of numpy, Python and, where it is loaded, torch."""
    of_numpy = np.random.get_state(legacy=False)  # noqa: NPY002 - the global one
    return of_numpy, random.getstate(), torch, None if torch is None else torch.get_state()


def _restore(of_numpy: Any = None, of_python: Any = None, torch: Any = None, of_torch: Any = None) -> None:
    """Set the generators to these states; without states, leave them as they are."""
    if of_numpy is None:
        return
    np.random.set_state(of_numpy)  # noqa: NPY002 - the global one
    random.setstate(of_python)
    if torch is not None:
        torch.set_state(of_torch)


def _unseeded(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield, per part without a seed, the name of the parameter that seeds it."""
    of_parts: dict[str, list[str]] = {}
    for spelling in SPELLINGS:
        for name in params:
            part, _, own = name.rpartition("__")
            if own == spelling:
                of_parts.setdefault(part, []).append(name)
    for names in of_parts.values():
        if all(_is_open(params[name]) for name in names):
            yield names[0]


def _is_open(value: Any) -> bool:
    """Whether a seed parameter holds no seed: None, or numpy's global generator."""
    return value is None or value is np.random or value is np.random.mtrand._rand


def _is_unseeded_splitter(value: Any) -> bool:
    """Whether a parameter is a splitter that shuffles and has no seed."""
    shuffles = getattr(value, "shuffle", True) is True
    return hasattr(value, "split") and _is_open(getattr(value, "random_state", 0)) and shuffles


def _shuffles(owner: Any, cv: Any) -> bool:
    """Whether an owner is a target encoder that shuffles its `cv` folds and has no parameter to seed them."""
    is_count = cv is None or isinstance(cv, int | np.integer)
    shuffles = getattr(owner, "shuffle", False) in (True, "deprecated")
    return is_count and isinstance(owner, TargetEncoder) and owner.random_state == "deprecated" and shuffles


def _owner(estimator: Any, params: Mapping[str, Any], name: str) -> Any:
    """Return the part of the estimator that has a parameter."""
    part = name.rpartition("__")[0]
    return params[part] if part else estimator


def _may_draw(estimator: Any, params: Mapping[str, Any]) -> bool:
    parts = [estimator, *(value for value in params.values() if hasattr(value, "get_params"))]
    seen = {id(part) for part in parts}
    return not (
        all(_is_known(part) and type(part).__name__ not in DRAWING for part in parts)
        and all(_is_plain(value, seen) for value in params.values())
    )


def _is_known(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in WELL_KNOWN


def _is_plain(value: Any, parts: set[int]) -> bool:
    """Whether a parameter consists of plain values, splitters, and parts that are checked on their own."""
    if isinstance(value, dict):
        return all(_is_plain(item, parts) for item in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return all(_is_plain(item, parts) for item in value)
    is_splitter = hasattr(value, "split") and _is_known(value)
    return isinstance(value, PLAIN) or isinstance(value, np.ufunc) or is_splitter or id(value) in parts
