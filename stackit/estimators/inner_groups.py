"""Groups for the splitters inside estimators: searches, calibrations, feature selection, at any depth."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy.typing as npt
from sklearn.utils.validation import has_fit_parameter

from stackit.arrays import Rows, num_samples
from stackit.folds.cv import wants_groups
from stackit.validation import invalid_value

__all__ = ["KnownGroups", "group_splitters", "pass_groups", "remove_groups"]


class KnownGroups:
    """A splitter that knows the groups of the rows that it will split.

    Few of scikit-learn's estimators take groups in `fit`, unless metadata routing is on. All of them call
    their ``cv``: while they are fitted it is one of these.

    Parameters
    ----------
    splitter : splitter
        One that wants groups.
    groups : (n,) array
        The groups of the rows that the estimator is fitted on.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import LeaveOneGroupOut
    >>> known = KnownGroups(LeaveOneGroupOut(), np.array(["a", "a", "b"]))
    >>> [held_out.tolist() for _, held_out in known.split([[1], [2], [3]])]
    [[0, 1], [2]]
    """

    def __init__(self, splitter: Any, groups: npt.NDArray[Any]) -> None:
        self.splitter, self.groups = splitter, groups

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Yield the splitter's (train, test) positions for rows whose groups are known."""
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
            raise invalid_value(
                f"Rows that {self.splitter!r} splits",
                f"the {len(self.groups)} rows that its estimator is fitted on, whose groups are known",
                f"n_rows={num_samples(X)}",
                "Pass an int or a splitter without groups as cv behind a resampler, or inside another search",
            )
        return self.groups


def group_splitters(estimator: Any, reached: Collection[str] = ()) -> list[str]:
    """Return the parameters of an estimator, also of parts, that are splitters which want groups.

    Parameters
    ----------
    estimator : estimator
        Any.
    reached : collection of str
        What is passed to its fit: parts that get groups of their own there are left alone.

    Examples
    --------
    >>> from sklearn.calibration import CalibratedClassifierCV
    >>> from sklearn.model_selection import GroupKFold
    >>> from sklearn.pipeline import make_pipeline
    >>> group_splitters(make_pipeline(CalibratedClassifierCV(cv=GroupKFold(3))))
    ['calibratedclassifiercv__cv']
    """
    if not hasattr(estimator, "get_params"):
        return []
    params = estimator.get_params(deep=True)
    served = [name.removesuffix("groups") for name in reached if name.split("__")[-1] == "groups"]
    return [
        name
        for name, value in params.items()
        if hasattr(value, "split") and hasattr(value, "get_n_splits") and wants_groups(value)
        if not any(_serves(estimator, params, prefix, name) for prefix in served)
    ]


def pass_groups(estimator: Any, groups: npt.NDArray[Any]) -> None:
    """Let the splitters inside an estimator know the groups of the rows that it is about to be fitted on.

    Parameters
    ----------
    estimator : estimator
        Changed in place.
    groups : (n_train,) array
        One group per row.
    """
    params = estimator.get_params(deep=True)
    known = {name: KnownGroups(params[name], groups) for name in group_splitters(estimator)}
    if known:
        estimator.set_params(**known)


def remove_groups(fitted: Any) -> None:
    """Give an estimator that is fitted its own splitters back.

    Parameters
    ----------
    fitted : estimator
        Changed in place.
    """
    params = fitted.get_params(deep=True) if hasattr(fitted, "get_params") else {}
    own = {name: value.splitter for name, value in params.items() if isinstance(value, KnownGroups)}
    if own:
        fitted.set_params(**own)


def _serves(estimator: Any, params: dict[str, Any], prefix: str, name: str) -> bool:
    """Whether the part that gets groups hands them to the splitter of that name itself.

    A search does so to its own alone, and whatever names groups in its fit to all that it is made of.
    """
    if not name.startswith(prefix):
        return False
    part = params[prefix.removesuffix("__")] if prefix else estimator
    return name == f"{prefix}cv" or has_fit_parameter(part, "groups")
