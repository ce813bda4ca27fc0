"""Three levels on Kaggle's Otto files, after the winners' recipe.

    python -m competitions.otto.solve [--data DIR] [--out DIR] [--short | --quick | --tiny]

Many base estimators on several representations of 93 counts; xgboost, nets and boosted trees on their
out-of-fold probabilities; and a blend of these, the winners' or a learned one. Every fit that is finished is
kept in the folder ``--out``: a run that was stopped goes on. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from competitions import run
from competitions.data import find
from competitions.otto.features import next_table
from competitions.otto.files import FILES, PAGE, read
from competitions.otto.lineup import SIZES, Size, blend_of_winners, first_level, second_level, third_level
from competitions.otto.scores import Tables, score, show, side_by_side, tables_of
from stackit import DiskStore, Folds, OutOfFold, make_folds, out_of_fold
from stackit.combine import LogisticClassifier
from stackit.submission import write_submission

SEED = 0


def three_levels(
    train: pd.DataFrame, test: pd.DataFrame, folds: Folds, size: Size, out: Path, n_jobs: int = 2
) -> list[OutOfFold]:
    """Return what came of the three levels, each cross-fitted on the same folds.

    No level has learned from the rows that it is scored on. What the levels below it predict for the *other*
    rows was learned from them too, so that the scores of the second and third are a little optimistic.
    """
    X, X_test = (table.filter(like="feat_").to_numpy(np.float32) for table in (train, test))
    options: dict[str, Any] = {"cv": folds, "random_state": SEED, "return_estimator": False, "verbose": 1}
    options |= {"store": DiskStore(out / "store"), "n_jobs": n_jobs}
    y = train["target"].factorize(sort=True)[0]  # boosting takes no words
    base = first_level(size.share, str(out / "cache"), size.short)
    first = out_of_fold(base, X, y, X_test, **options)
    start = out_of_fold(
        [("logistic_of_first", LogisticClassifier())], first.meta_train, y, first.meta_test, **options
    )
    seen, seen_test = side_by_side(first, start)
    deeper, deeper_test = next_table(seen, X), next_table(seen_test, X_test)
    second = out_of_fold(second_level(size.share), deeper, y, deeper_test, **options)
    both, both_test = side_by_side(second, first)
    third = out_of_fold(third_level(len(first)), both, y, both_test, **options)
    return [first, start, second, third]


def blends(levels: list[OutOfFold]) -> Tables:
    """Return the third level's tables, train and test: the winners' blend, and the learned ones."""
    second = tables_of(levels[2]).values()
    winners = [blend_of_winners(*tables) for tables in zip(*second, strict=True)]
    return {"winners_blend": (winners[0], winners[1]), **tables_of(levels[3])}


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the three .csv.gz files.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("competitions/otto/out"),
    quick: Annotated[bool, typer.Option(help="Some of the rows, and less work on them.")] = False,
    short: Annotated[bool, typer.Option(help="All rows, and fewer base estimators.")] = False,
    tiny: Annotated[bool, typer.Option(help="A few hundred rows, to see quickly that it runs.")] = False,
    n_jobs: Annotated[int, typer.Option(help="How many fits run at once.")] = 2,
) -> None:
    """Run the three levels and write folds.csv, oof.csv, submission.csv and report.json."""
    started = time.perf_counter()
    folder = find("otto", FILES, PAGE, data)
    out.mkdir(parents=True, exist_ok=True)
    size = SIZES["tiny" if tiny else "quick" if quick else "short" if short else "full"]
    train, test = read(folder, size.n_rows, SEED)
    folds = make_folds(train["target"], scheme="stratified", n_splits=size.n_splits, random_state=SEED)
    folds.save(out / "folds.csv", train.index)

    levels = three_levels(train, test, folds, size, out, n_jobs)
    tables = [*(tables_of(level) for level in levels[:3]), blends(levels)]
    scores = [
        {name: score(train["target"], table, folds) for name, (table, _) in level.items()} for level in tables
    ]
    show(scores)
    best = min(scores[3], key=lambda name: scores[3][name]["mean"])
    submitted, classes = tables[3][best][1], np.unique(train["target"])
    write_submission(out / "submission.csv", test.index, submitted, sample=folder / FILES[2], classes=classes)
    columns = [f"Class_{number}" for number in range(1, 10)]
    pd.DataFrame(tables[3][best][0], train.index, columns).to_csv(out / "oof.csv", float_format="%.6f")
    report = {
        "levels": dict(zip(("first", "start", "second", "third"), scores, strict=True)),
        "submitted": best,
        "seconds": round(time.perf_counter() - started, 1),
        "seconds of fits": {
            name: round(float(spent), 1)
            for level in levels
            for name, spent in level.scores.groupby("estimator", sort=False)["seconds"].sum().items()
        },
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, submission.csv ({best}, checked), report.json")


if __name__ == "__main__":
    run(main)
