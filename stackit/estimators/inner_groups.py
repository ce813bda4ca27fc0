"""Groups for the splitters inside estimators, such as those of searches, at any depth."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy.typing as npt
from sklearn.utils.validation import has_fit_parameter

from stackit.arrays import Rows, num_samples
from stackit.folds.cv import wants_groups

__all__ = ["KnownGroups", "group_splitters", "pass_groups", "remove_groups"]


class KnownGroups:
    """A splitter together with the groups of the rows that it will split.

    Few of scikit-learn's estimators take groups in `fit` unless metadata routing is on. All of them call
    their ``cv``, which is replaced by one of these while they are fitted.
    """

    def __init__(self, splitter: Any, groups: npt.NDArray[Any]) -> None:
        self.splitter, self.groups = splitter, groups

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Yield the splitter's (train, test) positions, with the known groups by default."""
        yield from self.splitter.split(X, y, self._of(X) if groups is None else groups)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the splitter's number of splits."""
        return int(self.splitter.get_n_splits(X, y, self.groups if groups is None else groups))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "splitter" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.splitter, name)

    def _of(self, X: Any) -> npt.NDArray[Any]:
        if num_samples(X) != len(self.groups):
            raise ValueError(
                f"{self.splitter!r} needs the groups of {num_samples(X)} rows, but groups are known for the "
                f"{len(self.groups)} rows that the outer estimator is fitted on. Pass an int or a splitter "
                "without groups as cv behind a resampler, or inside another search."
            )
        return self.groups


def group_splitters(estimator: Any, fit_params: Collection[str] = ()) -> list[str]:
    """Return the parameters of an estimator, also of its parts, that are splitters which use groups.

    `fit_params` are the names of the parameters that its fit gets: parts that get groups that way are left
    out.
    """
    if not hasattr(estimator, "get_params"):
        return []
    params = estimator.get_params(deep=True)
    prefixes = [name.removesuffix("groups") for name in fit_params if name.split("__")[-1] == "groups"]
    return [
        name
        for name, value in params.items()
        if hasattr(value, "split") and hasattr(value, "get_n_splits") and wants_groups(value)
        if not any(_passes_groups(estimator, params, prefix, name) for prefix in prefixes)
    ]


def pass_groups(estimator: Any, groups: npt.NDArray[Any]) -> None:
    """Replace, in place, the splitters inside an estimator by ones that know the (n_train,) groups."""
    params = estimator.get_params(deep=True)
    known = {name: KnownGroups(params[name], groups) for name in group_splitters(estimator)}
    if known:
        estimator.set_params(**known)


def remove_groups(fitted: Any) -> None:
    """Restore, in place, the splitters that `pass_groups` has replaced in a fitted estimator."""
    params = fitted.get_params(deep=True) if hasattr(fitted, "get_params") else {}
    own = {name: value.splitter for name, value in params.items() if isinstance(value, KnownGroups)}
    if own:
        fitted.set_params(**own)


def _passes_groups(estimator: Any, params: dict[str, Any], prefix: str, name: str) -> bool:
    """Whether the part at a prefix, which gets groups in its fit, passes them to the named splitter.

    A search passes them to its own splitter only, and any estimator with a groups parameter to all its parts.
    """
    if not name.startswith(prefix):
        return False
    part = params[prefix.removesuffix("__")] if prefix else estimator
    return name == f"{prefix}cv" or has_fit_parameter(part, "groups")
