"""The contribution of each member: Shapley values of the score of the plain average."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.assess.shapley_values import EXACT, exact_values, sampled_values
from stackit.presets.blend.held_out_metric import HeldOutMetric
from stackit.report.sample import sample_rows
from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["contributions"]

MOST_CELLS = 4_000
MOST_MEMBERS = 40
N_ORDERS = 32
FEW_ORDERS = 8  # where the metric is no mean over rows, and slower


def contributions(scores: Scores) -> dict[str, Any] | None:
    """Return the Shapley value of each member in the score of the plain average of all."""
    names = [name for name in scores.names if np.isfinite(scores.estimate(name)[0])][:MOST_MEMBERS]
    k = len(names)
    if k < 2:
        return None
    subsets = _MeanScores(scores, names)
    is_exact = k <= (EXACT if subsets.metric.by_rows else 5)
    if is_exact:
        values, errors = exact_values(subsets, k), np.zeros(k)
    else:
        n_orders = N_ORDERS if subsets.metric.by_rows else FEW_ORDERS
        values, errors = sampled_values(subsets, k, n_orders, 0)
    ends = subsets.of([frozenset(), frozenset(range(k))])
    if not np.isfinite(values).all():
        return None
    order = np.argsort(-values, kind="stable")
    return {
        "members": [
            {"name": clean(names[at]), "value": values[at], "standard_error": errors[at]} for at in order
        ],
        "score_of_prior": ends[frozenset()],
        "score_of_average": ends[frozenset(range(k))],
        "is_exact": is_exact,
        "n_orders": 0 if is_exact else n_orders,
        "n_rows": subsets.n_rows,
        "is_sample": subsets.n_rows < len(scores.evidence.rows),
    }


class _MeanScores:
    """The scores of the plain average of subsets of the members on some rows, each computed once."""

    def __init__(self, scores: Scores, names: list[str]) -> None:
        evidence = scores.evidence
        width = scores.predictions[names[0]].shape[1]
        rows = sample_rows(evidence.rows, max(1500, MOST_CELLS // max(1, width // 2)))
        self.n_rows = len(rows)
        self.tables = np.stack([scores.predictions[name][rows] for name in names])
        target = replace(evidence.target, y=evidence.target.y[rows], codes=evidence.target.codes[rows])
        whole = scores.held_out_metric
        self.metric = HeldOutMetric(target, (np.arange(len(rows)),), whole.scoring, scores.weights[rows])
        self.known: dict[frozenset[int], float] = {}

    def of(self, subsets: Iterable[frozenset[int]]) -> dict[frozenset[int], float]:
        """Return the score of each subset of members' positions; that of no member is the prior's."""
        wanted = list(dict.fromkeys(subsets))
        for subset in wanted:
            if subset not in self.known:
                self.known[subset] = self._score(self._blend(subset))
        return {subset: self.known[subset] for subset in wanted}

    def _blend(self, subset: frozenset[int]) -> Floats:
        if subset:
            return np.asarray(self.tables[sorted(subset)].mean(axis=0))
        target, weights = self.metric.target, self.metric.weights
        if not target.is_classification:
            return np.full(self.tables.shape[1:], np.average(target.y, weights=weights))
        shares = np.bincount(target.codes, weights, minlength=self.tables.shape[2])
        return np.tile(shares / shares.sum(), (self.n_rows, 1))

    def _score(self, blend: Floats) -> float:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = self.metric.contributions(blend)
            return float(np.average(found, weights=self.metric.weights if self.metric.by_rows else None))
