"""The settings of a run, as they stand in ``stackit.toml``."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
)

from stackit.arrays import FilePath
from stackit.runs.durations import parse_duration
from stackit.tables import similar_metrics
from stackit.validation import format_list

__all__ = ["RunConfig"]

PATHS = ("train", "test", "sample", "output")


def _as_path(value: Any) -> Any:
    """Return a text as a path; an empty one is none."""
    return Path(value) if isinstance(value, str) and value.strip() else value


def _as_folds(value: Any) -> Any:
    return value if isinstance(value, int) else _as_path(value)


def _as_metric(value: str) -> str:
    if similar_metrics(value) != [value]:
        raise ValueError(value)
    return value


Text = Annotated[str, Field(min_length=1)]
Metric = Annotated[Text, AfterValidator(_as_metric)]
PathOf = Annotated[Path, BeforeValidator(_as_path)]
Seconds = Annotated[float, BeforeValidator(parse_duration)]
NumberOfFolds = Annotated[StrictInt, Field(ge=2)]
NumberOfJobs = Annotated[StrictInt, Field(ge=-1)]
Seed = Annotated[StrictInt, Field(ge=0, lt=2**32)]
# What each setting must be, and an example; the texts of errors.
EXPECTED = {
    "train": ("the file of the training table", 'train = "train.csv"'),
    "target": ("the name of the column to predict", 'target = "Survived"'),
    "test": ("the file of the rows to predict", 'test = "test.csv"'),
    "id": ("the name of the column of ids", 'id = "PassengerId"'),
    "sample": ("the file of the sample submission", 'sample = "sample_submission.csv"'),
    "preset": ("best, good or quick", 'preset = "good"'),
    "time_limit": ("a duration such as 90s, 10m, 1h30m or 600", 'time_limit = "10m"'),
    "metric": ("the name of a metric", 'metric = "accuracy"'),
    "task": ("classification or regression", 'task = "classification"'),
    "folds": ("a number of folds from 2 on, or a folds file", "folds = 5"),
    "groups": ("the name of a column", 'groups = "patient"'),
    "drop": ("a list of names of columns", 'drop = ["Ticket"]'),
    "categories": ("a list of names of columns", 'categories = ["Pclass"]'),
    "predictions": ("labels or probabilities", 'predictions = "labels"'),
    "output": ("the folder of the run", 'output = "runs/titanic"'),
    "random_state": ("a whole number from 0 on", "random_state = 0"),
    "n_jobs": ("a number of fits at once, or -1 for one per core", "n_jobs = -1"),
}


class RunConfig(BaseModel):
    """The settings of a run: which tables, which column to predict, how good, how long.

    Parameters
    ----------
    train : path
        The training table: CSV, also compressed, or parquet.
    target : str
        The column to predict.
    test : path, optional
        The rows to predict.
    id : str, optional
        The column of ids, in both tables. Default: the first column of the sample submission, or else the
        number of the row.
    sample : path, optional
        The sample submission, by which the submission is written and checked.
    preset : {"best", "good", "quick"}
        How many members, as in `TabularStackClassifier`.
    time_limit : duration, optional
        How long the whole run may take: seconds, or text such as "10m".
    metric : str, optional
        The scikit-learn scorer to be good at, or a usual name such as "auc" or "logloss".
    task : {"classification", "regression"}, optional
        What the target is. Default: detected.
    folds : int or path, optional
        The number of folds, or a folds file as `Folds.save` writes it, with the ids of the training table.
    groups : str, optional
        A column: rows with the same value in it are held out together. It is no feature.
    drop : list of str
        Columns that are left out.
    categories : list of str
        Columns that are categories whatever their values are, such as numbers that are ids of shops.
    predictions : {"labels", "probabilities"}, optional
        What the submission holds for classes. Default: what the sample holds, or else probabilities where
        `metric` names a metric of probabilities, and labels where it does not.
    output : path, optional
        The folder of the run. Default: ``runs/`` and the name of the training table, or of its folder where
        the table is called "train".
    random_state : int
        The seed.
    n_jobs : int
        How many fits run at once; -1 is one per core.

    Raises
    ------
    ValueError
        When a setting is missing, unknown or has a value that it cannot have: one sentence for each.

    Examples
    --------
    >>> config = RunConfig(train="titanic/train.csv", target="Survived", time_limit="10m")
    >>> print(config.to_toml())
    train = "titanic/train.csv"
    target = "Survived"
    time_limit = 600
    >>> config.folder.as_posix()
    'runs/titanic'
    >>> RunConfig(train="train.csv", traget="Survived", preset="bset")
    Traceback (most recent call last):
        ...
    ValueError: target is missing. Write target = "Survived". preset must be best, good or quick; got 'bset'.
    Write preset = "good". 'traget' is no setting. Did you mean target?
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: PathOf
    target: Text
    test: PathOf | None = None
    id: Text | None = None
    sample: PathOf | None = None
    preset: Literal["best", "good", "quick"] = "best"
    time_limit: Seconds | None = None
    metric: Metric | None = None
    task: Literal["classification", "regression"] | None = None
    folds: Annotated[NumberOfFolds | Path | None, BeforeValidator(_as_folds)] = None
    groups: Text | None = None
    drop: tuple[Text, ...] = ()
    categories: tuple[Text, ...] = ()
    predictions: Literal["labels", "probabilities"] | None = None
    output: PathOf | None = None
    random_state: Seed = 0
    n_jobs: NumberOfJobs = -1

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ValueError(_sentences(error)) from None

    @classmethod
    def from_toml(cls, path: FilePath) -> Self:
        """Read the settings in a file; paths in it are relative to its folder.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        RunConfig

        Raises
        ------
        ValueError
            When the file is not TOML, or a setting is missing, unknown or has a value that it cannot have.
        OSError
            When the file cannot be read.
        """
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(
                f'{path} is not TOML: {error}. Write lines such as target = "Survived".'
            ) from error
        try:
            config = cls(**values)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        paths = {"output": config.folder} | config.paths
        return config.model_copy(
            update={name: Path(os.path.normpath(path.parent / value)) for name, value in paths.items()}
        )

    def to_toml(self, folder: FilePath = ".") -> str:
        """Return the settings as the text of a file in a folder, without those that have their default.

        Relative paths, which are relative to the current folder, are written as seen from `folder`.

        Parameters
        ----------
        folder : path
            Where the file will be.

        Returns
        -------
        str
        """
        lines = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value != type(self).model_fields[name].default:
                lines.append(f"{name} = {_toml_value(value, Path(folder))}\n")
        return "".join(lines)

    @property
    def paths(self) -> dict[str, Path]:
        """The settings that are paths, by name."""
        named = {name: getattr(self, name) for name in (*PATHS, "folds")}
        return {name: path for name, path in named.items() if isinstance(path, Path)}

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        if self.output is not None:
            return self.output
        name = self.train.name.partition(".")[0]
        if name.lower() in ("train", "training"):
            name = self.train.absolute().parent.name or name
        return Path("runs") / name


