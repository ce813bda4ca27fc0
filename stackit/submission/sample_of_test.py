"""What a submission must have where there is no sample: the test ids, and values like the target."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from stackit.files import check_ids
from stackit.precomputed.class_columns import class_text
from stackit.submission.sample import Sample, SampleColumn
from stackit.tables.task import detect_task

__all__ = ["sample_of_test"]


def sample_of_test(
    ids: Any,
    y: Any,
    *,
    kind: Literal["labels", "probabilities"] | None = None,
    id: str | None = None,
    target: str | None = None,
    tolerance: float = 1e-3,
) -> Sample:
    """Return what a submission must have, for a competition without a sample submission.

    Parameters
    ----------
    ids : (m,) array-like
        The ids of the test rows, each once; ``test["PassengerId"]``.
    y : (n,) array-like
        The target of the training rows; ``train["Survived"]``.
    kind : {"labels", "probabilities"}, optional
        What is submitted for classes. Default: labels. Probabilities are those of the second class in one
        column, or one column per class if there are more than two, named as the classes.
    id, target : str, optional
        The names of the columns. Default: the names of `ids` and `y`, or else "id" and "target".
    tolerance : float
        By how much the sum of a row's probabilities may differ from one.

    Returns
    -------
    Sample
        For `check_submission`, `write_submission` and `submission_problems`.

    Raises
    ------
    ValueError
        If ids are missing or repeated, or the target is unusable.

    Examples
    --------
    >>> sample = sample_of_test(pd.Series([892, 893], name="PassengerId"), [0, 1, 1, 0], target="Survived")
    >>> sample.columns
    {'Survived': SampleColumn(kind='labels', labels=('0', '1'))}
    """
    id_name = str(id or getattr(ids, "name", None) or "id")
    name = str(target or getattr(y, "name", None) or "target")
    names = pd.Series(check_ids(ids, None, id_name), name=id_name, dtype=object)
    columns = _columns_of(np.asarray(y), name, kind)
    return Sample("the test table", id_name, names, columns, len(columns) > 1, tolerance)


def _columns_of(y: Any, target: str, kind: str | None) -> dict[str, SampleColumn]:
    """Return the columns of values and what each holds."""
    if not detect_task(y).is_classification:
        return {target: SampleColumn("numbers")}
    classes = tuple(class_text(label) for label in np.unique(y))
    if kind != "probabilities":
        return {target: SampleColumn("labels", classes)}
    names = [target] if len(classes) == 2 else classes
    return {name: SampleColumn("probabilities") for name in names}
