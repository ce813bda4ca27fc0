"""Unfitted copies of estimators, also where scikit-learn cannot clone, and the parameters they lose."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import lru_cache
from inspect import Parameter, signature
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from stackit.estimators.named_estimators import NamedEstimators
from stackit.validation import format_list, warn

__all__ = ["CopiedEnsemble", "unfitted_copy", "warn_of_lost_parameters"]

# Libraries with a get_params that names every parameter of a constructor.
COMPLETE = {"lightgbm", "sklearn", "stackit", "xgboost"}
SIMPLE = (bool, int, float, str, bytes, type(None), list, tuple, dict, set, np.ndarray, np.generic)


def unfitted_copy(estimator: Any) -> Any:
    """Return an unfitted estimator with the same parameters: a clone, or else a deep copy.

    An object without ``get_params`` is deep-copied, and so is an unfitted estimator with a constructor that
    changes its parameters, which `sklearn.base.clone` refuses; for a fitted one the error of `clone` is
    raised.
    """
    if not hasattr(estimator, "get_params"):
        return copy.deepcopy(estimator)
    try:
        return clone(estimator)
    except (RuntimeError, TypeError) as refusal:
        if _is_fitted(estimator):
            refusal.add_note("An estimator that cannot be cloned must not be fitted yet: pass a new one.")
            raise
        return copy.deepcopy(estimator)


class CopiedEnsemble(BaseEstimator):  # type: ignore[misc]
    """An ensemble that can be cloned although scikit-learn cannot clone some of its estimators.

    It never fits its parameters in place, so an instance with the same or copied parameters is unfitted.
    """

    def __sklearn_clone__(self) -> Self:
        try:
            return super().__sklearn_clone__()  # type: ignore[no-any-return]
        except (RuntimeError, TypeError):
            fresh = type(self)(**self.get_params(deep=False))
            if hasattr(self, "_metadata_request"):  # requests set for metadata routing
                fresh._metadata_request = self._metadata_request
            own = copy.deepcopy(fresh)
            if hasattr(self, "_skl_callbacks"):  # clones share them
                own._skl_callbacks = self._skl_callbacks
            return own


def warn_of_lost_parameters(estimators: NamedEstimators) -> None:
    """Warn once of parameters that copies lose because ``get_params`` does not name them.

    Estimators of scikit-learn and of libraries that follow it exactly are skipped, but not what they wrap.
    """
    lost = {name: _lost(estimator) for name, estimator in estimators}
    lines = [f"{name!r} loses {format_list(of_it)}" for name, of_it in lost.items() if of_it]
    if lines:
        warn(
            "The copies that are fitted have default values for parameters that get_params does not name: "
            f"{format_list(lines)}. Leave these parameters at their defaults, or give the class a get_params "
            "that names them."
        )


def _lost(estimator: Any) -> list[str]:
    return [f"{name}={value!r}" for part in _foreign_parts(estimator) for name, value in _lost_of(part)]


def _foreign_parts(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and its parts, except those of libraries with a complete get_params."""
    if not hasattr(estimator, "get_params"):
        return
    for part in (estimator, *estimator.get_params(deep=True).values()):
        if _may_forget(part):
            yield part


def _may_forget(part: Any) -> bool:
    """Whether a part is an estimator of a library with a possibly incomplete get_params."""
    known = type(part).__module__.split(".")[0] in COMPLETE
    return not known and not isinstance(part, type) and hasattr(part, "fit") and hasattr(part, "get_params")


def _lost_of(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of one estimator that differ in its copy."""
    try:
        own, copied = vars(part), vars(unfitted_copy(part))
    except Exception:  # noqa: BLE001 - the error is raised when it is fitted
        return
    for name in _unnamed(part, part.get_params(deep=False)):
        for attribute in (name, f"_{name}"):
            if attribute in own and not _same(own[attribute], copied.get(attribute)):
                yield name, own[attribute]


def _unnamed(part: Any, named: dict[str, Any]) -> list[str]:
    """Return the constructor parameters missing from get_params; all attributes where it takes **kwargs."""
    known = _constructor_parameters(type(part))  # type: ignore[arg-type]
    names = [*known][1:]
    if any(each.kind is Parameter.VAR_KEYWORD for each in known.values()) and not _is_fitted(part):
        names += [name for name in vars(part) if not name.startswith("_") and not name.endswith("_")]
    return [name for name in dict.fromkeys(names) if name not in named]


@lru_cache(256)
def _constructor_parameters(kind: type) -> Mapping[str, Parameter]:
    """Return the parameters of a class's constructor: inspecting one without its own takes a millisecond."""
    return signature(kind.__init__).parameters  # type: ignore[misc]


def _same(mine: Any, other: Any) -> bool:
    """Whether two values are equal; two objects of one type count as equal."""
    if type(mine) is not type(other):
        return False
    if not isinstance(mine, SIMPLE):
        return True
    if isinstance(mine, np.ndarray):
        return np.array_equal(mine, other)
    try:
        return bool(mine == other) or bool(mine != mine and other != other)  # NaN equals NaN here
    except Exception:  # noqa: BLE001 - any code may run in a comparison
        return True


def _is_fitted(estimator: Any) -> bool:
    is_fitted = getattr(estimator, "is_fitted", None)  # catboost has this method
    try:
        if callable(is_fitted):
            return bool(is_fitted())
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    except Exception:  # noqa: BLE001 - its tags may be unreadable
        known = vars(estimator)
        learned = [known[name] for name in known if name.endswith("_") and not name.startswith("_")]
        return any(not _is_empty(value) for value in learned)
    return True


def _is_empty(value: Any) -> bool:
    """Whether an attribute has a value that stands for "not learned yet"."""
    return value is None or np.size(value) == 0 or (np.size(value) == 1 and not np.any(value))
