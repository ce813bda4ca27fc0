"""All folds of one estimator at about the cost of one fit, with the predictions of the plain loop."""

from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult
from stackit.batched_fits.dispatch import can_batch, fit_batched

__all__ = ["BatchedFit", "BatchedRequest", "BatchedResult", "can_batch", "fit_batched"]
