"""Tests of whether a stack is better than its best member and than the plain mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from stackit.arrays import Floats, check_rows
from stackit.assess.candidates import BEST, MEAN, PRIOR
from stackit.assess.comparison import Comparison
from stackit.assess.losses import loss_name
from stackit.assess.significance import PairedTest, paired_folds, paired_rows
from stackit.validation import format_list

__all__ = ["Gain", "gain"]


@dataclass(frozen=True, eq=False, repr=False)
class Gain:
    """The result of tests of a stack against simpler choices.

    Attributes
    ----------
    stack : str
        The final estimator that is tested.
    loss : str
        What is compared: a loss per row, or a score.
    tests : dict of str to PairedTest
        Against "best member" and, where there is one, "plain mean"; positive differences are in favour of
        the stack.
    members : PairedTest
        The best member against the prior, which ignores X.
    alpha : float
        The significance level: a smaller p-value counts as a difference.
    nested : bool
        Whether the whole procedure has not seen the rows.
    """

    stack: str
    loss: str
    tests: dict[str, PairedTest]
    members: PairedTest
    alpha: float
    nested: bool = False

    def __repr__(self) -> str:
        return self.summary()

    @property
    def table(self) -> pd.DataFrame:
        """One row per opponent: difference, standard_error, low, high, p_value, n, method."""
        rows = {name: asdict(test) for name, test in self.tests.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("against")

    @property
    def verdict(self) -> str:
        """The gain of stacking in one sentence."""
        better = [name for name, test in self.tests.items() if self._differs(test) and test.difference > 0]
        worse = [name for name, test in self.tests.items() if self._differs(test) and test.difference < 0]
        found = "; ".join(self._describe(name, test) for name, test in self.tests.items())
        untested = [name for name, test in self.tests.items() if np.isnan(test.p_value)]
        if untested:
            return (
                f"{self.stack!r} cannot be tested against the {' or the '.join(untested)} ({found}): there "
                "are too few rows or folds, or the metric does not apply to some predictions."
            )
        if better and not self.nested and not (self._differs(self.members) and self.members.difference > 0):
            return (
                f"{self.stack!r} looks better ({found}), but no member is better than the prior, which "
                "ignores X: the cross-fitted scores of such stacks are optimistic, so use nested_score."
            )
        if worse:
            return f"{self.stack!r} is worse than the {' and the '.join(worse)} ({found}): take that instead."
        if len(better) == len(self.tests):
            return f"{self.stack!r} gains over the {' and the '.join(better)} ({found})."
        if not better:
            return (
                f"{self.stack!r} gains nothing that chance does not explain ({found}): "
                f"the {' or the '.join(self.tests)} will do."
            )
        (other,) = set(self.tests) - set(better)
        return (
            f"{self.stack!r} gains over the {better[0]}, but not over the {other} ({found}): "
            f"take the {other}."
        )

    def summary(self) -> str:
        """Return verdict and table as text."""
        columns = ["difference", "standard_error", "low", "high", "p_value", "n", "method"]
        return f"{self.verdict}\n{self.table[columns].to_string(float_format=lambda value: f'{value:.4g}')}"

    def _differs(self, test: PairedTest) -> bool:
        return bool(test.p_value < self.alpha)  # NaN, from too few rows, is no difference

    def _describe(self, name: str, test: PairedTest) -> str:
        change = "lower" if test.difference > 0 else "higher"
        if "folds" in test.method:  # scores, and not losses, are compared by folds
            change = "higher" if test.difference > 0 else "lower"
        return (
            f"{self.loss} {abs(test.difference):.4g} {change} than the {name}, "
            f"p = {test.p_value:.2g} by {test.method}"
        )


def gain(
    comparison: Comparison, stack: str | None = None, *, groups: Any = None, level: float = 0.95
) -> Gain:
    """Test whether a stack is better than its best member and than the plain mean.

    The best of several members, chosen in hindsight, looks better than it is. Here it is chosen for each
    fold by the score on the rows of the other folds (nested, by that on the inner folds), as the final
    estimator is trained on these: both are rules that are applied to rows that they have not seen (the
    discrete super learner of van der Laan, Polley and Hubbard, 2007).

    Where the metric is a mean of losses of rows (accuracy, log loss, Brier score, squared, absolute error;
    also the root of one, or R2), the losses of the two are compared row by row, those of repeats averaged:
    McNemar's exact test for accuracy, otherwise a paired t-test, by groups of rows where groups are known.
    Scores by other metrics, such as areas under curves, are compared fold by fold with the corrected
    resampled t-test of Nadeau and Bengio.

    Parameters
    ----------
    comparison : Comparison
        What `compare` or `nested_score` returned.
    stack : str, optional
        The name of a final estimator. Default: the last one.
    groups : (n,) array-like, optional
        Rows of the same group are not independent. Default: the groups of the folds.
    level : float
        The confidence level: a p-value below ``1 - level`` counts as a difference.

    Returns
    -------
    Gain
        With `verdict`, `table` and `tests`.

    Raises
    ------
    ValueError
        When there is no such final estimator, or `comparison` is no `Comparison`.

    Notes
    -----
    The test by rows holds the fitted estimators fixed: its result applies to these estimators on new rows,
    not necessarily to others trained on another table.

    References
    ----------
    Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281.
    McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions or
    percentages. Psychometrika 12, 153-157.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import compare, gain, out_of_fold
    >>> X, y = load_iris(return_X_y=True)
    >>> estimators = [("bayes", GaussianNB()), ("logistic", LogisticRegression(max_iter=1000))]
    >>> oof = out_of_fold(estimators, X, y, cv=5, n_jobs=1)
    >>> print(gain(compare(oof)).verdict)
    'stack' gains nothing that chance does not explain ...
    """
    if not isinstance(comparison, Comparison):
        raise ValueError(f"comparison={comparison!r} is not what compare returns. Pass compare(oof).")
    finals = list(comparison.finals[0])
    name = finals[-1] if stack is None else stack
    if name not in finals or (stack is None and name in (PRIOR, MEAN)):
        raise ValueError(f"{stack=} must be the name of a final estimator: one of {format_list(finals, 20)}.")
    judged = comparison.repeats[0].judged
    groups = check_rows(groups, "groups", len(judged.target.y))
    groups = judged.folds.constraints.groups if groups is None else groups
    others = [other for other in (BEST, MEAN) if other == BEST or (other in finals and other != name)]
    tests = {other: _test(comparison, name, other, groups, level) for other in others}
    members = _test(comparison, BEST, PRIOR, groups, level)
    loss = loss_name(judged.scoring, judged.target)
    return Gain(name, loss, tests, members, 1 - level, comparison.nested)


def _test(comparison: Comparison, name: str, other: str, groups: Any, level: float) -> PairedTest:
    ours, theirs = comparison.losses(name), comparison.losses(other)
    if ours is None or theirs is None:
        return _test_by_folds(comparison, name, other, level)
    judged = np.flatnonzero(~np.isnan(ours) & ~np.isnan(theirs))
    differences = _differences(ours[judged], theirs[judged])
    if not len(judged) or differences is None:  # the metric rejects some rows: the others would be biased
        nan = float("nan")
        return PairedTest(nan, nan, nan, nan, nan, 0, "paired t-test by rows")
    weights = comparison.repeats[0].judged.sample_weight
    return paired_rows(
        differences,
        None if weights is None else weights[judged],
        None if groups is None else groups[judged],
        level,
    )


def _differences(ours: Floats, theirs: Floats) -> Floats | None:
    """Return the larger losses of the other, row by row; None where a loss is infinite."""
    return theirs - ours if np.isfinite(ours).all() and np.isfinite(theirs).all() else None


def _test_by_folds(comparison: Comparison, name: str, other: str, level: float) -> PairedTest:
    scores = comparison.folds
    splits = [split for repeat in comparison.repeats for split in repeat.judged.folds.splits]
    ratio = float(np.mean([len(held_out) / len(train) for train, held_out in splits]))
    return paired_folds((scores.loc[name] - scores.loc[other]).dropna(), ratio, level)
