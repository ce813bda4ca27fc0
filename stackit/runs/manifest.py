"""The manifest of a run: what it was made of, how far it is, and what it took."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stackit.files import atomic_write
from stackit.runs.config import RunConfig
from stackit.store.versions import version_of

__all__ = ["FORMAT", "changes", "digest_of_file", "new_manifest", "now", "read_manifest", "write_manifest"]

FORMAT = 1
FILE = "manifest.json"
PACKAGES = ("stackit", "numpy", "scipy", "pandas", "sklearn", "lightgbm", "xgboost", "catboost", "torch")
# Settings that may change while a run goes on: results do not depend on them, or it only gets further.
FREE = ("n_jobs", "time_limit")
CHUNK = 1 << 20


def new_manifest(config: RunConfig) -> dict[str, Any]:
    """Return the manifest of a run that starts now."""
    return {
        "format": FORMAT,
        "status": "running",
        "settings": _settings_of(config),
        "data": {
            name: {"file": path.name, "sha256": digest_of_file(path)}
            for name, path in config.paths.items()
            if name != "output"
        },
        "versions": {name: text for name in PACKAGES if (text := version_of(name)) is not None},
        "started": now(),
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a folder.

    Raises
    ------
    ValueError
        When the folder is no run, has a later format, or the manifest is damaged.
    """
    path = folder / FILE
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{folder} is no run: it has no {FILE}. Pass the folder of a run.") from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). Restore it, or choose another folder.") from error
    if not isinstance(manifest, dict) or not {"format", "status", "settings", "data"} <= manifest.keys():
        raise ValueError(f"{folder} is no run: its {FILE} is not that of one. Pass the folder of a run.")
    number = manifest["format"]
    if not isinstance(number, int) or number > FORMAT:
        raise ValueError(
            f"{folder} has the format {number!r} of a later stackit, and this one reads formats up to "
            f"{FORMAT}. Install a later stackit: pip install --upgrade stackit."
        )
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, completely or not at all."""
    atomic_write(folder / FILE, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def changes(known: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what is different between the settings and the data of two manifests, one text each."""
    found = []
    for name in dict.fromkeys([*known["settings"], *new["settings"]]):
        before, after = known["settings"].get(name), new["settings"].get(name)
        if before != after and name not in FREE:
            found.append(f"{name} was {before!r} and is {after!r}")
    for name in dict.fromkeys([*known["data"], *new["data"]]):
        before, after = (each["data"].get(name, {}) for each in (known, new))
        if before.get("sha256") != after.get("sha256"):
            file = after.get("file") or before.get("file")
            found.append(
                f"the content of {name} ({file}) has changed"
                if before and after
                else f"{name} is {'new' if after else 'gone'} ({file})"
            )
    return found


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    state = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()


def now() -> str:
    """Return the time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _settings_of(config: RunConfig) -> dict[str, Any]:
    """Return the settings that are no paths, as plain values."""
    return {name: value for name, value in config.model_dump(mode="json").items() if name not in config.paths}
