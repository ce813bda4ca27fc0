"""The out-of-fold engine: plan, run and collect one fit per estimator and fold."""

from stackit.engine.cross_fit import out_of_fold

__all__ = ["out_of_fold"]
