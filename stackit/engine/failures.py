"""Exceptions of estimators: which count as a failure, what they say, and how processes exchange them."""

from __future__ import annotations

import io
import pickle
import traceback
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import cloudpickle

from stackit.validation import format_list

__all__ = [
    "PackedException",
    "WorkerTraceback",
    "all_failed",
    "as_failure",
    "pack_exception",
    "unpack_exception",
]


class WorkerTraceback(Exception):
    """Shows, as the cause of an error from another process, where it was raised there."""


class PackedException(NamedTuple):
    """An exception in a form that can always be pickled."""

    pickled: bytes  # a pickle that could be loaded where it was made; empty where there is none
    text: str  # type and message, for a replacement where the pickle cannot be loaded
    trace: str  # the formatted traceback


def as_failure(error: BaseException) -> Exception:
    """Return the exception that stands for an estimator's failure, whatever the estimator raised.

    Only an interrupt by the user is no failure, and is raised again. ``sys.exit`` and the like would end the
    program, and an exception that cannot be printed would fail again where it is reported: both are replaced
    by a RuntimeError with the original as its cause.

    Examples
    --------
    >>> as_failure(ValueError("too few rows"))
    ValueError('too few rows')
    >>> as_failure(SystemExit(3))
    RuntimeError('the estimator called sys.exit(3), or raised SystemExit')
    """
    if _is_interrupt(error):
        raise error
    if isinstance(error, Exception) and _can_be_shown(error):
        return error
    failure = RuntimeError(_description(error))
    failure.__cause__ = error
    return failure


def all_failed(failures: Mapping[str, Exception]) -> Exception:
    """Return the error of a run in which no estimator succeeded."""
    first = next(iter(failures.values()))
    first.add_note(f"All estimators failed: {format_list(failures)}. This is the error of the first.")
    return first


def pack_exception(error: Exception) -> PackedException:
    """Return an exception that `as_failure` has returned in a form that can always be pickled."""
    return PackedException(_dumps(error), _description(error), "".join(traceback.format_exception(error)))


def unpack_exception(packed: PackedException) -> Exception:
    """Return a packed exception, or a RuntimeError with its text; its cause shows the traceback."""
    try:
        error: Exception = pickle.loads(packed.pickled)
    except Exception:  # noqa: BLE001 - loading runs code of the exception's class
        error = RuntimeError(packed.text)
    error.__cause__ = WorkerTraceback(f"\n{packed.trace}")
    return error


def _is_interrupt(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_interrupt(part) for part in error.exceptions)
    return isinstance(error, KeyboardInterrupt)


def _can_be_shown(error: Exception) -> bool:
    """Whether an exception can be printed, and takes notes; one of a frozen dataclass does not."""
    try:
        str(error), repr(error)
        error.__notes__ = list(getattr(error, "__notes__", []))
    except Exception:  # noqa: BLE001 - methods of the exception's class
        return False
    return True


def _description(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001 - whatever the exception's own method raises
        text = f"its message cannot be made, for its __str__ raises {type(second).__name__}"
    if isinstance(error, SystemExit):
        return f"the estimator called sys.exit({text}), or raised SystemExit"
    return f"{type(error).__qualname__}: {text}"


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles exceptions, those inside others too, as a call of `rebuild` with or without attributes."""

    def __init__(self, file: io.BytesIO, rebuild: Any, with_attributes: bool) -> None:
        super().__init__(file)
        self.rebuild, self.with_attributes = rebuild, with_attributes

    def reducer_override(self, part: Any) -> Any:
        if isinstance(part, BaseException):
            return self.rebuild, (type(part), part.args, vars(part) if self.with_attributes else {})
        return super().reducer_override(part)


def _construct(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    error = kind(*args)
    vars(error).update(state)
    return error


def _rebuild(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(state)
    return error


def _dumps_by(rebuild: Any, with_attributes: bool, error: Exception) -> bytes:
    file = io.BytesIO()
    _Pickler(file, rebuild, with_attributes).dump(error)
    return file.getvalue()


WAYS_TO_PICKLE = (
    cloudpickle.dumps,
    partial(_dumps_by, _rebuild, True),  # without a call of the constructor
    partial(_dumps_by, _rebuild, False),  # an attribute may be a lock
    # Exceptions in C keep their text outside their attributes; tblib changes how they are pickled.
    partial(_dumps_by, _construct, True),
)


def _dumps(error: Exception) -> bytes:
    """Pickle an exception in the first way in which its copy is the same."""
    for dumps in WAYS_TO_PICKLE:
        try:
            pickled = bytes(dumps(error))
            copy = pickle.loads(pickled)
            if type(copy) is type(error) and str(copy) == str(error):
                return pickled
        except Exception:  # noqa: BLE001 - pickling runs code of the exception's class
            continue
    return b""
