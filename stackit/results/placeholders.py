"""What fitted ensembles keep when they are pickled or saved: all that predicts, and no tables of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NoReturn

__all__ = ["MissingDataError", "Placeholder", "keep_rows", "keeps_rows", "without_rows"]

_KEEPS: ContextVar[bool] = ContextVar("keeps", default=False)


class MissingDataError(AttributeError, ValueError):
    """Something was asked for that a pickled or saved ensemble was left without."""


class Placeholder:
    """Stands for what a pickled or saved ensemble was left without; whatever is asked of it, it says so.

    Parameters
    ----------
    what : str
        What was left out.
    **kept : object
        What is known of it all the same, by attribute.

    Examples
    --------
    >>> len(Placeholder("the folds"))
    Traceback (most recent call last):
        ...
    stackit.results.placeholders.MissingDataError: This ensemble was saved or pickled without the folds, ...
    """

    def __init__(self, what: str, **kept: Any) -> None:
        self.what, self.kept = what, kept

    def __repr__(self) -> str:
        return f"LeftOut({self.what!r})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "kept" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name not in self.kept:
            self._refuse()
        return self.kept[name]

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise MissingDataError(
            f"This ensemble was saved or pickled without {self.what}, which it does not need to predict. "
            "Save it with save(path, oof=True), or pickle its oof_ (of levels, levels_) beside it."
        )

    __len__ = __iter__ = __getitem__ = __contains__ = __bool__ = __array__ = _refuse


@contextmanager
def keep_rows() -> Iterator[None]:
    """Pickle ensembles with their tables inside: what a worker has fitted goes back to its parent whole."""
    token = _KEEPS.set(True)
    try:
        yield
    finally:
        _KEEPS.reset(token)


def keeps_rows() -> bool:
    """Whether ensembles are pickled with their tables, for now."""
    return _KEEPS.get()


def without_rows(oof: Any) -> Any:
    """Return what new rows are predicted with: a run without folds, target, weights and tables of rows.

    Parameters
    ----------
    oof : OutOfFold
        Left as it is.

    Returns
    -------
    OutOfFold
        Whatever asks it for what was left out gets a `MissingDataError`.
    """
    if isinstance(oof.folds, Placeholder):
        return oof
    what = "out-of-fold predictions, folds and target"
    left = Placeholder(what)
    return replace(
        oof,
        folds=Placeholder(what, labels=oof.folds.labels),  # errors say in which fold
        target=replace(oof.target, y=left, codes=left),
        results={name: replace(one, held_out=left, test=left) for name, one in oof.items()},
        sample_weight=None,
        index=None,
        test_index=None,
    )
