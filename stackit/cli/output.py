"""What commands print: results on standard output, as text or JSON, and messages on standard error."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

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
    "print_table",
]

# Output to a file is not cut to the width of a terminal.
WIDTH_OF_FILES = 200
WIDEST = 10_000  # characters of a line for which no table is too wide


def print_json(command: str, values: Mapping[str, Any]) -> None:
    """Print one JSON object: the command, the version, and the values; NaN is null."""
    everything = {"command": command, "stackit": __version__, **values}
    typer.echo(json.dumps(plain_values(everything), indent=2, ensure_ascii=False, allow_nan=False))


def print_message(text: str) -> None:
    """Print a line on standard error."""
    typer.echo(plain_text(text), err=True)


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table on standard output; on a terminal too narrow for its numbers, a line per row."""
    from rich.measure import Measurement

    target, lines = console(sys.stdout), [[*row] for row in rows]
    shown: RenderableType = _table(names, lines)
    if Measurement.get(target, target.options.update_width(WIDEST), shown).minimum > target.width:
        shown = _in_words(names, lines)
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


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """Return a table of rich, with numbers at the right and in one line each."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(names):
        has_numbers = any(isinstance(row[at], int | float) for row in rows)
        justify: Literal["left", "right"] = "right" if has_numbers else "left"
        table.add_column(plain_text(name), justify=justify, overflow="fold", no_wrap=has_numbers)
    for row in rows:
        table.add_row(*map(format_number, row))
    return table


def _in_words(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return the rows of a table as lines: the first cell, and the others with their names."""
    lines = []
    for first, *others in ([*map(format_number, row)] for row in rows):
        named = zip(map(plain_text, names[1:]), others, strict=True)
        lines.append(f"{first}: {', '.join(f'{name} {cell}' for name, cell in named if cell)}")
    return "\n".join(lines)


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
