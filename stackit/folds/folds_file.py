"""The folds file: a CSV with the columns ``id, kfold``, and its metadata in a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Rows
from stackit.files import (
    Names,
    atomic_write,
    check_ids,
    digest,
    metadata_path,
    read_csv,
    read_metadata,
    write_metadata,
)
from stackit.validation import format_list, invalid_value

__all__ = ["read_folds_file", "write_folds_file"]

# An empty column with this name says that the metadata lists the training rows.
LISTED = "training rows in the .json file"


def write_folds_file(
    path: Path, ids: Any, assignment: Rows, train: list[Rows] | None, metadata: dict[str, Any]
) -> Path:
    """Write the CSV file and its metadata, each completely or not at all.

    `assignment` has the (n, n_repeats) fold that holds out each row, or -1; `train` has the training rows
    of each split, or is None when these are all other rows.
    """
    if path.suffix in (".gz", ".bz2", ".xz", ".zip", ".zst"):
        raise invalid_value("A folds file", "plain CSV", f"path={str(path)!r}", "Leave out the last suffix")
    names = check_ids(ids, len(assignment))
    table = pd.DataFrame({"id": names})
    for repeat, column in enumerate(assignment.T):
        table["kfold" if repeat == 0 else f"kfold_{repeat}"] = column
    if train is not None:
        # Without its metadata, the CSV would be read as folds that train on all other rows.
        table[LISTED] = ""
    content = {
        "made_by": metadata,
        "n_samples": len(names),
        "ids_digest": digest("\n".join(names)),
        "kfold_digest": _digest_of_folds(assignment),
        "train": None if train is None else [_ranges(rows) for rows in train],
    }
    content = json.loads(json.dumps(content, default=str))
    write_metadata(path, content | {"digest": _digest_of_metadata(content)})
    atomic_write(path, table.to_csv(index=False, lineterminator="\n"))
    return path


def read_folds_file(path: Path, ids: Any) -> tuple[int, tuple[tuple[Rows, Rows], ...], dict[str, Any]]:
    """Read both files and check them against the table's ids; return n, the splits and the metadata."""
    table = read_csv(path, str(path))
    header = list(table.columns)
    columns = [at for at, name in enumerate(header) if at and (name == "kfold" or name.startswith("kfold_"))]
    if not columns or header[columns[0]] != "kfold":
        raise invalid_value(f"Columns of {path}", "id, kfold", f"columns={header}", "Name them id and kfold")
    names = check_ids(ids, None)
    _compare_ids(path, table.iloc[:, 0].to_numpy(dtype=str), names)
    assignment = np.column_stack([_fold_numbers(path, header[at], table.iloc[:, at]) for at in columns])
    content = _read_checked_metadata(path, names, assignment)
    lists_train = LISTED in header or bool((assignment < 0).any())
    splits = _splits_of(path, assignment, content.get("train"), lists_train)
    return len(names), splits, content.get("made_by", {"scheme": path.name})


def _digest_of_folds(assignment: Rows) -> str:
    return digest("\n".join(assignment.astype(str).ravel()))


def _digest_of_metadata(content: dict[str, Any]) -> str:
    """Return the digest of all entries except the digest itself; the training rows are among them."""
    return digest(json.dumps({name: content[name] for name in content if name != "digest"}, sort_keys=True))


def _ranges(rows: Rows) -> list[list[int]]:
    """Return row numbers as sorted [first, last + 1] ranges."""
    ordered = np.sort(rows)
    breaks = np.flatnonzero(np.diff(ordered) != 1)
    firsts, lasts = ordered[np.r_[0, breaks + 1]], ordered[np.r_[breaks, len(ordered) - 1]]
    return [[int(first), int(last) + 1] for first, last in zip(firsts, lasts, strict=True)]


def _compare_ids(path: Path, stored: Names, names: Names) -> None:
    """Raise unless the file has the table's ids in the table's order."""
    repeated = pd.Series(stored)[pd.Series(stored).duplicated()].unique()
    differences = {
        "ids without a fold": np.setdiff1d(names, stored),
        "ids that the table does not have": np.setdiff1d(stored, names),
        "repeated ids": repeated,
    }
    found = [f"{len(some)} {kind} ({format_list(some)})" for kind, some in differences.items() if len(some)]
    if found:
        raise invalid_value(
            f"ids in {path}", "those of the table", "; ".join(found), "Make the folds file again"
        )
    if (stored != names).any():
        row = int(np.flatnonzero(stored != names)[0])
        raise invalid_value(
            f"ids in {path}",
            "in the order of the table",
            f"id {stored[row]} in the file and {names[row]} in the table at row {row}",
            "Sort one of the two by id",
        )


def _fold_numbers(path: Path, column: str, values: pd.Series[Any]) -> Rows:
    """Return a column's fold numbers; raise unless they count from 0 without gaps."""
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[numbers.isna() | (numbers != numbers.round()) | (numbers < -1)]
    if len(wrong):
        raise invalid_value(
            f"{column} in {path}",
            "a fold number in each row",
            f"{len(wrong)} others ({format_list(repr(value) for value in wrong)})",
            "Make the folds file again",
        )
    folds = numbers.to_numpy(dtype=np.intp)
    empty = np.setdiff1d(np.arange(folds.max() + 1), folds)
    if len(empty) or folds.max() < 0:
        raise invalid_value(
            f"{column} in {path}",
            "numbered from 0 without gaps",
            f"no rows in fold {format_list(empty) or 0}",
            "Make the folds file again",
        )
    return folds


def _read_checked_metadata(path: Path, names: Names, assignment: Rows) -> dict[str, Any]:
    """Read the metadata, and raise unless they belong to the CSV file and neither file was edited."""
    content = read_metadata(path, {"ids_digest": str, "kfold_digest": str})
    file = metadata_path(path)
    if not content:  # a folds file from elsewhere
        return content
    if content["ids_digest"] != digest("\n".join(names)):
        raise ValueError(f"{file} is about other ids than {path.name}: the two files do not belong together.")
    if content["kfold_digest"] != _digest_of_folds(assignment):
        raise ValueError(
            f"{path} was edited since {file.name} was written. Make the folds again, or delete {file.name} "
            "to accept the edit."
        )
    if "digest" not in content:
        raise ValueError(
            f"{file} has no digest of its content: it was edited, or an earlier version wrote it. "
            "Save the folds again."
        )
    if content["digest"] != _digest_of_metadata(content):
        raise ValueError(
            f"{file} was edited: its digest is not that of its training rows and other entries. "
            "Restore the file, or save the folds again."
        )
    return content


def _splits_of(
    path: Path, assignment: Rows, ranges: list[list[list[int]]] | None, lists_train: bool
) -> tuple[tuple[Rows, Rows], ...]:
    """Return the splits: with the training rows that are listed, or else with all other rows."""
    held_out = [np.flatnonzero(column == fold) for column in assignment.T for fold in range(column.max() + 1)]
    if ranges is None and lists_train:
        raise ValueError(
            f"{path} needs {metadata_path(path).name} next to it, with its list of training rows: some rows "
            "are never held out (kfold = -1), or left out of training. Copy that file too, or make the folds "
            "again."
        )
    if ranges is None:
        train = [np.setdiff1d(np.arange(len(assignment)), rows) for rows in held_out]
    else:
        train = [np.concatenate([np.arange(*pair) for pair in pairs]) for pairs in ranges]
    return tuple(zip(train, held_out, strict=True))
