"""Options and arguments that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from stackit.cli.completion import complete_columns, complete_metrics, complete_run_folders
from stackit.cli.errors import usage_error

__all__ = [
    "AsJson",
    "GroupsOption",
    "IdOption",
    "MetricOption",
    "OptionalTarget",
    "PresetName",
    "Quiet",
    "RunFolderArgument",
    "given",
]


class PresetName(StrEnum):
    """The presets, as in `stackit.presets.portfolio.PRESETS`."""

    QUICK = "quick"
    GOOD = "good"
    BEST = "best"


AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="Show no progress.")]
RunFolderArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder of a run.", autocompletion=complete_run_folders)
]
OptionalTarget = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column to predict.",
        show_default=False,
        autocompletion=complete_columns,
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="The column of ids.", show_default=False, autocompletion=complete_columns
    ),
]
GroupsOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Rows of one group stay in one fold.",
        show_default=False,
        autocompletion=complete_columns,
    ),
]


def _check_metric(name: str | None) -> str | None:
    """Raise unless a metric is known; name those that are spelled like it."""
    if name is not None:
        from stackit.tables import similar_metrics

        nearest = similar_metrics(name)
        if nearest != [name]:
            like = ", ".join(nearest or ["accuracy", "auc", "logloss", "rmse"])
            first = (nearest or ["auc"])[0]
            expected = f"a metric that is known, such as {like}"
            raise usage_error("--metric", expected, f"--metric={name}", f"Pass --metric {first}")
    return name


MetricOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="accuracy, auc, logloss, f1, rmse, r2, ...",
        show_default=False,
        autocompletion=complete_metrics,
        callback=_check_metric,
    ),
]


def given(**values: Any) -> dict[str, Any]:
    """Return the options that were passed: those that are not None."""
    return {name: value for name, value in values.items() if value is not None}
