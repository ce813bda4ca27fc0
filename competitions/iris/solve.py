"""Nearest neighbour, random forest and naive Bayes under logistic regression, on two columns of iris.

    python -m competitions.iris.solve [--out DIR] [--quick]

Needs no data beyond scikit-learn's. Prints the accuracies of an old note next to ours, over one 3-fold
cross-validation as in the note and over 20 repeats of it; writes decision regions, learning curves and
``report.json``. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from competitions import run
from competitions.iris.pictures import draw_learning_curves, draw_regions
from stackit import Folds, StackingClassifier, make_folds

NOTE = {
    "nearest neighbour": (0.91, 0.01),
    "random forest": (0.91, 0.06),
    "naive Bayes": (0.92, 0.03),
    "stack": (0.95, 0.03),
}
N_REPEATS = 20


def classifiers(n_trees: int = 100) -> dict[str, Any]:
    """Return the three base classifiers and the stack of them."""
    base: dict[str, Any] = {
        "nearest neighbour": KNeighborsClassifier(n_neighbors=1),
        "random forest": RandomForestClassifier(n_trees, random_state=0),
        "naive Bayes": GaussianNB(),
    }
    return base | {"stack": StackingClassifier(list(base.items()), LogisticRegression(), random_state=0)}


def accuracies(estimators: dict[str, Any], X: Any, y: Any, folds: Folds) -> dict[str, Any]:
    """Return the accuracy of each estimator on each fold; the stack is fitted again in each, from scratch."""
    return {
        name: cross_val_score(estimator, X, y, cv=folds, n_jobs=-1) for name, estimator in estimators.items()
    }


def show(console: Console, once: dict[str, Any], repeated: dict[str, Any]) -> None:
    """Print the note's figures next to ours."""
    title = "Accuracy on two columns of iris, 3 folds"
    n_repeats = len(repeated["stack"]) // 3
    table = Table(
        "", "the note", "ours, once", f"ours, {n_repeats} repeats: mean ± standard error", title=title
    )
    for name, (mean, std) in NOTE.items():
        of_repeats = repeated[name].reshape(n_repeats, -1).mean(axis=1)
        table.add_row(
            name,
            f"{mean:.2f} ± {std:.2f}",
            f"{once[name].mean():.3f} ± {once[name].std():.3f}",
            f"{of_repeats.mean():.4f} ± {of_repeats.std(ddof=1) / np.sqrt(n_repeats):.4f}",
        )
    console.print(table)


def main(
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the report.")] = Path(
        "competitions/iris/out"
    ),
    quick: Annotated[bool, typer.Option(help="Two repeats, forests of ten trees: a few seconds.")] = False,
) -> None:
    """Run the three-classifier stack."""
    out.mkdir(parents=True, exist_ok=True)
    n_repeats, n_trees, n_sizes = (2, 10, 2) if quick else (N_REPEATS, 100, 6)
    iris = load_iris()
    X, y, estimators = iris.data[:, 1:3], iris.target, classifiers(n_trees)
    once = accuracies(estimators, X, y, make_folds(y, n_splits=3, random_state=0))
    repeated = accuracies(estimators, X, y, make_folds(y, n_splits=3, n_repeats=n_repeats, random_state=1))
    show(Console(), once, repeated)
    draw_regions(estimators, X, y, iris.feature_names[1:3], out / "regions.png")
    folds = make_folds(y, n_splits=5, n_repeats=1 if quick else 2, random_state=0)
    draw_learning_curves(estimators, X, y, folds, n_sizes, out / "learning_curves.png")
    report = {
        "note": NOTE,
        "once": {name: scores.tolist() for name, scores in once.items()},
        "repeated": {name: scores.tolist() for name, scores in repeated.items()},
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written: {out}/regions.png, learning_curves.png, report.json")


if __name__ == "__main__":
    run(main)
