"""The bytes of a skops file without what differs from run to run: addresses in memory, and the time."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from stackit.validation import import_optional

__all__ = ["dump_reproducibly", "zip_reproducibly"]

SCHEMA = "schema.json"
FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # of zip archives


def dump_reproducibly(state: Any) -> bytes:
    """Return the skops file of a value: equal values have equal files."""
    skops = import_optional("skops.io", "secure")
    with zipfile.ZipFile(io.BytesIO(skops.dumps(state))) as file:
        content = {name: file.read(name) for name in file.namelist()}
    schema = json.loads(content.pop(SCHEMA))
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    _renumber(schema, numbers, files)
    parts = {files[name]: content[name] for name in files}
    return zip_reproducibly(parts | {SCHEMA: json.dumps(schema).encode()})


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


def _renumber(node: Any, numbers: dict[int, int], files: dict[str, str]) -> None:
    """Number objects and the files of arrays in their order, in place; skops uses addresses and random names.

    Numbers and strings lose theirs: which of them are one object depends on chance.
    """
    if isinstance(node, list):
        for part in node:
            _renumber(part, numbers, files)
    if not isinstance(node, dict):
        return
    # The keys of a user's dict have nodes as their values.
    if isinstance(node.get("__id__"), int):
        if node.get("__loader__") == "JsonNode":
            del node["__id__"]
        else:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
    if isinstance(node.get("file"), str):
        name = node["file"]
        node["file"] = files.setdefault(name, f"{len(files) + 1}.{name.rpartition('.')[2]}")
    for part in node.values():
        _renumber(part, numbers, files)
