"""Transfer between letters, digits and photographs: what it gains, and when it harms.

    python -m competitions.transfer.solve [--data DIR] [--out DIR] [--quick]

Small networks learn a source task, and are put to a target task of which few images have labels: by their
codes, or by fine-tuning, with the source's running statistics kept, recomputed on the target, or lost. Each
is held against the same network on the target alone. ``--quick`` takes few images and seeds, to see that it
runs. Measured: see README.md in this folder.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer
from rich.console import Console
from rich.table import Table

from competitions import run
from competitions.transfer.networks import source_networks
from competitions.transfer.pictures import draw_gaps
from competitions.transfer.tasks import Task, tasks
from competitions.transfer.ways import by_codes, by_fine_tuning, target_alone, transfer_gap
from stackit.neural.layers import Network

# Sources of each target; the first is related to it.
PAIRS = {
    "digits": ["letters", "photographs", "letters labelled at random"],
    "letters": ["digits", "photographs"],
}
# Images of the source and epochs on them; images of the target with labels, and batches for them. Each rate
# is that of fine-tuning and of the target alone, so that no gap is one between rates.
FULL: dict[str, Any] = {"seeds": 10, "source": 4000, "epochs": 4, "few": (50, 200, 1000), "test": 2000}
FULL |= {"steps": 160, "rates": (1e-3, 3e-3)}
QUICK = FULL | {"seeds": 2, "source": 200, "epochs": 1, "few": (50,), "test": 100, "steps": 10}
Size = dict[str, Any]


def records(target: Task, sources: dict[str, Network], n: int, size: Size) -> list[dict[str, Any]]:
    """Return for each rate, source and way its errors where n images of the target have labels."""
    learned, test = target.split(size["test"])
    where = target, target.few(learned, n, range(size["seeds"])), test
    codes = {name: by_codes(source, *where) for name, source in sources.items()}
    found = []
    for rate in size["rates"]:
        alone = target_alone(next(iter(sources.values())), *where, size["steps"], rate)
        about = {"target": target.name, "images": n, "rate": rate}
        found.append(about | {"source": "none", "way": "alone", "error": float(alone.mean())})
        for name, source in sources.items():
            tuned = by_fine_tuning(source, *where, size["steps"], rate)
            found += [
                about
                | {"source": name, "way": way, "statistics": statistics, "error": float(errors.mean())}
                | transfer_gap(errors, alone)
                for way, by_statistics in (("codes", codes[name]), ("fine-tuning", tuned))
                for statistics, errors in by_statistics.items()
            ]
    return found


def points(line: pd.DataFrame) -> Any:
    """Return rows with the gap and its standard error in points."""
    return line.assign(gap=100 * line["gap"], error=100 * line["standard error"]).itertuples()


def show(table: pd.DataFrame) -> None:
    """Print the gaps in points, a line a way and rate, and above them the errors that they are gaps to."""
    where = list(dict.fromkeys(zip(table["target"], table["images"], strict=True)))
    names = [f"{target}\n{images}" for target, images in where]
    shown = Table("source, way, statistics, rate", *names, title="gaps in points; above 0: negative transfer")
    alone = table[table["way"] == "alone"].set_index(["target", "images", "rate"])["error"]
    for rate in table["rate"].unique():
        shown.add_row(f"(error alone, {rate:g})", *(f"{100 * alone[*at, rate]:.1f}" for at in where))
    ways = table[table["way"] != "alone"]
    for (*name, rate), line in ways.groupby(["source", "way", "statistics", "rate"], sort=False):
        gaps = {(row.target, row.images): f"{row.gap:+.1f} ± {row.error:.1f}" for row in points(line)}
        shown.add_row(f"{', '.join(name)}, {rate:g}", *(gaps.get(at, "") for at in where))
    Console().print(shown)


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of the folders mnist, notmnist, cifar10.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is written.")] = Path(
        "competitions/transfer/out"
    ),
    quick: Annotated[bool, typer.Option(help="Few images and seeds, to see that it runs.")] = False,
) -> None:
    """Measure what transfer gains; write gaps.csv, gaps.png and report.json."""
    started, size = time.perf_counter(), QUICK if quick else FULL
    named = tasks(data, size["source"])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    sources = {
        name: source_networks(task.some(size["source"], seed=0), size["seeds"], size["epochs"])
        for name, task in named.items()
    }
    found = [
        record
        for target, names in PAIRS.items()
        for n in size["few"]
        for record in records(named[target], {name: sources[name] for name in names}, n, size)
    ]
    table = pd.DataFrame(found)
    show(table)
    draw_gaps(table, out / "gaps.png")
    table.to_csv(out / "gaps.csv", index=False, float_format="%.5f")
    report = {"sizes": size, "found": found, "seconds": round(time.perf_counter() - started, 1)}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {out}: gaps.csv, gaps.png, report.json")


if __name__ == "__main__":
    run(main)
