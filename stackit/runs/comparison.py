"""Two runs on the same rows: by how much one is better, and with which certainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import FilePath, Floats
from stackit.assess import PairedTest, paired_folds, paired_rows
from stackit.presets.blend.cross_fitting import held_out_rows
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.runs.folder import RunFolder
from stackit.runs.member_files import STACK, predictions_of
from stackit.runs.run_tables import TrainingTable, read_training
from stackit.tables import detect_scoring
from stackit.target import classification_target, regression_target
from stackit.validation import format_list

__all__ = ["RunComparison", "compare_runs"]

SURE = 0.05  # the p-value below which a difference is more than chance


@dataclass(frozen=True)
class RunComparison:
    """How much better one run is than another, on the rows that both predict out of fold.

    Attributes
    ----------
    scoring : str
        The metric; higher is better.
    scores : dict of str to float
        The score of each run on these rows.
    test : PairedTest
        The difference, the first less the second, with its standard error, interval and p-value.
    n_rows : int
        The rows that both predict.
    same_folds : bool
        Whether both runs have the same folds. If not, the runs have learned from different rows, and the
        difference has some noise of the folds in it.
    members : DataFrame
        One row per member that both have: the two scores and their difference.
    """

    scoring: str
    scores: dict[str, float]
    test: PairedTest
    n_rows: int
    same_folds: bool
    members: pd.DataFrame

    @property
    def is_sure(self) -> bool:
        """Whether the difference is more than chance in the rows."""
        return bool(self.test.p_value < SURE)

    @property
    def sentence(self) -> str:
        """Which run is better, by how much, and with which certainty."""
        first, second = self.scores
        better, other = (first, second) if self.test.difference >= 0 else (second, first)
        by = f"by {abs(self.test.difference):.3g} of {self.scoring} on {self.n_rows} rows"
        spread = f"95 % interval {self.test.low:.3g} to {self.test.high:.3g}, p = {self.test.p_value:.2g}"
        if self.test.difference == 0:
            return f"{first} and {second} are equally good on {self.n_rows} rows."
        if self.is_sure:
            return f"{better} is better than {other} {by} ({spread})."
        return f"{better} is ahead of {other} {by}, which may be chance ({spread})."


def compare_runs(
    first: RunFolder | FilePath, second: RunFolder | FilePath, *, metric: str | None = None
) -> RunComparison:
    """Compare the stacks of two runs on the rows that both predict out of fold.

    The rows are found by their ids, and scored in the folds of the first run. The test is paired: by rows, or
    groups of rows, where the metric is a mean over rows or an area under the ROC curve, and else by folds.

    Parameters
    ----------
    first, second : RunFolder or path
        Two finished runs with the same target.
    metric : str, optional
        The metric. Default: that of the first run.

    Returns
    -------
    RunComparison

    Raises
    ------
    ValueError
        When a run is not finished, or the two have different targets or no rows in common.
    OSError
        When the training table of the first run is gone.

    Examples
    --------
    >>> print(compare_runs("runs/a", "runs/b").sentence)  # doctest: +SKIP
    runs/b is ahead of runs/a by 0.0042 of roc_auc on 891 rows, which may be chance (95 % interval ...).
    """
    runs = [run if isinstance(run, RunFolder) else RunFolder.open(run) for run in (first, second)]
    training = [read_training(run.config, run.id_column) for run in runs]
    task = runs[0].manifest["task"]
    y = training[0].y.to_numpy()
    target = regression_target(y) if task == "regression" else classification_target(y)
    known = _rows_of_both(runs, training)
    names = _names(runs)
    scoring = detect_scoring(metric or runs[0].manifest["scoring"], task, "metric")
    parts = held_out_rows(runs[0].folds, np.flatnonzero(known))
    held_out = HeldOutMetric(target, parts, scoring, np.ones(len(y)), training[0].groups)
    found = [
        {
            name: held_out.contributions(np.where(known[:, np.newaxis], table, np.nan))
            for name, table in predictions_of(
                run.oof.reindex(training[0].ids), run.manifest["files"], target.is_classification
            ).items()
        }
        for run in runs
    ]
    scores = [{name: held_out.estimate(each)[0] for name, each in one.items()} for one in found]
    both = [name for name in scores[0] if name in scores[1]]
    members = pd.DataFrame({names[at]: {name: scores[at][name] for name in both} for at in (0, 1)})
    members["difference"] = members[names[0]] - members[names[1]]
    return RunComparison(
        scoring,
        {name: one[STACK] for name, one in zip(names, scores, strict=True)},
        _paired(held_out, found[0][STACK], found[1][STACK]),
        int(known.sum()),
        runs[0].folds.digest == runs[1].folds.digest,
        members.rename_axis("member"),
    )


def _names(runs: list[RunFolder]) -> list[str]:
    """Return the paths of two runs; those of one folder are numbered."""
    first, second = (str(run.path) for run in runs)
    return [f"{first} (first)", f"{second} (second)"] if first == second else [first, second]


def _rows_of_both(runs: list[RunFolder], training: list[TrainingTable]) -> npt.NDArray[np.bool_]:
    """Return which training rows of the first run both predict; raise unless their targets are the same."""
    ids = training[0].ids
    known = np.ones(len(ids), dtype=bool)
    for run in runs:
        known &= run.oof.reindex(ids).notna().all(axis=1).to_numpy()
    paths = " and ".join(str(run.path) for run in runs)
    if not known.any():
        raise ValueError(f"{paths} have no rows in common. Compare runs on the same training table.")
    mine, other = (pd.Series(each.y.to_numpy(), index=each.ids) for each in training)
    same = mine[known].astype(str) == other.reindex(ids)[known].astype(str)
    if not same.all():
        raise ValueError(
            f"{paths} have different targets for {(~same).sum()} of {known.sum()} rows (ids "
            f"{format_list(same.index[~same])}). Compare runs with the same target."
        )
    return known


def _paired(held_out: HeldOutMetric, first: Floats, second: Floats) -> PairedTest:
    """Return the paired test of two contributions: by rows, groups or folds."""
    difference = first - second
    known = ~np.isnan(difference)
    if not held_out.by_rows:
        n_folds = int(known.sum())
        return paired_folds(difference[known], 1 / max(1, n_folds - 1))
    groups = None if held_out.groups is None else held_out.groups[known]
    return paired_rows(difference[known], groups=groups)
