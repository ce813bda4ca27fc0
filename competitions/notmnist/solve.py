"""The 7-layer perceptron with batch norm on the letters of notMNIST.

    python -m competitions.notmnist.solve [--data DIR] [--out DIR] [--quick]

Images that are there twice are left out before anything is split. The network is trained as in the notes; it
predicts with the statistics that it counted and with those of the batch, which is what the notes' program
did. ``--quick`` takes a few images and epochs. Measured: see README.md in this folder.
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
from sklearn.metrics import log_loss

from competitions import run
from competitions.data import find
from competitions.lost_statistics.statistics import accuracy, batches, network_of
from competitions.mnist.lineup import mlp
from competitions.notmnist.letters import parts, read, unique_images
from competitions.pictures import activations, draw_activations, draw_curves

FILES = ["notmnist_small.npz"]
PAGE = "the page of notMNIST_small, as arrays X (n, 28, 28) and y"
FULL = {"images": 20_000, "epochs": 100, "valid": 2000, "test": 3000}
QUICK = {"images": 1500, "epochs": 3, "valid": 200, "test": 300}
BATCH, SEED = 120, 0


def scores(net: Any, X: Any, y: Any) -> dict[str, float]:
    """Return the accuracy with counted statistics and with those of the batch, and the log loss."""
    probabilities = net.predict_proba(X)
    parts = batches(len(y), BATCH, SEED)
    return {
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == y)),
        "accuracy by statistics of the batch": accuracy(network_of(net), X, y, parts, of_batch=True),
        "log loss": float(log_loss(y, probabilities, labels=range(10))),
    }


def show(found: dict[str, dict[str, float]]) -> None:
    """Print the scores of each part."""
    table = Table("", *found["test"])
    for name, one in found.items():
        table.add_row(name, *(f"{value:.4f}" for value in one.values()))
    Console().print(table)


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of notmnist_small.npz.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path(
        "competitions/notmnist/out"
    ),
    quick: Annotated[bool, typer.Option(help="A few images and epochs, to see that it runs.")] = False,
    precision: Annotated[str, typer.Option(help="Of matrix products: float32 or bfloat16.")] = "bfloat16",
) -> None:
    """Train the perceptron on letters; write curves.png, activations.png and report.json."""
    started = time.perf_counter()
    folder, size = find("notmnist", FILES, PAGE, data), QUICK if quick else FULL
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    X, y, left_out = unique_images(*read(folder / FILES[0]))
    some = np.random.default_rng(SEED).permutation(len(y))[: size["images"]]
    found = parts(X[some], y[some], (size["test"], size["valid"]), SEED)
    print(
        f"{len(X)} images, without {left_out['copies']} copies and {left_out['several labels']} of", end=" "
    )
    print("several labels;", ", ".join(f"{name} {len(labels)}" for name, (_, labels) in found.items()))
    X_val, y_val = found["valid"]
    net = mlp(size["epochs"], precision).fit(*found["train"], X_val=X_val, y_val=y_val)
    by_part = {name: scores(net, *part) for name, part in found.items()}
    show(by_part)
    draw_curves({"7-layer perceptron": net.history_}, out / "curves.png")
    draw_activations({"trained": activations(net, found["test"][0][:200])}, out / "activations.png")
    report = {
        "sizes": size,
        "left out": left_out,
        "parameters": net.network_.n_parameters,
        "scores": by_part,
        "seconds": round(time.perf_counter() - started, 1),
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: curves.png, activations.png, report.json")


if __name__ == "__main__":
    run(main)
