"""The report of a stack: a summary, and the page, Markdown and JSON that are made of it."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stackit.estimators.scoring import Scoring
from stackit.presets.tabular_stack import TabularStack
from stackit.report.evidence import Evidence
from stackit.report.markdown import to_markdown
from stackit.report.page import to_html
from stackit.report.saved import to_json, write_files
from stackit.report.summary import summarize
from stackit.results.oof import OutOfFold

__all__ = ["Report", "make_report"]


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The report of a run: one summary, shown as a page, as Markdown, or as JSON.

    Parameters
    ----------
    evidence : Evidence
        What is reported.
    ignore : collection of str
        The codes of checks to leave out, such as "STK004".

    Attributes
    ----------
    summary : dict
        All that the report shows; `summarize` describes it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import StackingClassifier
    >>> from stackit.report import make_report
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> members = [("bayes", GaussianNB()), ("logistic", LogisticRegression(max_iter=1000))]
    >>> report = make_report(StackingClassifier(members).fit(X, y), X, y, name="iris")
    >>> report
    Report('iris', multiclass, 150 rows, 2 members)
    >>> report.to_html().startswith("<!DOCTYPE html>")
    True
    """

    evidence: Evidence
    ignore: Collection[str] = ()

    @cached_property
    def summary(self) -> dict[str, Any]:
        """All that the report shows, as a plain dict."""
        return summarize(self.evidence, self.ignore)

    def __repr__(self) -> str:
        evidence = self.evidence
        counts = f"{len(evidence.y)} rows, {len(evidence.members)} members"
        return f"Report({evidence.name!r}, {evidence.task}, {counts})"

    def to_json(self) -> str:
        """Return the summary as JSON.

        Returns
        -------
        str
        """
        return to_json(self.summary)

    def to_markdown(self) -> str:
        """Return the report as Markdown, with tables in place of charts.

        Returns
        -------
        str
        """
        return to_markdown(self.summary)

    def to_html(self) -> str:
        """Return the report as one HTML page that loads nothing.

        Returns
        -------
        str
        """
        return to_html(self.summary)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write ``report.html``, ``report.md`` and ``report.json``, each whole or not at all.

        Parameters
        ----------
        folder : path
            Is made where it does not exist.

        Returns
        -------
        pathlib.Path
            The page.
        """
        return write_files(self.summary, Path(folder))


def make_report(
    stack: Any,
    X: Any = None,
    y: Any = None,
    X_test: Any = None,
    *,
    groups: Any = None,
    scoring: Scoring = None,
    ignore: Collection[str] = (),
    name: str = "stack",
) -> Report:
    """Return the report of a fitted preset, a fitted stack, or a run of `out_of_fold`.

    Nothing but combiners is fitted for it; the stack's predictions are cross-fitted, never in-sample.

    Parameters
    ----------
    stack : TabularStack, StackingClassifier, StackingRegressor, levels, or OutOfFold
        With its out-of-fold predictions: not one that was saved without them.
    X : table with n rows
        The training table; a run of `out_of_fold` may do without.
    y : (n,) array-like
        The target; not needed for a run of `out_of_fold`.
    X_test : table with m rows, optional
        New rows; they are predicted, and compared with the training rows.
    groups : (n,) array-like, optional
        The groups of the rows; None is those of the folds.
    scoring : str, callable or None
        A scikit-learn scorer; None is that of the preset or run.
    ignore : collection of str
        The codes of checks to leave out.
    name : str
        The title of the report.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        When the stack was fitted on other rows, or saved without out-of-fold predictions; when the target has
        several columns; when a code is no code of a check.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from stackit import out_of_fold
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> members = [("linear", LinearRegression()), ("knn", KNeighborsRegressor(20))]
    >>> report = make_report(out_of_fold(members, X, y, cv=5, n_jobs=1), X)
    >>> report.summary["verdict"]["comparisons"]["plain_average"]["outcome"]
    'no difference'
    """
    if isinstance(stack, OutOfFold):
        evidence = Evidence.from_out_of_fold(stack, X, X_test, groups=groups, scoring=scoring, name=name)
    elif isinstance(stack, TabularStack):
        evidence = Evidence.from_tabular_stack(stack, X, y, X_test, groups, name)
    else:
        evidence = Evidence.from_stack(stack, X, y, X_test, groups, scoring, name)
    return Report(evidence, ignore)
