"""The metric of a task, and the names by which users know it."""

from __future__ import annotations

import difflib
from typing import Any, Literal

from sklearn.metrics import get_scorer_names

from stackit.validation import invalid_value

__all__ = ["SCORING", "TaskKind", "detect_scoring", "similar_metrics"]

TaskKind = Literal["binary", "multiclass", "regression"]
SCORING: dict[TaskKind, str] = {
    "binary": "roc_auc",
    "multiclass": "neg_log_loss",
    "regression": "neg_root_mean_squared_error",
}
ALIASES = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "brier": "neg_brier_score",
    "log_loss": "neg_log_loss",
    "logloss": "neg_log_loss",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "rmsle": "neg_root_mean_squared_log_error",
}
OF_NUMBERS = ("d2_absolute", "explained_variance", "neg_m", "neg_root", "r2")
# Scorers of two classes, and what they are for more.
OF_TWO = {
    "roc_auc": "roc_auc_ovr",
    "f1": "f1_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "jaccard": "jaccard_macro",
}


def detect_scoring(scoring: Any, kind: TaskKind, parameter: str = "scoring") -> Any:
    """Return the scorer of a task: the usual one for None, and scikit-learn's name for other names of it.

    Parameters
    ----------
    scoring : str, callable or None
        A name of scikit-learn's, a usual name such as "auc", "logloss" or "rmse", or a scorer, which is
        returned as it is.
    kind : {"binary", "multiclass", "regression"}
        The kind of task.
    parameter : str
        What errors call it.

    Returns
    -------
    str or callable

    Raises
    ------
    ValueError
        When no scorer has this name, or it is for another kind of task.

    Examples
    --------
    >>> detect_scoring(None, "binary"), detect_scoring("auc", "multiclass")
    ('roc_auc', 'roc_auc_ovr')
    """
    if scoring is None:
        return SCORING[kind]
    if not isinstance(scoring, str):
        return scoring
    name = ALIASES.get(scoring.lower(), scoring)
    got = f"{parameter}={scoring!r}"
    if name not in get_scorer_names():
        nearest = [repr(each) for each in similar_metrics(scoring)]
        advice = f"Pass {parameter}={(nearest or [repr(SCORING[kind])])[0]}"
        others = f"{', '.join(nearest[1:])}, or another" if nearest[1:] else "or another"
        raise invalid_value(
            parameter,
            "the name of a scikit-learn scorer, or a scorer",
            got,
            f"{advice}, {others} of sklearn.metrics.get_scorer_names()",
        )
    if name.startswith(OF_NUMBERS) != (kind == "regression"):
        what = "numbers" if kind == "regression" else "classes"
        raise invalid_value(parameter, f"for {what}", got, f"Pass {parameter}={SCORING[kind]!r}")
    return OF_TWO.get(name, name) if kind == "multiclass" else name


def similar_metrics(name: str) -> list[str]:
    """Return the known metrics that a name is closest to, at most three; the name alone where it is known.

    Examples
    --------
    >>> similar_metrics("acuracy")[0], similar_metrics("AUC"), similar_metrics("zzz")
    ('accuracy', ['AUC'], [])
    """
    known = [*get_scorer_names(), *ALIASES]
    if name in known or name.lower() in ALIASES:
        return [name]
    return difflib.get_close_matches(name.lower().replace("-", "_"), known, n=3, cutoff=0.5)
