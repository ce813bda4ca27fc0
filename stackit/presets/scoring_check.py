"""Whether a scorer can score a target, which is found out before anything is fitted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from stackit.arrays import Floats
from stackit.estimators.prediction import PredictionSpec
from stackit.estimators.scoring import Scoring, score_predictions
from stackit.target import Target

__all__ = ["check_scoring"]


def check_scoring(scoring: Scoring, target: Target, sample_weight: Any = None) -> None:
    """Score a guess that is half the truth, and raise a ValueError where the scorer refuses it."""
    spec = PredictionSpec.of("a guess", target.type)
    rows = np.arange(len(target.y))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            guess = _half_the_truth(target)
            score = score_predictions(target, rows, guess, spec, scoring, sample_weight)
            if not np.isfinite(score):
                raise ValueError(f"the score of a guess is {score}")
    except Exception as error:  # a scorer may be any function of the user's
        what = repr(scoring) if isinstance(scoring, str) else "the scorer that was passed"
        advice = "or y as 0 and 1 where the scorer must know the positive class"
        raise ValueError(
            f"scoring must be able to score y; {what} cannot: {str(error).rstrip('.')}. Pass another scorer"
            f"{', ' + advice if target.is_classification else ''}."
        ) from error


def _half_the_truth(target: Target) -> Floats:
    """Return (n, n_classes) probabilities or (n, 1) numbers, in the middle of the truth and the prior."""
    truth = np.eye(len(target.classes))[target.codes] if target.is_classification else target.y[:, None]
    return np.asarray((truth + truth.mean(axis=0)) / 2, dtype=np.float64)
