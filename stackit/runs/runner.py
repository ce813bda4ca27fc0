"""A run: from the tables that the settings name to a folder with all results."""

from __future__ import annotations

import time
from typing import Any

from stackit.presets import TabularStackClassifier, TabularStackRegressor
from stackit.progress.events import Observer, current_observer, observe
from stackit.runs.config import RunConfig
from stackit.runs.folder import RunFolder
from stackit.runs.manifest import now
from stackit.runs.results import write_results
from stackit.runs.run_lock import lock_folder
from stackit.runs.run_tables import RunTables, read_tables
from stackit.runs.time_budget import seconds_to_fit
from stackit.store import DiskStore
from stackit.validation import warn

__all__ = ["run"]


def run(
    config: RunConfig,
    *,
    overwrite: bool = False,
    progress: Observer | None = None,
    verbose: int = 0,
    started: float | None = None,
) -> RunFolder:
    """Fit a preset on the tables that the settings name, and write everything into the folder of the run.

    A run that was stopped goes on where it was when it is started again with the same settings, and one that
    is finished is not repeated.

    Parameters
    ----------
    config : RunConfig
        The settings.
    overwrite : bool
        Whether a run with other settings or data in the same folder is deleted first.
    progress : callable, optional
        Called with each `ProgressEvent` of the fit, such as the `update` of a `ProgressBoard`.
    verbose : int
        0 is silent; 1 shows the progress on standard error, unless `progress` is passed.
    started : float, optional
        When the time limit began, as `time.monotonic` says it: a script that took a while before may pass the
        moment of its own start. Default: now.

    Returns
    -------
    RunFolder

    Raises
    ------
    ValueError
        When a table or a setting cannot be used, the folder has a run with other settings or data, or another
        process runs in it.
    OSError
        When a file cannot be read or written.
    TimeoutError
        When nothing can be fitted within the time limit.
    KeyboardInterrupt
        When the user stops it; what is finished is kept for the next call.
    """
    started = time.monotonic() if started is None else started
    tables = read_tables(config)
    with lock_folder(config.folder):
        folder = RunFolder.start(config, overwrite)
        if not folder.is_finished:
            for note in tables.notes:
                warn(note)
            with observe(progress or current_observer()):
                _complete(config, tables, folder, started, verbose)
    return folder


def _complete(config: RunConfig, tables: RunTables, folder: RunFolder, started: float, verbose: int) -> None:
    """Fit what is not finished yet, write all files, and note how the run has ended."""
    try:
        stack = _fit(config, tables, folder, started, verbose)
        fitted = time.monotonic()
        write_results(config, tables, stack, folder)
    except KeyboardInterrupt:
        folder.note(status="interrupted")
        raise
    except Exception as error:
        folder.note(status="failed", error=str(error))
        raise
    ended = time.monotonic()
    parts = {"total": ended - started, "fit": fitted - started, "write": ended - fitted}
    seconds: dict[str, Any] = {name: round(value, 3) for name, value in parts.items()}
    seconds["members"] = stack.leaderboard_["seconds"].dropna().to_dict()
    folder.note(status="finished", seconds=seconds, finished=now())


def _fit(config: RunConfig, tables: RunTables, folder: RunFolder, started: float, verbose: int) -> Any:
    """Return the fitted stack, in time to write everything down."""
    kind = TabularStackClassifier if tables.task.is_classification else TabularStackRegressor
    stack = kind(
        config.preset,
        time_limit=seconds_to_fit(config.time_limit, started),
        scoring=config.metric,
        cv=tables.cv,
        categories=tables.categories,
        n_jobs=config.n_jobs,
        random_state=config.random_state,
        store=DiskStore(folder.path / "store"),
        verbose=verbose,
    )
    training = tables.training
    return stack.fit(tables.X, training.y, groups=training.groups, X_test=tables.X_test)
