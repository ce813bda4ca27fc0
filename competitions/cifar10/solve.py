"""How much batch norm does for a small convolutional network on some of CIFAR-10.

    python -m competitions.cifar10.solve [--data DIR] [--out DIR] [--short | --quick]

Three groups of the notes: batch norm in four places, in one, and in none; all else is equal, the last layer
too. Images to learn from are doubled by moved and mirrored copies, others are watched, and others again are
the test. Each network predicts with its running statistics, and with those recomputed over the images it
has learned from. ``--short`` takes a quarter of the images, ``--quick`` a few, to see that it runs. Measured:
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
from sklearn.model_selection import train_test_split

from competitions import run
from competitions.cifar10.groups import GROUPS, group
from competitions.cifar10.photographs import doubled, read
from competitions.data import find
from competitions.lost_statistics.statistics import accuracy, batches, network_of, recomputed
from competitions.pictures import activations, draw_activations, draw_curves

FILES = ["cifar10_subset.zip"]
PAGE = "the page of CIFAR-10, as train/<class>/*.jpg and test/<class>/*.jpg in one zip file"
# Of each class; a fifth of those of "train" is watched.
SIZES = {
    "quick": {"train": 15, "test": 10, "epochs": 1},
    "short": {"train": 250, "test": 200, "epochs": 8},
    "full": {"train": 1000, "test": 200, "epochs": 8},
}
SEED = 0


def scores(net: Any, learned: Any, X_test: Any, y_test: Any) -> dict[str, float]:
    """Return the test accuracy with running statistics, and with those recomputed."""
    network, parts = network_of(net), batches(len(y_test), 500, SEED)
    fresh = recomputed(network, learned, batches(len(learned), 500, SEED))
    return {
        "validation": net.history_[-1]["validation_score"],
        "test, running statistics": accuracy(network, X_test, y_test, parts),
        "test, recomputed": accuracy(fresh, X_test, y_test, parts),
    }


def show(found: dict[str, dict[str, float]]) -> None:
    """Print the accuracies of the groups."""
    table = Table("batch norm", *next(iter(found.values())))
    for name, one in found.items():
        table.add_row(name, *(f"{value:.3f}" for value in one.values()))
    Console().print(table)


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of cifar10_subset.zip.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("competitions/cifar10/out"),
    quick: Annotated[bool, typer.Option(help="A few images and epochs, to see that it runs.")] = False,
    short: Annotated[bool, typer.Option(help="A quarter of the images.")] = False,
    precision: Annotated[str, typer.Option(help="Of matrix products: float32 or bfloat16.")] = "float32",
) -> None:
    """Train the three groups; write curves.png, activations.png and report.json."""
    folder, size = (
        find("cifar10", FILES, PAGE, data),
        SIZES["quick" if quick else "short" if short else "full"],
    )
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    (X, y), (X_test, y_test) = (read(folder / FILES[0], part, size[part]) for part in ("train", "test"))
    X, X_val, y, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=SEED)
    X, y = doubled(X, y, SEED)
    X, X_val, X_test = (images.astype(np.float32) / 255 for images in (X, X_val, X_test))
    nets, found = {}, {}
    for name, places in GROUPS.items():
        started = time.perf_counter()
        nets[name] = group(places, size["epochs"], precision, SEED).fit(X, y, X_val=X_val, y_val=y_val)
        found[name] = scores(nets[name], X, X_test, y_test)
        found[name] |= {"seconds": round(time.perf_counter() - started, 1)}
        print(name, found[name], flush=True)
    show(found)
    draw_curves({name: net.history_ for name, net in nets.items()}, out / "curves.png")
    draw_activations(
        {name: activations(net, X_test[:50]) for name, net in nets.items()}, out / "activations.png"
    )
    report = {"sizes": size, "learned from": len(X), "watched": len(X_val), "scores": found}
    report |= {"parameters": {name: net.network_.n_parameters for name, net in nets.items()}}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: curves.png, activations.png, report.json")


if __name__ == "__main__":
    run(main)
