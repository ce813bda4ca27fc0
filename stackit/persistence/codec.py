"""An ensemble taken apart into plain data and other libraries' objects, and put together again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from joblib import Memory
from sklearn.utils import Bunch

from stackit.folds.constraints import SplitConstraints
from stackit.persistence.allowlist import is_net, is_own, kind_of
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.store import Store
from stackit.validation import invalid_value

__all__ = ["KIND", "Decoder", "Encoder"]

KIND = "stackit kind"
UNDER_WAY = object()
WHOLE = type | ModuleType | FunctionType | MethodType | BuiltinFunctionType | np.ufunc
# What a file says is not to decide where a program writes.
LEFT_OUT = {"cache"}


class Encoder:
    """Takes objects apart; what is neither plain nor stackit's own, nor holds such, is left as it is.

    Of another library's object that holds some of stackit's, as scikit-learn's wrappers may, an empty one is
    left beside what it has: its type is then one that a reader is asked to trust, as of any other.

    What only a run needs is left out: stores, caches, groups and times that folds know of, and splitters.

    Parameters
    ----------
    keep_net : callable
        Given a net, keeps it elsewhere and returns under which name.
    whole : bool
        Whether tables of the training rows are kept, and folds that were given as ``cv``.
    """

    def __init__(self, keep_net: Callable[[Any], str], whole: bool = True) -> None:
        self.keep_net, self.whole = keep_net, whole
        # One object that comes up in many places stays one; it is held beside, so that its id is its own.
        self._done: dict[int, tuple[Any, Any]] = {}
        self._holding: dict[int, tuple[Any, bool]] = {}

    def __call__(self, value: Any) -> Any:
        """Return the parts of a value.

        Raises
        ------
        ValueError
            When it holds itself.
        """
        if id(value) not in self._done:
            self._done[id(value)] = value, UNDER_WAY
            self._done[id(value)] = value, self._parts(value)
        parts = self._done[id(value)][1]
        if parts is UNDER_WAY:
            kind = type(value).__name__
            raise invalid_value(
                "What is saved", "without circles", f"a {kind} that holds itself", "Leave that reference out"
            )
        return parts

    def _parts(self, value: Any) -> Any:
        if is_net(value):
            return self._net(value)
        if is_own(value):
            return {KIND: type(value).__name__, "parts": self._state(value)}
        if isinstance(value, Mapping):
            kind = "Bunch" if isinstance(value, Bunch) else "dict"
            return {KIND: kind, "parts": [[self(key), self(part)] for key, part in value.items()]}
        if isinstance(value, LazyFoldEstimators | list):
            return [self(part) for part in value]
        if type(value) in (tuple, set, frozenset):
            return {KIND: type(value).__name__, "parts": [self(part) for part in value]}
        return self._other(value)

    def _other(self, value: Any) -> Any:
        if isinstance(value, pd.DatetimeIndex | pd.TimedeltaIndex):
            return {KIND: "moments", "parts": [value.asi8.tolist(), str(value.dtype), value.name]}
        if isinstance(value, pd.Index):
            return {KIND: "Index", "parts": [value.tolist(), value.name]}
        if isinstance(value, Exception):
            return {KIND: "error", "parts": [f"{type(value).__name__}: {value}"]}
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        is_splitter = hasattr(value, "split") and hasattr(value, "get_n_splits")
        if is_splitter or isinstance(value, SplitConstraints | Memory | Store):
            return None
        if not self._holds_own(value):
            return value
        if isinstance(value, np.ndarray):
            return {KIND: "array", "parts": [list(value.shape), self([*value.flat])]}
        empty = object.__new__(type(value))
        return {KIND: "filled", "parts": [empty, self(vars(value))]}

    def _holds_own(self, value: Any) -> bool:
        """Whether some of stackit's objects are in another library's, however deep, or what is left out."""
        if is_own(value) or isinstance(value, Memory):
            return True
        if id(value) not in self._holding:
            self._holding[id(value)] = value, False  # a circle has nothing else
            self._holding[id(value)] = value, any(map(self._holds_own, _inside(value)))
        return self._holding[id(value)][1]

    def _net(self, net: Any) -> Any:
        if hasattr(net, "network_") or not hasattr(net, "get_params"):
            return {KIND: "net", "parts": [type(net).__name__, self.keep_net(net)]}
        return {KIND: "new net", "parts": [type(net).__name__, self(net.get_params(deep=False))]}

    def _state(self, value: Any) -> Any:
        """The fields of a dataclass, without what it computes from them; of an estimator all that it has."""
        if is_dataclass(value):
            return self({field.name: getattr(value, field.name) for field in fields(value) if field.init})
        return self.state_of(value)

    def state_of(self, value: Any) -> Any:
        """Return the parts of all that an estimator has."""
        lean = not self.whole and hasattr(value, "state_for_prediction")
        state = value.state_for_prediction() if lean else vars(value)
        # Folds that were given serve the next fit alone, as splitters do.
        left_out = LEFT_OUT if self.whole or isinstance(state.get("cv"), int | str) else LEFT_OUT | {"cv"}
        return self({name: None if name in left_out else part for name, part in state.items()})


def _inside(value: Any) -> Iterable[Any]:
    """What an object holds, as far as one can see."""
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if isinstance(value, np.ndarray):
        return value.flat if value.dtype == object else ()
    return () if isinstance(value, WHOLE) else getattr(value, "__dict__", {}).values()


class Decoder:
    """Puts together what `Encoder` took apart.

    Parameters
    ----------
    net : callable
        Given the class and the name of a net, returns it.
    """

    def __init__(self, net: Callable[[Any, str], Any]) -> None:
        self.net = net
        self._done: dict[int, tuple[Any, Any]] = {}

    def __call__(self, parts: Any) -> Any:
        """Return the value that was taken apart."""
        if isinstance(parts, dict) and KIND in parts:
            if id(parts) not in self._done:
                self._done[id(parts)] = parts, self._made(parts[KIND], parts["parts"])
            return self._done[id(parts)][1]
        return [self(part) for part in parts] if isinstance(parts, list) else parts

    def _made(self, kind: str, parts: Any) -> Any:
        whole = self(parts)
        match kind:
            case "dict":
                return dict(whole)
            case "Bunch":
                return Bunch(**dict(whole))
            case "tuple" | "set" | "frozenset":
                return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](whole)
            case "array":
                return _array(*whole)
            case "filled":
                return _filled(_checked(whole[0]), whole[1])
            case "Index":
                return pd.Index(whole[0], name=whole[1])
            case "moments":
                return pd.Index(np.array(whole[0], dtype=np.int64)).astype(whole[1]).rename(whole[2])
            case "error":
                return RuntimeError(*whole)
            case "net" | "new net":
                return self._net(kind, *whole)
        return _own(kind_of(kind), whole)

    def _net(self, kind: str, name: str, rest: Any) -> Any:
        of = kind_of(name)
        return self.net(of, rest) if kind == "net" else of(**rest)


def _own(kind: Any, state: dict[str, Any]) -> Any:
    """Make an object of stackit's from its state."""
    make: Any = kind
    if is_dataclass(kind):
        return make(**{name: part for name, part in state.items() if name != "constraints"})
    return _filled(kind.__new__(kind), state)


def _filled(empty: Any, state: dict[str, Any]) -> Any:
    vars(empty).update(state)
    return empty


def _checked(empty: Any) -> Any:
    """Return an object that a file fills; what the program has but once is none."""
    if isinstance(empty, WHOLE) or getattr(empty, "__dict__", None) != {}:
        raise invalid_value(
            "Objects in the file", "such as `save` writes", f"a {type(empty).__name__}", "Pass another file"
        )
    return empty


def _array(shape: list[int], parts: list[Any]) -> Any:
    array = np.empty(len(parts), dtype=object)
    array[:] = parts
    return array.reshape(shape)
