"""The result of a run: one record per estimator, meta-features, scores."""

from stackit.results.oof import OutOfFold

__all__ = ["OutOfFold"]
