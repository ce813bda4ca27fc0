"""New rows predicted by the stack of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import FilePath
from stackit.runs.folder import RunFolder
from stackit.tables import read_table
from stackit.validation import format_list

__all__ = ["predict_table"]


def predict_table(folder: RunFolder | FilePath, table: pd.DataFrame | FilePath) -> pd.DataFrame:
    """Predict the rows of a table by the stack of a run.

    Parameters
    ----------
    folder : RunFolder or path
        The folder of a finished run.
    table : data frame or path
        The rows, with the columns of the training table; others are ignored.

    Returns
    -------
    DataFrame of m rows
        The ids, where the table has their column; the target, as labels or numbers; and for classes one
        column ``<target>__<class>`` of probabilities per class.

    Raises
    ------
    ValueError
        When the run is not finished, or the table lacks columns.
    FileNotFoundError
        When the run has saved no stack.

    Examples
    --------
    >>> predict_table("runs/titanic", "new.csv")  # doctest: +SKIP
      PassengerId  Survived  Survived__0  Survived__1
    0         892         0     0.937814     0.062186
    1         893         0     0.538839     0.461161
    """
    folder = folder if isinstance(folder, RunFolder) else RunFolder.open(folder)
    target, id_name = folder.config.target, folder.id_column
    if isinstance(table, pd.DataFrame):
        name, rows = "The table", table
    else:
        name, rows = str(Path(table)), read_table(table, id=id_name)
    stack = folder.stack()
    missing = [each for each in stack.feature_names_in_ if each not in rows.columns]
    if missing:
        raise ValueError(
            f"{name} lacks {len(missing)} of the {stack.n_features_in_} columns that the stack learned from: "
            f"{format_list(missing)}. Pass a table with all of them; their values may be missing."
        )
    found: dict[Any, Any] = {id_name: rows[id_name].to_numpy()} if id_name in rows.columns else {}
    values = stack.predict_blend(rows[[*stack.feature_names_in_]])
    if values.ndim == 1:
        return pd.DataFrame(found | {target: values})
    classes = np.asarray(stack.classes_)
    found[target] = classes[values.argmax(axis=1)]
    labels = [str(one) for one in classes.tolist()]
    return pd.DataFrame(found | {f"{target}__{label}": values[:, at] for at, label in enumerate(labels)})
