"""The blend of members: candidates are cross-fitted, and the simplest of the good ones is taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats, Rows
from stackit.estimators.sample_weight import check_sample_weight, rescale_weights
from stackit.estimators.scoring import Scoring, scorer_of
from stackit.folds import Folds
from stackit.presets.candidates import Candidate, Candidates
from stackit.presets.judge import Judge
from stackit.presets.meta_table import MetaTable, predict_with
from stackit.target import Target, TargetType
from stackit.validation import format_list

__all__ = ["Blend", "choose_blend"]


@dataclass(frozen=True, eq=False)
class Blend:
    """The combiner that was chosen for the members of a preset, with its cross-fitted score.

    Attributes
    ----------
    name : str
        The name of the combiner, for example "mean of families" or "logistic".
    weights : dict of str to float
        The weight of each member; 0 where the blend does not use it. Weights of "logistic" are those of
        log-probabilities: their sum is free.
    score : float
        The cross-fitted score, by scikit-learn's sign: higher is better.
    sem : float
        The standard error of `score`.
    candidates : pandas.DataFrame
        One row per candidate, the simplest first: its cross-fitted `score`, how much it is behind the best
        (`gap`), and the standard error of that (`gap_sem`).
    oof : (n, n_classes) array, or (n, 1) for regression
        The cross-fitted predictions; NaN in rows that no fold holds out.
    combiner : combiner
        The fitted combiner of `stackit.combine`.
    """

    name: str
    weights: dict[str, float]
    score: float
    sem: float
    candidates: pd.DataFrame
    oof: Floats
    combiner: Any
    target_type: TargetType

    def predict(self, predictions: Mapping[str, Any]) -> Floats:
        """Return the blend of the predictions of new rows.

        Parameters
        ----------
        predictions : dict of str to (m, n_classes) arrays, or (m,) for regression
            The predictions of the members that have a weight, calibrated as those passed to `choose_blend`.
            Others may be missing.

        Returns
        -------
        (m, n_classes) array, or (m,) for regression
        """
        used = [name for name, weight in self.weights.items() if weight]
        missing = [name for name in used if name not in predictions]
        if missing:
            raise ValueError(
                f"The blend needs the predictions of {format_list(used)}, but {format_list(missing)} are "
                "missing."
            )
        any_table = predictions[used[0]]
        known = {name: predictions[name] if name in used else any_table for name in self.weights}
        blended = predict_with(self.combiner, MetaTable.of(known, self.target_type))
        return blended[:, 0] if self.target_type.kind == "regression" else blended


def choose_blend(
    predictions: Mapping[str, Any],
    target: Target,
    folds: Folds,
    *,
    scoring: Scoring,
    families: Mapping[str, str],
    sample_weight: Any = None,
    second_level: Collection[str] = (),
) -> Blend:
    """Choose a combiner by cross-fitted scores, and fit it on all rows.

    Each candidate is fitted on the out-of-fold predictions of the other folds and scored on a fold. The
    simplest that is within one standard error of the best is taken, where the error is that of the difference
    of the two. From simple to rich: the plain mean of the best member of each of the four best families, the
    best member, ensemble selection, and free weights (logistic regression on log-probabilities for classes,
    convex weights for numbers). With fewer than 500 rows only the first two are candidates.

    Parameters
    ----------
    predictions : dict of str to (n, n_classes) arrays, or (n,) for regression
        Out-of-fold predictions by the names of members, repeats averaged; NaN in rows that no fold holds out.
    target : Target
        The target.
    folds : Folds
        The folds of the members. The first repeat is used.
    scoring : str, callable or None
        A scikit-learn scorer; None is accuracy for classes and R2 for numbers.
    families : dict of str to str
        The family of each member.
    sample_weight : (n,) array-like, optional
        Weights of the rows.
    second_level : collection of str
        The members of a second level: they are used only if that gains more than one standard error.

    Returns
    -------
    Blend

    Raises
    ------
    ValueError
        When there are no members, or their predictions do not have the rows and columns of the target.
    """
    scorer_of(scoring, target)
    table = MetaTable.of(predictions, target.type)
    weights = _weights(sample_weight, len(target.y))
    judge = Judge(target, _held_out(folds, table.covered), scoring, weights, folds.constraints.groups)
    first = tuple(name for name in table.names if name not in second_level)
    chosen = _choose(table.choose(first) if first else table, families, folds, judge)
    if not first or len(first) == len(table.names):
        return chosen.blend(table.names)
    other = _choose(table, families, folds, judge)
    gain, error = judge.compare(judge.pieces(other.oof), judge.pieces(chosen.oof))
    return (other if gain > error else chosen).blend(table.names)


@dataclass(frozen=True, eq=False)
class _Choice:
    """The candidate that was chosen for a table of members."""

    table: MetaTable
    candidate: Candidate
    combiner: Any
    oof: Floats
    scores: pd.DataFrame
    sem: float

    def blend(self, names: tuple[str, ...]) -> Blend:
        """Return it as the blend of the named members, of which some may not be in its table."""
        own = dict(zip(self.table.names, _weights_of(self.combiner), strict=True))
        return Blend(
            self.candidate.name,
            {name: float(own.get(name, 0.0)) for name in names},
            float(self.scores["score"].loc[self.candidate.name]),
            self.sem,
            self.scores,
            self.oof,
            self.combiner,
            self.table.target_type,
        )


def _choose(table: MetaTable, families: Mapping[str, str], folds: Folds, judge: Judge) -> _Choice:
    """Return the simplest candidate within one standard error of the best."""
    covered = table.covered
    line_up = Candidates(table, families, judge).line_up()
    oofs = {candidate.name: _cross_fit(candidate, table, folds, covered) for candidate in line_up}
    pieces = {name: judge.pieces(oof) for name, oof in oofs.items()}
    scores = {name: judge.score(each) for name, each in pieces.items()}
    best = max(scores, key=lambda name: scores[name])
    gaps = {name: judge.compare(pieces[best], each) for name, each in pieces.items()}
    near = [name for name in scores if name == best or gaps[name][0] <= gaps[name][1]]
    chosen = next(candidate for candidate in line_up if candidate.name == near[0])
    frame = pd.DataFrame(
        {
            "score": scores,
            "gap": {name: gap for name, (gap, _) in gaps.items()},
            "gap_sem": {name: sem for name, (_, sem) in gaps.items()},
        },
        index=[candidate.name for candidate in line_up],
    )
    own = pieces[chosen.name]
    _, sem = judge.compare(own, np.zeros_like(own))
    return _Choice(table, chosen, chosen.fit(covered), oofs[chosen.name], frame, sem)


def _cross_fit(candidate: Candidate, table: MetaTable, folds: Folds, covered: Rows) -> Floats:
    """Return the (n, width) predictions of each fold by the candidate fitted on the others; else NaN."""
    blocks = table.blocks
    found = np.full((len(blocks), blocks.shape[2]), np.nan)
    is_covered = np.zeros(len(blocks), dtype=bool)
    is_covered[covered] = True
    for (repeat, _), (train, held_out) in zip(folds.labels, folds.splits, strict=True):
        known, new = train[is_covered[train]], held_out[is_covered[held_out]]
        if repeat == 0 and len(known) and len(new):
            found[new] = predict_with(candidate.fit(known), table, new)
    return found


def _held_out(folds: Folds, covered: Rows) -> tuple[Rows, ...]:
    """Return the covered rows that each fold of the first repeat holds out."""
    pairs = zip(folds.labels, folds.splits, strict=True)
    return tuple(held_out[np.isin(held_out, covered)] for (repeat, _), (_, held_out) in pairs if repeat == 0)


def _weights(sample_weight: Any, n: int) -> Floats:
    checked = check_sample_weight(sample_weight, n)
    return np.ones(n) if checked is None else rescale_weights(checked)


def _weights_of(combiner: Any) -> Floats:
    """Return the weights of the members in a combiner, or in the combiner that it calibrates."""
    while not hasattr(combiner, "weights_"):
        combiner = combiner.combiner_
    return np.asarray(combiner.weights_)
