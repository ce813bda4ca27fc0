"""Several levels of estimators: the out-of-fold predictions of one are the features of the next."""

from stackit.levels.classifier import LevelsClassifier
from stackit.levels.level import Level
from stackit.levels.regressor import LevelsRegressor

__all__ = ["Level", "LevelsClassifier", "LevelsRegressor"]
