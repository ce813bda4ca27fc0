"""The runs in a folder, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from stackit.arrays import FilePath
from stackit.runs.manifest import read_manifest

__all__ = ["list_runs"]

COLUMNS = ["status", "task", "scoring", "score", "sem", "preset", "rows", "members", "seconds", "started"]
PATTERNS = ("manifest.json", "*/manifest.json", "*/*/manifest.json")


def list_runs(folder: FilePath = "runs") -> pd.DataFrame:
    """List the runs in a folder and in the folders in it, the last one first.

    Parameters
    ----------
    folder : path
        The folder.

    Returns
    -------
    DataFrame
        One row per run, with its path as the index: status, task, scoring, score, standard error, preset,
        rows, members, seconds, and when it was started. A run that cannot be read says why as its status.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.

    Examples
    --------
    >>> list_runs("runs")[["status", "score"]]  # doctest: +SKIP
                    status    score
    run
    runs/titanic  finished  0.88226
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}. Pass the folder of the runs.")
    paths = sorted({path.parent for pattern in PATTERNS for path in folder.glob(pattern)})
    rows = {path.as_posix(): row for path in paths if (row := _row(path)) is not None}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).rename_axis("run")
    return table.sort_values("started", ascending=False, na_position="last", kind="stable")


def _row(path: Path) -> list[Any] | None:
    """Return the row of a folder; None where the manifest is that of something else."""
    try:
        manifest = read_manifest(path)
    except ValueError as error:
        return None if " is no run: " in str(error) else [str(error), *[None] * (len(COLUMNS) - 1)]
    facts = {
        **manifest,
        "preset": manifest["settings"].get("preset"),
        "members": len(manifest["files"]) - 1 if "files" in manifest else None,
        "seconds": manifest.get("seconds", {}).get("total"),
    }
    return [facts.get(name) for name in COLUMNS]