def _toml_value(value: Any, folder: Path) -> str:
    """Return a value as TOML writes it: basic strings are those of JSON."""
    if isinstance(value, Path):
        return _toml_value(_seen_from(value, folder), folder)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return f"[{', '.join(_toml_value(one, folder) for one in value)}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value)


def _seen_from(path: Path, folder: Path) -> str:
    """Return a path as it is written in a file of a folder."""
    if path == folder:
        return "."
    if path.is_absolute():
        return path.as_posix()
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return path.absolute().as_posix()


def _sentences(error: ValidationError) -> str:
    """Return a sentence per setting that is wrong."""
    found: dict[str, str] = {}
    for each in error.errors():
        name = str(each["loc"][0])
        if name not in found:
            found[name] = _sentence(name, each["type"], each["input"])
    return " ".join(found.values())


def _sentence(name: str, kind: str, value: Any) -> str:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, EXPECTED, n=1, cutoff=0.5)
        advice = f"Did you mean {near[0]}?" if near else f"The settings are {format_list(EXPECTED, 99)}."
        return f"{name!r} is no setting. {advice}"
    expected, example = EXPECTED[name]
    if name == "metric" and isinstance(value, str) and (nearest := similar_metrics(value)):
        expected, example = f"{expected}, such as {', '.join(nearest)}", f'metric = "{nearest[0]}"'
    if kind == "missing":
        return f"{name} is missing. Write {example}."
    return f"{name} must be {expected}; got {value!r}. Write {example}."
