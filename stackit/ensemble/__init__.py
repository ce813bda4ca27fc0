"""Stacking ensembles of one or several levels, as scikit-learn estimators."""

from stackit.ensemble.level import Level
from stackit.ensemble.levels_classifier import LevelsClassifier
from stackit.ensemble.levels_regressor import LevelsRegressor
from stackit.ensemble.stacking_classifier import StackingClassifier
from stackit.ensemble.stacking_regressor import StackingRegressor

__all__ = ["Level", "LevelsClassifier", "LevelsRegressor", "StackingClassifier", "StackingRegressor"]
