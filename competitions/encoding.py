"""Categories as the mean target of their rows, the same from run to run."""

from __future__ import annotations

from inspect import signature
from typing import Any

from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

__all__ = ["target_encoder"]


def target_encoder(target_type: str, smooth: Any = "auto") -> TargetEncoder:
    """Return scikit-learn's target encoder with a seeded cross-fit, whatever the release.

    Since 1.9 the seed belongs to a splitter, which earlier ones do not take.

    Parameters
    ----------
    target_type : {"continuous", "multiclass"}
        What the target is.
    smooth : "auto" or float
        The weight of the overall mean, in rows.
    """
    if signature(TargetEncoder).parameters["random_state"].default == "deprecated":
        cv = KFold(5, shuffle=True, random_state=0)
        return TargetEncoder(target_type=target_type, smooth=smooth, cv=cv)
    return TargetEncoder(target_type=target_type, smooth=smooth, random_state=0)
