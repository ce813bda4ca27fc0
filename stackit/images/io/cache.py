"""Codes cached in a folder by the content of their photographs."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.files import atomic_write, digest
from stackit.images.network import Codes
from stackit.validation import warn

__all__ = ["CodeCache"]

DAMAGE = (OSError, ValueError, IndexError, EOFError)
PROBE = "probe_output"
# Threads, batches and machines round differently, by far less than this.
TOLERANCE = 1e-3


class CodeCache:
    """The codes of one configuration of a network, in files of one batch each.

    A file is a NumPy array with a row per photograph: the sha256 of its content, a checksum, and the codes.
    Writes are atomic, and several processes may use one folder. Damaged files are computed again.

    The configuration is what else the codes depend on: network, layer, views. Networks of one configuration
    with outputs for a fixed image, `probe_output`, that differ by more than rounding are kept apart.
    """

    def __init__(self, path: str | os.PathLike[str], configuration: str, probe_output: Codes) -> None:
        self.probe_output = probe_output
        self.folder = _folder_of(Path(path) / digest(configuration, 32), probe_output)
        self.places: dict[bytes, list[tuple[Path, int]]] = {}
        for file in sorted(self.folder.glob("*.npy")):
            self._index(file)

    def get(self, key: bytes) -> Codes | None:
        """Return the codes under a photograph's digest, or None where there are none or they are damaged."""
        places = self.places.get(key, ())
        for file, row in places:
            codes = _read_codes(file, row)
            if codes is not None:
                return codes
        if places:
            warn(f"The cached codes in {places[0][0]} are damaged. They are computed again.")
        return None

    def put(self, codes: dict[bytes, Codes]) -> None:
        """Write the codes of a batch under the digests of its photographs."""
        width = len(next(iter(codes.values())))
        rows = np.zeros(len(codes), [("key", "V32"), ("check", "<u4"), ("codes", "<f4", (width,))])
        for row, (key, values) in zip(rows, codes.items(), strict=True):
            row["key"], row["check"], row["codes"] = key, zlib.crc32(values.tobytes()), values
        self.folder.mkdir(parents=True, exist_ok=True)
        if _read_probe(self.folder / PROBE) is None:
            atomic_write(self.folder / PROBE, _as_npy(self.probe_output))
        name = hashlib.sha256(b"".join(codes)).hexdigest()[:32]
        atomic_write(self.folder / f"{name}.npy", _as_npy(rows))

    def _index(self, file: Path) -> None:
        try:
            keys = np.load(file, mmap_mode="r", allow_pickle=False)["key"]
        except DAMAGE as error:
            warn(f"The cached codes in {file} are damaged ({error}). They are computed again.")
            with suppress(OSError):  # another process may have renamed it
                file.rename(file.with_suffix(".damaged"))
            return
        for row, key in enumerate(keys):
            self.places.setdefault(bytes(key), []).append((file, row))


def _folder_of(folder: Path, probe_output: Codes) -> Path:
    """Return the subfolder of the network with this output for the fixed image, or that of a new network."""
    for file in sorted(folder.glob(f"*/{PROBE}")):
        known = _read_probe(file)
        if known is not None and known.shape == probe_output.shape:
            largest = np.abs(known).max(initial=0, where=np.isfinite(known))
            if np.allclose(known, probe_output, rtol=0, atol=TOLERANCE * largest, equal_nan=True):
                return file.parent
    return folder / hashlib.sha256(probe_output.tobytes()).hexdigest()[:16]


def _read_probe(file: Path) -> Codes | None:
    try:
        return np.array(np.load(file, allow_pickle=False), np.float32)
    except DAMAGE:
        return None


def _as_npy(array: npt.NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def _read_codes(file: Path, row: int) -> Codes | None:
    """Return the codes in a row of a file, or None where they are damaged."""
    try:
        record = np.load(file, mmap_mode="r", allow_pickle=False)[row]
        codes, check = np.array(record["codes"]), int(record["check"])
    except DAMAGE:
        return None
    return codes if zlib.crc32(codes.tobytes()) == check else None
