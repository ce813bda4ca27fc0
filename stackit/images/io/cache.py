"""Codes kept in a folder under the content of their photographs: none passes through a network twice."""

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

from stackit.files import atomic_write
from stackit.images.network import Codes
from stackit.validation import warn

__all__ = ["CodeCache"]

DAMAGE = (OSError, ValueError, IndexError, EOFError)
LIKENESS = "likeness"
# Other threads, batches and machines round otherwise, by far less than that.
TOLERANCE = 1e-3


class CodeCache:
    """The codes of one way through a network, in files of one batch each.

    A file is an array of NumPy with a row a photograph: the sha256 of its content, a checksum, and the codes.
    It is written whole or not at all, and several processes may use one folder. What is damaged counts as
    absent.

    Parameters
    ----------
    path : path
        The folder; it is made when the first codes come.
    way : str
        What else the codes depend on: network, layer, views. Each way has a folder of its own.
    likeness : (d,) array of float32
        What the network makes of a fixed image. Ways of equal words whose likenesses differ by more than
        rounding are different ways.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> probe_output = np.float32([0.5, 0.25])
    >>> CodeCache(folder, "resnet18 relu", probe_output).put({b"k" * 32: np.float32([1, 2])})
    >>> CodeCache(folder, "resnet18 relu", probe_output).get(b"k" * 32)
    array([1., 2.], dtype=float32)
    >>> CodeCache(folder, "resnet18 conv1", probe_output).get(b"k" * 32) is None
    True
    >>> CodeCache(folder, "resnet18 relu", probe_output[::-1]).get(b"k" * 32) is None
    True
    """

    def __init__(self, path: str | os.PathLike[str], way: str, probe_output: Codes) -> None:
        self.probe_output = probe_output
        self.folder = _folder_of(Path(path) / hashlib.sha256(way.encode()).hexdigest()[:32], probe_output)
        self.places: dict[bytes, list[tuple[Path, int]]] = {}
        for file in sorted(self.folder.glob("*.npy")):
            self._index(file)

    def get(self, key: bytes) -> Codes | None:
        """Return the codes kept under a photograph's digest, or None; damaged ones are left aside."""
        places = self.places.get(key, ())
        for file, row in places:
            codes = _read(file, row)
            if codes is not None:
                return codes
        if places:
            warn(f"Kept codes must be whole; got {places[0][0]}. They are computed again.")
        return None

    def put(self, codes: dict[bytes, Codes]) -> None:
        """Keep the codes of a batch, by the digests of its photographs.

        Raises
        ------
        OSError
            When they cannot be written; what else is kept stays as it was.
        """
        width = len(next(iter(codes.values())))
        rows = np.zeros(len(codes), [("key", "V32"), ("check", "<u4"), ("codes", "<f4", (width,))])
        for row, (key, values) in zip(rows, codes.items(), strict=True):
            row["key"], row["check"], row["codes"] = key, zlib.crc32(values.tobytes()), values
        self.folder.mkdir(parents=True, exist_ok=True)
        if _loaded(self.folder / LIKENESS) is None:
            atomic_write(self.folder / LIKENESS, _as_npy(self.probe_output))
        name = hashlib.sha256(b"".join(codes)).hexdigest()[:32]
        atomic_write(self.folder / f"{name}.npy", _as_npy(rows))

    def _index(self, file: Path) -> None:
        try:
            keys = np.load(file, mmap_mode="r", allow_pickle=False)["key"]
        except DAMAGE as error:
            warn(f"Kept codes must be whole; got {file} ({error}). They are computed again.")
            with suppress(OSError):  # another process may have been here
                file.rename(file.with_suffix(".damaged"))
            return
        for row, key in enumerate(keys):
            self.places.setdefault(bytes(key), []).append((file, row))


def _folder_of(way: Path, probe_output: Codes) -> Path:
    """The folder whose network made the same of the fixed image, or a new one."""
    for file in sorted(way.glob(f"*/{LIKENESS}")):
        known = _loaded(file)
        if known is not None and known.shape == probe_output.shape and _is_like(known, probe_output):
            return file.parent
    return way / hashlib.sha256(probe_output.tobytes()).hexdigest()[:16]


def _is_like(known: Codes, probe_output: Codes) -> bool:
    most = np.abs(known).max(initial=0, where=np.isfinite(known))
    return np.allclose(known, probe_output, rtol=0, atol=TOLERANCE * most, equal_nan=True)


def _loaded(file: Path) -> Codes | None:
    try:
        return np.array(np.load(file, allow_pickle=False), np.float32)
    except DAMAGE:
        return None


def _as_npy(array: npt.NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def _read(file: Path, row: int) -> Codes | None:
    """The codes in a row of a file, or None where they are damaged."""
    try:
        kept = np.load(file, mmap_mode="r", allow_pickle=False)[row]
        codes, check = np.array(kept["codes"]), int(kept["check"])
    except DAMAGE:
        return None
    return codes if zlib.crc32(codes.tobytes()) == check else None
