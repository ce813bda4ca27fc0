"""Convert an ensemble into plain data and other libraries' objects, and back."""

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

from stackit.estimators.callbacks import CALLBACK_ATTRIBUTES
from stackit.folds.constraints import SplitConstraints
from stackit.persistence.allowlist import class_named, is_allowed, is_net, name_of
from stackit.persistence.forests import is_forest, pack_forest, unpack_forest
from stackit.results.lazy_estimators import LazyFoldEstimators
from stackit.store import Store

__all__ = ["KIND", "Decoder", "Encoder"]

KIND = "stackit kind"
IN_PROGRESS = object()
COLLECTIONS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
# Objects that a program has once: nothing inside them is saved, and no file may fill them.
GLOBAL = type | ModuleType | FunctionType | MethodType | BuiltinFunctionType | np.ufunc
# A file must not decide where a program writes.
NEVER_SAVED = {"cache"}


class Encoder:
    """Encodes objects as nested dicts and lists; other libraries' objects stay as they are.

    Another library's object that holds some of stackit's, such as a wrapper of scikit-learn, becomes an empty
    object of its class and its attributes: a reader must trust the class like any other. Stores, caches,
    splitters, groups and times are left out, since only a run needs them.

    Parameters
    ----------
    keep_net : callable
        Keeps a net elsewhere, and returns its name there.
    with_rows : bool
        Whether tables of the training rows are kept, and folds that were passed as ``cv``.
    """

    def __init__(self, keep_net: Callable[[Any], str], with_rows: bool = True) -> None:
        self.keep_net, self.with_rows = keep_net, with_rows
        # An object in many places stays one object. Values are kept, so that ids are not reused.
        self._encoded: dict[int, tuple[Any, Any]] = {}
        self._holding: dict[int, tuple[Any, bool]] = {}

    def encode(self, value: Any) -> Any:
        """Return the encoding of a value; raise a ValueError if it contains itself."""
        if id(value) not in self._encoded:
            self._encoded[id(value)] = value, IN_PROGRESS
            self._encoded[id(value)] = value, self._encode(value)
        encoded = self._encoded[id(value)][1]
        if encoded is IN_PROGRESS:
            kind = type(value).__name__
            raise ValueError(f"A {kind} holds itself, and cannot be saved. Remove the reference.")
        return encoded

    def state_of(self, estimator: Any) -> Any:
        """Return the encoding of all attributes of an estimator."""
        lean = not self.with_rows and hasattr(estimator, "state_for_prediction")
        state = estimator.state_for_prediction() if lean else vars(estimator)
        # Folds that were passed as cv serve only the next fit, as splitters do.
        keeps_cv = self.with_rows or isinstance(state.get("cv"), int | str)
        left_out = NEVER_SAVED if keeps_cv else NEVER_SAVED | {"cv"}
        return self.encode(
            {
                name: None if name in left_out else part
                for name, part in state.items()
                if name not in CALLBACK_ATTRIBUTES
            }
        )

    def _encode(self, value: Any) -> Any:
        if is_net(value):
            return self._encode_net(value)
        if is_allowed(value) and not isinstance(value, SplitConstraints):
            return _tagged(name_of(type(value)), self._state(value))
        if isinstance(value, Mapping):
            kind = "Bunch" if isinstance(value, Bunch) else "dict"
            return _tagged(kind, [[self.encode(key), self.encode(part)] for key, part in value.items()])
        if isinstance(value, LazyFoldEstimators | list):
            return [self.encode(part) for part in value]
        if type(value) in COLLECTIONS.values():
            return _tagged(type(value).__name__, [self.encode(part) for part in value])
        return self._encode_foreign(value)

    def _encode_foreign(self, value: Any) -> Any:
        if isinstance(value, pd.DatetimeIndex | pd.TimedeltaIndex):
            return _tagged("times", [value.asi8.tolist(), str(value.dtype), value.name])
        if isinstance(value, pd.Index):
            return _tagged("Index", [value.tolist(), value.name])
        if isinstance(value, Exception):
            return _tagged("error", [f"{type(value).__name__}: {value}"])
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        is_splitter = hasattr(value, "split") and hasattr(value, "get_n_splits")
        if is_splitter or isinstance(value, SplitConstraints | Memory | Store):
            return None
        if is_forest(value):
            return _tagged("forest", self.encode(pack_forest(value)))
        if not self._holds_own(value):
            return value
        if isinstance(value, np.ndarray):
            return _tagged("array", [list(value.shape), self.encode([*value.flat])])
        return _tagged("filled", [object.__new__(type(value)), self.encode(vars(value))])

    def _encode_net(self, net: Any) -> Any:
        name = name_of(type(net))
        if hasattr(net, "network_") or not hasattr(net, "get_params"):
            return _tagged("net", [name, self.keep_net(net)])
        return _tagged("unfitted net", [name, self.encode(net.get_params(deep=False))])

    def _state(self, value: Any) -> Any:
        if not _is_record(value):
            return self.state_of(value)
        state = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        return self.encode(
            {name: part for name, part in state.items() if not isinstance(part, SplitConstraints)}
        )

    def _holds_own(self, value: Any) -> bool:
        """Whether an object contains, at any depth, one of stackit's, or something that is left out."""
        if is_allowed(value) or isinstance(value, Memory):
            return True
        if id(value) not in self._holding:
            self._holding[id(value)] = value, False  # for objects that contain each other
            self._holding[id(value)] = value, any(map(self._holds_own, _contents(value)))
        return self._holding[id(value)][1]


