"""Where photographs come from: paths, folders of class folders, zip archives, or arrays."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stackit.check import fault, require
from stackit.images.photographs import as_image, decoded

if TYPE_CHECKING:
    from PIL import Image
else:
    Image = require("PIL.Image", "images")

__all__ = ["Photograph", "list_photographs", "photographs"]

FilePath = str | os.PathLike[str]
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
LARGEST_FILE = 2**28  # bytes: archives can promise any size
Read = Callable[[], bytes]


@dataclass(frozen=True)
class Photograph:
    """One photograph: its name, its content, and how this becomes an image.

    Parameters
    ----------
    name : str
        What it is called in messages.
    read : callable
        Returns its content, by which it is known again.
    image : callable
        Makes an image of the content.
    """

    name: str
    read: Read
    image: Callable[[bytes], Image.Image]


def list_photographs(place: FilePath) -> pd.DataFrame:
    """Return the photographs in a folder or zip archive, sorted by name, and the class folders they are in.

    Parameters
    ----------
    place : path
        A folder or a zip archive, with a folder a class or with photographs alone.

    Returns
    -------
    pandas.DataFrame
        The columns ``file``, the path inside the place, and ``label``, the folder it is in ("" for none).
        Hidden files, and files that are no photographs by their suffix, are left out.

    Raises
    ------
    ValueError
        When there are none.
    FileNotFoundError
        When there is no such place.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "rose").mkdir()
    >>> (folder / "rose" / "1.jpg").touch()
    >>> list_photographs(folder)
             file label
    0  rose/1.jpg  rose
    """
    path = Path(place)
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    else:
        with _opened(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    files = sorted(name for name in names if _is_photograph(PurePosixPath(name)))
    if not files:
        advice = f"Put files there that end with {', '.join(SUFFIXES)}"
        raise fault("A place of photographs", "one with photographs in it", f"{str(path)!r}", advice)
    return pd.DataFrame({"file": files, "label": [PurePosixPath(name).parent.name for name in files]})


def photographs(X: Any, root: FilePath | None, max_pixels: int, stack: ExitStack) -> list[Photograph]:
    """Return the photographs that X stands for, in its order; nothing is read yet.

    Parameters
    ----------
    X : path, sequence of paths, or images
        A folder or a zip archive; paths, or names inside `root`, also as a column of a data frame; an array
        (n, height, width, 3) or (n, height, width) of bytes; a list of such images or of ``PIL`` images.
    root : path or None
        The folder or zip archive that names are in.
    max_pixels : int
        Files of more pixels are refused when their turn comes.
    stack : contextlib.ExitStack
        Keeps an archive open as long as photographs are read.

    Raises
    ------
    ValueError
        When X is none of these, or is empty.
    FileNotFoundError
        When `root` is not there.
    """
    image = partial(decoded, max_pixels=max_pixels)
    if isinstance(X, str | os.PathLike):
        X, root = list_photographs(X)["file"].tolist(), X
    rows = _rows(X)
    if all(isinstance(row, str | os.PathLike) for row in rows):
        read = _reader(root, stack)
        return [Photograph(str(row), partial(read, os.fspath(row)), image) for row in rows]
    return [_given(f"image {place}", row) for place, row in enumerate(rows)]


def _rows(X: Any) -> list[Any]:
    if isinstance(X, pd.DataFrame):
        X = X.to_numpy()
    rows = X if isinstance(X, list | tuple) else np.asarray(X)
    if isinstance(rows, np.ndarray):
        if rows.ndim == 2 and rows.shape[1] == 1 and rows.dtype != np.uint8:
            rows = rows[:, 0]  # a column of paths
        if rows.ndim not in (1, 3, 4):
            expected = "paths, or images of shape (n, height, width, 3)"
            raise fault("X", expected, f"shape={rows.shape}", "Pass one column of paths, or arrays of bytes")
    if not len(rows):
        raise fault("X", "at least one photograph", "none", "Pass some")
    return list(rows)


def _given(name: str, image: Any) -> Photograph:
    """An image that is in memory: known again by its pixels."""
    pixels = np.asarray(as_image(image))
    return Photograph(name, partial(_content, pixels), lambda content: as_image(pixels))


def _content(pixels: Any) -> bytes:
    return f"{pixels.shape}".encode() + hashlib.sha256(pixels.tobytes()).digest()


def _reader(root: FilePath | None, stack: ExitStack) -> Callable[[str], bytes]:
    """What reads a photograph by its name."""
    folder = Path(root or ".")
    if root is None or folder.is_dir():
        return lambda name: _read_file(folder / name)
    return partial(_read_member, stack.enter_context(_opened(folder)))


def _read_file(path: Path) -> bytes:
    _check_length(path.stat().st_size)
    return path.read_bytes()


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        _check_length(archive.getinfo(name).file_size)
        return archive.read(name)
    except KeyError as error:
        raise FileNotFoundError(f"{name} is not in {archive.filename}") from error
    # What zipfile raises for damaged, strangely packed and encrypted members.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise fault(
            "A photograph", "readable in its archive", str(error), "Write the archive anew"
        ) from error


def _check_length(n_bytes: int) -> None:
    if n_bytes > LARGEST_FILE:
        expected = f"a file of at most {LARGEST_FILE} bytes"
        raise fault("A photograph", expected, f"{n_bytes}", "Make it smaller")


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        expected = "a folder or a zip archive"
        raise fault("A place of photographs", expected, f"{str(path)!r}", "Pass one of these") from error


def _is_photograph(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden
