"""The submission of a run: labels, probabilities or numbers, like the sample or as Kaggle expects it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.precomputed.class_columns import class_text
from stackit.runs.config import RunConfig
from stackit.runs.run_tables import RunTables
from stackit.submission import Sample, SampleColumn, write_submission
from stackit.submission.sample import read_sample

__all__ = ["sample_of_run", "write_run_submission"]

Form = Literal["labels", "probabilities"]
# Metrics of probabilities, by a part of their names.
OF_PROBABILITIES = ("auc", "log_loss", "logloss", "brier", "average_precision", "d2_log")
TOLERANCE = 1e-3  # by which the probabilities of a row may miss one


def write_run_submission(
    path: Path, config: RunConfig, tables: RunTables, predictions: Floats, classes: npt.NDArray[Any] | None
) -> None:
    """Write the predictions of the test rows as a submission, checked by the sample or by its own shape.

    `predictions` are (m, n_classes) probabilities in the order of `classes`, or (m,) numbers.
    """
    sample = sample_of_run(config, tables)
    is_labels = classes is not None and {column.kind for column in sample.columns.values()} == {"labels"}
    values: Any = predictions
    names = classes
    if classes is not None and is_labels:
        values, names = classes[predictions.argmax(axis=1)], None
    elif classes is not None and len(sample.columns) == 1:
        values, names = predictions[:, -1], None
    write_submission(path, tables.test_ids, values, sample=sample, classes=names)


def sample_of_run(config: RunConfig, tables: RunTables) -> Sample:
    """Return what the submission must have, by the sample or by the tables: its ids, columns and values."""
    sample = None if config.sample is None else read_sample(config.sample, None, None, TOLERANCE)
    classes = np.unique(np.asarray(tables.training.y)) if tables.task.is_classification else None
    form = _form_of(config, sample)
    wanted = _columns_of(config, sample, form, classes)
    if sample is not None:
        sums_to_one = sample.sums_to_one and form == "probabilities"
        return Sample(sample.name, sample.id_name, sample.ids, wanted, sums_to_one, TOLERANCE)
    ids = pd.Series(tables.test_ids, name=tables.id_name, dtype=object)
    sums_to_one = classes is not None and len(wanted) > 1
    return Sample("the test table", tables.id_name, ids, wanted, sums_to_one, TOLERANCE)


def _form_of(config: RunConfig, sample: Sample | None) -> Form:
    """Return what the submission holds for classes: as set, as in the sample, or as the metric needs it."""
    if config.predictions is not None:
        return config.predictions
    if sample is not None:
        kinds = {column.kind for column in sample.columns.values()}
        if len(sample.columns) > 1 or kinds == {"probabilities"}:
            return "probabilities"
        if kinds & {"labels", "text"} and config.metric is None:
            return "labels"
    needs = any(part in (config.metric or "").lower() for part in OF_PROBABILITIES)
    return "probabilities" if needs else "labels"


def _columns_of(
    config: RunConfig, sample: Sample | None, form: Form, classes: npt.NDArray[Any] | None
) -> dict[str, SampleColumn]:
    """Return the columns of the submission, and what each holds."""
    labels = () if classes is None else tuple(class_text(label) for label in classes)
    if classes is None:
        column = SampleColumn("numbers")
    else:
        column = SampleColumn("labels", labels) if form == "labels" else SampleColumn("probabilities")
    if sample is not None:
        return dict.fromkeys(sample.columns, column)
    names = labels if form == "probabilities" and len(labels) > 2 else (config.target,)
    return dict.fromkeys(names, column)
