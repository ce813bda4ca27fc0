"""The rows and columns of any table: frames, schema, and memory of their own for foreign code."""

from stackit.arrays.rows import check_rows, num_samples, safe_index
from stackit.arrays.types import FilePath, Floats, Labels, Mask, Rows

__all__ = ["FilePath", "Floats", "Labels", "Mask", "Rows", "check_rows", "num_samples", "safe_index"]
