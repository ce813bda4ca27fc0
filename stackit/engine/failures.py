"""Exceptions of estimators: which count as a failure, and how they travel between processes."""

from __future__ import annotations

import io
import pickle
import traceback
from typing import Any, NamedTuple

import cloudpickle

__all__ = ["PackedException", "WorkerTraceback", "as_failure", "pack_exception", "unpack_exception"]


class WorkerTraceback(Exception):
    """Shows, as the cause of an error from another process, where it was raised there."""


class PackedException(NamedTuple):
    """An exception on its way to another process.

    Parameters
    ----------
    pickled : bytes
        A pickle of the exception, which was loaded once where it was made; empty where there is none.
    text : str
        Its type and message, for a stand-in where it cannot be loaded.
    trace : str
        The formatted traceback.
    """

    pickled: bytes
    text: str
    trace: str


def as_failure(error: BaseException) -> Exception:
    """Return the exception that stands for an estimator's failure, whatever the estimator raised.

    Only an interrupt by the user is no failure, and is raised again. ``sys.exit`` and the like would end the
    program, and an exception without a printable text would fail a second time where it is reported: for
    both a RuntimeError stands in, with the original as its cause.

    Parameters
    ----------
    error : BaseException
        As it was caught.

    Returns
    -------
    Exception
        One that can be printed, given a note and raised.

    Raises
    ------
    BaseException
        The same, where it is a KeyboardInterrupt or a group with one in it.

    Examples
    --------
    >>> as_failure(ValueError("too few rows"))
    ValueError('too few rows')
    >>> as_failure(SystemExit(3))
    RuntimeError('the estimator called sys.exit(3), or raised SystemExit')
    """
    if _is_interrupt(error):
        raise error
    if isinstance(error, Exception) and _is_presentable(error):
        return error
    return _stand_in(_described(error), error)


def pack_exception(error: Exception) -> PackedException:
    """Return an exception in a form that can always be pickled.

    Parameters
    ----------
    error : Exception
        As `as_failure` returns it.
    """
    return PackedException(_pickled(error), _described(error), "".join(traceback.format_exception(error)))


def unpack_exception(packed: PackedException) -> Exception:
    """Return the exception that was packed, or a RuntimeError with its text; its cause shows the traceback.

    Parameters
    ----------
    packed : PackedException
        As `pack_exception` returned it in another process.
    """
    try:
        error: Exception = pickle.loads(packed.pickled)
    except Exception:  # noqa: BLE001 - rebuilding runs code of the exception's class
        error = RuntimeError(packed.text)
    error.__cause__ = WorkerTraceback(f"\n{packed.trace}")
    return error


def _is_interrupt(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_interrupt(one) for one in error.exceptions)
    return isinstance(error, KeyboardInterrupt)


def _is_presentable(error: Exception) -> bool:
    """Whether an exception can be printed, and takes notes; one of a frozen dataclass does not."""
    try:
        str(error), repr(error)
        error.__notes__ = list(getattr(error, "__notes__", []))
    except Exception:  # noqa: BLE001 - methods of the exception's class
        return False
    return True


def _described(error: BaseException) -> str:
    kind = type(error).__qualname__
    if isinstance(error, SystemExit):
        return f"the estimator called sys.exit({_text(error)}), or raised SystemExit"
    return f"{kind}: {_text(error)}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - whatever the exception's own method raises
        return f"its message cannot be made, for its __str__ raises {type(second).__name__}"


def _stand_in(text: str, error: BaseException) -> RuntimeError:
    failure = RuntimeError(text)
    failure.__cause__ = error
    return failure


def _pickled(error: Exception) -> bytes:
    """Pickle an exception in the first way in which it comes out as it went in."""
    for dumps in (cloudpickle.dumps, _dumps_whole, _dumps_bare, _dumps_constructed):
        try:
            pickled = bytes(dumps(error))
            copy = pickle.loads(pickled)
            if type(copy) is type(error) and str(copy) == str(error):
                return pickled
        except Exception:  # noqa: BLE001 - pickling runs code of the exception's class
            continue
    return b""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles exceptions, those inside others too, in a way that calls no constructor."""

    with_state = True

    def reducer_override(self, part: Any) -> Any:
        if isinstance(part, BaseException):
            return _rebuild, (type(part), part.args, vars(part) if self.with_state else {})
        return super().reducer_override(part)


class _BarePickler(_Pickler):
    with_state = False


class _ConstructingPickler(_Pickler):
    """Pickles exceptions by a call of their class: those in C keep what they say outside their attributes."""

    def reducer_override(self, part: Any) -> Any:
        if isinstance(part, BaseException):
            return _construct, (type(part), part.args, vars(part))
        return super().reducer_override(part)


def _dumps_whole(error: Exception, kind: type[_Pickler] = _Pickler) -> bytes:
    file = io.BytesIO()
    kind(file).dump(error)
    return file.getvalue()


def _dumps_bare(error: Exception) -> bytes:
    """Pickle an exception without its attributes, of which one may be a lock."""
    return _dumps_whole(error, _BarePickler)


def _dumps_constructed(error: Exception) -> bytes:
    """Pickle an exception of a class that a library pickles in its own way, as tblib does for distributed."""
    return _dumps_whole(error, _ConstructingPickler)


def _construct(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    error = kind(*args)
    vars(error).update(state)
    return error


def _rebuild(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(state)
    return error
