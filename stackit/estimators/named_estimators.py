"""The named estimators of a run, from whatever a caller gives: a list, a dict, or a single estimator."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stackit.validation import invalid_value

__all__ = ["AnyEstimators", "name_estimators"]

# A list of (name, estimator) tuples, a dict of them, estimators without names, or a single estimator.
AnyEstimators = Any


def name_estimators(estimators: AnyEstimators, taken: Collection[str] = ()) -> Any:
    """Return estimators as a list of (name, estimator) tuples.

    Parameters
    ----------
    estimators : estimator, (str, estimator), dict, or iterable of estimators or (str, estimator)
        Estimators without a name are called by their class in lower case, as scikit-learn's
        `make_pipeline` does; those whose names would be the same get numbers.
    taken : collection of str
        Names that those without a name must not get.

    Returns
    -------
    list of (str, estimator)
        Checked by `stackit.validation.check_estimators`; what is none of the above is returned as it is.

    Raises
    ------
    ValueError
        When a class stands where its instance should.

    Examples
    --------
    >>> from sklearn.linear_model import Lasso, Ridge
    >>> name_estimators(Ridge())
    [('ridge', Ridge())]
    >>> name_estimators([Ridge(), ("second", Ridge(2)), Ridge(3), Lasso()])
    [('ridge-1', Ridge()), ('second', Ridge(alpha=2)), ('ridge-2', Ridge(alpha=3)), ('lasso', Lasso())]
    >>> name_estimators({"ridge": Ridge()})
    [('ridge', Ridge())]
    """
    if isinstance(estimators, Mapping):
        return list(estimators.items())
    if _is_estimator(estimators) or _is_pair(estimators):
        members = [estimators]
    elif isinstance(estimators, Iterable) and not isinstance(estimators, str | bytes):
        members = list(estimators)
    else:
        return estimators
    return _named(members, taken)


def _named(members: list[Any], taken: Collection[str]) -> list[Any]:
    """Give those names that have none."""
    words = [type(each).__name__.lower() if _is_estimator(each) else "" for each in members]
    used = {*taken, *(each[0] for each in members if _is_pair(each))}
    names = {at: word for at, word in enumerate(words) if words.count(word) == 1 and word not in used}
    used.update(names.values())
    for at, word in enumerate(words):
        if word and at not in names:
            number = 1
            while f"{word}-{number}" in used:
                number += 1
            names[at] = f"{word}-{number}"
            used.add(names[at])
    return [(names[at], each) if words[at] else each for at, each in enumerate(members)]


def _is_estimator(value: Any) -> bool:
    if inspect.isclass(value) and hasattr(value, "fit"):
        raise invalid_value(
            "Each of estimators",
            "an object with fit and predict",
            f"the class {value.__name__}",
            f"Pass an instance, as in {value.__name__}()",
        )
    return hasattr(value, "fit") and not isinstance(value, list | tuple)


def _is_pair(value: Any) -> bool:
    """Whether it is a (name, estimator) pair, and not two estimators."""
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], str)
