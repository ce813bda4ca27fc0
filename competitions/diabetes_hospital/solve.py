"""Who comes back to hospital: a stack on folds that keep patients whole, and one on folds that do not.

    python -m competitions.diabetes_hospital.solve [--data DIR] [--out DIR] [--quick]

A fifth of the patients is put aside. The same line-up is stacked twice on the stays of the others: with all
stays of a patient in one fold, and with folds dealt as if each stay were a patient's only one. Both claim
a log loss, and both then predict the patients that were put aside. What is finished is kept in the
folder ``--out``: a run that was stopped goes on. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from competitions import run
from competitions.data import find
from competitions.diabetes_hospital.claims import Claim, judged
from competitions.diabetes_hospital.features import describe
from competitions.diabetes_hospital.lineup import base_estimators
from stackit import DiskStore, Folds, make_folds, out_of_fold

FILES = ["train.csv.gz"]
PAGE = "the page 'Diabetes 130-US hospitals for years 1999-2008' of the UCI machine learning repository"
N_SPLITS, SEED = 3, 0
QUICK = 6000  # stays


def read(folder: Path) -> pd.DataFrame:
    """Return all stays; "None" and the like are words here, and missing is what is empty."""
    return pd.read_csv(folder / FILES[0], keep_default_na=False, na_values=[""], low_memory=False)


def both_ways(train: pd.DataFrame) -> dict[str, Folds]:
    """Return folds that keep patients whole, and folds that ignore patients."""
    y, how = train["readmitted"], {"n_splits": N_SPLITS, "random_state": SEED}
    return {
        "groups kept": make_folds(y, scheme="group", groups=train["patient_nbr"], **how),
        "groups ignored": make_folds(y, scheme="stratified", **how),
    }


def show(console: Console, found: dict[str, dict[str, dict[str, Claim]]]) -> None:
    """Print claims next to what they are worth."""
    parts = [(way, part) for way in found for part in ("claimed", "new patients")]
    table = Table("log loss", *(f"{way}: {part}" for way, part in parts))
    for name in next(iter(found.values())):
        claims = [found[way][name][part] for way, part in parts]
        table.add_row(name, *(f"{one['log loss']:.4f} ± {one['standard error']:.4f}" for one in claims))
    console.print(table)


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the file of stays.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path(
        "competitions/diabetes_hospital/out"
    ),
    quick: Annotated[bool, typer.Option(help="Few stays and estimators, to see that it runs.")] = False,
    n_jobs: Annotated[int, typer.Option(help="Fits at once; -1 is one per core.")] = -1,
) -> None:
    """Stack with and without groups, and write folds and out-of-fold predictions of both, and report.json."""
    started = time.perf_counter()
    folder = find("diabetes_hospital", FILES, PAGE, data)
    out.mkdir(parents=True, exist_ok=True)
    stays = read(folder)[: QUICK if quick else None]
    aside = make_folds(stays, scheme="group", n_splits=5, groups=stays["patient_nbr"], random_state=SEED)
    train, new = (stays.iloc[rows].reset_index(drop=True) for rows in aside.splits[0])
    how: dict[str, Any] = {"n_jobs": n_jobs, "store": DiskStore(out / "store"), "random_state": SEED}

    found = {}
    for way, folds in both_ways(train).items():
        name = way.replace(" ", "_")
        folds.save(out / f"folds_{name}.csv", train["encounter_id"])
        oof = out_of_fold(
            base_estimators(quick),
            describe(train),
            train["readmitted"],
            describe(new),
            cv=folds,
            scoring="neg_log_loss",
            return_estimator=False,
            verbose=1,
            **how,
        )
        found[way] = judged(oof, train, new)
        oof.meta_train.set_index(train["encounter_id"]).to_csv(out / f"oof_{name}.csv", float_format="%.5f")
    show(Console(width=120), found)
    report = {
        "stays": {"train": len(train), "new": len(new)},
        "patients": {"train": int(train["patient_nbr"].nunique()), "new": int(new["patient_nbr"].nunique())},
        "claims": found,
        "seconds": round(time.perf_counter() - started, 1),
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: the folds and out-of-fold predictions of both, report.json")


if __name__ == "__main__":
    run(main)
