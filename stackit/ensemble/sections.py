"""What notebooks show of a fitted ensemble: a table per level, and the folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stackit.combine.weighted import Weighted
from stackit.ensemble.zero_weights import uncalibrated
from stackit.notebook import Section
from stackit.results.oof import OutOfFold
from stackit.results.placeholders import Placeholder
from stackit.results.sections import oof_sections

__all__ = ["ensemble_sections"]


def ensemble_sections(levels: Sequence[OutOfFold], final: Any) -> list[Section]:
    """Return a table per level, the last one with the weights of the final estimator, and its folds."""
    *lower, last = levels
    sections = [
        one for at, oof in enumerate(lower) for one in oof_sections(oof, _title(oof, at, len(levels)))
    ]
    sections += oof_sections(last, _title(last, len(lower), len(levels)), _weights(final, last))
    if isinstance(last.folds, Placeholder):
        return sections
    return [*sections, *(replace(one, is_open=False) for one in last.folds.display_sections())]


def _title(oof: OutOfFold, at: int, n_levels: int) -> str:
    what = "Estimators" if n_levels == 1 else f"Level {at + 1} of {n_levels}"
    return what if isinstance(oof.folds, Placeholder) else f"{what}, on {oof.folds}"


def _weights(final: Any, oof: OutOfFold) -> dict[str, float] | None:
    """Return the weight of each estimator in a combiner, or in a linear model with one column of each."""
    final = uncalibrated(final)
    if isinstance(final, Weighted):
        return final.named_weights_
    coef = np.atleast_2d(getattr(final, "coef_", np.empty((0, 0))))
    one_each = len(oof.column_names) == len(oof) and coef.shape[0] == 1 and coef.shape[1] >= len(oof)
    return dict(zip(oof, coef[0].tolist(), strict=False)) if one_each else None
