"""A two-level stack on Kaggle's Titanic files.

    python -m competitions.titanic.solve [--data DIR] [--out DIR]

Nine base estimators of different kinds, each a pipeline fitted inside the folds, under a logistic
regression with a strength chosen by cross-validation. One of the nine is the rule "women, and boys with their
companions": where the stack departs from it, it is on trial. All of it is done for ten fold assignments, so
that scores come with the error of the assignment. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import sklearn
import typer
from rich.console import Console

from competitions import run
from competitions.data import find
from competitions.scores import cross_fitted, repeats_of, scores_of, show
from competitions.titanic.features import companies, describe
from competitions.titanic.lineup import base_estimators, final_estimator
from competitions.titanic.rule import women_and_boys
from stackit import OutOfFold, make_folds, on_trial, out_of_fold
from stackit.assess import Comparison, Repeat
from stackit.combine import MeanClassifier
from stackit.submission import write_submission

FILES = ["train.csv", "test.csv", "gender_submission.csv"]
PAGE = "the data page of Kaggle's competition 'Titanic - Machine Learning from Disaster'"
N_SPLITS, N_REPEATS, SEED = 5, 10, 0
RULE, STACK = "women_and_boys", "stack"


def shapes(console: Console, oof: OutOfFold) -> None:
    """Print the shapes of the two tables and the sizes of the folds."""
    for name, meta in (("train", oof.meta_train), ("test", oof.meta_test)):
        console.print(f"{name} meta-features: {'×'.join(map(str, meta.shape))}")
    sizes = sorted({f"{len(train)}/{len(held_out)}" for train, held_out in oof.folds.splits}, reverse=True)
    console.print(f"folds of {' and '.join(sizes)} rows")


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of Kaggle's files.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("competitions/titanic/out"),
) -> None:
    """Run the Titanic stack and write folds.csv, oof.csv, submission.csv and report.json."""
    started = time.perf_counter()
    folder = find("titanic", FILES, PAGE, data)
    out.mkdir(parents=True, exist_ok=True)
    train, test = (pd.read_csv(folder / file) for file in FILES[:2])
    ids, y = train["PassengerId"], train["Survived"]

    folds = make_folds(y, scheme="stratified", n_splits=N_SPLITS, n_repeats=N_REPEATS, random_state=SEED)
    folds.save(out / "folds.csv", ids)
    X, X_test = describe(train, test)
    oof = out_of_fold(base_estimators(), X, y, X_test, cv=folds, random_state=SEED, verbose=1)
    finals = [("plain average", MeanClassifier()), (STACK, final_estimator())]
    seconds = cross_fitted(finals, oof)
    scores = scores_of(repeats_of(oof), seconds)
    shapes(Console(), oof)
    show(Console(), "accuracy", scores)
    repeats = tuple(Repeat(one, one) for one in repeats_of(oof))
    trial = on_trial(Comparison(repeats, tuple(seconds)), RULE, STACK, groups=companies(X))
    print(trial)

    final = final_estimator().fit(oof.meta_train, y)
    of_rule = women_and_boys().fit(X, y).predict(X_test)
    of_stack = final.predict(oof.meta_test)
    survived = trial.decide(of_rule, of_stack)
    write_submission(out / "submission.csv", test["PassengerId"], survived, sample=folder / FILES[2])
    stack = np.mean([one.meta_train[STACK] for one in seconds], axis=0)
    oof.meta_train.assign(stack=stack).set_index(ids).to_csv(out / "oof.csv")
    weights = dict(zip(oof, final.best_estimator_.coef_[0].round(3).tolist(), strict=True))
    report = {
        "shapes": {"train": list(oof.meta_train.shape), "test": list(oof.meta_test.shape)},
        "scores": scores,
        "trial": {
            "verdict": trial.verdict,
            "accuracy": trial.table.round(4).to_dict("index"),
            "departures": trial.departures.round(4).to_dict("records"),
            "test rows that depart": {
                "stack": int((of_stack != of_rule).sum()),
                "accepted": int((survived != of_rule).sum()),
            },
        },
        "final_estimator": {"C": final.best_params_["C"], "weights": weights},
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {"scikit-learn": sklearn.__version__, "pandas": pd.__version__},
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, submission.csv (checked), report.json")


if __name__ == "__main__":
    run(main)
