"""Sound stacks on synthetic tables, to count the checks that find something in them.

`python -m tests.report.checks.false_alarms 200` prints how many stacks had an issue or a tip, by code.
"""

import sys
import warnings
from collections import Counter

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stackit import make_folds, out_of_fold
from stackit.report import Evidence
from stackit.report.checks import run_checks

TASKS = ("binary", "multiclass", "regression")
SCORINGS = {
    "binary": ("neg_log_loss", "roc_auc", "accuracy"),
    "multiclass": ("neg_log_loss", "accuracy", "neg_log_loss"),
    "regression": ("neg_root_mean_squared_error", "r2", "neg_mean_absolute_error"),
}


def sound_evidence(seed):
    """A stack with honest folds on a table of numbers, gaps, counts and categories; half have test rows."""
    rng = np.random.default_rng(seed)
    task = TASKS[seed % 3]
    n = int(rng.choice([200, 500, 1500]))
    X = raw_table(rng, 2 * n)
    signal = rng.choice([0.3, 1.0, 3.0]) * standardized(signal_of(X, rng))
    y = target_of(rng, signal, task)
    train, test = (X.iloc[part].reset_index(drop=True) for part in (slice(n), slice(n, None)))
    scheme = "kfold" if task == "regression" else "stratified"
    folds = make_folds(y[:n], scheme=scheme, n_splits=int(rng.choice([3, 5, 10])), random_state=seed)
    scoring = SCORINGS[task][int(rng.integers(3))]
    X_test = test if rng.random() < 0.7 else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oof = out_of_fold(members(task, seed), train, y[:n], X_test, cv=folds, n_jobs=1, scoring=scoring)
        return Evidence.from_out_of_fold(oof, train, X_test)


def raw_table(rng, n):
    numbers = rng.normal(size=(n, 4))
    table = pd.DataFrame(numbers, columns=["a", "b", "c", "d"])
    table["income"] = np.exp(rng.normal(size=n)).round(2)
    table["count"] = rng.poisson(2, n)
    table["gap"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n) + numbers[:, 0])
    table["rounded"] = rng.normal(size=n).round(1)
    table["town"] = rng.choice([f"town {at}" for at in range(30)], n)
    table["color"] = rng.choice(["red", "green", "blue"], n)
    return table


def signal_of(X, rng):
    weights = rng.normal(size=5)
    parts = np.column_stack(
        [X["a"], X["b"] * X["c"], np.log(X["income"]), X["count"], X["town"].str[5:].astype(int) % 3]
    )
    return parts @ weights + 2 * (X["color"] == "red") * (X["d"] > 0)


def standardized(values):
    return (values - values.mean()) / values.std()


def target_of(rng, signal, task):
    if task == "regression":
        return (signal + rng.standard_t(5, len(signal))).to_numpy()
    latent = signal.to_numpy() + rng.logistic(size=len(signal))
    if task == "binary":
        return (latent > np.quantile(latent, rng.choice([0.5, 0.8]))).astype(int)
    return np.digitize(latent, np.quantile(latent, [0.5, 0.8]))


def members(task, seed):
    if task == "regression":
        models = {
            "ridge": Ridge(),
            "tree": DecisionTreeRegressor(random_state=seed),
            "trees": ExtraTreesRegressor(20, random_state=seed),
            "knn": KNeighborsRegressor(15),
        }
    else:
        models = {
            "logistic": LogisticRegression(),
            "bayes": GaussianNB(),
            "tree": DecisionTreeClassifier(random_state=seed),
            "trees": ExtraTreesClassifier(20, random_state=seed),
            "knn": KNeighborsClassifier(15),
        }
    return [(name, make_pipeline(preparation(), model)) for name, model in models.items()]


def preparation():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    select = make_column_selector
    return make_column_transformer(
        (numbers, select(dtype_include="number")), (words, select(dtype_exclude="number"))
    )


def main(n_seeds, first=0):
    found, n_with_issue = Counter(), 0
    for seed in range(first, first + n_seeds):
        results = run_checks(sound_evidence(seed))
        alarms = [one for one in results if one.status in ("issue", "tip")]
        found.update((one.severity, one.code) for one in alarms)
        issues = [f"{one.code}: {one.sentence}" for one in alarms if one.status == "issue"]
        n_with_issue += bool(issues)
        for issue in issues:
            print(f"seed {seed}: {issue}", flush=True)
    print(f"{n_with_issue} of {n_seeds} stacks had an issue; {dict(sorted(found.items()))}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
