"""Combiners: few-parameter final estimators that weigh the base estimators' predictions."""

from stackit.combine.convex import ConvexClassifier, ConvexRegressor
from stackit.combine.geometric import GeometricClassifier, GeometricRegressor
from stackit.combine.isotonic import IsotonicClassifier
from stackit.combine.logistic import LogisticClassifier
from stackit.combine.matrix_scaling import MatrixScalingClassifier
from stackit.combine.mean import MeanClassifier, MeanRegressor
from stackit.combine.nonnegative import NonNegativeClassifier, NonNegativeRegressor
from stackit.combine.quadratic import QuadraticClassifier
from stackit.combine.ranks import RankClassifier, RankRegressor
from stackit.combine.search.greedy import GreedyClassifier, GreedyRegressor
from stackit.combine.search.hill_climbing import HillClimbClassifier, HillClimbRegressor
from stackit.combine.temperature import TemperatureClassifier

__all__ = [
    "ConvexClassifier",
    "ConvexRegressor",
    "GeometricClassifier",
    "GeometricRegressor",
    "GreedyClassifier",
    "GreedyRegressor",
    "HillClimbClassifier",
    "HillClimbRegressor",
    "IsotonicClassifier",
    "LogisticClassifier",
    "MatrixScalingClassifier",
    "MeanClassifier",
    "MeanRegressor",
    "NonNegativeClassifier",
    "NonNegativeRegressor",
    "QuadraticClassifier",
    "RankClassifier",
    "RankRegressor",
    "TemperatureClassifier",
]
