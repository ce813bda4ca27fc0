"""Which rows each split holds out: folds, the schemes that make them, and the folds file."""

from stackit.folds.cv import as_folds
from stackit.folds.folds import Folds
from stackit.folds.schemes import SCHEMES, make_folds

__all__ = ["SCHEMES", "Folds", "as_folds", "make_folds"]
