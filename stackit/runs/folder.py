"""The folder of a run: what is in it, and how it is opened."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from stackit.arrays import FilePath
from stackit.files import atomic_write, read_csv
from stackit.folds import Folds
from stackit.presets import TabularStackClassifier, TabularStackRegressor
from stackit.report import ignore_checks
from stackit.runs.config import RunConfig
from stackit.runs.manifest import changes, new_manifest, read_manifest, write_manifest
from stackit.runs.member_files import read_predictions_of
from stackit.runs.run_lock import LOCK
from stackit.runs.trusted_types import TRUSTED_TYPES

__all__ = ["RunFolder"]

CONFIG, FOLDS, SCORES, MODEL = "stackit.toml", "folds.csv", "scores.csv", "model.stackit"
# All that a run writes.
FILES = (
    CONFIG,
    FOLDS,
    "folds.csv.json",
    "oof",
    "test",
    SCORES,
    "submission.csv",
    "report.html",
    "report.json",
    "report.md",
    MODEL,
    "manifest.json",
    "README.md",
    "store",
)


@dataclass(frozen=True, eq=False)
class RunFolder:
    """The folder of a run, with all that the run has written.

    ===================================  ==============================================================
    ``stackit.toml``                     the settings; ``stackit run`` takes it
    ``folds.csv``                        which fold holds out which row
    ``oof/<member>.csv``                 what a member predicts for training rows that it has not seen;
                                         ``oof/stack.csv`` is the blend, cross-fitted
    ``test/<member>.csv``                what it predicts for the test rows
    ``scores.csv``                       the leaderboard
    ``submission.csv``                   what to hand in
    ``report.html``, ``.json``, ``.md``  the report
    ``model.stackit``                    what predicts new rows
    ``manifest.json``                    digests of the data, versions, seeds, seconds, format
    ``README.md``                        the model card
    ``store``                            finished fits: a run that was stopped goes on from there
    ===================================  ==============================================================

    Parameters
    ----------
    path : path
        The folder; `open` checks it.
    manifest : dict
        The content of ``manifest.json``.
    """

    path: Path
    manifest: dict[str, Any] = field(repr=False)

    @classmethod
    def open(cls, path: FilePath) -> Self:
        """Open the folder of a run, finished or not.

        Parameters
        ----------
        path : path
            The folder.

        Returns
        -------
        RunFolder

        Raises
        ------
        ValueError
            When it is no folder of a run, or one of a later format.
        """
        path = Path(path)
        return cls(path, read_manifest(path))

    @property
    def is_finished(self) -> bool:
        """Whether the run has written everything."""
        return bool(self.manifest["status"] == "finished")

    @cached_property
    def config(self) -> RunConfig:
        """The settings."""
        return RunConfig.from_toml(self.path / CONFIG)

    @property
    def id_column(self) -> str | None:
        """The column of ids; None where rows are known by their number."""
        self._check_is_finished()
        name: str | None = self.manifest["id"]
        return name

    @cached_property
    def folds(self) -> Folds:
        """The folds of the first repeat."""
        self._check_is_finished()
        path = self.path / FOLDS
        return Folds.load(path, read_csv(path, str(path)).iloc[:, 0])

    @cached_property
    def oof(self) -> pd.DataFrame:
        """The out-of-fold predictions of all members and of the stack, with the ids as the index."""
        self._check_is_finished()
        return read_predictions_of(self.path / "oof", self.manifest["files"])

    @cached_property
    def test(self) -> pd.DataFrame:
        """The predictions of the test rows; empty without a test table."""
        self._check_is_finished()
        return read_predictions_of(self.path / "test", self.manifest["files"])

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The leaderboard: one row per member, and the stack first."""
        self._check_is_finished()
        return pd.read_csv(self.path / SCORES, index_col="member")

    @property
    def submission(self) -> Path | None:
        """The submission; None without a test table."""
        path = self.path / "submission.csv"
        return path if path.is_file() else None

    def stack(self) -> TabularStackClassifier | TabularStackRegressor:
        """Load what predicts new rows.

        Returns
        -------
        TabularStackClassifier or TabularStackRegressor

        Raises
        ------
        FileNotFoundError
            When the run has saved none, as without skops.
        ValueError
            When the file holds types that are not among those of the presets.
        """
        self._check_is_finished()
        path = self.path / MODEL
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.path} has no {MODEL}, which needs skops. Install it with: pip install "
                "'stackit[secure]', and run again with overwrite."
            )
        is_regression = self.manifest["task"] == "regression"
        kind = TabularStackRegressor if is_regression else TabularStackClassifier
        return kind.load(path, trusted=TRUSTED_TYPES)

    def report(self, ignore: Collection[str] = ()) -> str:
        """Return the report as Markdown; where other checks are ignored than before, write it first.

        Parameters
        ----------
        ignore : collection of str
            The codes of checks to leave out, such as "STK004". What they found stays in ``report.json``:
            without `ignore`, it is in the report again.

        Raises
        ------
        FileNotFoundError
            When the run has written none.
        ValueError
            When the run is not finished, a code is unknown, or ``report.json`` is damaged.
        """
        self._check_is_finished()
        ignore_checks(self.path, ignore)
        return (self.path / "report.md").read_text(encoding="utf-8")

    @classmethod
    def start(cls, config: RunConfig, overwrite: bool = False) -> Self:
        """Return the folder of a new run, or of one of the same settings and data that goes on.

        Raises
        ------
        ValueError
            When the folder has other files, or a run with other settings or data; `overwrite` deletes the
            latter.
        """
        path, manifest = config.folder, new_manifest(config)
        is_run = (path / "manifest.json").is_file()
        if path.exists() and not is_run and (not path.is_dir() or _has_others(path)):
            raise ValueError(f"{path} has other files than those of a run. Choose another folder as output.")
        known = read_manifest(path) if is_run else None
        if known is not None and (overwrite or not _has_fits(path)):
            _clear(path)
        elif known is not None:
            if different := changes(known, manifest):
                raise ValueError(
                    f"{path} has a run with other settings or data: {'; '.join(different)}. Choose another "
                    "folder as output, or pass overwrite=True."
                )
            if known["status"] == "finished" and not _may_go_further(known, manifest):
                return cls(path, known)
        path.mkdir(parents=True, exist_ok=True)
        for left in path.rglob(".*.part"):
            left.unlink(missing_ok=True)
        atomic_write(path / CONFIG, config.model_copy(update={"output": path}).to_toml(path))
        folder = cls(path, manifest)
        folder.note()
        return folder

    def note(self, **facts: Any) -> None:
        """Add facts to the manifest."""
        self.manifest.update(facts)
        write_manifest(self.path, self.manifest)

    def _check_is_finished(self) -> None:
        if not self.is_finished:
            raise ValueError(
                f"The run in {self.path} is not finished ({self.manifest['status']}). It goes on where it "
                f"was with: stackit run {shlex.quote(str(self.path))}"
            )


def _has_others(path: Path) -> bool:
    """Whether a folder without a manifest has more than the settings, which are written before it."""
    return any(each.name not in (CONFIG, LOCK) and not each.name.endswith(".part") for each in path.iterdir())


def _clear(path: Path) -> None:
    """Delete what a run has written, the manifest first, and nothing else."""
    for name in ("manifest.json", *FILES):
        each = path / name
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)


def _has_fits(path: Path) -> bool:
    """Whether a run has finished any fit: one that failed before may be started with other settings."""
    return any((path / "store").glob("??/*.result"))


def _may_go_further(known: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a finished run had less time than it has now."""
    before, after = (each["settings"].get("time_limit") for each in (known, new))
    return before is not None and (after is None or after > before)
