"""Paths that the command line is given."""

from __future__ import annotations

import difflib
from pathlib import Path

from stackit.cli.errors import usage_error

__all__ = ["check_file", "check_folder", "check_output"]


def check_file(what: str, path: Path) -> None:
    """Raise unless a file exists; name one that is similar."""
    if path.is_file():
        return
    near: list[str] = []
    if path.parent.is_dir():
        names = [each.name for each in path.parent.iterdir() if each.is_file()]
        near = difflib.get_close_matches(path.name, names, n=1)
    advice = f"Did you mean {path.with_name(near[0])}?" if near else "Check the path"
    raise usage_error(what, "a file that exists", str(path), advice)


def check_folder(what: str, path: Path) -> None:
    """Raise where a folder is wanted and something else is there."""
    if path.exists() and not path.is_dir():
        raise usage_error(what, "a folder", str(path), f"Pass for example {what} blend")


def check_output(path: Path, table: Path) -> None:
    """Raise unless a file may be written: its folder exists, and it is not the table that is read."""
    if path.is_dir():
        raise usage_error("--output", "a file", str(path), f"Pass for example -o {path / 'predictions.csv'}")
    if not path.parent.is_dir():
        raise usage_error("--output", "in a folder that exists", str(path), f"Type: mkdir -p {path.parent}")
    if path.exists() and path.samefile(table):
        raise usage_error("--output", f"another file than {table}", str(path), "It would be overwritten")
