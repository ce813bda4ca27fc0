"""What Kaggle's server says of a file that it refuses.

The words are those that its users have quoted; the first sources are pull request 1195 and issue 1190 of
Kaggle/kaggle-cli. Lines and columns count from 1, columns in characters. Where no one has quoted what the
server says, nothing is said here.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "missing_keys",
    "required_column",
    "row_count",
    "unexpected_column",
    "unparsable",
]


def unexpected_column(name: str, place: str) -> str:
    """Return what the server says of a column that the sample does not have."""
    return f"ERROR: Unexpected Column:  {name!r} {place}".rstrip()


def required_column(name: str) -> str:
    """Return what the server says where a column of the sample is not there."""
    return f"ERROR: Required column {name!r} could not be found"


def row_count(n: int) -> str:
    """Return what the server says where a file does not have `n` rows."""
    return f"Evaluation Exception: Submission must have {n} rows"


def missing_keys(n: int, first: Iterable[str], column: str) -> list[str]:
    """Return what the server says of `n` ids that are not there, and of the `first` of them."""
    each = [
        f"ERROR: Unable to find the required key value {name!r} in the {column!r} column" for name in first
    ]
    return [f"ERROR: Unable to find {n} required key values in the {column!r} column", *each]


def unparsable(text: str, place: str) -> str:
    """Return what the server says of a cell that is no number."""
    return f"ERROR: Could not parse {text!r} into expected type of Double {place}".rstrip()
