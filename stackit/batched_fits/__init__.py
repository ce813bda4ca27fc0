"""All folds of one estimator at the cost of about one fit, with the predictions of the plain loop."""

from stackit.batched_fits.api import BatchedFit, BatchedRequest, BatchedResult, parts_of
from stackit.batched_fits.dispatch import can_batch, fit_batched

__all__ = ["BatchedFit", "BatchedRequest", "BatchedResult", "can_batch", "fit_batched", "parts_of"]
