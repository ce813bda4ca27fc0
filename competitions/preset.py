"""A preset on the raw columns of a competition, scored out of fold by the metric of its script.

    python -m competitions.preset titanic [--preset best] [--time-limit 120] [--data DIR] [--out DIR]

No feature is made by hand here: what the scripts gain over these scores is what their features are worth.
Where a script puts rows with known labels aside, the preset is scored on them too. Measured: see README.md in
this folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from sklearn.metrics import get_scorer

from competitions import run
from competitions.raw_tables import RAW_TABLES, RawTable
from stackit import DiskStore, TabularStackClassifier, TabularStackRegressor

__all__ = ["main", "scores_of_preset"]


def scores_of_preset(table: RawTable, **how: Any) -> tuple[Any, dict[str, float]]:
    """Return the fitted stack, and its scores out of fold and on test rows; losses are positive.

    Parameters
    ----------
    table : RawTable
        What is fitted.
    **how
        Parameters of `TabularStackClassifier` and `TabularStackRegressor`.
    """
    kind = TabularStackRegressor if "squared" in table.scoring else TabularStackClassifier
    stack = kind(scoring=table.scoring, cv=table.cv, random_state=0, **how)
    stack.fit(table.X, table.y, groups=table.groups)
    scores = {"out of fold": abs(stack.score_), "standard error": stack.blend_.sem}
    if table.X_test is not None:
        scores["test rows"] = abs(get_scorer(table.scoring)(stack, table.X_test, table.y_test))
    return stack, {name: round(float(score), 5) for name, score in scores.items()}


def main(
    competition: Annotated[str, typer.Argument(help=f"One of {', '.join(RAW_TABLES)}.")],
    preset: Annotated[str, typer.Option(help="quick, good or best.")] = "best",
    time_limit: Annotated[float, typer.Option(help="Seconds of the fit.")] = 120.0,
    data: Annotated[Path | None, typer.Option(help="Folder of the files.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report and finished fits.")] = None,
    n_jobs: Annotated[int, typer.Option(help="Fits at once; -1 is one per core.")] = -1,
    n_rows: Annotated[int | None, typer.Option(help="The first rows only, to see that it runs.")] = None,
) -> None:
    """Fit a preset on the raw columns, and print and write its scores, columns and members."""
    if competition not in RAW_TABLES:
        raise typer.BadParameter(f"{competition!r} is none of {', '.join(RAW_TABLES)}.")
    out = out or Path("competitions") / competition / "out" / "preset"
    out.mkdir(parents=True, exist_ok=True)
    table = RAW_TABLES[competition](data)
    table = table if n_rows is None else table.head(n_rows)

    stack, scores = scores_of_preset(
        table, preset=preset, time_limit=time_limit, n_jobs=n_jobs, store=DiskStore(out / "store")
    )
    print(stack.columns_.to_string(), stack.leaderboard_.to_string(), sep="\n\n")
    print(f"\n{competition}, {preset} for {time_limit:g} s, {table.scoring.removeprefix('neg_')}: {scores}")
    report = {"preset": preset, "time limit": time_limit, "metric": table.scoring, "scores": scores}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
