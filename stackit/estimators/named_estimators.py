"""Named estimators: made from a list, a dict or a single estimator, and checked."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from stackit.validation import format_list, invalid_value

__all__ = [
    "AnyEstimators",
    "NamedEstimators",
    "check_estimators",
    "inner_estimators",
    "name_estimators",
    "visual_block",
]

# A list of (name, estimator) tuples, a dict, a list of estimators, or a single estimator.
AnyEstimators = Any
NamedEstimators = Sequence[tuple[str, Any]]


def name_estimators(estimators: AnyEstimators, taken: Collection[str] = ()) -> Any:
    """Return estimators as a list of (name, estimator) tuples.

    An estimator without a name gets its class name in lower case, as in scikit-learn's `make_pipeline`, with
    a number where several would have the same name; names in `taken` are avoided. The result is to be checked
    by `check_estimators`, since values of other types are returned unchanged.

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


def check_estimators(estimators: NamedEstimators, reserved: Iterable[str] = ()) -> None:
    """Raise a ValueError unless `estimators` is a non-empty list of (name, estimator) pairs with valid names.

    Names must be unique, not empty, without ``__`` and not in `reserved`, such as constructor arguments.
    """
    if not isinstance(estimators, Sequence) or isinstance(estimators, str) or not estimators:
        raise invalid_value(
            "estimators",
            "a non-empty list of (name, estimator) tuples",
            f"estimators={estimators!r}",
            "Pass for example [('lr', LogisticRegression())]",
        )
    for pair in estimators:
        _check_pair(pair)
    _check_names([name for name, _ in estimators], set(reserved))


def _check_names(names: list[str], reserved: set[str]) -> None:
    rules: dict[str, list[str]] = {
        "be unique": [name for name in names if names.count(name) > 1],
        "not contain '__', which separates a name from its parameters": [n for n in names if "__" in n],
        "not be empty": [name for name in names if not name],
        "not be those of constructor arguments or of other results": [n for n in names if n in reserved],
    }
    for rule, wrong in rules.items():
        if wrong:
            found = format_list(map(repr, sorted(set(wrong))))
            raise ValueError(f"Names of estimators must {rule}; got {names!r}. Rename {found}.")


def inner_estimators(estimator: Any) -> Iterator[Any]:
    """Yield the estimators among an estimator's parameters, and in their lists of (name, estimator) pairs."""
    for value in estimator.get_params(deep=False).values():
        pairs = (
            [pair for pair in value if isinstance(pair, tuple | list)] if isinstance(value, list) else None
        )
        for member in [value] if pairs is None else [pair[1] for pair in pairs if len(pair) > 1]:
            if hasattr(member, "fit") and not isinstance(member, type):
                yield member


def visual_block(kind: str, estimators: list[Any], names: list[str] | None = None) -> Any:
    """Return a block of scikit-learn's HTML diagram; the class is private and has moved before."""
    try:
        from sklearn.utils._repr_html.estimator import _VisualBlock
    except ImportError:
        from sklearn.utils._estimator_html_repr import _VisualBlock
    return _VisualBlock(kind, estimators, names=names, dash_wrapped=False)


def _named(members: list[Any], taken: Collection[str]) -> list[Any]:
    """Return (name, estimator) pairs, with names for estimators that have none."""
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
    """Whether a value is a (name, estimator) pair, and not two estimators."""
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], str)


def _check_pair(pair: Any) -> None:
    """Raise a ValueError unless `pair` is a (name, estimator) tuple."""
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise invalid_value(
            "Each member of estimators",
            "a (name, estimator) tuple",
            f"member={pair!r}",
            "Pass for example ('lr', LogisticRegression())",
        )
    name, estimator = pair
    if inspect.isclass(estimator) or not hasattr(estimator, "fit"):
        raise invalid_value(
            f"Estimator {name!r}",
            "an object with fit and predict",
            f"{name}={estimator!r}",
            "Pass an instance, as in LogisticRegression()",
        )
