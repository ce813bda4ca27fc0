"""Write a submission: the check reads exactly the text that is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import FilePath
from stackit.files import atomic_write
from stackit.submission.alignment import align_predictions
from stackit.submission.checks import check_written
from stackit.submission.sample import Sample, SubmissionKind, read_sample
from stackit.submission.written_table import written_as
from stackit.validation import invalid_value

__all__ = ["write_submission"]

COMPRESSED = {".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar"}


def write_submission(
    path: FilePath,
    ids: Any,
    predictions: Any,
    *,
    sample: FilePath | pd.DataFrame | Sample,
    kind: SubmissionKind | None = None,
    labels: Iterable[Any] | None = None,
    tolerance: float = 1e-3,
    classes: Any = None,
) -> Path:
    """Write predictions as a CSV file like the sample submission, or raise and write nothing.

    Columns get the names, and rows the order, of the sample. Predictions that have names or ids are matched
    by them, in whatever order they are; what cannot be matched is an error. Whole numbers are written
    without a decimal point if the sample has none.

    Parameters
    ----------
    path : path
        The CSV file to write, completely or not at all; an existing file stays if the predictions are
        refused.
    ids : (m,) array-like or None
        The id of each prediction, of any type; compared with the sample's as text. None if the
        predictions have them: in a column or index with the sample's name for ids, or as keys.
    predictions : data frame, series, dict, or (m,) or (m, n_columns) array-like
        The values. Columns are matched by name: that of the sample, or of the class that it stands for, as
        1, 1.0 or ``stack__1`` for ``Class_1``. Rows are matched by their ids; by the index of a frame or
        series, if it holds the ids, or the labels of the index of `ids`; or else by their order. An array
        has no names: it needs `classes` if the sample has several columns. Of the two columns of classes 0
        and 1 (or False and True), a sample with one column gets the second.
    sample : path, data frame or Sample
        The sample submission (.csv, .csv.gz, .zip): ids in the first column, values in the others. Without
        one, pass what `sample_of_test` makes of the test ids and the target.
    kind, labels, tolerance
        As in `check_submission`.
    classes : (n_columns,) array-like, optional
        The class of each column of an array, as in ``estimator.classes_``.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    ValueError
        If the submission would be invalid; the error names everything that is wrong. See
        `check_submission`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> sample = pd.DataFrame({"PassengerId": [892, 893, 894, 895], "Survived": [0, 1, 0, 1]})
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "submission.csv"
    >>> written = write_submission(path, [895, 894, 893, 892], [1.0, 0.0, 0.0, 1.0], sample=sample)
    >>> print(written.read_text().strip())
    PassengerId,Survived
    892,1
    893,0
    894,0
    895,1
    >>> write_submission(path, [892, 893, 894, 894], [1, 0, 0, 2], sample=sample)
    Traceback (most recent call last):
        ...
    ValueError: submission.csv must be valid like the sample submission; got 1 missing id (895); 1 repeated
    id (894); Survived not one of 0, 1 in 1 row (id 894: 2). Correct the predictions: nothing was written.
    """
    path = Path(path)
    if path.suffix.lower() in COMPRESSED:
        advice = "Compress the file afterwards"
        raise invalid_value("path", "an uncompressed .csv file", f"path={path}", advice)
    known = read_sample(sample, kind, labels, tolerance)
    text = _text_of(known, ids, predictions, classes)
    check_written(
        known, written_as(text, path.name), path.name, "Correct the predictions: nothing was written"
    )
    atomic_write(path, text)
    return path


def _text_of(sample: Sample, ids: Any, predictions: Any, classes: Any) -> str:
    """Return the CSV text of predictions, in the order of the sample if the ids are the same."""
    names, table = align_predictions(sample, ids, predictions, classes)
    for column in table.columns.intersection(list(sample.columns)):
        if sample.columns[column].is_integer:
            table[column] = _as_integers(table[column])
    table.insert(0, sample.id_name, names.to_numpy())
    if not names.duplicated().any() and set(names) == set(sample.ids):
        table = table.set_index(sample.id_name).loc[list(sample.ids)].reset_index()
    return str(table.to_csv(index=False, lineterminator="\n"))


def _as_integers(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return whole floats and truth values as integers, and other values unchanged."""
    if pd.api.types.is_integer_dtype(values.dtype):
        return values
    numbers = pd.Series(pd.to_numeric(values, errors="coerce"), dtype=np.float64)
    whole = np.isfinite(numbers) & (numbers == numbers.round())
    return numbers.astype(np.int64) if whole.all() else values
