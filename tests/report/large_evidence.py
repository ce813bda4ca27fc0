"""Evidence of a large table, for the bench of reports."""

import numpy as np
import pandas as pd

from stackit import make_folds
from stackit.report import Evidence

NAMES = (
    *(
        "catboost",
        "lightgbm",
        "lightgbm extra trees",
        "xgboost",
        "net",
        "extra trees",
        "random forest",
        "linear",
    ),
    *("neighbors", "prep lightgbm", "small lightgbm", "kernel", "additive", "sparse linear", "deep lightgbm"),
)


def large_table(n_rows, n_columns, shift=0.0, seed=0):
    """Return a table of numbers, some missing, and of one category in six columns."""
    random = np.random.default_rng(seed)
    n_numbers = n_columns * 5 // 6
    columns = {f"number {at}": random.normal(shift * (at == 3), 1, n_rows) for at in range(n_numbers)}
    levels = [f"level {at}" for at in range(30)]
    columns |= {f"category {at}": random.choice(levels, n_rows) for at in range(n_columns - n_numbers)}
    columns["number 5"][random.random(n_rows) < 0.1] = np.nan
    return pd.DataFrame(columns)


def large_evidence(task, scoring, n_rows=50_000, n_columns=300, n_test_rows=50_000):
    """Return evidence of 15 members with noise of their own and in common, without fitting any."""
    random = np.random.default_rng(0)
    X, X_test = large_table(n_rows, n_columns), large_table(n_test_rows, n_columns, 0.5, seed=1)

    def signal(table):
        return (table["number 0"] + 0.5 * table["number 1"] ** 2 - 0.5).to_numpy()

    def predict(table, common, at):
        value = signal(table) * (0.8 + 0.02 * at) + common + random.normal(0, 0.1 + 0.05 * at, len(table))
        if task == "regression":
            return value
        edges = np.array([0.0] if task == "binary" else [-1.0, 0.0, 0.5, 2.0])
        above = 1 / (1 + np.exp(2 * (edges - value[:, np.newaxis])))
        steps = np.column_stack([np.ones(len(value)), above, np.zeros(len(value))])
        return steps[:, :-1] - steps[:, 1:]

    number = signal(X) + random.logistic(0, 0.5, n_rows)
    y = {
        "regression": number,
        "binary": (number > 0).astype(int),
        "multiclass": np.digitize(number, [-1.0, 0.0, 0.5, 2.0]),
    }[task]
    common, common_of_test = random.normal(0, 0.3, n_rows), random.normal(0, 0.3, n_test_rows)
    members = {name: predict(X, common, at) for at, name in enumerate(NAMES)}
    tests = {name: predict(X_test, common_of_test, at) for at, name in enumerate(NAMES)}
    weights = dict(zip(NAMES, [0.4, 0.25, 0.15, 0.1, 0.1, *[0.0] * 10], strict=True))
    blend, of_test = (
        sum(weight * found[name] for name, weight in weights.items()) for found in (members, tests)
    )
    return Evidence(
        task,
        scoring,
        y,
        members,
        blend,
        None if task == "regression" else np.unique(y),
        make_folds(y, scheme="kfold", n_splits=5, random_state=0),
        tests,
        of_test,
        weights,
        seconds={name: 30.0 - 1.5 * at for at, name in enumerate(NAMES)},
        X=X,
        X_test=X_test,
        combiner="convex",
        name="a large table",
    )
