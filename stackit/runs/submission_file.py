"""The submission of a run: labels, probabilities or numbers, like the sample or as Kaggle expects it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.runs.config import RunConfig
from stackit.runs.run_tables import RunTables
from stackit.submission import SubmissionKind, write_submission
from stackit.submission.sample import Sample, read_sample

__all__ = ["write_run_submission"]

# Metrics of probabilities, by a part of their names.
OF_PROBABILITIES = ("auc", "log_loss", "logloss", "brier", "average_precision", "d2_log")


def write_run_submission(
    path: Path, config: RunConfig, tables: RunTables, predictions: Floats, classes: npt.NDArray[Any] | None
) -> None:
    """Write the predictions of the test rows as a submission, checked by the sample or by its own shape.

    `predictions` are (m, n_classes) probabilities in the order of `classes`, or (m,) numbers.
    """
    sample = None if config.sample is None else read_sample(config.sample, None, None, 1e-3)
    form = _form_of(config, sample, classes)
    values: Any = predictions
    names = classes
    if classes is not None and form == "labels":
        values, names = classes[predictions.argmax(axis=1)], None
    elif classes is not None and len(classes) == 2 and (sample is None or len(sample.columns) == 1):
        values, names = predictions[:, 1], None
    kind: SubmissionKind = "numbers" if classes is None else form
    labels = classes.tolist() if classes is not None and form == "labels" else None
    like = config.sample or _sample_like(config, tables, values, names)
    write_submission(path, tables.test_ids, values, sample=like, kind=kind, labels=labels, classes=names)


def _form_of(
    config: RunConfig, sample: Sample | None, classes: npt.NDArray[Any] | None
) -> Literal["labels", "probabilities"]:
    """Return what the submission holds for classes: as set, as in the sample, or as the metric needs it."""
    if config.predictions is not None:
        return config.predictions
    if sample is not None and classes is not None:
        kinds = {column.kind for column in sample.columns.values()}
        if len(sample.columns) > 1 or kinds == {"probabilities"}:
            return "probabilities"
        if kinds & {"labels", "text"} and config.metric is None:
            return "labels"
    needs = any(part in (config.metric or "").lower() for part in OF_PROBABILITIES)
    return "probabilities" if needs else "labels"


def _sample_like(
    config: RunConfig, tables: RunTables, values: Any, classes: npt.NDArray[Any] | None
) -> pd.DataFrame:
    """Return a sample submission for tables that have none: ids, and the target or one column per class."""
    assert tables.test_ids is not None
    names = [config.target] if classes is None else [str(name) for name in classes]
    table = pd.DataFrame(np.asarray(values).reshape(len(tables.test_ids), -1), columns=names)
    table.insert(0, tables.id_name, tables.test_ids)
    return table
