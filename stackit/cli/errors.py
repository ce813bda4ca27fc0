"""Exit codes, and errors and warnings as single lines on standard error."""

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

__all__ = ["CommandError", "Commands", "ExitCode", "exit_on_error", "print_warnings", "usage_error"]


class ExitCode(IntEnum):
    """The exit codes of `stackit`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DATA = 3
    SUBMISSION = 6
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends a command with an exit code and a line that says why."""

    def __init__(self, code: ExitCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def usage_error(what: str, expected: str, got: str, advice: str) -> CommandError:
    """Return the error for wrong options, as `stackit.validation.invalid_value`, which is slow to import.

    Examples
    --------
    >>> raise usage_error("--gap", "at least 0", "--gap=-1", "Pass --gap 0")
    Traceback (most recent call last):
        ...
    stackit.cli.errors.CommandError: --gap must be at least 0; got --gap=-1. Pass --gap 0.
    """
    return CommandError(ExitCode.USAGE, f"{what} must be {expected}; got {got}. {advice}.")


@contextmanager
def exit_on_error(code: ExitCode) -> Iterator[None]:
    """Turn the errors of bad values, missing files and missing packages into a `CommandError`."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        raise CommandError(code, str(error) or type(error).__name__) from error


@contextmanager
def print_warnings() -> Iterator[None]:
    """Print each warning as one line after the block; if the block raises, print none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            _print_line(f"warning: {warning.message}")


class Commands(TyperGroup):
    """The commands of `stackit`: every error in them becomes one line and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; wrong usage becomes one line."""
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
            _print_line(f"{text} (see {where} --help)")
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
                _print_line(str(error))
            else:
                where = f"stackit --debug {ctx.invoked_subcommand} shows where"
                _print_line(f"{type(error).__name__}: {error} ({where})")
            raise typer.Exit(error.code if isinstance(error, CommandError) else ExitCode.FAILED) from error


def _print_line(text: str) -> None:
    typer.echo("stackit: " + " ".join(text.split()), err=True)