class Decoder:
    """Decodes what `Encoder` encoded; `load_net` returns the net of a class and of a name in the file."""

    def __init__(self, load_net: Callable[[Any, str], Any]) -> None:
        self.load_net = load_net
        self._decoded: dict[int, tuple[Any, Any]] = {}

    def decode(self, parts: Any) -> Any:
        """Return the value that was encoded."""
        if isinstance(parts, dict) and KIND in parts:
            if id(parts) not in self._decoded:
                self._decoded[id(parts)] = parts, self._build(parts[KIND], self.decode(parts["parts"]))
            return self._decoded[id(parts)][1]
        return [self.decode(part) for part in parts] if isinstance(parts, list) else parts

    def _build(self, kind: str, parts: Any) -> Any:
        if kind in BUILDERS:
            return BUILDERS[kind](parts)
        if kind == "net":
            return self.load_net(class_named(parts[0]), parts[1])
        if kind == "unfitted net":
            return class_named(parts[0])(**parts[1])
        return _own(class_named(kind), parts)


def _tagged(kind: str, parts: Any) -> dict[str, Any]:
    return {KIND: kind, "parts": parts}


def _contents(value: Any) -> Iterable[Any]:
    """Return what an object visibly contains."""
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if isinstance(value, np.ndarray):
        return value.flat if value.dtype == object else ()
    return () if isinstance(value, GLOBAL) else getattr(value, "__dict__", {}).values()


def _own(kind: Any, state: dict[str, Any]) -> Any:
    """Create an object of stackit's from its state."""
    if _is_record(kind):
        make: Any = kind
        return make(**state)
    return _fill(kind.__new__(kind), {**state, **dict.fromkeys(NEVER_SAVED & state.keys())})


def _is_record(value: Any) -> bool:
    """Whether a dataclass is made from its fields alone; an estimator also has what it learned."""
    return is_dataclass(value) and not hasattr(value, "get_params")


def _fill(empty: Any, state: dict[str, Any]) -> Any:
    vars(empty).update(state)
    return empty


def _check_empty(empty: Any) -> Any:
    """Return an object that a file may fill; raise for functions, classes and others that have content."""
    if isinstance(empty, GLOBAL) or getattr(empty, "__dict__", None) != {}:
        raise ValueError(
            f"The file assigns attributes to an object of type {type(empty).__name__}, which `save` never "
            "writes. Pass another file."
        )
    return empty


def _array(shape: list[int], parts: list[Any]) -> Any:
    array = np.empty(len(parts), dtype=object)
    array[:] = parts
    return array.reshape(shape)


def _times(numbers: list[int], dtype: str, name: Any) -> pd.Index[Any]:
    return pd.Index(np.array(numbers, dtype=np.int64)).astype(dtype).rename(name)


BUILDERS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "Bunch": lambda parts: Bunch(**dict(parts)),
    **COLLECTIONS,
    "array": lambda parts: _array(*parts),
    "forest": lambda parts: unpack_forest({**parts, "forest": _check_empty(parts["forest"])}),
    "filled": lambda parts: _fill(_check_empty(parts[0]), parts[1]),
    "Index": lambda parts: pd.Index(parts[0], name=parts[1]),
    "times": lambda parts: _times(*parts),
    "error": lambda parts: RuntimeError(*parts),
}
