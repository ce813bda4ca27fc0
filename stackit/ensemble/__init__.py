"""Stacking ensembles of one or several levels, as scikit-learn estimators."""

from stackit.ensemble.level import Level
from stackit.ensemble.levels import LevelsClassifier, LevelsRegressor
from stackit.ensemble.stacking import StackingClassifier, StackingRegressor

__all__ = ["Level", "LevelsClassifier", "LevelsRegressor", "StackingClassifier", "StackingRegressor"]
