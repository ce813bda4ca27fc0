"""Who is granted access: a stack on Kaggle's Amazon Employee Access, of ids with thousands of values.

    python -m competitions.amazon_employee_access.solve [--data DIR] [--out DIR] [--quick]

Logistic regression on indicators of ids and of their pairs, forests and boosted trees on target encodings
that are cross-fitted inside the folds, and catboost on the ids themselves, under a logistic regression of
their log-odds. The file to predict has no labels, so all scores are out of fold. What is finished is kept in
the folder ``--out``: a run that was stopped goes on. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from competitions import run
from competitions.amazon_employee_access.features import FILES, PAGE, describe, read
from competitions.amazon_employee_access.lineup import base_estimators, final_estimators
from competitions.chances import chance_scores, show_chances
from competitions.data import find
from competitions.scores import cross_fitted
from stackit import DiskStore, make_folds, out_of_fold

SEED = 0
N_SPLITS = {"quick": 3, "full": 5}
QUICK = 1500  # requests


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the file of requests.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path(
        "competitions/amazon_employee_access/out"
    ),
    quick: Annotated[bool, typer.Option(help="Few rows and estimators, to see that it runs.")] = False,
    n_jobs: Annotated[int, typer.Option(help="Fits at once; -1 is one per core.")] = -1,
) -> None:
    """Run the stack and write folds.csv, oof.csv and report.json."""
    started = time.perf_counter()
    folder = find("amazon_employee_access", FILES, PAGE, data)
    out.mkdir(parents=True, exist_ok=True)
    requests = read(folder, QUICK if quick else None)
    y = requests["ACTION"]

    n_splits = N_SPLITS["quick" if quick else "full"]
    folds = make_folds(y, scheme="stratified", n_splits=n_splits, random_state=SEED)
    folds.save(out / "folds.csv", requests.index)
    oof = out_of_fold(
        base_estimators(quick),
        describe(requests),
        y,
        cv=folds,
        scoring="roc_auc",
        n_jobs=n_jobs,
        store=DiskStore(out / "store"),
        random_state=SEED,
        return_estimator=False,
        verbose=1,
    )
    claimed = oof.meta_train.join(cross_fitted(final_estimators(), oof)[0].meta_train)
    scores = chance_scores(y, claimed)
    show_chances(Console(width=110), "out of fold", scores)
    claimed.to_csv(out / "oof.csv", index_label="row", float_format="%.5f")
    report = {"scores": scores, "seconds": round(time.perf_counter() - started, 1)}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, report.json")


if __name__ == "__main__":
    run(main)
