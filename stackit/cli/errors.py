"""Exit codes, and errors and warnings as single lines on standard error."""

from __future__ import annotations

import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from stackit.cli.help import without_types_of_flags
from stackit.cli.output import plain_text

__all__ = [
    "CommandError",
    "Commands",
    "ExitCode",
    "exit_on_error",
    "print_warnings",
    "usage_error",
    "with_options",
]


# What a line of an error should end with: a command or an option to type.
TO_TYPE = re.compile(r"--[a-z]|\bstackit [a-z-]|\bpip install |\biconv |\bpandas\.")
DEBUG = "--debug"


class ExitCode(IntEnum):
    """The exit codes of `stackit`."""

    OK = 0
    FAILED = 1  # the run failed
    USAGE = 2  # an option or a setting is wrong
    DATA = 3  # a table, the folds or a run cannot be used
    NO_KAGGLE = 4  # the `kaggle` command is missing, or not logged in
    TIMED_OUT = 5  # Kaggle does not reply in time, or has not scored the submission yet
    SUBMISSION = 6  # the submission is invalid
    REFUSED = 7  # Kaggle refuses the submission
    INTERRUPTED = 130  # by Ctrl-C
    PIPE_CLOSED = 141  # what reads the output has ended, as in `stackit list | head -1`


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
    end = "" if advice.endswith("?") else "."
    return CommandError(ExitCode.USAGE, f"{what} must be {expected}; got {got}. {advice}{end}")


@contextmanager
def exit_on_error(code: ExitCode) -> Iterator[None]:
    """Turn the errors of bad values, missing files and missing packages into a `CommandError`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except TimeoutError as error:
        raise CommandError(ExitCode.FAILED, with_options(str(error))) from error
    except (ValueError, OSError, ImportError) as error:
        raise CommandError(code, with_options(_text_of(error))) from error


def with_options(text: str) -> str:
    """Return the text of an error of the library with options in place of its parameters.

    Examples
    --------
    >>> with_options("Pass a time_limit of 12 or more.")
    'Pass a --time-limit of 12 or more.'
    >>> with_options('target is missing. Write target = "Survived".')
    'target is missing. Pass --target Survived.'
    >>> with_options("Choose another folder as output, or pass overwrite=True.")
    'Choose another folder as output, or pass --overwrite.'
    >>> with_options("metric must be for classes; got metric='rmse'. Pass metric='roc_auc'.")
    '--metric must be for classes; got --metric rmse. Pass --metric roc_auc.'
    """
    text = re.sub(r"^(metric|ignore) must", r"--\1 must", text)
    text = re.sub(r"\b(metric)='(\w+)'", r"--\1 \2", text)
    text = re.sub(r'Write (\w+) = \[?"?([^"\]]*?)"?\]?\.(?=\s|$)', _as_option, text)
    return re.sub(r"\b(\w+)=True\b|\b(time_limit|random_state|n_jobs)\b", _as_flag, text)


def _as_flag(found: re.Match[str]) -> str:
    return f"--{(found[1] or found[2]).replace('_', '-')}"


def _as_option(found: re.Match[str]) -> str:
    return f"Pass --{found[1].replace('_', '-')} {found[2]}."


def _text_of(error: Exception) -> str:
    """Return the text of an error; one of the system says which file it is about."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return str(error) or type(error).__name__


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

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters as help shows them."""
        return without_types_of_flags(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take --debug where it stands after a command, too."""
        own = args[: args.index("--")] if "--" in args else args
        if DEBUG in own:
            args.remove(DEBUG)
            args.insert(0, DEBUG)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run one command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError as error:
            raise typer.Exit(_leave_pipe()) from error
        except Exception as error:
            if hasattr(error, "format_message"):
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            elif isinstance(error, CommandError):
                _print_line(str(error), f"stackit {ctx.invoked_subcommand} --help")
            else:
                _print_line(f"{type(error).__name__}: {error} ({_where(ctx)})")
            raise typer.Exit(error.code if isinstance(error, CommandError) else ExitCode.FAILED) from error


def _where(ctx: Any) -> str:
    return f"stackit --debug {ctx.invoked_subcommand} shows where"


def _print_line(text: str, help_command: str = "") -> None:
    """Print an error in one line; one that names nothing to type ends with the command for help."""
    line = " ".join(text.split())
    if help_command and not TO_TYPE.search(re.split(r"[.?!;] ", line)[-1]):
        line = f"{line} (see {help_command})"
    typer.echo(f"stackit: {plain_text(line)}", err=True)


def _leave_pipe() -> ExitCode:
    """Let Python end in silence though standard output is closed."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return ExitCode.PIPE_CLOSED
