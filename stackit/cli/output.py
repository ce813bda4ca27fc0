"""What commands print: results on standard output, as text or JSON, and messages on standard error."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

from stackit import __version__

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = [
    "console",
    "format_number",
    "plain_text",
    "plain_values",
    "print_json",
    "print_message",
    "print_shown",
    "table_of",
]

# Output to a file is not cut to the width of a terminal.
WIDTH_OF_FILES = 200


def print_json(command: str, values: Mapping[str, Any]) -> None:
    """Print one JSON object: the command, the version, and the values; NaN is null."""
    everything = {"command": command, "stackit": __version__, **values}
    typer.echo(json.dumps(plain_values(everything), indent=2, ensure_ascii=False, allow_nan=False))


def print_message(text: str) -> None:
    """Print a line on standard error."""
    typer.echo(plain_text(text), err=True)


def print_shown(shown: RenderableType) -> None:
    """Print a table or text of rich on standard output."""
    target = console(sys.stdout)
    with target.capture() as captured:
        target.print(shown)
    typer.echo(captured.get(), nl=False)


def console(file: IO[str]) -> Console:
    """Return a console that writes text as it is, without colours where they are not wanted."""
    from rich.console import Console

    is_terminal = file.isatty()
    plain = not is_terminal or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return Console(
        file=file,
        markup=False,
        emoji=False,
        highlight=False,
        width=None if is_terminal else WIDTH_OF_FILES,
        color_system=None if plain else "auto",
    )


def table_of(names: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Any:
    """Return a table of rich, with numbers at the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    lines = [[*row] for row in rows]
    for at, name in enumerate(names):
        has_numbers = any(isinstance(row[at], int | float) for row in lines)
        table.add_column(name, justify="right" if has_numbers else "left", overflow="fold")
    for row in lines:
        table.add_row(*(format_number(value) for value in row))
    return table


def format_number(value: Any) -> str:
    """Return a cell as short text: five digits of a number, nothing for what is missing.

    Examples
    --------
    >>> [format_number(value) for value in (0.8372651, 12, None, float("nan"), "linear")]
    ['0.83727', '12', '', '', 'linear']
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.5g}" if isinstance(value, float) else plain_text(str(value))


def plain_text(text: str) -> str:
    r"""Return text without control characters, which would act on a terminal.

    Examples
    --------
    >>> plain_text("a\x1b[31mred\x07")
    'a�[31mred�'
    """
    return "".join(each if each.isprintable() or each == "\n" else "�" for each in text)


def plain_values(value: Any) -> Any:
    """Return a value as JSON knows it: paths as text, NumPy's numbers as Python's, NaN as None."""
    if isinstance(value, Mapping):
        return {str(name): plain_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain_values(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
