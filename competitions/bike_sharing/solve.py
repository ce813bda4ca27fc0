"""A two-level stack on Kaggle's Bike Sharing, where nothing may come from the future.

    python -m competitions.bike_sharing.solve [--data DIR] [--out DIR] [--quick]

Each fold is about a month, predicted from what is more than twelve days before it: as long as Kaggle hides
at the end of each month. Estimators see the calendar, the weather and what was rented before the gap, and
most of them predict how far demand is above that. The final estimator learns from the rows that the folds
have covered, in the order of time too; the best of four is submitted. The hidden hours are predicted month
by month from their own past.
What is finished is kept in the folder ``--out``: a run that was stopped goes on. Measured: see README.md.
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

from competitions import run
from competitions.bike_sharing.features import describe
from competitions.bike_sharing.lineup import base_estimators
from competitions.bike_sharing.order import cross_fitted_forward, forward, month_by_month
from competitions.data import find
from competitions.finals import weighted_averages
from competitions.scores import show, spread
from stackit import DiskStore, OutOfFold, out_of_fold

FILES = ["train.csv", "test.csv"]
PAGE = "the data page of Kaggle's competition 'Bike Sharing Demand'"
SEED = 0
N_SPLITS = {"quick": 5, "full": 23}


def read(file: Path, quick: bool) -> pd.DataFrame:
    """Return the hours of a file; for a quick look those of half a year."""
    hours = pd.read_csv(file, parse_dates=["datetime"])
    return hours[hours["datetime"] < "2011-07"] if quick else hours


def losses(oof: OutOfFold, second: OutOfFold, y: pd.Series[float]) -> dict[str, Any]:
    """Return the root mean squared logarithmic errors on the rows that both levels have covered."""
    covered = second.coverage > 0
    table = oof.meta_train.loc[second.index].join(second.meta_train)[covered]
    errors = table.sub(y.loc[table.index], axis=0) ** 2
    folds = np.sqrt(errors.groupby(second.folds.assignment[covered, 0]).mean())
    whole = np.sqrt(errors.mean())
    return {
        name: {"folds": folds[name].round(4).tolist(), "repeats": [whole[name]], **spread(folds[name])}
        for name in table
    }


def forecast(line_up: list[tuple[str, Any]], train: pd.DataFrame, test: pd.DataFrame, **how: Any) -> Any:
    """Return the meta-features of the hidden hours, each month's from what was known before."""
    rows = pd.concat([train, test], ignore_index=True)
    is_known = rows["count"].notna().to_numpy()
    # Hidden rows are only ever held out: the 0 that stands for their counts is never learned from.
    y = np.log1p(rows["count"].fillna(0))
    folds = month_by_month(rows["datetime"], is_known)
    return out_of_fold(line_up, describe(rows, train), y, cv=folds, **how).meta_train[~is_known]


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of Kaggle's files.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path(
        "competitions/bike_sharing/out"
    ),
    quick: Annotated[bool, typer.Option(help="Half a year and few estimators, to see that it runs.")] = False,
    n_jobs: Annotated[int, typer.Option(help="Fits at once; -1 is one per core.")] = -1,
) -> None:
    """Run the Bike Sharing stack and write folds.csv, oof.csv, submission.csv and report.json."""
    started = time.perf_counter()
    folder = find("bike_sharing", FILES, PAGE, data)
    out.mkdir(parents=True, exist_ok=True)
    train, test = (read(folder / file, quick) for file in FILES)
    times, y = train["datetime"], np.log1p(train["count"])
    how: dict[str, Any] = {"n_jobs": n_jobs, "store": DiskStore(out / "store"), "random_state": SEED}
    how |= {"return_estimator": False, "verbose": 1}

    folds = forward(y, times, N_SPLITS["quick" if quick else "full"])
    folds.save(out / "folds.csv", times)
    line_up, finals = base_estimators(quick), weighted_averages()
    oof = out_of_fold(line_up, describe(train, train), y, cv=folds, **how)
    second = cross_fitted_forward(finals, oof, y, times)
    scores = losses(oof, second, y)
    show(Console(), "RMSLE", scores)

    # The one of least loss when cross-fitted: weights that are learned need not be better than none.
    name, final = min(finals, key=lambda one: scores[one[0]]["repeats"][0])
    final.fit(oof.meta_train, y)
    counts = np.expm1(final.predict(forecast(line_up, train, test, **how))).clip(min=0)
    submission = pd.DataFrame({"datetime": test["datetime"], "count": counts.round(2)})
    submission.to_csv(out / "submission.csv", index=False)
    oof.meta_train.join(second.meta_train[name]).set_index(times).to_csv(out / "oof.csv")
    report = {
        "covered": {"base": int((oof.coverage > 0).sum()), "final": int((second.coverage > 0).sum())},
        "scores": scores,
        "submitted": name,
        "weights": dict(zip(oof, final.weights_.round(3).tolist(), strict=True)),
        "seconds": round(time.perf_counter() - started, 1),
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, submission.csv, report.json")


if __name__ == "__main__":
    run(main)
