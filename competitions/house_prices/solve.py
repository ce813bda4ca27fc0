"""A two-level stack on Kaggle's House Prices, which are the houses of Ames, Iowa.

    python -m competitions.house_prices.solve [--data DIR] [--out DIR] [--quick]

Linear, kernel, tree and neural regressions on the logarithm of the price, each a pipeline fitted inside the
folds, under an average of selections among random halves of them, each by its squared error. All of it is
done for several fold assignments, so that scores come with the error of the assignment. What is finished is
kept in the folder ``--out``: a run that was stopped goes on. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from sklearn.metrics import root_mean_squared_error

from competitions import run
from competitions.data import find
from competitions.finals import weighted_averages
from competitions.house_prices.features import describe, outliers
from competitions.house_prices.lineup import base_estimators
from competitions.scores import cross_fitted, repeats_of, scores_of, show, spread
from stackit import DiskStore, make_folds, out_of_fold
from stackit.submission import write_submission

FILES = ["train.csv", "test.csv", "sample_submission.csv"]
PAGE = "the data page of Kaggle's competition 'House Prices - Advanced Regression Techniques'"
SEED = 0
# Folds and repeats.
SIZES = {"quick": (3, 2), "full": (10, 5)}


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of Kaggle's files.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path(
        "competitions/house_prices/out"
    ),
    quick: Annotated[bool, typer.Option(help="Few estimators and folds, to see that it runs.")] = False,
    n_jobs: Annotated[int, typer.Option(help="Fits at once; -1 is one per core.")] = -1,
) -> None:
    """Run the House Prices stack and write folds.csv, oof.csv, submission.csv and report.json."""
    started = time.perf_counter()
    folder = find("house_prices", FILES, PAGE, data)
    out.mkdir(parents=True, exist_ok=True)
    train, test = (pd.read_csv(folder / file) for file in FILES[:2])
    # Errors of the logarithm are relative ones: what Kaggle scores.
    ids, y = train["Id"], np.log(train["SalePrice"])

    n_splits, n_repeats = SIZES["quick" if quick else "full"]
    folds = make_folds(y, scheme="binned", n_splits=n_splits, n_repeats=n_repeats, random_state=SEED)
    folds.save(out / "folds.csv", ids)
    oof = out_of_fold(
        base_estimators(quick),
        describe(train),
        y,
        describe(test),
        cv=folds,
        scoring="neg_root_mean_squared_error",
        n_jobs=n_jobs,
        store=DiskStore(out / "store"),
        random_state=SEED,
        return_estimator=False,
        verbose=1,
    )
    # The two outliers would have the weights follow them: they are scored, and not learned from here.
    finals, odd = weighted_averages(), outliers(train)
    seconds = cross_fitted(finals, oof, aside=odd)
    scores = scores_of(repeats_of(oof), seconds)
    show(Console(), "RMSE of log price", scores)

    name, final = finals[-1]
    final.fit(oof.meta_train[~odd], y[~odd])
    prices = np.exp(final.predict(oof.meta_test))
    write_submission(out / "submission.csv", test["Id"], prices, sample=folder / FILES[2])
    columns = [one.meta_train[name].to_numpy() for one in seconds]
    oof.meta_train.assign(stack=np.mean(columns, axis=0)).set_index(ids).to_csv(out / "oof.csv")
    report = {
        "scores": scores,
        "stack, without the two outliers": spread(
            [root_mean_squared_error(y[~odd], column[~odd]) for column in columns]
        ),
        "weights": dict(zip(oof, final.weights_.round(3).tolist(), strict=True)),
        "seconds": round(time.perf_counter() - started, 1),
        "seconds of fits": round(sum(sum(result.seconds) for result in oof.values()), 1),
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, submission.csv (checked), report.json")


if __name__ == "__main__":
    run(main)
