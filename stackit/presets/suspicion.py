"""The warning that a column may be the target under another name."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from stackit.tables import suspect_columns
from stackit.tables.column import Column
from stackit.target import Target
from stackit.validation import format_list, warn

__all__ = ["warn_of_suspects"]


def warn_of_suspects(frame: pd.DataFrame, target: Target, records: Iterable[Column]) -> None:
    """Name the raw columns of a typed frame that alone predict the target nearly perfectly."""
    found = suspect_columns(frame, target.y, target.is_classification)
    names = [repr(one.name) for one in records if one.typed_name in found and not one.is_left_out]
    if names:
        warn(
            f"A single column predicts y nearly perfectly: {format_list(names)}. It may be y under another "
            "name, or known only after y. Drop it unless it is known for new rows."
        )
