"""Paths that the command line is given."""

from __future__ import annotations

import difflib
from pathlib import Path

from stackit.cli.errors import usage_error

__all__ = ["check_file"]


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
