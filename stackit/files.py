"""The folds file: ``id, kfold`` columns in a CSV, and beside it what made them."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Rows
from stackit.validation import format_list, invalid_value

__all__ = ["Names", "atomic_write", "check_ids", "metadata_path", "read", "write"]

# A column of nothing, which says that training rows are listed beside the CSV.
LISTED = "training rows in the .json file"
Names = npt.NDArray[np.str_]


def write(path: Path, ids: Any, assignment: Rows, train: list[Rows] | None, metadata: dict[str, Any]) -> Path:
    """Write the CSV and the facts beside it, each whole or not at all.

    Parameters
    ----------
    path : path
        The CSV file.
    ids : (n,) array-like
        One unique id a row.
    assignment : (n, n_repeats) array of int
        The fold that holds out each row, or -1.
    train : list of arrays of row numbers, or None
        The training rows of each split; None when they are all the others.
    made_by : dict
        What made the folds.
    """
    if path.suffix in (".gz", ".bz2", ".xz", ".zip", ".zst"):
        raise invalid_value("A folds file", "plain CSV", f"path={str(path)!r}", "Leave out the last suffix")
    names = check_ids(ids, len(assignment))
    table = pd.DataFrame({"id": names})
    for repeat, column in enumerate(assignment.T):
        table[_column(repeat)] = column
    if train is not None:
        # Alone, the CSV would be read as folds that train on all other rows.
        table[LISTED] = ""
    facts = {
        "made_by": metadata,
        "n_samples": len(names),
        "ids_digest": _digest_of(names),
        "kfold_digest": _digest_of(assignment.astype(str).ravel()),
        "train": None if train is None else [_ranges(rows) for rows in train],
    }
    facts = json.loads(json.dumps(facts, default=str))
    facts["digest"] = _digest_of_facts(facts)
    atomic_write(metadata_path(path), json.dumps(facts, indent=1) + "\n")
    atomic_write(path, table.to_csv(index=False, lineterminator="\n"))
    return path


def read(path: Path, ids: Any) -> tuple[int, tuple[tuple[Rows, Rows], ...], dict[str, Any]]:
    """Read both files, checked against the table's ids; return n, the splits and what made them."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = [name for name in table.columns[1:] if name == "kfold" or name.startswith("kfold_")]
    if not columns or columns[0] != "kfold":
        raise invalid_value(
            f"Columns of {path}", "id, kfold", f"columns={list(table.columns)}", "Name them id and kfold"
        )
    names = check_ids(ids, None)
    _compare_ids(path, table.iloc[:, 0].to_numpy(dtype=str), names)
    assignment = np.column_stack([_fold_numbers(path, name, table[name]) for name in columns])
    facts = _read_facts(path, names, assignment)
    metadata = facts.get("made_by", {"scheme": path.name})
    is_listed = LISTED in table.columns or bool((assignment < 0).any())
    return len(names), _splits_of(path, assignment, facts.get("train"), is_listed), metadata


