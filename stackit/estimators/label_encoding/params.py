"""Translation of parameters that contain labels, such as ``class_weight``, for encoded labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["params_in_codes"]

BY_LABEL = ("class_weight", "class_weights", "classes_weights", "sampling_strategy", "class_prior", "priors")
BY_POSITION = ("class_weight", "class_weights", "criterion__weight")
LABELS = ("class_labels", "class_names", "classes", "labels")
ONE_LABEL = ("pos_class", "pos_label", "positive_class", "positive_label")
GRIDS = ("param_distributions", "param_grid", "search_spaces")


def params_in_codes(
    params: Mapping[str, Any], classes: npt.NDArray[Any], known: npt.NDArray[Any] | None = None
) -> dict[str, Any]:
    """Return the changed ones of an estimator's deep parameters, with codes for the labels in them.

    Grids of searches are translated too. `classes` are the labels to fit on; their codes are their positions.
    `known` are the classes of the whole target, in the order of weights by position; weights of missing
    classes come last.

    Examples
    --------
    >>> labels = np.array(["no", "yes"])
    >>> params_in_codes({"tree__class_weight": {"yes": 5}, "tree__max_depth": 3, "pos_label": "yes"}, labels)
    {'tree__class_weight': {1: 5}, 'pos_label': 1}
    """
    code_of = {label: code for code, label in enumerate(classes.tolist())}
    order = None if known is None or len(known) == len(classes) else _present_first(known, classes)
    translated = {name: _translated(name, value, code_of, order) for name, value in params.items()}
    return {name: value for name, value in translated.items() if value is not params[name]}


def _translated(name: str, value: Any, code_of: dict[Any, int], order: list[int] | None) -> Any:
    last = name.rpartition("__")[2]
    if last in GRIDS:
        return _grid(value, code_of, order)
    if isinstance(value, dict):
        return _by_label(value, code_of) if last in BY_LABEL else value
    if last in ONE_LABEL:
        return code_of[value] if _is_among(value, code_of) else value
    if not hasattr(value, "__len__") or isinstance(value, str):
        return value
    if last in LABELS:
        return list(range(len(code_of))) if _holds(value, code_of) else value
    by_position = order is not None and name.endswith(BY_POSITION)
    return _reordered(value, order) if by_position and len(value) == len(order or ()) else value


def _grid(grid: Any, code_of: dict[Any, int], order: list[int] | None) -> Any:
    """Return the candidates of a search with codes for labels."""
    if isinstance(grid, list | tuple):
        parts = [_grid(part, code_of, order) for part in grid]
        return grid if all(new is old for new, old in zip(parts, grid, strict=True)) else type(grid)(parts)
    if not isinstance(grid, Mapping):
        return grid
    changed = {}
    for name, candidates in grid.items():
        if isinstance(candidates, list | tuple):
            new = [_translated(str(name), each, code_of, order) for each in candidates]
            if any(one is not other for one, other in zip(new, candidates, strict=True)):
                changed[name] = new
    return {**grid, **changed} if changed else grid


def _by_label(weights: dict[Any, Any], code_of: dict[Any, int]) -> dict[Any, Any]:
    codes = {code_of[label]: weight for label, weight in weights.items() if label in code_of}
    return codes or weights


def _is_among(label: Any, code_of: dict[Any, int]) -> bool:
    try:
        return label in code_of
    except TypeError:  # not hashable, so not a label
        return False


def _holds(labels: Sequence[Any], code_of: dict[Any, int]) -> bool:
    """Whether all classes are among the labels."""
    given = np.asarray(labels)
    return given.ndim == 1 and set(code_of) <= set(given.tolist())


def _reordered(values: Any, order: list[int] | None) -> Any:
    if order is None:
        return values
    return type(values)(values[at] for at in order) if isinstance(values, list | tuple) else values[order]


def _present_first(known: npt.NDArray[Any], classes: npt.NDArray[Any]) -> list[int]:
    present = np.isin(known, classes)
    return [*np.flatnonzero(present).tolist(), *np.flatnonzero(~present).tolist()]
