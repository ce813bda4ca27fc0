"""The out-of-fold engine: plan, run and collect one fit per estimator and fold."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.engine.cross_fit import out_of_fold

__all__ = ["out_of_fold"]

# A fork server imports one module after it has made sure that it ends with its program, and then the rest.
__getattr__, __dir__, _ = lazy_names("stackit.engine", {"cross_fit": ["out_of_fold"]})
