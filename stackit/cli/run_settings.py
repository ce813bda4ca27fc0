"""The settings of `stackit run`: from options, from a file, or from a file and options that change it."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackit.cli.errors import CommandError, ExitCode, exit_on_error, with_options
from stackit.cli.paths import check_file

if TYPE_CHECKING:
    from stackit.runs import RunConfig

__all__ = ["PredictionsName", "TaskName", "config_of"]

CONFIG = "stackit.toml"


class TaskName(StrEnum):
    """What a target is."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class PredictionsName(StrEnum):
    """What a submission holds for classes."""

    LABELS = "labels"
    PROBABILITIES = "probabilities"


def config_of(train: Path | None, test: Path | None, options: dict[str, Any]) -> RunConfig:
    """Return the settings; options come before those of a file."""
    file = _config_file(train)
    for what, path in (("TRAIN", train), ("TEST", test)):
        if path is not None and (what == "TEST" or file is None):
            check_file(what, path)
    from stackit.runs import RunConfig

    if "folds" in options and options["folds"].isdigit():
        options["folds"] = int(options["folds"])
    if file is not None:
        if test is not None:
            options["test"] = test
        try:
            config = RunConfig.from_toml(file)
        except ValueError as error:
            raise CommandError(ExitCode.USAGE, str(error)) from error
        return _checked(config.model_dump() | options) if options else config
    assert train is not None
    if test is not None:
        options["test"] = test
    if "target" not in options:
        raise _no_target(train, test)
    return _checked({"train": train, **options})


def _checked(settings: dict[str, Any]) -> RunConfig:
    """Return settings from options; errors name the options."""
    from stackit.runs import RunConfig

    try:
        return RunConfig(**settings)
    except ValueError as error:
        raise CommandError(ExitCode.USAGE, with_options(str(error))) from error


def _config_file(train: Path | None) -> Path | None:
    """Return the file of settings that an argument names; None where it names a table."""
    if train is None:
        if not Path(CONFIG).is_file():
            raise CommandError(
                ExitCode.USAGE,
                f"A training table is needed, or a {CONFIG} in this folder. "
                "Type: stackit run train.csv test.csv --target NAME",
            )
        return Path(CONFIG)
    if train.is_dir():
        check_file("The settings of a run", train / CONFIG)
        return train / CONFIG
    if train.suffix == ".toml":
        check_file("TRAIN", train)
        return train
    return None


def _no_target(train: Path, test: Path | None) -> CommandError:
    """Return the error of a missing target; a column that only the training table has is likely the one."""
    columns = _columns_of(train)
    if test is not None and (only := [name for name in columns if name not in _columns_of(test)]):
        guess = f"{test} lacks {only[0]}. Type: --target {shlex.quote(only[0])}"
    else:
        guess = f"The columns are {', '.join(columns[:20])}. Type: --target {shlex.quote(columns[-1])}"
    return CommandError(ExitCode.USAGE, f"The column to predict is missing. {guess}")


def _columns_of(path: Path) -> list[str]:
    from stackit.tables import read_table

    with exit_on_error(ExitCode.DATA):
        return [str(name) for name in read_table(path).columns]
