"""Who is held out when: folds, the schemes that make them, and the folds file."""

from stackit.folds.folds import Folds, as_folds
from stackit.folds.schemes import SCHEMES, make_folds

__all__ = ["SCHEMES", "Folds", "as_folds", "make_folds"]
