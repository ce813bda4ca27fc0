"""What notebooks show of the results of a run: a row per estimator, and the estimators that failed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from stackit.notebook import Section
from stackit.results.placeholders import Placeholder

if TYPE_CHECKING:
    from stackit.results.oof import OutOfFold

__all__ = ["failure_sections", "oof_sections", "scoring_name"]

SCORES = "mean", "std", "whole"


def scoring_name(oof: OutOfFold) -> str:
    """Return what the scores of a run are called."""
    if oof.scoring is None:
        return "accuracy" if oof.target.is_classification else "R2"
    return oof.scoring if isinstance(oof.scoring, str) else "your scorer"


def oof_sections(
    oof: OutOfFold, title: str = "", weights: Mapping[str, float] | None = None
) -> list[Section]:
    """Return a table of the estimators with their scores, seconds and, where there are any, `weights`."""
    title = title or repr(oof)
    if isinstance(oof.folds, Placeholder):
        names = [[name, weights.get(name)] if weights else [name] for name in oof]
        note = "Saved without out-of-fold predictions, and so without scores."
        return [Section(title, ["estimator", "weight"] if weights else ["estimator"], names, [note])]
    summary, name = _summary(oof), scoring_name(oof)
    columns = ["estimator", name, "std over folds", "whole column", "columns", "seconds"]
    rows: list[list[Any]] = []
    for estimator, result in oof.items():
        scores = [None] * 3 if summary is None else [summary.at[estimator, each] for each in SCORES]
        rows.append([estimator, *scores, len(result.spec.column_names), round(sum(result.seconds), 2)])
        rows[-1] += [] if weights is None else [weights.get(estimator)]
    table = Section(title, columns if weights is None else [*columns, "weight"], rows, _notes(oof))
    return [table, *failure_sections(oof.failures)]


def failure_sections(failures: Mapping[str, Exception]) -> list[Section]:
    """Return a table of the estimators that failed, with their errors; nothing where none did."""
    rows = [[name, f"{type(error).__name__}: {error}"] for name, error in failures.items()]
    title = f"{len(rows)} estimator{'s' if len(rows) > 1 else ''} failed"
    return [Section(title, ["estimator", "error"], rows)] if rows else []


def _notes(oof: OutOfFold) -> list[str]:
    if not oof.optimistic:
        return []
    return [
        f"Optimistic scores, of estimators that know the held-out rows: {', '.join(sorted(oof.optimistic))}."
    ]


def _summary(oof: OutOfFold) -> pd.DataFrame | None:
    """Return the summary of a run, without warnings: whoever reads the scores next still gets them."""
    if "summary" in vars(oof):
        return oof.summary
    own = replace(oof, unscored=set(oof.unscored))
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            summary = own.summary
    except Exception:  # noqa: BLE001 - a scorer may raise anything; what is shown is then without scores
        return None
    if not warned:
        vars(oof).update({name: vars(own)[name] for name in ("is_pooled", "scores", "summary")})
    return summary
