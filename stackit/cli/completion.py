"""What a shell completes after Tab: presets, metrics, folders of runs, columns of the table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["complete_columns", "complete_metrics", "complete_run_folders"]

RUNS = Path("runs")
MANIFEST = "manifest.json"
TEXTS = (".csv", ".tsv", ".txt")
SEPARATORS = ",;\t|"


def complete_metrics(incomplete: str) -> list[str]:
    """Return the names of metrics that begin so."""
    from sklearn.metrics import get_scorer_names

    return [name for name in get_scorer_names() if name.startswith(incomplete)]


def complete_run_folders(incomplete: str) -> list[str]:
    """Return the folders of runs with a path that begins so."""
    typed = Path(incomplete)
    above = typed if incomplete.endswith("/") else typed.parent
    folders = {path.parent for top in (RUNS, above) for path in _manifests(top)}
    return sorted(str(path) for path in folders if str(path).startswith(incomplete))


def complete_columns(ctx: Any, incomplete: str) -> list[str]:
    """Return the columns of the training table that begin so."""
    # The parser stops at the option that lacks its value, and leaves the arguments where they are.
    words = [ctx.params.get("train"), ctx.params.get("table"), *ctx.args]
    tables = [Path(word) for word in words if word is not None and Path(word).suffix in TEXTS]
    path = next((each for each in tables if each.is_file()), None)
    if path is None:
        return []
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        header = file.readline()
    separator = max(SEPARATORS, key=header.count)
    names = next(csv.reader([header], delimiter=separator), [])
    return [name for name in names if name.startswith(incomplete)]


def _manifests(folder: Path) -> Iterator[Path]:
    """Yield the manifests of the folders in a folder."""
    if folder.is_dir():
        yield from folder.glob(f"*/{MANIFEST}")
