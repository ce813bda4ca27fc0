"""Small evidence made directly as arrays: one sound stack, and changes of it that a check finds."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import expit

from stackit import make_folds
from stackit.folds import Folds
from stackit.folds.constraints import SplitConstraints
from stackit.report import Evidence


def sound(task="binary", n=300, m=200, seed=0, scoring=None, **changes):
    """Three honest members of different noise, their cross-fitted average, and tables without leaks."""
    rng = np.random.default_rng(seed)
    X, X_test = table(rng, n), table(rng, m)
    signal, test_signal = X["a"] + X["b"], X_test["a"] + X_test["b"]
    if task == "regression":
        y = signal.to_numpy() + rng.normal(size=n)
        as_prediction = np.asarray
        scoring = scoring or "neg_mean_squared_error"
    else:
        y = draw(rng, signal.to_numpy(), task)
        as_prediction = two_classes if task == "binary" else three_classes
        scoring = scoring or "neg_log_loss"
    noise = {"linear": 0.3, "forest": 0.5, "net": 0.7}
    members, tests = (
        {name: as_prediction(s + rng.normal(size=len(s)) * by) for name, by in noise.items()}
        for s in (signal.to_numpy(), test_signal.to_numpy())
    )
    fields = {
        "task": task,
        "scoring": scoring,
        "y": y,
        "classes": None if task == "regression" else np.unique(y),
        "members": members,
        "stack": mean_of(members),
        "folds": make_folds(y, n_splits=5, scheme="kfold", random_state=seed),
        "test_members": tests,
        "test_stack": mean_of(tests),
        "weights": {"linear": 0.4, "forest": 0.3, "net": 0.3},
        "seconds": {"linear": 1.0, "forest": 2.0, "net": 3.0},
        "X": X,
        "X_test": X_test,
    }
    return Evidence(**{**fields, **changes})


def table(rng, n):
    levels = rng.choice(["red", "green", "blue"], n)
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "color": levels})


def draw(rng, signal, task):
    if task == "binary":
        return (rng.random(len(signal)) < expit(signal)).astype(int)
    probabilities = three_classes(signal).cumsum(axis=1)
    return (rng.random(len(signal))[:, None] > probabilities[:, :2]).sum(axis=1)


def two_classes(signal):
    return np.column_stack([1 - expit(signal), expit(signal)])


def three_classes(signal):
    scores = np.exp(np.column_stack([-signal, 0 * signal, signal]))
    return scores / scores.sum(axis=1, keepdims=True)


def mean_of(predictions):
    return np.mean([*predictions.values()], axis=0)


def with_member(evidence, name, prediction, **changes):
    """One more member; its test predictions are dropped with all others."""
    return replace(evidence, members={**evidence.members, name: prediction}, test_members={}, **changes)


def certain(codes, n_wrong=0, n_classes=2, confidence=0.99):
    """Probabilities near 1 for the given classes, but for the first rows."""
    codes = codes.copy()
    codes[:n_wrong] = (codes[:n_wrong] + 1) % n_classes
    rest = (1 - confidence) / (n_classes - 1)
    return np.where(np.arange(n_classes) == codes[:, None], confidence, rest)


def folds_of(assignment, **constraints):
    """Folds from one fold number per row."""
    numbers = range(int(max(assignment)) + 1)
    splits = [(np.flatnonzero(assignment != at), np.flatnonzero(assignment == at)) for at in numbers]
    return Folds(len(assignment), tuple(splits), {}, SplitConstraints(**constraints))
