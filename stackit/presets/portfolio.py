"""The portfolios "quick", "good" and "best": which members, in order of their value."""

from __future__ import annotations

from stackit.presets.members import (
    catboost,
    explainable,
    forests,
    kernel,
    lightgbm,
    linear,
    neighbors,
    nets,
    prep_gbm,
    xgboost,
)
from stackit.presets.members.member import Member
from stackit.presets.members.shape import TableShape
from stackit.validation import invalid_value

__all__ = ["PRESETS", "left_out", "portfolio"]

QUICK = (linear.LINEAR, lightgbm.LGBM_TD, forests.EXTRA_TREES)
GOOD = (
    linear.LINEAR,
    lightgbm.LGBM_TD,
    catboost.CATBOOST,
    kernel.KERNEL,
    lightgbm.LGBM_XT,
    forests.EXTRA_TREES,
    prep_gbm.PREP_SMALL,
    xgboost.XGB_TD,
    nets.NET,
)
BEST = (
    *GOOD,
    explainable.EBM,
    nets.REALMLP,
    neighbors.NEIGHBORS,
    forests.EXTRA_TREES_FULL,
    prep_gbm.PREP_LARGE,
    lightgbm.LGBM_SMALL,
    prep_gbm.PREP_XT,
    lightgbm.LGBM_XT_LARGE,
    neighbors.NEIGHBORS_FAR,
    forests.RANDOM_FOREST,
    lightgbm.LGBM_LARGE,
    nets.TABM,
)
PRESETS: dict[str, tuple[Member, ...]] = {"quick": QUICK, "good": GOOD, "best": BEST}


def portfolio(preset: str, shape: TableShape) -> list[Member]:
    """Return the members of a preset that suit a table and are installed, in order of value.

    Parameters
    ----------
    preset : {"quick", "good", "best"}
        How many members.
    shape : TableShape
        What the members are sized to.

    Returns
    -------
    list of Member
        The most valuable first.

    Raises
    ------
    ValueError
        When there is no such preset.

    Examples
    --------
    >>> shape = TableShape(n_rows=891, n_numbers=5, n_categories=3, n_classes=2)
    >>> [member.name for member in portfolio("quick", shape)]
    ['linear', 'lgbm_td', 'extra_trees']
    """
    return [member for member in members_of(preset) if member.left_out(shape) is None]


def left_out(preset: str, shape: TableShape) -> dict[str, str]:
    """Return why each member of a preset that `portfolio` leaves out is left out.

    Examples
    --------
    >>> left_out("quick", TableShape(n_rows=891, n_numbers=5, n_classes=2))
    {}
    """
    reasons = {member.name: member.left_out(shape) for member in members_of(preset)}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def members_of(preset: str) -> tuple[Member, ...]:
    """Return all members of a preset; raise a ValueError where there is no such preset."""
    if preset not in PRESETS:
        raise invalid_value("preset", " or ".join(map(repr, PRESETS)), repr(preset), "Pass preset='good'")
    return PRESETS[preset]
