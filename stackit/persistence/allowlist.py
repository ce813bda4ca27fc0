"""The classes of stackit that a file may name."""

from __future__ import annotations

from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

from stackit.validation import invalid_value

__all__ = ["class_named", "is_allowed", "is_net", "name_of"]

# The folders of what a fitted ensemble consists of. Stores, runs and commands are not among them.
FOLDERS = frozenset(
    "arrays combine ensemble estimators folds images neural precomputed presets results tables target".split()
)
# Besides estimators and frozen dataclasses.
OTHERS = {
    "stackit.estimators.seeds.ShuffledFolds",
    "stackit.images.network.PretrainedNetwork",
    "stackit.results.placeholders.Placeholder",
}


def name_of(kind: type) -> str:
    """Return the name by which a file refers to a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def is_allowed(value: Any) -> bool:
    """Whether an object is of a class that a file may name: an estimator or record of stackit's own.

    Examples
    --------
    >>> from stackit.combine import MeanClassifier
    >>> is_allowed(MeanClassifier()), is_allowed("MeanClassifier")
    (True, False)
    """
    return _is_allowed_class(type(value))


def is_net(value: Any) -> bool:
    """Whether an object has tensors as weights, fitted or not: these go into a file of their own.

    Examples
    --------
    >>> from stackit.combine import MeanClassifier
    >>> is_net(MeanClassifier())
    False
    """
    kind = type(value)
    in_neural = kind.__module__.startswith("stackit.neural.") and hasattr(kind, "get_params")
    return in_neural or name_of(kind) == "stackit.images.network.PretrainedNetwork"


def class_named(name: str) -> Any:
    """Return the class of a name in a file; raise a ValueError unless a file may name it.

    Examples
    --------
    >>> class_named("stackit.folds.folds.Folds").__name__
    'Folds'
    """
    module = str(name).rpartition(".")[0]
    if _is_in_folders(module):
        try:
            kind = getattr(import_module(module), name.rpartition(".")[2], None)
        except ModuleNotFoundError:
            kind = None
        # A module also has classes that it imports from elsewhere.
        if isinstance(kind, type) and name_of(kind) == name and _is_allowed_class(kind):
            return kind
    raise invalid_value("Classes in the file", "those that `save` writes", repr(name), "Pass another file")


def _is_in_folders(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == "stackit" and rest.partition(".")[0] in FOLDERS


def _is_allowed_class(kind: type) -> bool:
    if not _is_in_folders(kind.__module__):
        return False
    is_record = is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return hasattr(kind, "get_params") or is_record or name_of(kind) in OTHERS
