"""A stack on the codes of four networks for photographs of flowers.

    python -m competitions.flowers.solve [--data DIR] [--out DIR] [--quick]

Two code sets are made here of the photographs, two were made by others; on each stand seven base estimators.
All 28 are stacked twice: on 2936 photographs, to predict 367 and 367 others, and in ten folds of all.
What is finished is kept in the folder ``--out``: a run that was stopped goes on. ``--quick`` takes a few
photographs of each class, to see that it runs. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from competitions import run
from competitions.data import find
from competitions.flowers.levels import STACK, both_levels, crossed_scores, held_scores, said
from competitions.flowers.photographs import GIVEN, digests, given_codes, groups_of, own_codes, three_parts
from competitions.flowers.pictures import draw_confusion, draw_map, draw_worst, in_the_plane, worst
from stackit import DiskStore, Folds, make_folds

FILES = ["photos.zip", "labels.csv", *GIVEN.values()]
PAGE = "the page of the TensorFlow flower photographs; the codes are those of two published networks"
SEED = 0
# Photographs of a class, folds of all, folds of the part that is learned from, and errors that are shown.
FULL = {"of a class": 1000, "folds": 10, "folds of train": 5, "worst": 24}
QUICK = {"of a class": 10, "folds": 2, "folds of train": 2, "worst": 6}


def read(folder: Path, out: Path, n_of_class: int) -> tuple[pd.DataFrame, dict[str, Any], float]:
    """Return the photographs with their groups, all code sets, and the seconds that our own took."""
    photographs = pd.read_csv(folder / "labels.csv").groupby("label").head(n_of_class)
    given = given_codes(folder, photographs.index.to_numpy())
    started = time.perf_counter()
    own = own_codes(folder / "photos.zip", photographs["file"], out / "codes")
    seconds = time.perf_counter() - started
    contents = digests(folder / "photos.zip", photographs["file"])
    groups = groups_of(contents, list(given.values()))
    return photographs.assign(group=groups).reset_index(drop=True), given | own, seconds


def folds_of(photographs: pd.DataFrame, n_splits: int) -> Folds:
    """Return folds that are balanced by class and keep what is one photograph together."""
    y, groups = photographs["label"], photographs["group"]
    return make_folds(y, scheme="stratified-group", n_splits=n_splits, groups=groups, random_state=SEED)


def split_scores(photographs: pd.DataFrame, codes: dict[str, Any], n_splits: int, store: DiskStore) -> Any:
    """Return the scores on a validation and a test part of a stack that knows neither."""
    y, parts = photographs["label"].to_numpy(), three_parts(photographs["label"], photographs["group"], SEED)
    train, held = parts.pop("train"), np.concatenate(list(parts.values()))
    folds = folds_of(photographs.iloc[train], n_splits)
    own, others = ({name: X[rows] for name, X in codes.items()} for rows in (train, held))
    levels = both_levels(own, y[train], folds, store, others)
    return held_scores(levels, {part: y[rows] for part, rows in parts.items()})


def draw(photographs: pd.DataFrame, codes: Any, probabilities: Any, archive: Path, n: int, out: Path) -> None:
    """Draw what the stack confuses, what it gets most wrong, and where that is among the codes."""
    y, predictions = photographs["label"], probabilities.idxmax(axis=1).to_numpy()
    draw_confusion(y, predictions, list(probabilities), out / "confusion.png")
    draw_worst(archive, worst(photographs, probabilities, n), out / "worst.png")
    draw_map(in_the_plane(codes, SEED), y, predictions != y, out / "map.png")


def show(title: str, scores: dict[str, dict[str, float]]) -> None:
    """Print scores, an estimator a line."""
    table = Table(title, *next(iter(scores.values())))
    for name, one in scores.items():
        table.add_row(name, *(f"{value:.4f}" for value in one.values()))
    Console().print(table)


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the photographs and codes.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("competitions/flowers/out"),
    quick: Annotated[bool, typer.Option(help="A few photographs, to see that it runs.")] = False,
) -> None:
    """Stack the codes; write folds.csv, oof.csv, confusion.png, worst.png, map.png and report.json."""
    started, size = time.perf_counter(), QUICK if quick else FULL
    folder, store = find("flowers", FILES, PAGE, data), DiskStore(out / "store")
    out.mkdir(parents=True, exist_ok=True)
    photographs, codes, seconds = read(folder, out, size["of a class"])
    held = split_scores(photographs, codes, size["folds of train"], store)
    show("photographs held back", held)
    folds = folds_of(photographs, size["folds"])
    folds.save(out / "folds.csv", photographs["file"])
    levels = both_levels(codes, photographs["label"].to_numpy(), folds, store)
    crossed, probabilities = crossed_scores(levels), said(levels[STACK])
    show(f"{size['folds']} folds", crossed)
    photographs.join(probabilities).to_csv(out / "oof.csv", index=False, float_format="%.6f")
    draw(photographs, codes["inception_v3"], probabilities, folder / "photos.zip", size["worst"], out)
    report = {"sizes": size, "photographs": len(photographs), "held back": held, "folds": crossed}
    report |= {"seconds of codes": round(seconds, 1), "seconds": round(time.perf_counter() - started, 1)}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, confusion.png, worst.png, map.png, report.json")


if __name__ == "__main__":
    run(main)
