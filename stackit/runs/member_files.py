"""The prediction files of a run: one CSV per member, with a name that every file system takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stackit.arrays import Floats
from stackit.files import atomic_write, digest, read_csv

__all__ = ["STACK", "file_names", "predictions_of", "read_predictions_of", "write_predictions"]

STACK = "stack"  # the name of the blend among the members

UNSAFE = re.compile(r"[^\w.-]+")
MOST = 100  # characters of a file name
# Names that Windows keeps for devices, whatever the suffix.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file name for each name, different also where a file system does not tell cases apart.

    Examples
    --------
    >>> file_names(["linear", "../secret", "Linear", "con"])
    {'linear': 'linear.csv', '../secret': '_secret-a6b09678.csv', 'Linear': 'Linear-e6950b45.csv',
     'con': 'con-1143da2b.csv'}
    """
    taken: set[str] = set()
    found = {}
    for name in names:
        safe = UNSAFE.sub("_", name)[:MOST].strip(".")
        if safe != name or not safe or RESERVED.fullmatch(safe) or safe.lower() in taken:
            safe = f"{safe}-{digest(name, 8)}"
        taken.add(safe.lower())
        found[name] = f"{safe}.csv"
    return found


def write_predictions(folder: Path, tables: Mapping[str, pd.DataFrame], files: Mapping[str, str]) -> None:
    """Write the table of each member, with its ids as the index, each file completely or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        atomic_write(folder / files[name], table.to_csv(lineterminator="\n"))


def read_predictions_of(folder: Path, files: Mapping[str, str]) -> pd.DataFrame:
    """Return the predictions of all members in a folder side by side, with their ids as the index."""
    tables = []
    for file in files.values():
        path = folder / file
        if path.is_file():
            table = read_csv(path, str(path))
            table = table.set_index(table.columns[0])
            tables.append(table.replace("", "nan").astype(float))
    return pd.concat(tables, axis=1) if tables else pd.DataFrame()


def predictions_of(table: pd.DataFrame, names: Iterable[str], is_classification: bool) -> dict[str, Floats]:
    """Return the (n, width) predictions of each member in a table as `read_predictions_of` returns it."""
    found = {}
    for name in names:
        columns = [each for each in map(str, table) if each == name or each.startswith(f"{name}__")]
        values = table[columns].to_numpy(dtype=np.float64)
        is_pair = is_classification and len(columns) == 1
        found[name] = np.hstack([1 - values, values]) if is_pair else values
    return found
