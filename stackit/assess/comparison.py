"""Scores of base estimators, combiners and the stack on rows that they have not seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats
from stackit.assess.candidates import BEST
from stackit.assess.losses import row_losses
from stackit.assess.repeats import Repeat
from stackit.results.oof import OutOfFold
from stackit.validation import format_list

__all__ = ["Comparison"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Scores of base estimators and final estimators on rows that they have not seen.

    Attributes
    ----------
    repeats : tuple of Repeat
        The base estimators' predictions, one entry per repeat of the folds.
    finals : tuple of OutOfFold
        Predictions of combiners and final estimators on the same folds.
    nested : bool
        Whether the whole procedure was trained without the scored rows, as in `nested_score`. In `compare`
        the final estimators were trained without them, but on meta-features of base estimators that were
        trained on them.
    choices : tuple of tuple of str
        For each repeat and fold, the best member as chosen without the fold's rows; if empty, `chosen`
        finds it from the scores.
    """

    repeats: tuple[Repeat, ...]
    finals: tuple[OutOfFold, ...]
    nested: bool = False
    choices: tuple[tuple[str, ...], ...] = ()

    def __repr__(self) -> str:
        return self.summary()

    @property
    def members(self) -> list[str]:
        """The names of the base estimators."""
        return list(self.repeats[0].judged)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per name: its kind, the mean over folds, the standard error, and the whole column's score.

        The standard error is that of the mean over the folds of one repeat: repeats predict the same rows
        again and do not reduce it. It is still somewhat too small, as folds share training rows. The best
        member is chosen for each fold by rows outside the fold. The whole column's score is NaN for rank
        metrics where folds differ in their shares of classes: use the mean there.
        """
        known = self.scores.groupby("name", sort=False)
        rows = {
            name: {
                "kind": scores["kind"].iloc[0],
                "mean": scores["score"].mean(),
                "sem": _error_of_mean(scores),
                "whole": self._whole(str(name)),
            }
            for name, scores in known
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")

    @cached_property
    def folds(self) -> pd.DataFrame:
        """The score of each name (rows) in each (repeat, fold) (columns)."""
        wide = self.scores.pivot(index="name", columns=["repeat", "fold"], values="score")
        return wide.loc[self.table.index]

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per name, repeat and fold: kind, name, repeat, fold, n_held_out, score."""
        parts = []
        for at, (repeat, finals) in enumerate(zip(self.repeats, self.finals, strict=True)):
            base = repeat.judged.scores.assign(kind="estimator")
            best = base.set_index(["estimator", "fold"]).loc[
                [(name, fold) for fold, name in enumerate(self.chosen[at])]
            ]
            best = best.reset_index().assign(kind="choice", estimator=BEST)
            parts += [part.assign(repeat=at) for part in (base, best, finals.scores.assign(kind="final"))]
        order = {kind: at for at, kind in enumerate(("estimator", "choice", "final"))}
        table = pd.concat(parts, ignore_index=True).rename(columns={"estimator": "name"})
        table = table.sort_values(
            "kind", key=lambda kinds: kinds.map(order), kind="stable", ignore_index=True
        )
        return table[["kind", "name", "repeat", "fold", "n_held_out", "score"]]

    @cached_property
    def chosen(self) -> list[list[str]]:
        """For each repeat and fold the estimator with the best score on the rows of the other folds."""
        if self.choices:
            return [list(names) for names in self.choices]
        return [self._chosen_in(repeat) for repeat in self.repeats]

    def losses(self, name: str) -> npt.NDArray[np.float64] | None:
        """Return the loss of each row, averaged over repeats.

        Parameters
        ----------
        name : str
            A base estimator, a final estimator, or "best member".

        Returns
        -------
        (n,) array or None
            NaN in rows that are not scored; None for metrics that are not a mean over rows.
        """
        self._check(name)
        total = np.zeros(self.repeats[0].judged.folds.n_samples)
        counts = np.zeros(len(total))
        for at in range(len(self.repeats)):
            losses = self._losses_in(at, name)
            if losses is None:
                return None
            total, counts = total + np.where(np.isnan(losses), 0.0, losses), counts + ~np.isnan(losses)
        return np.asarray(np.where(counts > 0, total / np.maximum(counts, 1), np.nan))

    def summary(self) -> str:
        """Return the table as text."""
        judged = self.repeats[0].judged
        scoring = judged.scoring or ("accuracy" if judged.target.is_classification else "r2")
        way = "nested" if self.nested else "out of fold, final estimators cross-fitted"
        n_folds = sum(len(repeat.judged.folds.splits) for repeat in self.repeats)
        head = f"{scoring} (higher is better), {way}, {n_folds} folds:"
        if not judged.is_pooled:
            head += "\n(whole is empty, since folds differ in their shares of classes: use the mean)"
        return f"{head}\n{self.table.to_string(float_format=lambda value: f'{value:.4f}')}"

    def _check(self, name: str) -> None:
        known = [*self.members, BEST, *self.finals[0]]
        if name not in known:
            raise ValueError(f"{name=} is not in the table. Pass one of {format_list(known, 20)}.")

    def _chosen_in(self, repeat: Repeat) -> list[str]:
        known, chosen = repeat.known, []
        averages = {name: known.average(name) for name in self.members}
        for train, _ in repeat.judged.folds.splits:
            scores = {name: self._score_of_rows(known, name, averages[name], train) for name in self.members}
            chosen.append(max(scores, key=lambda name: np.nan_to_num(scores[name], nan=-np.inf)))
        return chosen

    @staticmethod
    def _score_of_rows(known: OutOfFold, name: str, average: Floats, rows: npt.NDArray[np.intp]) -> float:
        """Return the score of some rows; the mean over folds where the column must not be pooled."""
        if known.is_pooled:
            return known.score_rows(name, average[rows], rows)
        parts = [np.intersect1d(held_out, rows) for _, held_out in known.folds.splits]
        scores = [known.score_rows(name, average[part], part) for part in parts if len(part)]
        return float(np.mean(scores))

    def _losses_in(self, at: int, name: str) -> npt.NDArray[np.float64] | None:
        """Return the loss of each row in one repeat."""
        judged, finals = self.repeats[at].judged, self.finals[at]
        n_splits = len(judged.folds.splits)
        names = self.chosen[at] if name == BEST else [name] * n_splits
        losses = np.full(judged.folds.n_samples, np.nan)
        for split, (_, rows) in enumerate(judged.folds.splits):
            source = judged if names[split] in judged else finals
            result = source[names[split]]
            each = row_losses(judged.target, rows, result.held_out[split], result.spec, judged.scoring)
            if each is None:
                return None
            losses[rows] = each
        return losses

    def _whole(self, name: str) -> float:
        """Return the score of the whole column, averaged over repeats; NaN where it must not be pooled."""
        found = []
        for at, (repeat, finals) in enumerate(zip(self.repeats, self.finals, strict=True)):
            judged = repeat.judged
            if not judged.is_pooled:
                return float("nan")
            names = self.chosen[at] if name == BEST else [name] * len(judged.folds.splits)
            source = judged if names[0] in judged else finals
            if len({source[each].spec.kind for each in names}) > 1:
                return float("nan")
            rows = np.concatenate([rows for _, rows in judged.folds.splits])
            predictions = [source[each].held_out[split] for split, each in enumerate(names)]
            found.append(source.score_rows(names[0], np.concatenate(predictions), rows))
        return float(np.mean(found))


def _error_of_mean(scores: pd.DataFrame) -> float:
    by_repeat = scores.groupby("repeat")["score"]
    return float(np.sqrt(by_repeat.var(ddof=1).mean() / by_repeat.size().mean()))
