"""The bytes of a skops file without what differs from run to run: addresses in memory, and the time."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from stackit.validation import import_optional

__all__ = ["dump_reproducibly", "zip_reproducibly"]

SCHEMA = "schema.json"
# skops numbers objects by their addresses, and calls the files of arrays so or by random names.
NUMBER = re.compile(r'"__id__": (\d+)')
FILE = re.compile(r'"file": "([^"\\]+)"')
FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # of zip archives


def dump_reproducibly(state: Any) -> bytes:
    """Return the skops file of a value: equal values have equal files."""
    skops = import_optional("skops.io", "secure")
    with zipfile.ZipFile(io.BytesIO(skops.dumps(state))) as file:
        content = {name: file.read(name) for name in file.namelist()}
    schema = content.pop(SCHEMA).decode()
    numbers: dict[str, str] = {}
    files: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return f'"__id__": {numbers.setdefault(found[1], str(len(numbers) + 1))}'

    def rename(found: re.Match[str]) -> str:
        suffix = found[1].rpartition(".")[2]
        return f'"file": "{files.setdefault(found[1], f"{len(files) + 1}.{suffix}")}"'

    schema = FILE.sub(rename, NUMBER.sub(number, schema))
    parts = {files[name]: content[name] for name in files}
    return zip_reproducibly(parts | {SCHEMA: schema.encode()})


def zip_reproducibly(content: Mapping[str, bytes], level: int | None = None) -> bytes:
    """Return a zip archive that has no times; without a level it is not compressed."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_STORED if level is None else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w", method, compresslevel=level) as file:
        for name, data in content.items():
            info = zipfile.ZipInfo(name, FIRST_DATE)
            info.compress_type = method
            file.writestr(info, data, compresslevel=level)
    return buffer.getvalue()
