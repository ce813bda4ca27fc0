"""Presets for raw tables: members with their hyperparameters, the time-limited scheduler, and their blend."""

from stackit.presets.blend.blend import Blend, choose_blend
from stackit.presets.members.member import Member, Rounds
from stackit.presets.members.shape import TableShape
from stackit.presets.portfolio import portfolio
from stackit.presets.tabular_classifier import TabularStackClassifier
from stackit.presets.tabular_regressor import TabularStackRegressor

__all__ = [
    "Blend",
    "Member",
    "Rounds",
    "TableShape",
    "TabularStackClassifier",
    "TabularStackRegressor",
    "choose_blend",
    "portfolio",
]
