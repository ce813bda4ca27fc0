"""The bytes of a skops file without what differs from run to run: addresses in memory, and the time."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from importlib import import_module, metadata
from typing import Any

from stackit.persistence.skops_module import import_skops
from stackit.validation import format_list

__all__ = ["dump_reproducibly", "zip_reproducibly"]

SCHEMA = "schema.json"
FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # of zip archives


def dump_reproducibly(state: Any) -> bytes:
    """Return the skops file of a value: equal values have equal files.

    A TypeError says that it has types or functions that could not be found when reading.
    """
    content, schema = _content_of(state)
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    _renumber(schema, numbers, files)
    text = json.dumps(schema)
    parts = {files[name]: content[name] for name in files}
    data = zip_reproducibly(parts | {SCHEMA: text.encode()})
    if "<" in text:  # as in <lambda>, or in some text
        nameless = [name for name in import_skops().get_untrusted_types(data=data) if "<" in name]
        if nameless:
            raise TypeError(f"{format_list(nameless)} cannot be found by name")
    return data


def _content_of(state: Any) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the arrays of a value by their file, and the rest of it.

    ``skops.io.dumps`` does the same, but most of its time goes into indents, which C code cannot make.
    """
    import_skops()
    skops = import_module("skops.io._utils")
    with zipfile.ZipFile(io.BytesIO(), "w") as file:
        context = skops.SaveContext(zip_file=file)
        schema = skops.get_state(state, context)
        content = {name: file.read(name) for name in file.namelist()}
    schema |= {"protocol": context.protocol, "_skops_version": metadata.version("skops")}
    return content, json.loads(json.dumps(schema))


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
