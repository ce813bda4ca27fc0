"""The blend of members: candidates are cross-fitted, and the first of the good ones is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats
from stackit.assess.losses import metric_name
from stackit.combine import TemperatureClassifier
from stackit.estimators.scoring import Scoring, scorer_of
from stackit.folds import Folds
from stackit.presets.blend.candidate_scores import CandidateScores
from stackit.presets.blend.candidates import BEST_MEMBER, MEAN_OF_FAMILIES, Candidate, Candidates
from stackit.presets.blend.cross_fitting import cross_fit, held_out_rows, row_weights
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.presets.blend.meta_table import MetaTable, predict_with
from stackit.target import Target, TargetType
from stackit.validation import format_list

__all__ = ["Blend", "choose_blend"]

MIN_ROWS_FOR_TEMPERATURE = {"binary": 1000, "multiclass": 200}


@dataclass(frozen=True, eq=False)
class Blend:
    """The combiner that was chosen for the members of a preset, with its cross-fitted score.

    Attributes
    ----------
    name : str
        The name of the combiner, for example "logistic", or "convex, temperature" where that follows.
    weights : dict of str to float
        The weight of each member; 0 where the blend does not use it. Weights of "logistic" are those of
        log-probabilities: their sum is free.
    score : float
        The cross-fitted score, by scikit-learn's sign: higher is better. The choice of the combiner is
        cross-fitted too.
    sem : float
        The standard error of `score`.
    candidates : pandas.DataFrame
        One row per candidate in the order of preference: its cross-fitted `score`, how much it is behind the
        best (`gap`), and the standard error of that (`gap_sem`).
    oof : (n, n_classes) array, or (n, 1) for regression
        The cross-fitted predictions; NaN in rows that no fold holds out.
    combiner : combiner
        The fitted combiner of `stackit.combine`.
    members : tuple of str
        The members of which the combiner has columns, in their order.
    """

    name: str
    weights: dict[str, float]
    score: float
    sem: float
    candidates: pd.DataFrame = field(repr=False)
    oof: Floats = field(repr=False)
    combiner: Any = field(repr=False)
    members: tuple[str, ...]
    target_type: TargetType = field(repr=False)

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
        known = {name: predictions[name] if name in used else any_table for name in self.members}
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
) -> Blend:
    """Choose a combiner by cross-fitted scores, and fit it on all rows.

    Each candidate is fitted on the out-of-fold predictions of the other folds and scored on a fold. The first
    that is within one standard error of the best is taken, where the error is that of the difference of the
    two. Their order is that of their scores on new rows of real tables:

    1. "logistic" (classes): log-probabilities are weighed by at least 0, and drawn to 1 / k each;
    2. "greedy" (numbers, where the scoring is no squared error): ensemble selection by the scoring;
    3. "convex": weights of at least 0 with sum 1, of least log loss or squared error;
    4. "mean of families": the plain mean of the best member of each of the four best families;
    5. "best member".

    With fewer than 500 rows only the last two are candidates, and the best member must be two standard errors
    ahead. If the scoring is log loss, a temperature follows where that gains more than a standard error (from
    1000 rows for two classes, 200 for more).

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

    Returns
    -------
    Blend

    Raises
    ------
    ValueError
        When there are no members, or their predictions do not have the rows and columns of the target.
    """
    scorer_of(scoring, target)
    if target.kind == "multilabel":
        raise ValueError("y has several labels. Fit one preset per label.")
    table = MetaTable.of(predictions, target.type)
    weights = row_weights(sample_weight, len(target.y))
    metric = HeldOutMetric(
        target, held_out_rows(folds, table.covered), scoring, weights, folds.constraints.groups
    )
    line_up = Candidates(table, families, metric).line_up()
    scored = CandidateScores.of(line_up, folds, metric)
    if not scored.is_scored:
        return _without_cross_fit(line_up, table, scored)
    chosen, oof = scored.choose(), scored.nested()
    name, combiner = chosen.name, None
    tempered = _with_temperature(chosen, oof, folds, metric)
    if tempered is not None:
        name, (combiner, oof) = f"{name}, temperature", tempered
    combiner = chosen.fit(table.covered) if combiner is None else combiner
    return _blend(name, combiner, oof, chosen, table, scored)


def _without_cross_fit(line_up: list[Candidate], table: MetaTable, scored: CandidateScores) -> Blend:
    """Return the simplest blend where no fold can be predicted by others, as with a single split.

    Which members are in it is all that it learns.
    """
    simple = next(each for each in line_up if each.name in (MEAN_OF_FAMILIES, BEST_MEMBER))
    combiner, oof = simple.fit(table.covered), np.full(table.blocks[:, 0].shape, np.nan)
    oof[table.covered] = predict_with(combiner, simple.table, table.covered)
    return _blend(simple.name, combiner, oof, simple, table, scored)


def _with_temperature(
    chosen: Candidate, oof: Floats, folds: Folds, metric: HeldOutMetric
) -> tuple[Any, Floats] | None:
    """Return the combiner with a temperature and its cross-fitted predictions, where that gains."""
    kind, rows = metric.target.kind, chosen.table.covered
    if metric_name(metric.scoring, metric.target) != "neg_log_loss":
        return None
    if len(rows) < MIN_ROWS_FOR_TEMPERATURE[kind]:
        return None
    blend = MetaTable.of({chosen.name: oof}, metric.target.type)
    single = Candidate(chosen.name, blend, metric, lambda _: TemperatureClassifier())
    tempered = cross_fit(single.fit, blend, folds)
    gain, error = metric.compare(metric.contributions(tempered), metric.contributions(oof))
    if not gain > error:
        return None
    combiner = chosen.fit_combiner(TemperatureClassifier(chosen.make(rows)), rows)
    # The first of folds in time have no blend before them to learn from.
    return combiner, np.where(np.isnan(tempered), oof, tempered)


def _blend(
    name: str, combiner: Any, oof: Floats, chosen: Candidate, table: MetaTable, scored: CandidateScores
) -> Blend:
    """Return the blend, with a weight for each member of the whole table."""
    own = dict(zip(chosen.table.names, _weights_of(combiner).tolist(), strict=True))
    weights = {member: own.get(member, 0.0) for member in table.names}
    score, sem = scored.metric.estimate(scored.metric.contributions(oof))
    used = chosen.table.names
    return Blend(name, weights, score, sem, scored.table(), oof, combiner, used, table.target_type)


def _weights_of(combiner: Any) -> Floats:
    """Return the weights of the members in a combiner, or in the combiner that it calibrates."""
    while not hasattr(combiner, "weights_"):
        combiner = combiner.combiner_
    return np.asarray(combiner.weights_)
