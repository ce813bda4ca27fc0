"""Who earns more than 50 000 dollars: a stack on UCI's Adult, scored on its official test file.

    python -m competitions.adult.solve [--data DIR] [--out DIR] [--quick]

Linear, tree and neural estimators of different kinds, cross-fitted on the training file, under a logistic
regression of their log-odds. The stack's claim, out of fold, stands next to what it scores on the test file.
What is finished is kept in the folder ``--out``: a run that was stopped goes on. Measured: see README.md.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from competitions import run
from competitions.adult.features import FILES, PAGE, describe, read
from competitions.adult.lineup import base_estimators, final_estimators
from competitions.chances import chance_scores, show_chances
from competitions.data import find
from competitions.scores import cross_fitted
from stackit import DiskStore, make_folds, out_of_fold

SEED = 0
N_SPLITS = {"quick": 3, "full": 5}
QUICK = 2000  # rows of each file


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the two .csv.gz files.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("competitions/adult/out"),
    quick: Annotated[bool, typer.Option(help="Few rows and estimators, to see that it runs.")] = False,
    n_jobs: Annotated[int, typer.Option(help="Fits at once; -1 is one per core.")] = -1,
) -> None:
    """Run the stack and write folds.csv, oof.csv, test.csv and report.json."""
    started = time.perf_counter()
    folder = find("adult", FILES, PAGE, data)
    out.mkdir(parents=True, exist_ok=True)
    train, test = read(folder, QUICK if quick else None)
    y, is_rich = train["income"], train["income"] == ">50K"

    n_splits = N_SPLITS["quick" if quick else "full"]
    folds = make_folds(y, scheme="stratified", n_splits=n_splits, random_state=SEED)
    folds.save(out / "folds.csv", train.index)
    oof = out_of_fold(
        base_estimators(quick),
        describe(train),
        y,
        describe(test),
        cv=folds,
        scoring="neg_log_loss",
        n_jobs=n_jobs,
        store=DiskStore(out / "store"),
        random_state=SEED,
        return_estimator=False,
        verbose=1,
    )
    finals = final_estimators()
    claimed = oof.meta_train.join(cross_fitted(finals, oof)[0].meta_train)
    learned = {
        name: final.fit(oof.meta_train, y).predict_proba(oof.meta_test)[:, 1] for name, final in finals
    }
    forecast = oof.meta_test.assign(**learned)
    scores = {
        "out of fold": chance_scores(is_rich, claimed),
        "test file": chance_scores(test["income"] == ">50K", forecast),
    }
    for part, of_part in scores.items():
        show_chances(Console(width=110), part, of_part)

    for name, table in (("oof", claimed), ("test", forecast)):
        pd.DataFrame(table).to_csv(out / f"{name}.csv", index_label="row", float_format="%.5f")
    report = {"scores": scores, "seconds": round(time.perf_counter() - started, 1)}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, test.csv, report.json")


if __name__ == "__main__":
    run(main)
