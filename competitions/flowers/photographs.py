"""The photographs of flowers: their codes, which of them are one and the same, and the parts they go into."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import normalize

from stackit.images import CNNCodes
from stackit.validation import invalid_value

__all__ = ["GIVEN", "NEAREST", "OWN", "digests", "given_codes", "groups_of", "own_codes", "three_parts"]

Codes = npt.NDArray[np.float32]
Ints = npt.NDArray[np.intp]

GIVEN = {
    "inception_v3": "codes_inception_v3.npz",
    "mobilenet_v1_1.0": "codes_mobilenet_v1_1.0_224.npz",
}
"""Code sets that others have made, and their files."""
OWN = {"mobilenet_v1_0.75": "mobilenet_v1_0.75", "squeezenet1.1": "squeezenet1.1_notop"}
"""Code sets that are made here, and their networks."""
NEAREST = 0.93
"""Photographs with codes of a larger cosine by all networks are taken for one and the same."""


def given_codes(folder: Path, rows: Ints) -> dict[str, Codes]:
    """Return the given code sets of some photographs, in the order of ``labels.csv``."""
    found = {}
    for name, file in GIVEN.items():
        with np.load(folder / file) as arrays:
            found[name] = arrays["codes"][rows].astype(np.float32)
    return found


def own_codes(archive: Path, files: Any, cache: Path, n_jobs: int = -1) -> dict[str, Codes]:
    """Return the code sets that networks make of photographs here; what the cache has is read from it.

    Parameters
    ----------
    archive : path
        The zip file of the photographs.
    files : sequence of str
        Their names in it.
    cache : path
        A folder, where no photograph passes through a network twice.
    n_jobs : int
        Threads that decode.

    Returns
    -------
    dict of (n, d) arrays
        One per network.
    """
    makers = {name: CNNCodes(net, root=archive, cache=cache, n_jobs=n_jobs) for name, net in OWN.items()}
    return {name: maker.fit_transform(list(files)) for name, maker in makers.items()}


def digests(archive: Path, files: Any) -> list[str]:
    """Return the sha256 of each photograph's content."""
    with zipfile.ZipFile(archive) as photographs:
        return [hashlib.sha256(photographs.read(file)).hexdigest() for file in files]


def groups_of(contents: Sequence[str], codes: Sequence[Codes], nearest: float = NEAREST) -> Ints:
    """Number the photographs so that those that are one and the same have one number.

    They are when their contents are equal, or when all their codes point the same way: the photograph cut,
    tinted or stored otherwise, or the same flower a moment later. One network alone finds all daisies alike.
    What resembles a photograph that resembles a third is of one group with it.

    Parameters
    ----------
    contents : sequence of n str
        What tells contents apart, such as a digest.
    codes : sequence of (n, d) arrays
        Of one network or several.
    nearest : float
        The cosine from which on codes are those of one photograph.

    Returns
    -------
    (n,) array of int

    Raises
    ------
    ValueError
        When there are not as many contents as codes.

    Examples
    --------
    >>> groups_of(["a", "b", "a", "c"], [np.float32([[1, 0], [0, 1], [1, 0], [0.1, 9]])]).tolist()
    [0, 1, 0, 1]
    """
    n = len(codes[0])
    if len(contents) != n:
        raise invalid_value(
            "contents", f"one for each of {n} codes", f"{len(contents)} contents", "Pass all of them"
        )
    _, of_content = np.unique(np.asarray(contents), return_inverse=True)
    first = np.unique(of_content, return_index=True)[1][of_content]
    alike = np.min([unit @ unit.T for unit in map(normalize, codes)], axis=0)
    one, other = np.nonzero(np.triu(alike > nearest, k=1))
    edges = np.concatenate([first, one]), np.concatenate([np.arange(n), other])
    graph = coo_array((np.ones(len(edges[0])), edges), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)


def three_parts(y: Any, groups: Ints, seed: int) -> dict[str, Ints]:
    """Split into eight tenths to learn from and a tenth each of `valid` and `test`, by class.

    Photographs that are there more than once are learned from, so that none of them is in two parts.

    Parameters
    ----------
    y : (n,) array-like
        The classes.
    groups : (n,) array of int
        Which photographs are one and the same.
    seed : int
        Of the split.

    Returns
    -------
    dict of arrays of int
        The rows of `train`, `valid` and `test`, sorted.
    """
    y, n_held = np.asarray(y), round(0.1 * len(groups))
    singles = np.flatnonzero(np.bincount(groups)[groups] == 1)
    _, held = train_test_split(singles, test_size=2 * n_held, stratify=y[singles], random_state=seed)
    valid, test = train_test_split(held, test_size=n_held, stratify=y[held], random_state=seed)
    train = np.setdiff1d(np.arange(len(y)), held)
    return {"train": train, "valid": np.sort(valid), "test": np.sort(test)}
