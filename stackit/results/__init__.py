"""The result of a run: one record per estimator, meta-features, scores."""

from stackit.results.estimator_result import EstimatorResult
from stackit.results.oof import OutOfFold

__all__ = ["EstimatorResult", "OutOfFold"]
