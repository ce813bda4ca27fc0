"""MNIST's own file format, IDX: a few bytes that say the shape, and then the numbers."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.validation import invalid_value

__all__ = ["read_idx"]

UNSIGNED_BYTES = 8


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read a gzipped IDX file of unsigned bytes.

    Parameters
    ----------
    path : path
        Such as ``train-images-idx3-ubyte.gz``.

    Returns
    -------
    array of uint8
        Images (n, height, width), or labels (n,).

    Raises
    ------
    ValueError
        When the file is of another kind, or does not hold as many numbers as it says.
    """
    content = gzip.decompress(path.read_bytes())
    kind, n_axes = content[2], content[3]
    shape = np.frombuffer(content, ">i4", count=n_axes, offset=4)
    numbers = np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes)
    if kind != UNSIGNED_BYTES or len(numbers) != np.prod(shape):
        what = f"{path.name} of kind {kind} with {len(numbers)} numbers for shape {tuple(shape)}"
        raise invalid_value(
            "An IDX file", "unsigned bytes, as many as its shape says", what, "Get the file again"
        )
    return numbers.reshape(shape)
