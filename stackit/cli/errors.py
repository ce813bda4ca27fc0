"""Exit codes, and errors as one line on standard error."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["CommandError", "Commands", "ExitCode", "exit_on_error", "refusal", "saying_warnings"]


class ExitCode(IntEnum):
    """What the exit status of `stackit` says."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DATA = 3
    SUBMISSION = 6
    INTERRUPTED = 130


class CommandError(Exception):
    """The end of a command, with its exit code and the line that says why.

    Parameters
    ----------
    code : ExitCode
        The exit status.
    text : str
        What is printed.
    """

    def __init__(self, code: ExitCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def refusal(what: str, expected: str, got: str, advice: str) -> CommandError:
    """Return the end of a command whose options are wrong.

    It has the form of `stackit.validation.invalid_value`, which takes a second to import.

    Examples
    --------
    >>> raise refusal("--gap", "at least 0", "--gap=-1", "Pass --gap 0")
    Traceback (most recent call last):
        ...
    stackit.cli.errors.CommandError: --gap must be at least 0; got --gap=-1. Pass --gap 0.
    """
    return CommandError(ExitCode.USAGE, f"{what} must be {expected}; got {got}. {advice}.")


@contextmanager
def exit_on_error(code: ExitCode, *errors: type[Exception]) -> Iterator[None]:
    """Turn the errors that bad input causes into a `CommandError`.

    Parameters
    ----------
    code : ExitCode
        The exit status.
    *errors : exception classes
        Which errors; by default those that bad values, missing files and missing packages cause.
    """
    foreseen = errors or (ValueError, OSError, ImportError)
    try:
        yield
    except foreseen as error:
        raise CommandError(code, str(error) or type(error).__name__) from error


@contextmanager
def saying_warnings() -> Iterator[None]:
    """Say each warning in one line when the work is done; where it is refused, the refusal says enough."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            _say(f"warning: {warning.message}")


class Commands(TyperGroup):
    """The commands of `stackit`: whatever goes wrong in them becomes one line and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; a mistake in it is told in one line."""
        settings = {**extra, "standalone_mode": False}
        if not extra.get("standalone_mode", True):
            return super().main(*args, **settings)
        try:
            code = super().main(*args, **settings)
        except Exception as error:
            # The parser's own errors: their class has moved between modules, their method has not.
            if not hasattr(error, "format_message"):
                raise
            where = getattr(getattr(error, "ctx", None), "command_path", "stackit")
            text = error.format_message().replace("Value error, ", "").replace("?.", "?").rstrip(".")
            _say(f"{text} (see {where} --help)")
            code = getattr(error, "exit_code", ExitCode.USAGE)
        sys.exit(code or ExitCode.OK)

    def invoke(self, ctx: Any) -> Any:
        """Run one command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if hasattr(error, "format_message"):
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            elif isinstance(error, CommandError):
                _say(str(error))
            else:
                where = f"stackit --debug {ctx.invoked_subcommand} shows where"
                _say(f"{type(error).__name__}: {error} ({where})")
            raise typer.Exit(error.code if isinstance(error, CommandError) else ExitCode.FAILED) from error


def _say(text: str) -> None:
    typer.echo("stackit: " + " ".join(text.split()), err=True)
