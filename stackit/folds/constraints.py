"""What binds rows to each other: the groups and the times that folds were made by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["SplitConstraints"]


@dataclass(frozen=True, eq=False)
class SplitConstraints:
    """What folds must know besides their splits when a training part is to be split again.

    Parameters
    ----------
    groups : (n,) array of int, optional
        The group of each row, where groups are known.
    moments : (n,) series, optional
        When each row happened, in values that sort as time does, where folds are ordered in time.
    gap : int or time difference
        What such folds leave out between a training part and what follows it.
    """

    groups: npt.NDArray[np.intp] | None = None
    moments: pd.Series[Any] | None = None
    gap: Any = 0
