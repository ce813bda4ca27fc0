"""Two batch-normalised networks and trees on MNIST, each alone and stacked.

    python -m competitions.mnist.solve [--data DIR] [--out DIR] [--short | --quick]

The networks are first trained on all training images, as in the notes that they come from; then three folds
of both networks and of the trees are stacked. Networks are trained as long as in the notes; ``--short``
trains for few epochs, ``--quick`` takes a few images, to see that it runs. What is finished is kept in the
folder ``--out``: a run that was stopped goes on. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from competitions import run
from competitions.data import find
from competitions.mnist.images import read_idx
from competitions.mnist.lineup import convnet, mlp, plain_mlp, trees
from competitions.mnist.scores import Scores, alone, stacked
from competitions.pictures import activations, draw_activations, draw_curves
from stackit import DiskStore, OutOfFold, make_folds, out_of_fold

FILES = [f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]
PAGE = "the MNIST database of handwritten digits"
N_SPLITS, SEED = 3, 0
# Images to learn from and of the test, epochs of both networks alone and in each fold, and trees.
SIZES = {
    "quick": {"train": 600, "test": 300, "alone": (1, 3), "folds": (1, 2), "trees": 20},
    "short": {"train": 60_000, "test": 10_000, "alone": (3, 15), "folds": (2, 10), "trees": 100},
    "full": {"train": 60_000, "test": 10_000, "alone": (10, 100), "folds": (10, 100), "trees": 300},
}


def read(folder: Path, size: Any) -> list[Any]:
    """Return X, y, X_test, y_test; images are rows of pixels from 0 to 1."""
    tables = []
    for files, n in ((FILES[:2], size["train"]), (FILES[2:], size["test"])):
        images, labels = (read_idx(folder / file)[:n] for file in files)
        tables += [images.reshape(n, -1).astype(np.float32) / 255, labels]
    return tables


def networks(n_epochs: tuple[int, int], precision: str) -> dict[str, Any]:
    """Return both networks, for so many epochs."""
    return {"convnet": convnet(n_epochs[0], precision), "mlp": mlp(n_epochs[1], precision)}


def compare_activations(tables: list[Any], precision: str, path: Path) -> None:
    """Draw what enters the activation functions of the perceptron with and without batch norm."""
    X, y, X_test, _ = (table[:6000] for table in tables)
    with_it, without = (net.fit(X, y) for net in (mlp(2, precision), plain_mlp(2, precision)))
    images = X_test[:200].reshape(-1, 1, 28, 28)
    draw_activations(
        {"with": activations(with_it, X_test[:200]), "without": activations(without, images)}, path
    )


def stack(tables: list[Any], size: Any, precision: str, out: Path) -> OutOfFold:
    """Return the out-of-fold predictions of both networks and the trees."""
    X, y, X_test, _ = tables
    folds = make_folds(y, scheme="stratified", n_splits=N_SPLITS, random_state=SEED)
    folds.save(out / "folds.csv", range(len(y)))
    line_up = [*networks(size["folds"], precision).items(), ("trees", trees(size["trees"]))]
    store = DiskStore(out / "store")
    return out_of_fold(line_up, X, y, X_test, cv=folds, store=store, random_state=SEED, n_jobs=1)


def show(scores: dict[str, Scores]) -> None:
    """Print accuracy and loss, part by part."""
    for part, found in scores.items():
        table = Table("", "accuracy", "log loss", title=part)
        for name, one in found.items():
            table.add_row(name, f"{one['accuracy']:.4f}", f"{one['loss']:.4f}")
        Console().print(table)


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the four IDX files.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path("competitions/mnist/out"),
    quick: Annotated[bool, typer.Option(help="A few images and epochs, to see that it runs.")] = False,
    short: Annotated[bool, typer.Option(help="Few epochs.")] = False,
    precision: Annotated[str, typer.Option(help="Of matrix products: float32 or bfloat16.")] = "bfloat16",
) -> None:
    """Train the networks alone and in a stack; write folds, predictions, pictures and report.json."""
    folder = find("mnist", FILES, PAGE, data)
    size: Any = SIZES["quick" if quick else "short" if short else "full"]
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    tables = read(folder, size)
    nets = networks(size["alone"], precision)
    singles = {name: alone(net, tables, out / f"{name}.json") for name, net in nets.items()}
    draw_curves({name: single["history"] for name, single in singles.items()}, out / "curves.png")
    compare_activations(tables, precision, out / "activations.png")
    oof = stack(tables, size, precision, out)
    scores = {"alone": singles, **stacked(oof, tables[1], tables[3])}
    show(scores)
    oof.meta_train.to_csv(out / "oof.csv", float_format="%.6f")
    (out / "report.json").write_text(json.dumps({"sizes": size, **scores}, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: folds.csv, oof.csv, curves.png, activations.png, report.json")


if __name__ == "__main__":
    run(main)
