"""Files: atomic writes, metadata next to a file, ids, and the one reader of CSV tables."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import os
import secrets
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.validation import format_list, invalid_value

__all__ = [
    "Names",
    "atomic_write",
    "check_ids",
    "digest",
    "explain_read_errors",
    "metadata_path",
    "read_csv",
    "read_metadata",
    "write_metadata",
]

Names = npt.NDArray[np.str_]
DAMAGED = (ValueError, EOFError, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, zlib.error)


def atomic_write(path: Path, content: str | bytes) -> None:
    """Write a file completely or not at all, also while other processes write it.

    Text is written as UTF-8. If writing fails with an OSError, the previous file stays.
    """
    data = content.encode() if isinstance(content, str) else content
    # In the same folder, since a file is renamed in one step only within one file system.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Write a folder's list of files to the disk, on systems that can open folders."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest(text: str, length: int = 16) -> str:
    """Return the first hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def metadata_path(path: Path) -> Path:
    """Return the path of the metadata of a CSV file: its name with ``.json`` appended."""
    return path.with_name(path.name + ".json")


def write_metadata(path: Path, metadata: Mapping[str, Any]) -> None:
    """Write the metadata of a CSV file next to it."""
    atomic_write(metadata_path(path), json.dumps(metadata, indent=1) + "\n")


def read_metadata(path: Path, required: Mapping[str, type]) -> dict[str, Any]:
    """Read the metadata next to a CSV file: empty without such a file, a ValueError if it is damaged.

    `required` maps the names that the metadata must have to the types of their values.
    """
    file = metadata_path(path)
    if not file.exists():
        return {}
    try:
        metadata: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        missing = [name for name, kind in required.items() if not isinstance(metadata[name], kind)]
    except (ValueError, KeyError, TypeError) as error:
        missing = [f"{type(error).__name__}: {error}"]
    if missing:
        raise ValueError(
            f"{file} is damaged ({format_list(missing)}). Restore it, or write it and {path.name} again."
        )
    return metadata


def check_ids(ids: Any, n: int | None, what: str = "ids", unique: bool = True) -> Names:
    """Return ids as text; raise a ValueError if some are missing or repeated, or there are not `n`."""
    values = pd.Series(np.asarray(ids))
    if n is not None and len(values) != n:
        raise invalid_value(
            what, f"one per row, {n}", f"{len(values)} ids", "Pass the id column of the table"
        )
    missing = values.index[values.isna()]
    if len(missing):
        got = f"{len(missing)} missing (rows {format_list(missing)})"
        raise invalid_value(what, "without missing values", got, "Fill them")
    names = values.astype(str)
    repeated = names[names.duplicated()].unique() if unique else ()
    if len(repeated):
        got = f"{len(repeated)} repeated ({format_list(repeated)})"
        raise invalid_value(what, "unique", got, "Drop the duplicates, or use another column")
    return names.to_numpy(dtype=str)


def read_csv(
    source: Path | io.StringIO, name: str, dtype: Mapping[str, Any] | None = None, nrows: int | None = None
) -> pd.DataFrame:
    """Read a CSV table strictly: a row with more cells than the header is an error.

    Without `dtype`, all cells are text exactly as written, and repeated column names stay as they are.
    With it, pandas infers the types of the columns that `dtype` does not name.
    """
    options: dict[str, Any] = {"dtype": dtype, "low_memory": False, "index_col": False}
    if dtype is None:
        # With a header, pandas would rename repeated columns, and take surplus cells for an index.
        options = {"header": None, "dtype": str, "keep_default_na": False}
    with explain_read_errors(name), warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table: pd.DataFrame = pd.read_csv(source, encoding="utf-8-sig", nrows=nrows, **options)
    if dtype is not None:
        return table
    cells = table.fillna("")
    header: list[str] = cells.iloc[0].tolist()
    return cells.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)


@contextmanager
def explain_read_errors(name: str) -> Iterator[None]:
    """Turn the errors of a damaged table file into a ValueError that names it and says what to do."""
    try:
        yield
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{name} is empty. A table with a header line is needed.") from error
    except UnicodeDecodeError as error:
        advice = "Convert it first, for example: iconv -f latin1 -t utf-8 OLD.csv > NEW.csv"
        raise ValueError(f"{name} is not encoded in UTF-8. {advice}.") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ValueError(
            f"{name} has rows with more cells than its header, or an open quote ({_first_line(error)}). "
            "Put cells that hold a comma in quotes, and close each quote."
        ) from error
    except DAMAGED as error:
        raise ValueError(
            f"{name} cannot be read ({_first_line(error)}). Check that its suffix names its format and "
            "compression, and that the file is complete."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
