"""What a run claims of itself, and what becomes of the claim on patients that it has never seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from competitions.diabetes_hospital.lineup import final_estimators
from competitions.scores import cross_fitted
from stackit import OutOfFold

__all__ = ["Claim", "judged", "mean_and_error"]

Claim = dict[str, float]
SOON = "<30"


def judged(oof: OutOfFold, train: pd.DataFrame, new: pd.DataFrame) -> dict[str, dict[str, Claim]]:
    """Return for each estimator of both levels what it claims out of fold, and what it does for new patients.

    Parameters
    ----------
    oof : OutOfFold
        The base level; its test rows are the stays of the new patients. The final estimators are
        cross-fitted on its own folds: where these keep patients whole, this level does so too.
    train, new : data frames of n and m stays
        With the columns `patient_nbr` and `readmitted`.

    Returns
    -------
    dict of dict
        The parts `claimed` and `new patients`, with log loss, its standard error, and the area under the
        curve for a readmission within 30 days.
    """
    classes, y = oof.target.classes, train["readmitted"]
    second = cross_fitted(final_estimators(), oof)[0]
    predictions = dict(_predictions(oof.meta_train, len(classes))) | dict(
        _predictions(second.meta_train, len(classes))
    )
    forecasts = dict(_predictions(oof.meta_test, len(classes)))
    for name, final in final_estimators():
        final.fit(oof.meta_train.to_numpy(), y)
        forecasts[name] = final.predict_proba(oof.meta_test.to_numpy())
    return {
        name: {
            "claimed": _claim(predictions[name], classes, train),
            "new patients": _claim(forecasts[name], classes, new),
        }
        for name in predictions
    }


def _predictions(meta: pd.DataFrame, n_classes: int) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield each estimator's name and probabilities."""
    for start in range(0, meta.shape[1], n_classes):
        block = meta.iloc[:, start : start + n_classes]
        yield str(block.columns[0]).rpartition("__")[0], block.to_numpy()


def _claim(probabilities: NDArray[np.float64], classes: NDArray[Any], stays: pd.DataFrame) -> Claim:
    codes = np.searchsorted(classes, stays["readmitted"])
    losses = -np.log(probabilities[np.arange(len(codes)), codes].clip(1e-15))
    mean, error = mean_and_error(losses, stays["patient_nbr"])
    soon = probabilities[:, list(classes).index(SOON)]
    area = roc_auc_score(stays["readmitted"] == SOON, soon)
    return {"log loss": mean, "standard error": error, "AUC": float(area)}


def mean_and_error(losses: NDArray[np.float64], patients: Any) -> tuple[float, float]:
    """Return the mean loss of all stays, and its standard error, stays of one patient not being independent.

    The mean is a ratio of two sums over patients, of losses and of stays; the error is that of a ratio.

    References
    ----------
    Cochran, W. G. (1977). Sampling techniques, 3rd edition, chapter 9A (clusters of unequal sizes).

    Examples
    --------
    >>> mean_and_error(np.array([1.0, 2.0, 3.0, 4.0]), [1, 2, 3, 4])
    (2.5, 0.6454972243679028)
    """
    mean = float(losses.mean())
    of_patients = pd.Series(losses - mean).groupby(np.asarray(patients)).sum()
    n = len(of_patients)
    return mean, float(np.sqrt((of_patients**2).sum() * n / (n - 1)) / len(losses))
