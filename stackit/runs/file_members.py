"""The members in out-of-fold files of any origin."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from stackit.arrays import Floats
from stackit.files import Names, read_csv
from stackit.precomputed import Predictions
from stackit.precomputed.class_columns import match_names
from stackit.precomputed.read import read_predictions
from stackit.runs.manifest import read_manifest
from stackit.runs.member_files import STACK
from stackit.target import TargetType
from stackit.validation import format_list, warn

__all__ = ["predictions_for", "read_members", "without_stacks"]


def without_stacks(files: Sequence[Path]) -> list[Path]:
    """Return the files without repeated ones, and without stacks of members that are among them.

    The stack of a run is made of its members and of the target: with them, it would count twice.
    """
    files = [*{file.resolve(): file for file in files}.values()]
    stacks = [file for file in files if _is_stack(file)]
    doubled = [
        file for file in stacks if any(other.parent == file.parent for other in files if other not in stacks)
    ]
    for file in doubled:
        warn(f"{file} is left out: it is the blend of the others.")
    return [file for file in files if file not in doubled]


def _is_stack(file: Path) -> bool:
    """Whether a file is the stack of a run, by the manifest of the run."""
    try:
        return bool(read_manifest(file.absolute().parent.parent).get("files", {}).get(STACK) == file.name)
    except ValueError:
        return False


def read_members(
    files: Sequence[Path], tests: Sequence[Path], target: TargetType, id_column: str | None
) -> dict[str, Predictions]:
    """Return the predictions of each member in some files, with those of test rows where there are files.

    A member is called like its file, or like its columns where a file has several, with its folder before it
    where that name is taken.
    """
    test_of = _matched(files, tests)
    found: dict[str, Predictions] = {}
    for file in files:
        estimators = _estimators_in(file, target, id_column)
        for estimator in estimators:
            name = file.stem if estimator is None or len(estimators) == 1 else estimator
            found[_free_name(name, file, found)] = read_predictions(
                file,
                test_of.get(file),
                ids=None,
                test_ids=None,
                id=_id_of(file, id_column),
                estimator=estimator,
                folds=None,
                kind=None if target.is_classification else "number",
            )
    return found


def predictions_for(ids: Names, member: Predictions, target: TargetType, test: bool = False) -> Floats:
    """Return the (n, width) predictions of a member for rows with these ids; NaN where it has none."""
    places = member.find(ids)
    values = member.values
    if target.is_classification:
        order = member.columns_of(target.classes)
        values = np.hstack([1 - values, values]) if order is None else values[:, order]
    found = np.full((len(ids), values.shape[1]), np.nan)
    # Ids of test rows are never those of training rows.
    known = (places >= member.n_train) if test else (places >= 0) & (places < member.n_train)
    found[known] = values[places[known]]
    return found


def _matched(files: Sequence[Path], tests: Sequence[Path]) -> dict[Path, Path]:
    """Return the test file of each file: the one of the same name."""
    if not tests:
        return {}
    by_name = {path.name: path for path in tests}
    missing = [path.name for path in files if path.name not in by_name]
    if missing:
        raise ValueError(
            f"There are no predictions of test rows in files called {format_list(missing)}. Pass one file "
            "per out-of-fold file, of the same name, or none."
        )
    return {path: by_name[path.name] for path in files}


def _free_name(name: str, file: Path, taken: Collection[str]) -> str:
    """Return the name of a member, with as much of the path of its file as makes it different."""
    folder = file.absolute().parent
    run = folder.parent if folder.name == "oof" else folder
    places = [run.name, str(file.parent), str(file.with_suffix(""))]
    names = [name, *(f"{place}/{name}" for place in places)]
    return next(each for each in names if each not in taken and each != STACK)


def _id_of(file: Path, id_column: str | None) -> str:
    """Return the column of ids of a file: that of the training table, or else the first one."""
    names = list(read_csv(file, str(file), dtype={}, nrows=0).columns)
    return id_column if id_column in names else str(names[0])


def _estimators_in(file: Path, target: TargetType, id_column: str | None) -> list[str | None]:
    """Return the names of the members with columns in a file; None for one without a name."""
    key = _id_of(file, id_column)
    columns = [str(name) for name in read_csv(file, str(file), dtype={}, nrows=0).columns if name != key]
    if len(columns) < 2 or (target.is_classification and match_names(target.labels, columns)):
        return [None]
    return list(dict.fromkeys(name.partition("__")[0] for name in columns))
