"""Sources of photographs: paths, folders of class folders, zip archives, or arrays."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from stackit.arrays import FilePath
from stackit.images.io.photographs import FORMATS, as_image, check_content, check_size, decode
from stackit.validation import invalid_value

__all__ = ["Photograph", "list_photographs", "photographs"]

SUFFIXES = tuple(sorted(suffix for suffixes in FORMATS.values() for suffix in suffixes))
MAX_BYTES = 2**28  # archives can declare any size
PILLOW = Lock()  # an image of Pillow can be in the list twice, and only one thread at a time may read it
NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # Windows has none
SIZE = struct.Struct("<II")  # width and height, before the pixels of an image in memory


@dataclass(frozen=True)
class Photograph:
    """One photograph, read and decoded on demand."""

    name: str  # in messages
    read: Callable[[], bytes]  # returns its content, which identifies it
    decode: Callable[[bytes], Image.Image]
    check: Callable[[bytes], None]  # raises for content that `decode` refuses before it decodes the pixels


def list_photographs(place: FilePath) -> pd.DataFrame:
    """Return the photographs in a folder or zip archive, sorted by name, and their class folders.

    Parameters
    ----------
    place : path
        A folder or a zip archive, with one folder per class or with photographs only.

    Returns
    -------
    pandas.DataFrame
        The columns ``file``, the path inside the place, and ``label``, the folder it is in ("" for none).
        Hidden files, and files without the suffix of a photograph, are left out.

    Raises
    ------
    ValueError
        When there are no photographs.
    FileNotFoundError
        When the place does not exist.

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
    path = Path(place).expanduser()
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    else:
        with _open_archive(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    files = sorted(name for name in names if _is_photograph(PurePosixPath(name)))
    if not files:
        raise ValueError(
            f"There are no photographs in {str(path)!r}. Put files there that end with {', '.join(SUFFIXES)}."
        )
    return pd.DataFrame({"file": files, "label": [PurePosixPath(name).parent.name for name in files]})


def photographs(X: Any, root: FilePath | None, max_pixels: int, stack: ExitStack) -> list[Photograph]:
    """Return the photographs of X in its order; X and root are those of `CNNCodes`. Nothing is read yet.

    An invalid row fails when it is read, not here. The stack keeps an archive open while it is read.
    """
    if isinstance(X, str | os.PathLike):
        X, root = list_photographs(X)["file"].tolist(), X
    rows = _rows(X)
    read = _reader(root, stack) if any(isinstance(row, str | os.PathLike) for row in rows) else None
    return [_photograph(row, place, read, max_pixels) for place, row in enumerate(rows)]


def _photograph(row: Any, place: int, read: Callable[[str], bytes] | None, max_pixels: int) -> Photograph:
    if isinstance(row, str | os.PathLike) and read is not None:
        check = partial(check_content, max_pixels=max_pixels)
        return Photograph(
            str(row), partial(read, os.fspath(row)), partial(decode, max_pixels=max_pixels), check
        )
    # The size of an image in memory is checked when it is read.
    content = partial(_content_of, row, max_pixels)
    return Photograph(f"image {place}", content, _image_of, lambda content: None)


def _rows(X: Any) -> list[Any]:
    if isinstance(X, pd.DataFrame):
        X = X.to_numpy()
    rows = X if isinstance(X, list | tuple) else np.asarray(X)
    if isinstance(rows, np.ndarray):
        if rows.ndim == 2 and rows.shape[1] == 1 and rows.dtype != np.uint8:
            rows = rows[:, 0]  # a column of paths
        if rows.ndim not in (1, 3, 4):
            expected = "paths, or images of shape (n, height, width, 3)"
            advice = "Pass one column of paths, or arrays of bytes"
            raise invalid_value("X", expected, f"shape={rows.shape}", advice)
        if rows.ndim == 3 and rows.shape[2] == 3:
            expected, got = (
                "photographs of shape (n, height, width, 3)",
                f"shape={rows.shape}, one photograph",
            )
            raise invalid_value("X", expected, got, "Pass image[np.newaxis]")
    if not len(rows):
        raise ValueError("X is empty. Pass at least one photograph.")
    return list(rows)


def _content_of(row: Any, max_pixels: int) -> bytes:
    """Return the size and pixels of an image in memory, which identify it."""
    if row is None or (pd.api.types.is_scalar(row) and pd.isna(row)):
        advice = "Fill in its path, or leave the row out"
        raise invalid_value("A photograph", "a path or an image", f"{row}", advice)
    if isinstance(row, Image.Image):
        check_size(row.size, max_pixels)  # before it is decoded
    with PILLOW if isinstance(row, Image.Image) else nullcontext():
        image = as_image(row)
    check_size(image.size, max_pixels)
    return SIZE.pack(*image.size) + image.tobytes()


def _image_of(content: bytes) -> Image.Image:
    return Image.frombytes("RGB", SIZE.unpack_from(content), content[SIZE.size :])


def _reader(root: FilePath | None, stack: ExitStack) -> Callable[[str], bytes]:
    """Return the function that reads a photograph by its name."""
    if root is None:
        return _read_file
    place = Path(root).expanduser()
    if place.is_dir():
        return partial(_read_inside, os.path.realpath(place))
    return partial(_read_member, stack.enter_context(_open_archive(place)))


def _read_inside(root: str, name: str) -> bytes:
    """Read a file of a folder; names and links may not lead out of it."""
    path = os.path.realpath(os.path.join(root, name))
    if not Path(path).is_relative_to(root):
        raise _outside(root, f"one that leads to {path!r}")
    return _read_file(path)


def _read_file(path: str) -> bytes:
    # Opening a pipe would block without end; without blocking, it can be refused.
    with open(path, "rb", opener=lambda path, flags: os.open(path, flags | NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise invalid_value("A photograph", "a file", "a pipe or a device", "Pass the path of a file")
        _check_bytes(status.st_size)
        return file.read()


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise _outside(archive.filename, f"{name!r}")
    try:
        _check_bytes(archive.getinfo(name).file_size)
        return archive.read(name)
    except KeyError as error:
        raise FileNotFoundError(f"{name} is not in {archive.filename}") from error
    except Exception as error:  # damaged or encrypted: each kind of compression has its own errors
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk
        got = str(error) or type(error).__name__
        advice = "Write the archive again"
        raise invalid_value("A photograph", "readable in its archive", got, advice) from error


def _outside(root: str | None, got: str) -> ValueError:
    expected = f"that of a file inside root={root!r}, also behind links"
    advice = "Pass names inside root, or full paths without root"
    return invalid_value("The name of a photograph", expected, got, advice)


def _check_bytes(n_bytes: int) -> None:
    if n_bytes > MAX_BYTES:
        expected = f"a file of at most {MAX_BYTES} bytes"
        raise invalid_value("A photograph", expected, f"{n_bytes}", "Make it smaller")


def _open_archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        text = f"{str(path)!r} is neither a folder nor a zip archive of photographs. Pass one of these."
        raise ValueError(text) from error


def _is_photograph(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden
