"""Out-of-fold files of any origin, blended by their ids, with the honest score of the blend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from stackit.arrays import FilePath, Floats, Rows
from stackit.engine.training_data import TrainingData
from stackit.files import Names, read_csv
from stackit.folds import Folds
from stackit.folds.subset import restrict
from stackit.precomputed import Predictions
from stackit.presets import Blend, choose_blend
from stackit.presets.blend.cross_fitting import held_out_rows
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.presets.blend.meta_table import MetaTable
from stackit.presets.scheduler.fold_choice import choose_folds
from stackit.runs.config import RunConfig
from stackit.runs.file_members import predictions_for, read_members, without_stacks
from stackit.runs.member_files import STACK
from stackit.runs.run_tables import folds_of, read_training
from stackit.tables import detect_scoring, detect_task, read_table
from stackit.target import TargetType
from stackit.validation import format_list

__all__ = ["FileBlend", "blend_files"]


@dataclass(frozen=True, eq=False)
class FileBlend:
    """The blend of out-of-fold files.

    Attributes
    ----------
    blend : Blend
        The combiner, its weights, its cross-fitted score and standard error.
    scoring : str
        The metric; higher is better.
    scores : DataFrame
        One row per member, the best first: score, standard error and weight; the blend is "stack".
    oof : DataFrame
        The cross-fitted predictions of the blend, by id.
    test : DataFrame or None
        Its predictions of the test rows, by id.
    n_left_out : int
        Training rows that some file does not predict.
    """

    blend: Blend
    scoring: str
    scores: pd.DataFrame = field(repr=False)
    oof: pd.DataFrame = field(repr=False)
    test: pd.DataFrame | None = field(repr=False)
    n_left_out: int = 0

    @property
    def sentence(self) -> str:
        """The score of the blend and that of its best member."""
        best = self.scores.drop(index=STACK)["score"]
        return (
            f"{self.scoring} {self.blend.score:.5g} (standard error {self.blend.sem:.2g}), cross-fitted on "
            f"{len(self.oof)} rows; the best of {len(best)} members, {best.index[0]}, has {best.iloc[0]:.5g}."
        )


def blend_files(
    paths: Iterable[FilePath],
    *,
    train: FilePath,
    target: str,
    id: str | None = None,
    test: Iterable[FilePath] = (),
    metric: str | None = None,
    folds: FilePath | int | None = None,
    groups: str | None = None,
) -> FileBlend:
    """Blend out-of-fold predictions in files of any origin.

    Rows are matched by id. A file has the ids in its first column, or in the one that is called like those of
    the training table, and a column of numbers, or of the probability of the second class, or one column per
    class. A file with several members has columns ``<member>`` or ``<member>__<class>``. The score is that of
    rows that the combiner has not seen, and so is the choice of the combiner. The stack of a run is left out,
    with a warning, where members of the run are among the files.

    Parameters
    ----------
    paths : iterable of paths
        The files of out-of-fold predictions.
    train : path
        The training table.
    target : str
        Its column to predict.
    id : str, optional
        Its column of ids. Default: the name of the first column of the first file, where the table has it,
        or else the number of the row.
    test : iterable of paths
        The files of the predictions of test rows, called like those of `paths`.
    metric : str, optional
        The metric. Default: area under the ROC curve for two classes, log loss for more, and root mean
        squared error.
    folds : int or path, optional
        The folds by which the blend is cross-fitted: best those of the members.
    groups : str, optional
        A column: rows with the same value are held out together.

    Returns
    -------
    FileBlend

    Raises
    ------
    ValueError
        When there are no files, predictions are no probabilities or numbers, columns are not those of the
        classes, ids are unknown, or test files do not belong to the others.
    OSError
        When a file cannot be read.

    Examples
    --------
    >>> found = blend_files(["oof/a.csv", "oof/b.csv"], train="train.csv", target="y")  # doctest: +SKIP
    >>> print(found.sentence)  # doctest: +SKIP
    roc_auc 0.88226 (standard error 0.013), cross-fitted on 891 rows; the best of 2 members, a, has 0.87764.
    """
    files, tests = without_stacks([Path(path) for path in paths]), [Path(path) for path in test]
    if not files:
        raise ValueError("There are no files to blend. Pass out-of-fold files, such as oof/*.csv.")
    config = RunConfig(train=Path(train), target=target, folds=folds, groups=groups)
    id_column = id or _id_in(files[0], config.train)
    training = read_training(config, id_column)
    task = detect_task(training.y, len(training.y))
    scoring = detect_scoring(metric, task.kind, "metric")
    data = TrainingData.of(
        training.table, training.y.to_numpy(), groups=training.groups, classify=task.is_classification
    )
    target_type = data.target.type
    members = read_members(files, tests, target_type, id_column)
    known = {name: predictions_for(training.ids, one, target_type) for name, one in members.items()}
    rows = MetaTable.of(known, target_type).covered
    if not len(rows):
        raise ValueError(
            f"No row of {train} is predicted by all files. Check that their ids are those of its column "
            f"{id_column!r}."
        )
    used = restrict(choose_folds(data, folds_of(config, training), 0), rows)
    if used is None:
        raise ValueError(f"The {len(rows)} rows that all files predict are too few to blend.")
    blended = choose_blend(known, data.target, used, scoring=scoring, families={name: name for name in known})
    return FileBlend(
        blended,
        scoring,
        _scores(known, blended, data, used, rows, scoring),
        _frame(blended.oof[rows], training.ids[rows], target_type, id_column),
        _test_of(members, blended, target_type, id_column) if tests else None,
        len(data.target.y) - len(rows),
    )


def _id_in(file: Path, train: Path) -> str | None:
    """Return the name of the first column of a file, where the training table has it too."""
    name = str(read_csv(file, str(file), dtype={}, nrows=0).columns[0])
    return name if name in read_table(train).columns else None


def _scores(
    known: dict[str, Floats], blended: Blend, data: TrainingData, folds: Folds, rows: Rows, scoring: str
) -> pd.DataFrame:
    """Return the score, its standard error and the weight of each member and of the blend."""
    target = data.target
    weights = np.ones(len(target.y))
    metric = HeldOutMetric(target, held_out_rows(folds, rows), scoring, weights, data.groups)
    found = {name: metric.estimate(metric.contributions(table)) for name, table in known.items()}
    table = pd.DataFrame.from_dict(found, orient="index", columns=["score", "sem"])
    table["weight"] = pd.Series(blended.weights)
    first = pd.DataFrame({"score": blended.score, "sem": blended.sem}, index=[STACK])
    board = pd.concat([first, table.sort_values("score", ascending=False, kind="stable")])
    return board.rename_axis("member")


def _test_of(
    members: dict[str, Predictions], blended: Blend, target: TargetType, id_column: str | None
) -> pd.DataFrame:
    """Return the blend of the predictions of test rows."""
    first = next(iter(members.values()))
    ids = first.ids[first.n_train :]
    predictions = {name: predictions_for(ids, one, target, test=True) for name, one in members.items()}
    lacking = [name for name, table in predictions.items() if np.isnan(table).any()]
    if lacking:
        raise ValueError(
            f"The predictions of test rows of {format_list(lacking)} lack some ids of the first file. Pass "
            "files of the same rows."
        )
    return _frame(blended.predict(predictions).reshape(len(ids), -1), ids, target, id_column)


def _frame(values: Floats, ids: Names, target: TargetType, id_column: str | None) -> pd.DataFrame:
    """Return predictions with their ids as the index, and columns as `save_predictions` names them."""
    columns = [STACK] if len(target.labels) < 3 else [f"{STACK}__{label}" for label in target.labels]
    index = pd.Index(ids.tolist(), name=id_column or "row")
    return pd.DataFrame(values[:, -len(columns) :], index=index, columns=columns)
