"""Types of arrays and paths, defined once for the whole package."""

import os
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FilePath", "Floats", "Labels", "Mask", "Rows"]

FilePath: TypeAlias = str | os.PathLike[str]
Floats: TypeAlias = npt.NDArray[np.float64]  # of any shape; where it matters, the docstring says which
Labels: TypeAlias = npt.NDArray[Any]  # classes or labels, of any type that can be sorted
Mask: TypeAlias = npt.NDArray[np.bool_]  # one truth value for each row, or for each entry
Rows: TypeAlias = npt.NDArray[np.intp]  # positions of rows in a table
