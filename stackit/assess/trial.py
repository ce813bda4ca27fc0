"""A model on trial: where it departs from a strong simple rule, and whether that pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackit.arrays import Floats, check_rows
from stackit.assess.comparison import Comparison
from stackit.assess.significance import PairedTest, paired_rows
from stackit.estimators.scoring import PrecomputedEstimator
from stackit.target import Target
from stackit.validation import format_list

__all__ = ["Trial", "on_trial"]

Codes = npt.NDArray[np.intp]
Kinds = dict[tuple[int, int], Floats]
ON_TRIAL = "on trial"


@dataclass(frozen=True, eq=False, repr=False)
class Trial:
    """The result of a trial: a candidate's departures from a rule, and what they gain.

    Attributes
    ----------
    rule, candidate : str
        The two that were compared.
    test : PairedTest
        The error rate of the rule less that of the candidate; positive is in favour of the candidate.
    n_errors : float
        How many standard errors the departures must pay.
    departures : DataFrame
        One row per kind of departure: the labels of the rule and of the candidate, the number of rows (the
        mean over repeats), the shares of them that the candidate and the rule have right, the change in
        accuracy with its standard error, and whether it is accepted.
    table : DataFrame
        Accuracy of the rule, of the candidate, and of the candidate on trial; its standard error over rows
        (or groups), and the one over repeats, which is that of the fold assignment alone.
    """

    rule: str
    candidate: str
    test: PairedTest
    n_errors: float
    departures: pd.DataFrame
    table: pd.DataFrame

    def __repr__(self) -> str:
        return self.summary()

    @property
    def n_departures(self) -> float:
        """The number of rows that the two decide differently, as a mean over repeats."""
        return float(self.departures["rows"].sum())

    @property
    def n_accepted(self) -> float:
        """The number of rows in departures of an accepted kind, as a mean over repeats."""
        return float(self.departures.loc[self.departures["accepted"], "rows"].sum())

    def decide(self, of_rule: Any, of_candidate: Any) -> npt.NDArray[Any]:
        """Return the labels of the candidate where it departs in an accepted way, and else those of the rule.

        Parameters
        ----------
        of_rule, of_candidate : (m,) array-like
            The labels that the two predict for new rows.
        """
        decided, rule, candidate = np.array(of_rule), np.asarray(of_rule), np.asarray(of_candidate)
        accepted = self.departures[self.departures["accepted"]]
        for a, b in zip(accepted["rule"], accepted["candidate"], strict=True):
            decided[(rule == a) & (candidate == b)] = b
        return decided

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        found = (
            f"{self.candidate!r} departs from {self.rule!r} in {self.n_departures:.1f} rows, which changes "
            f"the accuracy by {self.test.difference:+.4f} ± {self.test.standard_error:.4f}"
        )
        accepted = self.departures[self.departures["accepted"]]
        kinds = [f"{a} to {b}" for a, b in zip(accepted["rule"], accepted["candidate"], strict=True)]
        if not kinds:
            return (
                f"{found}: none pays by more than {self.n_errors:g} standard errors, so take {self.rule!r}."
            )
        return f"{found}: accepted are those from {format_list(kinds, 10)}, in {self.n_accepted:.1f} rows."

    def summary(self) -> str:
        """Return verdict and tables as text."""
        tables = (self.table, self.departures)
        return "\n".join([self.verdict, *(one.to_string(float_format="{:.4f}".format) for one in tables)])


def on_trial(
    comparison: Comparison,
    rule: str,
    candidate: str | None = None,
    *,
    groups: Any = None,
    n_errors: float = 1.0,
) -> Trial:
    """Test whether a candidate's departures from a strong simple rule pay.

    On few rows a flexible model differs from a simple rule in few decisions, and its gain is mostly chance,
    the more so when features were chosen by the same rows. So the rule is kept unless the departures pay by
    more than `n_errors` standard errors in repeated cross-validation. Each kind of departure, from one label
    to another, is on trial by itself.

    The score of the candidate *on trial* is that of the whole procedure: in each fold the kinds of departure
    are accepted that pay on the rows of the other folds.

    Parameters
    ----------
    comparison : Comparison
        What `compare` or `nested_score` returned for a classification; with several repeats their losses are
        averaged per row.
    rule : str
        The name of the member or final estimator that is the rule.
    candidate : str, optional
        The name of what is on trial. Default: the last final estimator.
    groups : (n,) array-like, optional
        Rows of the same group are not independent: the standard error is by groups. Default: the groups of
        the folds.
    n_errors : float, default=1.0
        How many standard errors the departures must pay.

    Returns
    -------
    Trial
        With `departures`, `decide`, `n_departures`, `n_accepted`, `table` and `verdict`.

    Raises
    ------
    ValueError
        When a name is not in the comparison, when the target has no classes, or `n_errors` is negative.

    References
    ----------
    Breiman, L., Friedman, J., Stone, C. J. and Olshen, R. A. (1984). Classification and regression trees,
    section 3.4.3 (the one standard error rule).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from stackit import compare, make_folds, out_of_fold
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> folds = make_folds(y, n_splits=5, n_repeats=2, random_state=0)
    >>> estimators = [("stump", DecisionTreeClassifier(max_depth=1)), ("bayes", GaussianNB())]
    >>> oof = out_of_fold(estimators, X, y, cv=folds, n_jobs=1)
    >>> trial = on_trial(compare(oof, [("stack", LogisticRegression())]), rule="stump")
    >>> trial.departures[["rule", "candidate", "accepted"]]
       rule  candidate  accepted
    0     0          1      True
    1     1          0      True
    """
    judged = comparison.repeats[0].judged
    name = [*comparison.finals[0]][-1] if candidate is None else candidate
    _check(comparison, rule, name, n_errors)
    groups = check_rows(groups, "groups", judged.folds.n_samples)
    groups = judged.folds.constraints.groups if groups is None else groups
    sample = _Sample(groups, judged.sample_weight)

    decisions = {one: _decisions(comparison, one) for one in (rule, name)}
    truth = judged.target.codes
    wrong = {one: np.where(codes < 0, np.nan, codes != truth) for one, codes in decisions.items()}
    kinds = _gains_of_kinds(decisions[rule], decisions[name], wrong[rule] - wrong[name])
    wrong[ON_TRIAL] = wrong[rule] - _gains_on_trial(comparison, kinds, sample, n_errors)
    return Trial(
        rule,
        name,
        sample.test(wrong[rule] - wrong[name]),
        n_errors,
        _departures(kinds, decisions, judged.target, sample, n_errors),
        pd.DataFrame.from_dict({one: sample.accuracy(errors) for one, errors in wrong.items()}, "index"),
    )


@dataclass(frozen=True, eq=False)
class _Sample:
    """What is known of the rows when errors are averaged: their groups and weights."""

    groups: Any
    weights: Any

    def test(self, values: Floats, rows: Any = slice(None)) -> PairedTest:
        """Test whether the (n_repeats, n) values, averaged over repeats, are 0 in some of the rows."""
        averages = _average(values)
        kept = np.arange(len(averages))[rows]
        kept = kept[~np.isnan(averages[kept])]
        weights, groups = (
            None if each is None else np.asarray(each)[kept] for each in (self.weights, self.groups)
        )
        return paired_rows(averages[kept], weights, groups)

    def accuracy(self, errors: Floats) -> dict[str, float]:
        """Return the accuracy, and its standard errors over rows and over repeats."""
        of_repeats = np.array([1 - self.test(one[None]).difference for one in errors])
        n = len(of_repeats)
        return {
            "accuracy": float(of_repeats.mean()),
            "standard_error": self.test(errors).standard_error,
            "over_repeats": float(of_repeats.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
        }


def _check(comparison: Comparison, rule: str, name: str, n_errors: float) -> None:
    judged = comparison.repeats[0].judged
    known = [*judged, *comparison.finals[0]]
    if rule not in known or name not in known or rule == name:
        raise ValueError(
            f"{rule=} and candidate={name!r} must be two names of the comparison. Pass two of "
            f"{format_list(known, 20)}."
        )
    if not judged.target.is_classification:
        raise ValueError("y must be labels: a trial compares decisions. Use gain to compare numbers.")
    if not n_errors >= 0:
        raise ValueError(f"n_errors must be at least 0; got {n_errors=}. Pass n_errors=1.0.")


def _decisions(comparison: Comparison, name: str) -> Codes:
    """Return the (n_repeats, n) codes of the predicted labels; -1 in rows without a prediction."""
    n = comparison.repeats[0].judged.folds.n_samples
    codes = np.full((len(comparison.repeats), n), -1)
    for at, (repeat, finals) in enumerate(zip(comparison.repeats, comparison.finals, strict=True)):
        result = (repeat.judged if name in repeat.judged else finals)[name]
        labels = PrecomputedEstimator(result.spec)
        for (_, rows), prediction in zip(repeat.judged.folds.splits, result.held_out, strict=True):
            codes[at, rows] = np.searchsorted(repeat.judged.target.classes, labels.predict(prediction))
    return codes


def _average(values: Floats) -> Floats:
    """Return the mean over repeats of each row; NaN where no repeat has the row."""
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _gains_of_kinds(of_rule: Codes, of_candidate: Codes, gains: Floats) -> Kinds:
    """Return the (n_repeats, n) gains of each kind of departure, which are 0 in all other rows."""
    departs = (of_rule != of_candidate) & ~np.isnan(gains)
    pairs = np.unique(np.column_stack([of_rule[departs], of_candidate[departs]]), axis=0)
    nowhere = np.where(np.isnan(gains), np.nan, 0.0)
    return {
        (int(a), int(b)): np.where((of_rule == a) & (of_candidate == b), gains, nowhere) for a, b in pairs
    }


def _gains_on_trial(comparison: Comparison, kinds: Kinds, sample: _Sample, n_errors: float) -> Floats:
    """Return the gains of the kinds that the rows of the other folds accept."""
    repeats = comparison.repeats
    total = np.zeros((len(repeats), repeats[0].judged.folds.n_samples))
    for gains in kinds.values():
        for at, repeat in enumerate(repeats):
            for train, held_out in repeat.judged.folds.splits:
                if _pays(sample.test(gains, train), n_errors):
                    total[at, held_out] += gains[at, held_out]
    return total


def _pays(test: PairedTest, n_errors: float) -> bool:
    return bool(test.difference > n_errors * test.standard_error)


def _departures(
    kinds: Kinds, decisions: dict[str, Codes], target: Target, sample: _Sample, n_errors: float
) -> pd.DataFrame:
    """Return one row per kind of departure: its rows, how often it is right, its gain and the outcome."""
    of_rule, of_candidate = decisions.values()
    rows = []
    for (a, b), gains in kinds.items():
        found = (of_rule == a) & (of_candidate == b)
        truth = np.broadcast_to(target.codes, found.shape)[found]
        test = sample.test(gains)
        rows.append(
            {
                "rule": target.classes[a],
                "candidate": target.classes[b],
                "rows": found.sum() / len(found),
                "candidate right": (truth == b).mean(),
                "rule right": (truth == a).mean(),
                "gain": test.difference,
                "standard_error": test.standard_error,
                "accepted": _pays(test, n_errors),
            }
        )
    columns = ["rule", "candidate", "rows", "candidate right", "rule right", "gain", "standard_error"]
    return pd.DataFrame(rows, columns=[*columns, "accepted"]).astype({"accepted": bool})
