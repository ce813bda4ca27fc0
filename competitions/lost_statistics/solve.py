"""The fault of the lost running statistics, on digits.

    python -m competitions.lost_statistics.solve [--out DIR] [--quick]

A 7-layer perceptron with batch norm is trained on 1437 digits. Then the same weights predict 360 others,
in mixed batches and in batches of one class, with the running statistics that belong to them, with those of
the batch, with none, and with some that were made afterwards. Needs no data beyond scikit-learn's. Measured:
see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from competitions import run
from competitions.lost_statistics.cases import HIDDEN, convergence, measure, perceptron, refusal
from stackit.validation import import_optional

FULL: dict[str, Any] = {"hidden": HIDDEN, "epochs": 30, "updates": (100, 300, 1000)}
QUICK: dict[str, Any] = {"hidden": (200, 100, 60, 60, 60), "epochs": 15, "updates": (100, 300)}


def digits() -> list[Any]:
    """Return X, X_test, y, y_test: pixels from 0 to 1, and 360 digits to ask for."""
    X, y = load_digits(return_X_y=True)
    pixels = (X / 16).astype(np.float32)
    return list(train_test_split(pixels, y, test_size=360, stratify=y, random_state=0))


def draw(tracks: dict[str, list[tuple[int, float, float]]], path: Path) -> None:
    """Draw how running statistics come near the population's, and how accurate the network is meanwhile."""
    figure = import_optional("matplotlib.figure", "plots").Figure(figsize=(11, 4.2), layout="constrained")
    means, scores = figure.subplots(1, 2)
    for name, track in tracks.items():
        steps, distances, accuracies = zip(*track, strict=True)
        means.loglog(steps, distances, label=name)
        scores.semilogx(steps, accuracies, label=name)
    means.set(xlabel="updates", ylabel="running means: relative distance to the population's")
    scores.set(xlabel="updates", ylabel="accuracy on 360 digits")
    means.legend()
    scores.legend()
    figure.savefig(path, dpi=110)


def show(found: dict[str, tuple[float, float]], refused: str) -> None:
    """Print the accuracies, and what the loader says."""
    table = Table("statistics", "mixed batches", "batches of one class")
    for name, measured in found.items():
        table.add_row(name, *(f"{value:.3f}" for value in measured))
    Console().print(table)
    print("load_weights, given the parameters alone:", refused, sep="\n  ")


def main(
    out: Annotated[Path, typer.Option(help="Folder for the picture and the report.")] = Path(
        "competitions/lost_statistics/out"
    ),
    quick: Annotated[bool, typer.Option(help="A smaller network, to see that it runs.")] = False,
) -> None:
    """Lose the running statistics of a trained network, and get them back."""
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    size, tables = QUICK if quick else FULL, digits()
    X, _, y, _ = tables
    net = perceptron(size["hidden"], size["epochs"]).fit(X, y)
    found, refused = measure(net, tables, size["updates"]), refusal(net)
    show(found, refused)
    draw(convergence(net, tables, max(size["updates"])), out / "convergence.png")
    report = {
        "sizes": size,
        "accuracy": found,
        "refused": refused,
        "parameters": net.network_.n_parameters,
        "seconds": round(time.perf_counter() - started, 1),
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: convergence.png, report.json")


if __name__ == "__main__":
    run(main)
