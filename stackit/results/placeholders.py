"""Fitted ensembles are pickled and saved without the training rows: placeholders stand in for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NoReturn

__all__ = ["MissingDataError", "Placeholder", "keep_rows", "keeps_rows", "without_rows"]

_KEEPS: ContextVar[bool] = ContextVar("keeps", default=False)


class MissingDataError(AttributeError, ValueError):
    """Raised for data that an ensemble was pickled or saved without."""


class Placeholder:
    """Stands in for data that an ensemble was saved without; any use of it raises a `MissingDataError`.

    Parameters
    ----------
    what : str
        What was left out.
    **kept : object
        Attributes that are known nevertheless.
    """

    def __init__(self, what: str, **kept: Any) -> None:
        self.what, self.kept = what, kept

    def __repr__(self) -> str:
        return f"Placeholder({self.what!r})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "kept" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name not in self.kept:
            self._raise()
        return self.kept[name]

    def _raise(self, *_: Any, **__: Any) -> NoReturn:
        raise MissingDataError(
            f"This ensemble was saved or pickled without {self.what}, which it does not need to predict. "
            "Save it with save(path, oof=True), or pickle its oof_ (levels_, of levels) in addition."
        )

    __len__ = __iter__ = __getitem__ = __contains__ = __bool__ = __array__ = _raise


@contextmanager
def keep_rows() -> Iterator[None]:
    """Pickle ensembles with their training rows, as when a worker returns a fitted ensemble."""
    token = _KEEPS.set(True)
    try:
        yield
    finally:
        _KEEPS.reset(token)


def keeps_rows() -> bool:
    """Whether ensembles are pickled with their training rows at present."""
    return _KEEPS.get()


def without_rows(oof: Any) -> Any:
    """Return an OutOfFold that can predict new rows, with placeholders for all that is of training rows."""
    if isinstance(oof.folds, Placeholder):
        return oof
    what = "out-of-fold predictions, folds and target"
    missing = Placeholder(what)
    return replace(
        oof,
        folds=Placeholder(what, labels=oof.folds.labels),  # errors name the fold
        target=replace(oof.target, y=missing, codes=missing),
        results={name: replace(one, held_out=missing, test=missing) for name, one in oof.items()},
        sample_weight=None,
        index=None,
        test_index=None,
    )
