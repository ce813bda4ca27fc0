"""The help of commands: paragraphs that a terminal breaks where its lines end, and flags without a type."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand

__all__ = ["Command", "paragraphs_of", "without_types_of_flags"]


class Command(TyperCommand):
    """A command that shows flags without a type: they take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters as help shows them."""
        return without_types_of_flags(super().get_params(ctx))


def without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """Return parameters without the "<bool>" of flags in help, which would call for a value."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


def paragraphs_of(function: Callable[..., Any]) -> str:
    """Return a docstring with one line per paragraph: typer keeps line ends, which few terminals have there.

    Examples
    --------
    >>> paragraphs_of(Command.get_params)
    'Return the parameters as help shows them.'
    """
    text = inspect.cleandoc(function.__doc__ or "")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
