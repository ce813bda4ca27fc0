"""What a run would do: columns, folds, members and about how many seconds; nothing is fitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from joblib import effective_n_jobs

from stackit.engine.memory import memory_limit
from stackit.engine.training_data import TrainingData
from stackit.folds import Folds
from stackit.presets import TableShape, portfolio
from stackit.presets.portfolio import left_out
from stackit.presets.scheduler.fold_choice import choose_folds
from stackit.presets.tabular_stack import N_REPEATS
from stackit.progress import format_duration
from stackit.runs.config import RunConfig
from stackit.runs.fit_seconds import seconds_per_fit
from stackit.runs.run_tables import RunTables, read_tables
from stackit.tables import TableReader, detect_scoring

__all__ = ["DryRun", "dry_run"]


@dataclass(frozen=True, eq=False)
class DryRun:
    """What a run would do.

    Attributes
    ----------
    sentence : str
        What is predicted, and how it was recognised.
    scoring : str
        The metric.
    columns : DataFrame
        One row per column: its kind, the share of missing values, distinct values, and a note such as why it
        is left out.
    folds : Folds
        The folds of the first repeat.
    n_repeats : int
        How often the rows are dealt into folds, where there is time.
    members : DataFrame
        One row per member: its family, the seconds that it is expected to take on all folds, and its status:
        "to fit", or why it is left out.
    n_jobs : int
        How many fits run at once.
    notes : list of str
        A sentence on each thing that is left out.
    """

    sentence: str
    scoring: str
    columns: pd.DataFrame = field(repr=False)
    folds: Folds
    n_repeats: int
    members: pd.DataFrame = field(repr=False)
    n_jobs: int
    time_limit: float | None
    notes: list[str]

    @property
    def seconds(self) -> float:
        """About how many seconds the run takes, roughly: a factor of three is no surprise."""
        expected = float(self.members["seconds"].sum()) * self.n_repeats / self.n_jobs
        return expected if self.time_limit is None else min(expected, self.time_limit)

    @property
    def summary(self) -> str:
        """The plan in a sentence or two."""
        n_members = int((self.members["status"] == "to fit").sum())
        repeats = f", up to {self.n_repeats} times" if self.n_repeats > 1 else ""
        at_once = "one fit at a time" if self.n_jobs == 1 else f"{self.n_jobs} fits at once"
        return (
            f"{self.sentence} {n_members} members on {len(self.folds.splits)} folds{repeats}: about "
            f"{format_duration(self.seconds)} with {at_once}."
        )


def dry_run(config: RunConfig) -> DryRun:
    """Read the tables of a run, and return what it would do; nothing is fitted or written.

    Parameters
    ----------
    config : RunConfig
        The settings.

    Returns
    -------
    DryRun

    Raises
    ------
    ValueError
        When a table or a setting cannot be used.
    OSError
        When a file cannot be read.

    Examples
    --------
    >>> print(dry_run(RunConfig(train="train.csv", target="Survived")).summary)  # doctest: +SKIP
    'Survived' has two classes, 0 and 1: a classification of two classes, scored by roc_auc. 19 members on 10
    folds, up to 3 times: about 4m with 2 fits at once.
    """
    tables = read_tables(config)
    reader = TableReader(tables.categories)
    frame = reader.fit_transform(tables.X)
    training, task = tables.training, tables.task
    data = TrainingData.of(frame, training.y, groups=training.groups, classify=task.is_classification)
    folds = choose_folds(data, tables.cv, config.random_state)
    shape = TableShape.of(frame, len(data.target.classes), memory_limit())
    scoring = detect_scoring(config.metric, task.kind, "metric")
    return DryRun(
        task.sentence.replace(f"scored by {task.scoring}", f"scored by {scoring}"),
        scoring,
        reader.columns_,
        folds,
        _n_repeats(config, tables, shape),
        _members(config, shape, len(folds.splits)),
        int(effective_n_jobs(config.n_jobs)),
        config.time_limit,
        [*tables.notes],
    )


def _members(config: RunConfig, shape: TableShape, n_splits: int) -> pd.DataFrame:
    rows: dict[str, list[Any]] = {
        member.name: [member.family, round(n_splits * seconds_per_fit(member.name, shape), 1), "to fit"]
        for member in portfolio(config.preset, shape)
    }
    for name, reason in left_out(config.preset, shape).items():
        rows[name] = ["", 0.0, f"left out: {reason}"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["family", "seconds", "status"])
    return table.rename_axis("member")


def _n_repeats(config: RunConfig, tables: RunTables, shape: TableShape) -> int:
    """Return how often the rows are dealt into folds: once where the folds are given."""
    if config.preset != "best" or isinstance(tables.cv, Folds):
        return 1
    return next((n for below, n in N_REPEATS if shape.n_rows < below), 1)
