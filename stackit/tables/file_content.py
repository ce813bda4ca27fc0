"""The content of a table file, whatever its compression and encoding; one sentence for what is no table."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from stackit.files import explain_read_errors
from stackit.validation import format_list

__all__ = ["Content", "read_content"]

ZIP = b"PK\x03\x04"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
COLUMNAR = {b"PAR1": "parquet", b"ARROW1": "feather"}
AS_CSV = "Save it as CSV (UTF-8) there, and pass that file"
AGAIN = "Download the file again"
# What the first bytes show, in lower case, and what to do then.
NO_TABLES = {
    b"\xd0\xcf\x11\xe0": ("an Excel file", AS_CSV),
    b"<!doctype html": ("a web page", f"{AGAIN}; a page to log in is often saved in its place"),
    b"<html": ("a web page", f"{AGAIN}; a page to log in is often saved in its place"),
    b"<?xml": ("an XML file", "Convert it to CSV"),
    b"%pdf": ("a PDF file", "Convert it to CSV"),
    b"sqlite format 3": ("an SQLite database", "Export its table as CSV"),
    b"version https://git-lfs": ("a pointer of Git LFS", "Fetch the file itself with: git lfs pull"),
    b"{": ("a JSON file", "Convert it in Python: pandas.read_json(...).to_csv('NEW.csv', index=False)"),
    b"[": ("a JSON file", "Convert it in Python: pandas.read_json(...).to_csv('NEW.csv', index=False)"),
    b"7z\xbc\xaf": ("a 7z archive", "Extract it first"),
    b"rar!": ("a RAR archive", "Extract it first"),
}
IN_ARCHIVES = {"[Content_Types].xml": "an Excel file", "mimetype": "an OpenDocument file"}


@dataclass(frozen=True)
class Content:
    """The bytes of a table file without compression: text in UTF-8, or a columnar format.

    `encoding` is that of the file; `has_mark` says whether it began with the byte-order mark of UTF-8.
    """

    data: bytes
    kind: str = "text"
    encoding: str = "UTF-8"
    has_mark: bool = False


def read_content(path: Path) -> Content:
    """Read a table file into memory; raise a ValueError with one sentence where it is no table."""
    _check_is_file(path)
    data = path.read_bytes()
    if data.startswith(ZIP):
        data = _only_member(path, data)
    with explain_read_errors(str(path)):
        data = _decompress(data)
    has_mark = data.startswith(codecs.BOM_UTF8)
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise ValueError(f"{path} is empty. Pass a table with a line of column names.")
    for start, kind in COLUMNAR.items():
        if data.startswith(start):
            return Content(data, kind)
    return replace(_decode(path, data), has_mark=has_mark)


def _check_is_file(path: Path) -> None:
    """Raise an OSError unless a path is an ordinary file, so that nothing waits for a pipe or a device."""
    if path.is_dir():
        tables = sorted(one.name for one in path.iterdir() if one.suffix in (".csv", ".tsv", ".parquet"))
        inside = f" It holds {format_list(tables)}." if tables else ""
        raise IsADirectoryError(f"{path} is a folder, not a table.{inside} Pass the path of a file.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}. Check the path.")
    if not path.is_file():
        raise OSError(f"{path} is a pipe or a device. Write the table to a file first, and pass that.")


def _decompress(data: bytes) -> bytes:
    """Return the bytes of a file that may be compressed, recognised by its first bytes."""
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data.startswith(b"BZh"):
        return bz2.decompress(data)
    if data.startswith(b"\xfd7zXZ\x00"):
        return lzma.decompress(data)
    return data


def _only_member(path: Path, data: bytes) -> bytes:
    """Return the one file in a zip archive."""
    with explain_read_errors(str(path)):
        archive = zipfile.ZipFile(io.BytesIO(data))
    members = [one for one in archive.infolist() if not one.is_dir() and "__MACOSX" not in one.filename]
    names = [one.filename for one in members]
    for name, what in IN_ARCHIVES.items():
        if name in names:
            raise ValueError(f"{path} is {what}, not a table as text. {AS_CSV}.")
    if len(names) != 1:
        found = f"{len(names)} files ({format_list(names)})" if names else "no file"
        raise ValueError(f"{path} holds {found}. Extract it, and pass one table.")
    if members[0].flag_bits & 1:
        raise ValueError(f"{path} is encrypted. Extract it with its password, and pass the table.")
    with explain_read_errors(str(path)):
        return archive.read(names[0])


def _decode(path: Path, data: bytes) -> Content:
    """Return text in any common encoding as UTF-8 without a byte-order mark."""
    if data.startswith(UTF_16):
        with explain_read_errors(str(path)):
            content = Content(data.decode("utf-16").encode(), encoding="UTF-16")
    else:
        content = _eight_bits(data)
    starts = [one[:200].lstrip().lower() for one in (data, content.data)]
    for signature, (what, advice) in NO_TABLES.items():
        if any(start.startswith(signature) for start in starts):
            raise ValueError(f"{path} is {what}, not a table. {advice}.")
    if b"\x00" in content.data:
        raise ValueError(f"{path} is not text, since it holds zero bytes. Convert it to CSV or Parquet.")
    return content


def _eight_bits(data: bytes) -> Content:
    """Return text that is UTF-8, or else in the usual encoding of Windows, or at least of its letters."""
    try:
        data.decode()
    except UnicodeDecodeError:
        for encoding, name in (("cp1252", "Windows-1252"), ("latin-1", "Latin-1")):
            try:
                return Content(data.decode(encoding).encode(), encoding=name)
            except UnicodeDecodeError:
                continue
    return Content(data)
