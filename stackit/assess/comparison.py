"""Scores of base estimators, of combiners and of the stack side by side, none of which has seen the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.assess.finals import BEST, finals_of, passed_through
from stackit.assess.losses import row_losses
from stackit.assess.repeats import Repeat, beside, cross_fit_finals, oof_of, repeats_of
from stackit.check import NamedEstimators, check_rows, fault, listed
from stackit.result import OutOfFold
from stackit.scores import Scoring, scorer_of

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Scores of base estimators and final estimators on rows that they have not seen.

    Attributes
    ----------
    repeats : tuple of Repeat
        The base estimators' predictions, one entry a repeat of the folds.
    finals : tuple of OutOfFold
        Those of combiners and final estimators, on the same folds.
    nested : bool
        Whether the rows are new to the whole procedure, as in `nested_score`; in `compare` they are new to
        each estimator, but were seen by those that made the meta-features of the other rows.
    choices : tuple of tuple of str
        For each repeat and fold the member that was chosen without its rows, where that is known already.
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
        return list(self.repeats[0].judged.responses)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a name: its kind, the mean over folds, the standard error, and the whole column's score.

        The standard error is that of the mean over the folds of one repeat: repeats predict the same rows
        again, and make it no smaller. As folds share training rows it is rather too small all the same.
        The best member is chosen for each fold by rows outside the fold.
        """
        known = self.scores.groupby("name", sort=False)
        rows = {
            name: {
                "kind": scores["kind"].iloc[0],
                "mean": scores["score"].mean(),
                "sem": _standard_error(scores),
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
        """One row a name, repeat and fold: kind, name, repeat, fold, n_held_out, score."""
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
        """For each repeat and fold the estimator that scores best on the other folds' rows."""
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
            NaN in rows that are not judged; None for metrics that are no mean over rows.
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
        """Return the table as a person reads it."""
        judged = self.repeats[0].judged
        scoring = judged.scoring or ("accuracy" if judged.target.is_classification else "r2")
        way = "nested" if self.nested else "out of fold, final estimators cross-fitted"
        n_folds = sum(len(repeat.judged.folds.splits) for repeat in self.repeats)
        head = f"{scoring} (higher is better), {way}, {n_folds} folds:"
        return f"{head}\n{self.table.to_string(float_format=lambda value: f'{value:.4f}')}"

    def _check(self, name: str) -> None:
        known = [*self.members, BEST, *self.finals[0].responses]
        if name not in known:
            raise fault("name", f"one of {listed(known, 20)}", f"{name=}", "Pass a name of the table")

    def _chosen_in(self, repeat: Repeat) -> list[str]:
        known, chosen = repeat.known, []
        averages = {name: known.average(name) for name in self.members}
        for train, _ in repeat.judged.folds.splits:
            scores = {name: known._score(name, averages[name][train], train) for name in self.members}
            chosen.append(max(scores, key=lambda name: np.nan_to_num(scores[name], nan=-np.inf)))
        return chosen

    def _losses_in(self, at: int, name: str) -> npt.NDArray[np.float64] | None:
        """The loss of each row in one repeat."""
        judged, finals = self.repeats[at].judged, self.finals[at]
        n_splits = len(judged.folds.splits)
        names = self.chosen[at] if name == BEST else [name] * n_splits
        losses = np.full(judged.folds.n_samples, np.nan)
        for split, (_, rows) in enumerate(judged.folds.splits):
            source = judged if names[split] in judged.responses else finals
            response, answer = source.responses[names[split]], source.held_out[names[split]][split]
            each = row_losses(response, answer, rows, judged.scoring)
            if each is None:
                return None
            losses[rows] = each
        return losses

    def _whole(self, name: str) -> float:
        """The score of the whole column, averaged over repeats; NaN where it mixes kinds of answers."""
        found = []
        for at, (repeat, finals) in enumerate(zip(self.repeats, self.finals, strict=True)):
            judged = repeat.judged
            names = self.chosen[at] if name == BEST else [name] * len(judged.folds.splits)
            source = judged if names[0] in judged.responses else finals
            if len({source.responses[each].kind for each in names}) > 1:
                return float("nan")
            rows = np.concatenate([rows for _, rows in judged.folds.splits])
            answers = [source.held_out[each][split] for split, each in enumerate(names)]
            found.append(source._score(names[0], np.concatenate(answers), rows))
        return float(np.mean(found))


def compare(
    run: Any,
    final_estimators: NamedEstimators | None = None,
    *,
    scoring: Scoring = None,
    cv: Any = None,
    groups: Any = None,
    X: Any = None,
    n_jobs: int | None = 1,
) -> Comparison:
    """Score base estimators, their plain mean, combiners and the stack side by side.

    Each final estimator is cross-fitted: it is trained on the out-of-fold predictions of the other folds and
    predicts those of a fold.

    The meta-features of the other folds were made by estimators that had seen the fold, which leaves the
    score of a final estimator optimistic: a little where members know something, and much where they know
    nothing and the final estimator may turn them round, since a column that happens to be right on the
    other folds is wrong on this one. With random labels (200 rows, 4 folds, 15 members that learn a sign
    each, logistic regression, 20 tables) the accuracy of the stack is 0.58 here; nested, it is that of
    chance. `gain` warns of such stacks, and `nested_score` tells.

    Parameters
    ----------
    run : OutOfFold, fitted stack or fitted levels
        What `out_of_fold` returned, or a stack, whose final estimator is then the last row; of levels the
        last is compared, and those below it are as they are.
    final_estimators : list of (str, estimator), optional
        Combiners of `stackit.combine`, or any estimators. Default: convex and, for metrics by which it is
        quick, greedy combiner, where all estimators answer alike, and "stack", the final estimator of a
        stack. The prior (shares of classes, or the mean) and the plain mean, where there is one, are always
        there.
    scoring : str, callable or None
        A scikit-learn scorer; None is that of the run.
    cv : Folds, splitter, int or iterable of (train, held_out) pairs, optional
        How final estimators are held out; None is by the folds of the run.
    groups : (n,) array-like, optional
        The groups of the rows, where `cv` is given and the run does not know them.
    X : (n, n_features) table, optional
        The training table: needed for a stack or levels with `passthrough`, whose final estimator sees all
        of it, or the columns that it was fitted with.
    n_jobs : int or None
        How many fits run at once.

    Returns
    -------
    Comparison
        With `table`, `folds` and `scores`.

    Raises
    ------
    ValueError
        When `run` is none; when names are taken; when there is no such scorer, or folds leave nothing to
        learn from; when a stack passes X through and there is none.

    Warns
    -----
    UserWarning
        When estimators answer in different ways, and so have no mean and no combiners.

    References
    ----------
    van der Laan, M. J., Polley, E. C. and Hubbard, A. E. (2007). Super learner. Statistical Applications in
    Genetics and Molecular Biology 6, 25.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from stackit import compare, out_of_fold
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> logistic = make_pipeline(StandardScaler(), LogisticRegression())
    >>> oof = out_of_fold([("bayes", GaussianNB()), ("logistic", logistic)], X, y, cv=5, n_jobs=1)
    >>> compare(oof, scoring="neg_log_loss").table["whole"].round(3).to_dict()
    {'bayes': -0.652, 'logistic': -0.081, 'best member': -0.081, 'prior': -0.66, 'plain mean': -0.099, ...}
    """
    oof = oof_of(run)
    scorer_of(oof.scoring if scoring is None else scoring, oof.target)
    groups = check_rows(groups, "groups", len(oof.target.y))
    finals, own = finals_of(run, oof, final_estimators, scoring)
    passed = passed_through(run, own, X)
    repeats = repeats_of(run, scoring, cv, groups)
    results = []
    for repeat in repeats:
        found = cross_fit_finals(finals, repeat, n_jobs=n_jobs)
        if passed is not None:
            found = beside(found, cross_fit_finals(own, repeat, X=passed, n_jobs=n_jobs))
        results.append(found)
    return Comparison(tuple(repeats), tuple(results))


def _standard_error(scores: pd.DataFrame) -> float:
    by_repeat = scores.groupby("repeat")["score"]
    return float(np.sqrt(by_repeat.var(ddof=1).mean() / by_repeat.size().mean()))
