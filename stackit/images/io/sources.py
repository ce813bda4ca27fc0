"""Where photographs come from: paths, folders of class folders, zip archives, or arrays."""

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
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stackit.arrays import FilePath
from stackit.images.io.photographs import FORMATS, as_image, check_content, check_size, decoded
from stackit.validation import import_optional, invalid_value

if TYPE_CHECKING:
    from PIL import Image
else:
    Image = import_optional("PIL.Image", "images")

__all__ = ["Photograph", "list_photographs", "photographs"]

SUFFIXES = tuple(sorted(suffix for suffixes in FORMATS.values() for suffix in suffixes))
LARGEST_FILE = 2**28  # bytes: archives can promise any size
Read = Callable[[], bytes]
PILLOW = Lock()  # an image of Pillow's, which may be in two places, can be read by one thread at a time
NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # Windows has none
SIZE = struct.Struct("<II")  # what stands in front of the pixels of an image that is in memory


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
    check : callable
        Raises where that refuses the content before it decodes it.
    """

    name: str
    read: Read
    image: Callable[[bytes], Image.Image]
    check: Callable[[bytes], None]


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
    path = Path(place).expanduser()
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    else:
        with _opened(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    files = sorted(name for name in names if _is_photograph(PurePosixPath(name)))
    if not files:
        advice = f"Put files there that end with {', '.join(SUFFIXES)}"
        raise invalid_value("A place of photographs", "one with photographs in it", f"{str(path)!r}", advice)
    return pd.DataFrame({"file": files, "label": [PurePosixPath(name).parent.name for name in files]})


def photographs(X: Any, root: FilePath | None, max_pixels: int, stack: ExitStack) -> list[Photograph]:
    """Return the photographs that X stands for, in its order; nothing is read yet.

    Parameters
    ----------
    X : path, sequence of paths, or images
        A folder or a zip archive; paths, or names inside `root`, also as a column of a data frame; an array
        (n, height, width, 3) or (n, height, width) of bytes; a list of such images or of ``PIL`` images.
        What a row holds is looked at when its turn comes: one that is empty or no image is at fault alone.
    root : path or None
        The folder or zip archive that names are in.
    max_pixels : int
        Photographs of more pixels are refused when their turn comes.
    stack : contextlib.ExitStack
        Keeps an archive open as long as photographs are read.

    Raises
    ------
    ValueError
        When X is none of these, or is empty.
    FileNotFoundError
        When `root` is not there.
    """
    if isinstance(X, str | os.PathLike):
        X, root = list_photographs(X)["file"].tolist(), X
    rows = _rows(X)
    read = _reader(root, stack) if any(isinstance(row, str | os.PathLike) for row in rows) else None
    return [_photograph(row, place, read, max_pixels) for place, row in enumerate(rows)]


def _photograph(row: Any, place: int, read: Callable[[str], bytes] | None, max_pixels: int) -> Photograph:
    if isinstance(row, str | os.PathLike) and read is not None:
        image, check = partial(decoded, max_pixels=max_pixels), partial(check_content, max_pixels=max_pixels)
        return Photograph(str(row), partial(read, os.fspath(row)), image, check)
    # Its size is looked at while it is read.
    return Photograph(f"image {place}", partial(_content, row, max_pixels), _image, lambda content: None)


def _rows(X: Any) -> list[Any]:
    if isinstance(X, pd.DataFrame):
        X = X.to_numpy()
    rows = X if isinstance(X, list | tuple) else np.asarray(X)
    if isinstance(rows, np.ndarray):
        if rows.ndim == 2 and rows.shape[1] == 1 and rows.dtype != np.uint8:
            rows = rows[:, 0]  # a column of paths
        if rows.ndim not in (1, 3, 4):
            expected = "paths, or images of shape (n, height, width, 3)"
            raise invalid_value(
                "X", expected, f"shape={rows.shape}", "Pass one column of paths, or arrays of bytes"
            )
        if rows.ndim == 3 and rows.shape[2] == 3:
            got = f"shape={rows.shape}, one photograph"
            raise invalid_value(
                "X", "photographs of shape (n, height, width, 3)", got, "Pass image[np.newaxis]"
            )
    if not len(rows):
        raise invalid_value("X", "at least one photograph", "none", "Pass some")
    return list(rows)


def _content(row: Any, max_pixels: int) -> bytes:
    """The size and pixels of an image that is in memory, by which it is known again."""
    if row is None or (pd.api.types.is_scalar(row) and pd.isna(row)):
        raise invalid_value(
            "A photograph", "a path or an image", f"{row}", "Fill in its path, or leave the row out"
        )
    if isinstance(row, Image.Image):
        check_size(row.size, max_pixels)  # before it is decoded
    with PILLOW if isinstance(row, Image.Image) else nullcontext():
        image = as_image(row)
    check_size(image.size, max_pixels)
    return SIZE.pack(*image.size) + image.tobytes()


def _image(content: bytes) -> Image.Image:
    return Image.frombytes("RGB", SIZE.unpack_from(content), content[SIZE.size :])


def _reader(root: FilePath | None, stack: ExitStack) -> Callable[[str], bytes]:
    """What reads a photograph by its name."""
    if root is None:
        return _read_file
    place = Path(root).expanduser()
    if place.is_dir():
        return partial(_read_inside, os.path.realpath(place))
    return partial(_read_member, stack.enter_context(_opened(place)))


def _read_inside(root: str, name: str) -> bytes:
    """Read a file of a folder; names and links may not lead out of it."""
    path = os.path.realpath(os.path.join(root, name))
    if not Path(path).is_relative_to(root):
        raise _leads_out(root, f"one that leads to {path!r}")
    return _read_file(path)


def _read_file(path: str) -> bytes:
    # A pipe would be waited for without end; opened without blocking, it is refused at once.
    with open(path, "rb", opener=lambda path, flags: os.open(path, flags | NONBLOCK)) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise invalid_value("A photograph", "a file", "a pipe or a device", "Pass the path of a file")
        _check_length(facts.st_size)
        return file.read()


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise _leads_out(archive.filename, f"{name!r}")
    try:
        _check_length(archive.getinfo(name).file_size)
        return archive.read(name)
    except KeyError as error:
        raise FileNotFoundError(f"{name} is not in {archive.filename}") from error
    except Exception as error:  # damaged, strangely packed or encrypted: each packer has errors of its own
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's
        got = str(error) or type(error).__name__
        raise invalid_value(
            "A photograph", "readable in its archive", got, "Write the archive anew"
        ) from error


def _leads_out(root: str | None, got: str) -> ValueError:
    return invalid_value(
        "The name of a photograph",
        f"that of a file inside root={root!r}, also behind links",
        got,
        "Pass names inside root, or whole paths without root",
    )


def _check_length(n_bytes: int) -> None:
    if n_bytes > LARGEST_FILE:
        expected = f"a file of at most {LARGEST_FILE} bytes"
        raise invalid_value("A photograph", expected, f"{n_bytes}", "Make it smaller")


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        expected = "a folder or a zip archive"
        raise invalid_value(
            "A place of photographs", expected, f"{str(path)!r}", "Pass one of these"
        ) from error


def _is_photograph(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden
