"""Files that code of the user's names and reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import Any

__all__ = ["FilesNamed", "contents_of", "is_file_name", "paths_named"]

LONGEST = 4096
# Larger files count by size and time: to read them takes longer than many a fit.
READ_WHOLE = 1 << 26


@dataclass(frozen=True)
class FilesNamed:
    """Paths that some code may name: a folder that it reaches, and a constant in it."""

    paths: tuple[str, ...]


def is_file_name(text: str) -> bool:
    """Whether a text may be the name of a file of data: code counts by what it does, and comments do not.

    Examples
    --------
    >>> is_file_name("data/table.csv"), is_file_name("lbfgs"), is_file_name("tables.py")
    (True, False, False)
    """
    is_name = "." in text or "/" in text or os.sep in text
    return is_name and len(text) <= LONGEST and "\n" not in text and not text.endswith(".py")


def contents_of(path: str) -> str:
    """Return the name of a file and a digest of what it holds; empty where there is no such file.

    Examples
    --------
    >>> contents_of("no such file.csv")
    ''
    """
    try:
        if not os.path.isfile(path):
            return ""
        facts = os.stat(path)
        held = _digest(os.path.abspath(path), facts.st_size, facts.st_mtime_ns)
        return f"{os.path.basename(path)} holds {held}"
    except (OSError, ValueError):  # not to be read, gone meanwhile, or no name at all
        return ""


def paths_named(texts: Iterable[str], folders: Iterable[Any]) -> FilesNamed:
    """Return the paths that code may name by parts: a folder that it reaches, and a constant.

    Parameters
    ----------
    texts : iterable of str
        The constants in the code.
    folders : iterable
        That of its module, and all else that it reaches and that may be one.
    """
    known = [str(folder) for folder in folders if isinstance(folder, str | PurePath)]
    known = [
        folder for folder in known if len(folder) <= LONGEST and "\0" not in folder and os.path.isdir(folder)
    ]
    parts = [text.lstrip("/") for text in texts if is_file_name(text) and text.strip("/.")]
    return FilesNamed(tuple(os.path.join(folder, part) for folder in known for part in parts))


@lru_cache(maxsize=512)
def _digest(path: str, size: int, time: int) -> str:
    if size > READ_WHOLE:
        return f"{size} bytes of {time}"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
