"""Unfitted copies of estimators, also of those that scikit-learn cannot clone, and what copies lose."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from inspect import Parameter, signature
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from stackit.estimators.named_estimators import NamedEstimators
from stackit.validation import format_list, warn

__all__ = ["CopiedEnsemble", "unfitted_copy", "warn_of_lost_parameters"]

# Libraries whose get_params names every parameter of a constructor.
COMPLETE = {"lightgbm", "sklearn", "stackit", "xgboost"}
SIMPLE = (bool, int, float, str, bytes, type(None), list, tuple, dict, set, np.ndarray, np.generic)


def unfitted_copy(estimator: Any) -> Any:
    """Return an unfitted estimator of the same parameters: scikit-learn's clone, where that is possible.

    An object without ``get_params`` is copied as it is, and so is an unfitted estimator whose constructor
    changes what it is given, which `sklearn.base.clone` refuses.

    Parameters
    ----------
    estimator : estimator
        It is not changed.

    Returns
    -------
    estimator

    Raises
    ------
    Exception
        What `sklearn.base.clone` raises, where the estimator is fitted: a copy would be fitted too.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> class Listed(BaseEstimator):
    ...     def __init__(self, columns=()):
    ...         self.columns = list(columns)
    >>> unfitted_copy(Listed([1, 2])).columns
    [1, 2]
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
    """An ensemble that can be cloned although members refuse it.

    It never fits its parameters in place: built anew from them, and copied with them, it is unfitted.
    """

    def __sklearn_clone__(self) -> Self:
        try:
            return super().__sklearn_clone__()  # type: ignore[no-any-return]
        except (RuntimeError, TypeError):
            fresh = type(self)(**self.get_params(deep=False))
            if hasattr(self, "_metadata_request"):  # what was asked of scikit-learn's metadata routing
                fresh._metadata_request = self._metadata_request
            return copy.deepcopy(fresh)


def warn_of_lost_parameters(estimators: NamedEstimators) -> None:
    """Say which parameters the copies that are fitted will not have, since ``get_params`` does not name them.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Those of scikit-learn and the libraries that follow it to the letter are not looked at, but what
        they wrap is.

    Warns
    -----
    UserWarning
        Once, naming estimators and parameters.
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
    """Yield an estimator and what it is made of, without those of libraries that forget nothing."""
    if not hasattr(estimator, "get_params"):
        return
    for part in (estimator, *estimator.get_params(deep=True).values()):
        if _forgets(part):
            yield part


def _forgets(part: Any) -> bool:
    """Whether something is an estimator of a library whose get_params may be incomplete."""
    known = type(part).__module__.split(".")[0] in COMPLETE
    return not known and not isinstance(part, type) and hasattr(part, "fit") and hasattr(part, "get_params")


def _lost_of(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of one estimator that its copy has otherwise."""
    try:
        own, copied = vars(part), vars(unfitted_copy(part))
    except Exception:  # noqa: BLE001 - what cannot be copied says so when it is to be fitted
        return
    for name in _unnamed(part, part.get_params(deep=False)):
        for attribute in (name, f"_{name}"):
            if attribute in own and not _same(own[attribute], copied.get(attribute)):
                yield name, own[attribute]


def _unnamed(part: Any, named: dict[str, Any]) -> list[str]:
    """Return the constructor's parameters that get_params does not name; all attributes, if it takes any."""
    known = signature(type(part).__init__).parameters
    names = [*known][1:]
    if any(each.kind is Parameter.VAR_KEYWORD for each in known.values()) and not _is_fitted(part):
        names += [name for name in vars(part) if not name.startswith("_") and not name.endswith("_")]
    return [name for name in dict.fromkeys(names) if name not in named]


def _same(mine: Any, other: Any) -> bool:
    """Whether two values are equal, as far as can be told: of objects, only that they are of one type."""
    if type(mine) is not type(other):
        return False
    if not isinstance(mine, SIMPLE):
        return True
    if isinstance(mine, np.ndarray):
        return np.array_equal(mine, other)
    try:
        return bool(mine == other) or bool(mine != mine and other != other)  # NaN is like NaN
    except Exception:  # noqa: BLE001 - what is compared may hold anything
        return True


def _is_fitted(estimator: Any) -> bool:
    asked = getattr(estimator, "is_fitted", None)  # catboost's own way
    try:
        if callable(asked):
            return bool(asked())
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    except Exception:  # noqa: BLE001 - its tags may be unreadable
        known = vars(estimator)
        learned = [known[name] for name in known if name.endswith("_") and not name.startswith("_")]
        return any(not _is_empty(value) for value in learned)
    return True


def _is_empty(value: Any) -> bool:
    """Whether an attribute is there before fit, as a place for what is learned."""
    return value is None or np.size(value) == 0 or (np.size(value) == 1 and not np.any(value))
