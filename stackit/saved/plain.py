"""An ensemble taken apart into plain data and other libraries' estimators, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from stackit.fold_estimators import FoldEstimators
from stackit.folds.bonds import Bonds
from stackit.saved.kinds import is_own, kind_of
from stackit.store import Store

__all__ = ["Apart", "Together"]

KIND = "stackit kind"


class Apart:
    """Takes objects apart; what is neither plain nor stackit's own is left as it is.

    What only a run needs is left out: stores, groups and times that folds know of, and splitters.

    Parameters
    ----------
    keep_net : callable
        Given a fitted net, keeps it elsewhere and returns under which name.
    """

    def __init__(self, keep_net: Callable[[Any], str]) -> None:
        self.keep_net = keep_net
        # One object that comes up in many places stays one; it is held beside, so that its id is its own.
        self._done: dict[int, tuple[Any, Any]] = {}

    def __call__(self, value: Any) -> Any:
        """Return the parts of a value."""
        if id(value) not in self._done:
            self._done[id(value)] = value, self._parts(value)
        return self._done[id(value)][1]

    def _parts(self, value: Any) -> Any:
        if is_own(value):
            is_net = type(value).__module__.startswith("stackit.neural.")
            return self._net(value) if is_net else {KIND: type(value).__name__, "parts": self._state(value)}
        if isinstance(value, Mapping):
            return {KIND: "dict", "parts": [[self(key), self(part)] for key, part in value.items()]}
        if isinstance(value, FoldEstimators | list):
            return [self(part) for part in value]
        if type(value) in (tuple, set, frozenset):
            return {KIND: type(value).__name__, "parts": [self(part) for part in value]}
        return self._other(value)

    def _other(self, value: Any) -> Any:
        if type(value) is Pipeline:
            return {KIND: "Pipeline", "parts": [self(value.steps)]}
        if isinstance(value, pd.Index):
            return {KIND: "Index", "parts": [value.tolist(), value.name]}
        if isinstance(value, Exception):
            return {KIND: "error", "parts": [f"{type(value).__name__}: {value}"]}
        is_splitter = hasattr(value, "split") and hasattr(value, "get_n_splits")
        return None if is_splitter or isinstance(value, Bonds | Store) else value

    def _net(self, net: Any) -> Any:
        if hasattr(net, "network_"):
            return {KIND: "net", "parts": [type(net).__name__, self.keep_net(net)]}
        return {KIND: "new net", "parts": [type(net).__name__, self(net.get_params(deep=False))]}

    def _state(self, value: Any) -> Any:
        """The fields of a dataclass, without what it computes from them; of an estimator all that it has."""
        if not is_dataclass(value):
            return self(vars(value))
        return self({field.name: getattr(value, field.name) for field in fields(value)})


class Together:
    """Puts together what `Apart` took apart.

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
            case "tuple" | "set" | "frozenset":
                return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](whole)
            case "Pipeline":
                return Pipeline(*whole)
            case "Index":
                return pd.Index(whole[0], name=whole[1])
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
        return make(**{name: part for name, part in state.items() if name != "bonds"})
    made = kind.__new__(kind)
    vars(made).update(state)
    return made
