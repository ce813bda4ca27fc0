"""The submission of a finished run, written again in the order and columns of another sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from stackit.arrays import FilePath
from stackit.runs.config import RunConfig
from stackit.runs.folder import RunFolder
from stackit.runs.member_files import STACK, predictions_of
from stackit.runs.run_tables import RunTables, read_tables
from stackit.runs.submission_file import sample_of_run, write_run_submission
from stackit.submission import Sample

__all__ = ["Resubmission"]


@dataclass(frozen=True)
class Resubmission:
    """The submission of a run with the settings and tables that it has with another sample.

    It is made of the predictions in ``test/stack.csv``. Rows that the sample has no ids of are left out.
    """

    folder: RunFolder
    config: RunConfig
    tables: RunTables
    sample: Sample

    @classmethod
    def of(cls, folder: RunFolder, sample: FilePath) -> Self:
        """Read the tables of a finished run that has a test table, and the sample."""
        changed = {"sample": Path(sample), "id": folder.manifest["id"]}
        config = folder.config.model_copy(update=changed)
        tables = read_tables(config)
        return cls(folder, config, tables, sample_of_run(config, tables))

    def write(self) -> list[str]:
        """Write the file, and return a sentence on each thing that is different now.

        Raises
        ------
        ValueError
            When it would not be valid like the sample, as where ids are missing; nothing is written.
        """
        ids = np.asarray(self.tables.test_ids)
        kept = np.isin(ids, np.asarray(self.sample.ids, dtype=str))
        # Without one id in common, all stay, so that the error names those that do not fit.
        tables = replace(self.tables, test_ids=ids[kept]) if kept.any() else self.tables
        is_classification = tables.task.is_classification
        rows = self.folder.test.set_axis(self.folder.test.index.astype(str)).loc[np.asarray(tables.test_ids)]
        values = predictions_of(rows, [STACK], is_classification)[STACK]
        classes = np.unique(np.asarray(tables.training.y)) if is_classification else None
        path = self.folder.path / "submission.csv"
        before = _texts_in(path)
        write_run_submission(
            path, self.config, tables, values if is_classification else values[:, 0], classes
        )
        return _differences(before, _texts_in(path))


def _texts_in(path: Path) -> pd.DataFrame:
    """Return the cells of a submission as text, with the ids as the index."""
    return pd.read_csv(path, dtype=str, keep_default_na=False, index_col=0)


def _differences(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Return what is different in two submissions, as sentences."""
    names = [", ".join([str(table.index.name), *table]) for table in (before, after)]
    both = after.index[after.index.isin(before.index)]
    found = [f"The columns are {names[1]}; they were {names[0]}."] if names[0] != names[1] else []
    if len(both) < len(before):
        found.append(f"{len(before) - len(both)} rows are left out: the sample does not have their ids.")
    if not before.index[before.index.isin(both)].equals(both):
        found.append("The rows are in the order of the sample.")
    if before.shape[1] != after.shape[1] or (before.loc[both].to_numpy() != after.loc[both].to_numpy()).any():
        found.append("The values are written as those of the sample.")
    return found
