"""All folds of one estimator at the cost of about one fit, with the predictions of the plain loop."""

from stackit.batched_fits.api import Request, Shared, SharedFit, parts_of
from stackit.batched_fits.dispatch import may_share, share

__all__ = ["Request", "Shared", "SharedFit", "may_share", "parts_of", "share"]
