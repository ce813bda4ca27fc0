"""Data files that the user's code names and reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import Any

__all__ = ["NamedFiles", "contents_of", "files_named", "is_file_name"]

MAX_LENGTH = 4096
# Larger files are compared by size and time: to read them takes longer than many fits.
MAX_SIZE = 1 << 26


@dataclass(frozen=True)
class NamedFiles:
    """Paths that some code may name: a folder that it refers to, joined with a constant in it."""

    paths: tuple[str, ...]


def is_file_name(text: str) -> bool:
    """Whether a text may be the name of a data file; files of Python code are fingerprinted as code.

    Examples
    --------
    >>> is_file_name("data/table.csv"), is_file_name("lbfgs"), is_file_name("tables.py")
    (True, False, False)
    """
    is_name = "." in text or "/" in text or os.sep in text
    return is_name and len(text) <= MAX_LENGTH and "\n" not in text and not text.endswith(".py")


def contents_of(path: str) -> str:
    """Return the name of a file and a digest of its content; empty if there is no such file.

    Examples
    --------
    >>> contents_of("no such file.csv")
    ''
    """
    try:
        if not os.path.isfile(path):
            return ""
        status = os.stat(path)
        digest = _digest(os.path.abspath(path), status.st_size, status.st_mtime_ns)
        return f"{os.path.basename(path)} holds {digest}"
    except (OSError, ValueError):  # unreadable, deleted since, or not a valid name
        return ""


def files_named(texts: Iterable[str], folders: Iterable[Any]) -> NamedFiles:
    """Return the paths made of a folder and a text; of `folders`, those that are no folders are ignored."""
    known = [str(folder) for folder in folders if isinstance(folder, str | PurePath)]
    known = [
        folder
        for folder in known
        if len(folder) <= MAX_LENGTH and "\0" not in folder and os.path.isdir(folder)
    ]
    parts = [text.lstrip("/") for text in texts if is_file_name(text) and text.strip("/.")]
    return NamedFiles(tuple(os.path.join(folder, part) for folder in known for part in parts))


@lru_cache(maxsize=512)
def _digest(path: str, size: int, time: int) -> str:
    if size > MAX_SIZE:
        return f"{size} bytes of {time}"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
