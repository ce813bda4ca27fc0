"""Regions of error: in which values of which columns the stack errs more than elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from stackit.arrays import Floats, Rows
from stackit.report.scores import Scores
from stackit.report.text import clean

__all__ = ["regions"]

MOST_SHOWN = 12
MIN_ROWS = 20
MIN_SHARE = 0.01
# Most of the rows are no region: what is special about them is the rest.
MOST_SHARE = 0.5
LEVEL = 0.05


def regions(scores: Scores) -> dict[str, Any] | None:
    """Return the worst region of each column: where the loss of the stack is largest against elsewhere."""
    binned = scores.evidence.binned_columns
    if binned is None:
        return None
    loss, losses = scores.losses(scores.stack)
    own, found, n_tested = losses[binned.rows], [], 0
    if len(own) < 2 * MIN_ROWS or not np.isfinite(own).all():
        return None
    for column in binned.columns:
        worst, n = _worst(column.codes, column.bins.labels, own)
        n_tested += n
        found += [{"column": clean(column.name), **worst}] if worst else []
    limit = float(stats.norm.isf(LEVEL / max(1, n_tested)))
    found.sort(key=lambda one: -one["z"])
    return {
        "loss": loss,
        "mean_loss": own.mean(),
        "regions": [{**one, "beyond_chance": one["z"] > limit} for one in found[:MOST_SHOWN]],
        "n_columns": binned.n_columns,
        "n_regions_tested": n_tested,
        "n_rows": len(own),
        "is_sample": len(own) < len(scores.evidence.rows),
    }


def _worst(codes: Rows, labels: list[str], losses: Floats) -> tuple[dict[str, Any] | None, int]:
    """Return the bin in which losses are largest, by standard errors, and how many bins were compared."""
    n = np.bincount(codes, minlength=len(labels)).astype(np.float64)
    sums = np.bincount(codes, losses, minlength=len(labels))
    squares = np.bincount(codes, losses**2, minlength=len(labels))
    total, rest = len(losses), len(losses) - n
    is_large = (n >= max(MIN_ROWS, MIN_SHARE * total)) & (n <= MOST_SHARE * total)
    if not is_large.any():
        return None, 0
    with np.errstate(all="ignore"):
        inside, outside = sums / n, (losses.sum() - sums) / rest
        spread = (squares / n - inside**2) / n
        spread += ((losses**2).sum() - squares) / rest**2 - outside**2 / rest
        z = np.where(is_large & (spread > 0), (inside - outside) / np.sqrt(spread.clip(min=0)), -np.inf)
    at = int(z.argmax())
    if not z[at] > 0:
        return None, int(is_large.sum())
    worst = {
        "region": labels[at],
        "share": n[at] / total,
        "loss": inside[at],
        "loss_elsewhere": outside[at],
        "standard_error": float(np.sqrt(spread[at])),
        "z": z[at],
    }
    return worst, int(is_large.sum())
