"""The files of a fitted stack in the folder of its run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stackit.arrays import Floats
from stackit.files import Names, atomic_write
from stackit.runs.config import RunConfig
from stackit.runs.folder import FOLDS, MODEL, SCORES, RunFolder
from stackit.runs.member_files import STACK, file_names, write_predictions
from stackit.runs.model_card import model_card
from stackit.runs.report_files import write_report
from stackit.runs.run_tables import RunTables
from stackit.runs.submission_file import write_run_submission
from stackit.validation import warn

__all__ = ["write_results"]


def write_results(config: RunConfig, tables: RunTables, stack: Any, folder: RunFolder) -> None:
    """Write all files of a run but the manifest, which gets the facts."""
    path, members = folder.path, stack.oof_members_
    files = file_names([*members, STACK])
    folder.manifest.update(_facts(tables, stack, files))
    stack.oof_.folds.save(path / FOLDS, tables.training.ids)
    index = _index(tables, tables.training.ids)
    write_predictions(path / "oof", _frames(stack, {**members, STACK: stack.oof_blend_}, index), files)
    tested = _predict_test(tables, stack)
    if tested:
        index = _index(tables, tables.test_ids)
        write_predictions(path / "test", _frames(stack, tested, index), files)
        classes = getattr(stack, "classes_", None)
        write_run_submission(path / "submission.csv", config, tables, tested[STACK], classes)
    scores = _scores(stack)
    atomic_write(path / SCORES, scores.to_csv(lineterminator="\n"))
    try:
        stack.without_times().save(path / MODEL)
    except ImportError as error:
        warn(f"{MODEL} is not written: {error}")
    write_report(tables, stack, tested, path)
    atomic_write(path / "README.md", model_card(config, folder.manifest, scores))


def _predict_test(tables: RunTables, stack: Any) -> dict[str, Floats]:
    """Return the predictions of the test rows by all members and by the stack; none without test rows."""
    if tables.X_test is None:
        return {}
    found = stack.test_members_
    if found is None:  # only the first fold of the members was finished
        found = stack.predict_members(tables.X_test, stack.oof_members_)
    return {**found, STACK: stack.blend_.predict(found)}


def _facts(tables: RunTables, stack: Any, files: dict[str, str]) -> dict[str, Any]:
    """Return what the manifest says of a fitted stack, without times."""
    return {
        "id": tables.id_column,
        "task": tables.task.kind,
        "scoring": stack.oof_.scoring,
        "score": stack.score_,
        "sem": stack.blend_.sem,
        "blend": stack.blend_.name,
        "rows": len(tables.X),
        "columns": tables.X.shape[1],
        "files": files,
        "notes": [*tables.notes],
    }


def _index(tables: RunTables, ids: Names | None) -> pd.Index[Any]:
    index: pd.Index[Any] = pd.Index([] if ids is None else ids.tolist(), name=tables.id_name)
    return index


def _frames(stack: Any, predictions: dict[str, Floats], index: pd.Index[Any]) -> dict[str, pd.DataFrame]:
    """Return predictions as tables: one column of numbers or of the second class, or one column per class."""
    labels, found = stack.oof_.target.labels, {}
    for name, values in predictions.items():
        table = values.reshape(len(index), -1)
        few = len(labels) < 3
        columns = [name] if few else [f"{name}__{label}" for label in labels]
        found[name] = pd.DataFrame(table[:, -1:] if few else table, index=index, columns=columns)
    return found


def _scores(stack: Any) -> pd.DataFrame:
    """Return the leaderboard without times, which are in the manifest, and the stack as its first row."""
    board = stack.leaderboard_.drop(columns="seconds").astype(object)
    first = {"family": "blend", "score": stack.score_, "sem": stack.blend_.sem, "status": stack.blend_.name}
    stack_row = pd.DataFrame([first], index=[STACK], columns=board.columns, dtype=object)
    table: pd.DataFrame = pd.concat([stack_row, board]).rename_axis("member")
    return table
