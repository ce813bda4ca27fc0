"""Files of weights in the formats of published networks, as named tensors; pickles are not trusted."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from stackit.arrays import FilePath
from stackit.validation import format_list, invalid_value

__all__ = ["Arrays", "check_digest", "read_arrays"]

Arrays = dict[str, torch.Tensor]
WHAT = "A file of weights"
DAMAGE = (ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile)


def read_arrays(path: FilePath, sha256: str | None = None) -> Arrays:
    """Return the arrays of a file of weights by their names, as tensors on the CPU.

    The content of the file decides, not its name: safetensors; NumPy's ``.npz``; files of ``torch.save``,
    read with ``weights_only``. No code of a file is ever run. Bare pickles, as torch wrote them before
    version 1.6, are read (with ``weights_only``) when their checksum is the published one, and otherwise
    refused.

    Parameters
    ----------
    path : path
        The file.
    sha256 : str, optional
        The checksum, or its beginning: names such as ``vgg16-397923af.pth`` contain that.

    Returns
    -------
    dict of str to torch.Tensor
        For a checkpoint, its ``state_dict``.

    Raises
    ------
    ValueError
        When the file is of another format, damaged, has another checksum, or holds more than arrays.
    OSError
        When it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/weights.npz"
    >>> np.savez(path, kernel=np.ones((3, 3), np.float32))
    >>> {name: tensor.shape for name, tensor in read_arrays(path).items()}
    {'kernel': torch.Size([3, 3])}
    """
    if sha256 is not None:
        check_digest(path, sha256)
    read = _reader(path, trusted=sha256 is not None)
    try:
        arrays = read(path)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        kind = f"a pickle that needs {found[1]}" if found else "a pickle of more than arrays"
        advice = "Save the state_dict of the network, or write it again as safetensors"
        raise _invalid(path, kind, advice) from error
    except (safetensors.SafetensorError, *DAMAGE) as error:
        reason = str(error).partition("\n")[0]
        advice = "Download it again: it is damaged, or not a file of weights"
        raise _invalid(path, reason, advice) from error
    return _tensors(arrays, path)


def check_digest(path: FilePath, sha256: str) -> None:
    """Raise ValueError unless the sha256 of a file begins like this."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not sha256 or not digest.startswith(sha256.lower()):
        advice = "Download it again: it is damaged, or not the published one"
        raise invalid_value(WHAT, f"of the sha256 {sha256}...", f"{str(path)!r} of {digest}", advice)


def _reader(path: FilePath, *, trusted: bool) -> Callable[[FilePath], Mapping[str, Any]]:
    """Return the function that reads a file, by its first bytes."""
    with open(path, "rb") as file:
        start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        return _read_archive
    if start.startswith(b"\x89HDF"):
        advice = "Write its arrays with numpy.savez, each named <layer>/<kind> as in the file"
        raise _invalid(path, "HDF5, which needs another library", advice)
    if start.startswith(b"\x93NUMPY"):
        kind = "one array of NumPy, or a pickle in its place"
        raise _invalid(path, kind, "Write its arrays with numpy.savez")
    if start.startswith(b"\x80"):
        if not trusted:
            advice = "Call read_weights with the published sha256, or write it again as safetensors"
            raise _invalid(path, "a bare pickle, which can run any code", advice)
        return _read_torch
    return _read_safetensors


def _read_safetensors(path: FilePath) -> Arrays:
    return safetensors.torch.load_file(os.fspath(path))


def _read_torch(path: FilePath) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _read_archive(path: FilePath) -> Any:
    """Read a zip archive: torch writes data.pkl into it, NumPy one .npy per array."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(Path(name).name == "data.pkl" for name in names):
        return _read_torch(path)
    if not all(name.endswith(".npy") for name in names):
        raise ValueError(f"an archive of {format_list(names, 3)}")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _tensors(arrays: Any, path: FilePath) -> Arrays:
    """Return the arrays as tensors; those of a checkpoint are in its state_dict."""
    if isinstance(arrays, Mapping) and isinstance(arrays.get("state_dict"), Mapping):
        arrays = arrays["state_dict"]
    if not isinstance(arrays, Mapping) or not arrays:
        raise _invalid(path, f"a {type(arrays).__name__}", "Save the state_dict of the network")
    if other := [name for name, array in arrays.items() if not _is_real(array)]:
        kind = f"with {format_list(other)}, which are not arrays of real numbers"
        raise _invalid(path, kind, "Save the state_dict alone")
    return {str(name): _tensor(array) for name, array in arrays.items()}


def _is_real(array: Any) -> bool:
    if isinstance(array, np.ndarray):
        return array.dtype.kind in "fiub"
    return isinstance(array, torch.Tensor) and not array.is_complex()


def _tensor(array: Any) -> torch.Tensor:
    if isinstance(array, np.ndarray):
        kind = array.dtype.newbyteorder("=")  # torch supports only the native byte order, and no longdouble
        array = array.astype(np.float64 if kind == np.longdouble else kind, copy=False)
    return torch.as_tensor(array)


def _invalid(path: FilePath, kind: str, advice: str) -> ValueError:
    expected = "safetensors, .npz or a state_dict of torch"
    return invalid_value(WHAT, expected, f"{str(path)!r} ({kind})", advice)