def atomic_write(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all, also when others write it too.

    Parameters
    ----------
    path : path
        The file; its folder is there already.
    content : str or bytes
        What it will hold; text is written as UTF-8, its line ends as they are.

    Raises
    ------
    OSError
        When it cannot be written: what was there before still is, and nothing is left behind.
    """
    data = content.encode() if isinstance(content, str) else content
    # In the same folder, since files are renamed in one step only within one file system.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a folder's list of names to the disk, where the system opens folders at all."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _column(repeat: int) -> str:
    return "kfold" if repeat == 0 else f"kfold_{repeat}"


def metadata_path(path: Path) -> Path:
    """Return where the facts about a CSV file are: the same name with ``.json`` behind it."""
    return path.with_name(path.name + ".json")


def _digest_of(names: npt.NDArray[np.str_]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _digest_of_facts(facts: dict[str, Any]) -> str:
    """Return a digest of all facts but the digest itself, the training rows among them."""
    others = {name: value for name, value in facts.items() if name != "digest"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()[:16]


def _ranges(rows: Rows) -> list[list[int]]:
    """Sorted row numbers as [first, last + 1] ranges."""
    ordered = np.sort(rows)
    breaks = np.flatnonzero(np.diff(ordered) != 1)
    firsts, lasts = ordered[np.r_[0, breaks + 1]], ordered[np.r_[breaks, len(ordered) - 1]]
    return [[int(first), int(last) + 1] for first, last in zip(firsts, lasts, strict=True)]


def check_ids(ids: Any, n: int | None, what: str = "ids", unique: bool = True) -> Names:
    """Return ids as text, checked.

    Parameters
    ----------
    ids : (n,) array-like
        The ids, of any type.
    n : int or None
        How many there must be, where that is known.
    what : str
        What they are called in the error.
    unique : bool
        Whether each must come up once.

    Raises
    ------
    ValueError
        When ids are missing or repeated, or are not one a row.
    """
    values = pd.Series(np.asarray(ids))
    if n is not None and len(values) != n:
        raise invalid_value(what, f"one a row, {n}", f"{len(values)} ids", "Pass the id column of the table")
    if values.isna().any():
        raise invalid_value(
            what, "without missing values", f"{int(values.isna().sum())} missing", "Fill them"
        )
    names = values.astype(str)
    repeated = names[names.duplicated()].unique() if unique else names[:0].unique()
    if len(repeated):
        raise invalid_value(
            what, "unique", f"{len(repeated)} repeated ({format_list(repeated)})", "Drop the duplicates"
        )
    return names.to_numpy(dtype=str)


def _compare_ids(path: Path, stored: npt.NDArray[np.str_], names: npt.NDArray[np.str_]) -> None:
    """Raise unless the file's ids are the table's, in the table's order; say where they differ."""
    lost, unknown = np.setdiff1d(names, stored), np.setdiff1d(stored, names)
    repeated = pd.Series(stored)[pd.Series(stored).duplicated()].unique()
    found = [
        f"{len(some)} {kind} ({format_list(some)})"
        for kind, some in (
            ("ids without a fold", lost),
            ("ids that the table does not have", unknown),
            ("repeated ids", repeated),
        )
        if len(some)
    ]
    if found:
        raise invalid_value(
            f"ids in {path}", "those of the table", "; ".join(found), "Make the folds file anew"
        )
    if (stored != names).any():
        row = int(np.flatnonzero(stored != names)[0])
        raise invalid_value(
            f"ids in {path}",
            "in the order of the table",
            f"id {stored[row]} in the file and {names[row]} in the table at row {row}",
            "Sort one of the two by id",
        )


def _fold_numbers(path: Path, column: str, values: pd.Series[Any]) -> npt.NDArray[np.intp]:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[numbers.isna() | (numbers != numbers.round()) | (numbers < -1)]
    if len(wrong):
        raise invalid_value(
            f"{column} in {path}",
            "a fold number in each row",
            f"{len(wrong)} others ({format_list(repr(value) for value in wrong)})",
            "Make the folds file anew",
        )
    folds = numbers.to_numpy(dtype=np.intp)
    empty = np.setdiff1d(np.arange(folds.max() + 1), folds)
    if len(empty) or folds.max() < 0:
        raise invalid_value(
            f"{column} in {path}",
            "numbered from 0 without a hole",
            f"no rows in fold {format_list(empty) or 0}",
            "Make the folds file anew",
        )
    return folds


def _read_facts(path: Path, names: Names, assignment: Rows) -> dict[str, Any]:
    """Read what `write` wrote beside the CSV; a folds file from elsewhere has nothing there."""
    beside = metadata_path(path)
    if not beside.exists():
        return {}
    try:
        facts: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        ids_digest, kfold_digest = facts["ids_digest"], facts["kfold_digest"]
    except (ValueError, KeyError, TypeError) as error:
        raise invalid_value(
            f"{beside}", "as it was written", f"{type(error).__name__}: {error}", "Make the folds anew"
        ) from error
    if ids_digest != _digest_of(names):
        raise invalid_value(
            f"{beside}",
            f"about the ids in {path.name}",
            f"{ids_digest=}",
            "The two files do not belong together: make them anew",
        )
    if kfold_digest != _digest_of(assignment.astype(str).ravel()):
        raise invalid_value(
            f"{path}",
            f"as it was when {beside.name} was written",
            f"{kfold_digest=}",
            "It was edited since: make the folds anew, or remove the .json file to accept the edit",
        )
    _check_facts(beside, facts)
    return facts


def _check_facts(beside: Path, facts: dict[str, Any]) -> None:
    """Raise when the facts were edited, or were written before their digest covered all of them."""
    if "digest" not in facts:
        raise invalid_value(
            f"{beside}",
            "a file with a digest of all that it says, training rows included",
            "none: it was edited, or written by an earlier version",
            "Save the folds again",
        )
    if facts["digest"] != _digest_of_facts(facts):
        raise invalid_value(
            f"{beside}",
            "as it was written",
            f"digest={facts['digest']!r}, which is not that of its training rows and other facts",
            "It was edited since: save the folds again, or restore the file",
        )


def _splits_of(
    path: Path, assignment: Rows, ranges: list[list[list[int]]] | None, is_listed: bool
) -> tuple[tuple[Rows, Rows], ...]:
    """Make the splits of a folds file: those it lists, or for each fold all other rows against it."""
    held_out = [np.flatnonzero(column == fold) for column in assignment.T for fold in range(column.max() + 1)]
    if ranges is None and is_listed:
        raise invalid_value(
            f"{path}",
            f"beside {metadata_path(path).name} when rows are never held out (kfold = -1), or not trained on "
            "by a fold that does not hold them out",
            "no list of training rows",
            "Copy that file too, or make the folds anew",
        )
    if ranges is None:
        train = [np.setdiff1d(np.arange(len(assignment)), rows) for rows in held_out]
    else:
        train = [np.concatenate([np.arange(*pair) for pair in pairs]) for pairs in ranges]
    return tuple(zip(train, held_out, strict=True))
