"""The tables of a run: features, target, groups and ids, read from the files that the settings name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Rows
from stackit.files import Names, check_ids, read_csv
from stackit.folds import Folds
from stackit.folds.subset import reindex
from stackit.runs.config import RunConfig
from stackit.tables import Task, detect_scoring, detect_task, read_table
from stackit.validation import format_list

__all__ = ["RunTables", "TrainingTable", "folds_of", "read_tables", "read_training"]


@dataclass(frozen=True, eq=False)
class TrainingTable:
    """The rows that a run learns from.

    Parameters
    ----------
    table : (n, n_columns) data frame
        All columns.
    y : (n,) series
        The target.
    ids : (n,) array of str
        The ids, or the numbers of the rows.
    groups : (n,) array or None
        Which rows are held out together.
    ids_of_file : array of str
        The ids of all rows of the file.
    kept : (n,) array of int
        Which of them have a target.
    """

    table: pd.DataFrame
    y: pd.Series[Any]
    ids: Names
    groups: Any
    ids_of_file: Names
    kept: Rows


@dataclass(frozen=True, eq=False)
class RunTables:
    """What a run learns from and what it predicts.

    Parameters
    ----------
    X : (n, n_columns) data frame
        The features of the training rows.
    training : TrainingTable
        Their target, ids and groups.
    id_column : str or None
        The column of ids; None where they are numbers.
    task : Task
        What is predicted.
    cv : int, Folds or None
        The folds.
    X_test : (m, n_columns) data frame or None
        The features of the rows to predict.
    test_ids : (m,) array of str or None
        Their ids.
    notes : tuple of str
        A sentence on each thing that was left out.
    categories : list of str or None
        The features that are categories whatever their values are.
    """

    X: pd.DataFrame
    training: TrainingTable
    id_column: str | None
    task: Task
    cv: Any = None
    X_test: pd.DataFrame | None = None
    test_ids: Names | None = None
    notes: tuple[str, ...] = ()
    categories: list[str] | None = None

    @property
    def id_name(self) -> str:
        """The name of the ids in files."""
        return self.id_column or "row"


def read_tables(config: RunConfig) -> RunTables:
    """Read the tables of a run and check that they belong together.

    Raises
    ------
    ValueError
        When a column is missing, ids are missing or repeated, the target cannot be used, or the tables do not
        belong together.
    OSError
        When a file cannot be read.
    """
    notes: list[str] = []
    id_column = config.id or _id_of_sample(config)
    training = read_training(config, id_column, notes)
    task = detect_task(training.y, len(training.y), config.task)
    detect_scoring(config.metric, task.kind, "metric")  # before anything is written
    apart = {config.target, id_column, config.groups, *config.drop}
    features = [name for name in training.table.columns if name not in apart]
    X_test = test_ids = None
    if config.test is not None:
        test = read_table(config.test, id=id_column)
        if id_column is not None and id_column not in test.columns:
            raise ValueError(_no_column(id_column, "the ids", config.test, test))
        test_ids = _ids_of(test, id_column, config.test)
        features = _in_both(features, test, config, notes)
        X_test = test[features]
    if not features:
        raise ValueError(f"{config.train} has no columns to learn from: only the target, ids and groups.")
    X = training.table[features]
    cv = folds_of(config, training)
    categories = [name for name in config.categories if name in features] or None
    return RunTables(X, training, id_column, task, cv, X_test, test_ids, tuple(notes), categories)


def read_training(config: RunConfig, id_column: str | None, notes: list[str] | None = None) -> TrainingTable:
    """Read the training table without the rows that have no target; `notes` gets a sentence on these."""
    table = read_table(config.train, id=id_column)
    _check_has(config, table, id_column)
    ids = _ids_of(table, id_column, config.train)
    kept = _rows_with_target(table[config.target], config, [] if notes is None else notes)
    if len(kept) < len(table):
        table = table.iloc[kept].reset_index(drop=True)
    groups = None if config.groups is None else table[config.groups].to_numpy()
    return TrainingTable(table, table[config.target], ids[kept], groups, ids, kept)


def folds_of(config: RunConfig, training: TrainingTable) -> Any:
    """Return the folds that the settings name, of the rows with a target."""
    path = config.folds
    if not isinstance(path, Path):
        return path
    if len(read_csv(path, str(path))) == len(training.ids):
        return Folds.load(path, training.ids)
    return reindex(Folds.load(path, training.ids_of_file), training.kept)


def _id_of_sample(config: RunConfig) -> str | None:
    """Return the first column of the sample submission, which has ids; None without one."""
    return None if config.sample is None else str(read_table(config.sample).columns[0])


def _ids_of(table: pd.DataFrame, column: str | None, path: Path) -> Names:
    ids = np.arange(len(table)) if column is None else table[column].to_numpy()
    return check_ids(ids, None, f"Ids in column {column!r} of {path}")


def _check_has(config: RunConfig, train: pd.DataFrame, id_column: str | None) -> None:
    """Raise unless the training table has rows and the columns that the settings name."""
    if not len(train):
        raise ValueError(f"{config.train} has no rows. Pass the training table.")
    wanted = {"the target": config.target, "the ids": id_column, "the groups": config.groups}
    lists = (("left out", config.drop), ("a category", config.categories))
    for what, name in [*wanted.items(), *((what, name) for what, names in lists for name in names)]:
        if name is not None and name not in train.columns:
            raise ValueError(_no_column(name, what, config.train, train))
    if config.target in (id_column, config.groups, *config.drop):
        raise ValueError(
            f"target must be a column of its own; got target={config.target!r}, which is also "
            "that of ids, groups or left out. Name the column to predict."
        )


def _no_column(name: str, what: str, path: Path, table: pd.DataFrame) -> str:
    columns = [str(column) for column in table.columns]
    near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
    advice = f"Did you mean {near[0]!r}?" if near else f"Its columns are {format_list(columns, 20)}."
    return f"{path} has no column {name!r} ({what}). {advice}"


def _rows_with_target(y: pd.Series[Any], config: RunConfig, notes: list[str]) -> Any:
    """Return the rows with a target; a note says how many have none."""
    known = np.flatnonzero(y.notna())
    missing = len(y) - len(known)
    if missing == len(y):
        raise ValueError(
            f"{config.target!r} of {config.train} is empty in all rows. Name the column to predict."
        )
    if missing:
        notes.append(f"{missing} of {len(y)} training rows have no {config.target!r} and are left out.")
    return known


def _in_both(features: list[str], test: pd.DataFrame, config: RunConfig, notes: list[str]) -> list[str]:
    """Return the columns that the test table has too; a note names the others."""
    both = [name for name in features if name in test.columns]
    missing = [name for name in features if name not in test.columns]
    if len(missing) > len(both):
        raise ValueError(
            f"{config.test} lacks {len(missing)} of the {len(features)} columns of {config.train}: "
            f"{format_list(missing)}. Check that the two tables belong together."
        )
    if missing:
        notes.append(f"{config.test} has no {format_list(missing)}: left out of training too.")
    return both
