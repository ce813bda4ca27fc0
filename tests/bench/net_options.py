"""Gains of options of nets, and of families of ensembles: `python -m tests.bench.net_options options TABLES`.

The second word is "options" or "families". Prints a table in Markdown: the change of the held-out loss in
percent, the mean over five folds with its standard error. Less is better.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from competitions.data import find
from stackit import StackingClassifier, StackingRegressor
from stackit.neural import (
    BatchNormMLPClassifier,
    BatchNormMLPRegressor,
    RealMLPClassifier,
    RealMLPRegressor,
    TabMClassifier,
    TabMRegressor,
)
from tests.bench.realmlp import Table, load

__all__ = ["changes_of_families", "changes_of_options"]

Losses = npt.NDArray[np.float64]  # (folds,)
SEED = 0
EPOCHS: dict[str, Any] = {"max_iter": 16, "batch_size": "auto", "random_state": SEED}
SMALL_TABM: dict[str, Any] = {
    "hidden_layer_sizes": (128, 128),
    "early_stopping": False,
    "max_iter": 30,
    "random_state": SEED,
}
PLAIN_NET: dict[str, Any] = {"hidden_layer_sizes": (128, 64), "max_iter": 24, "random_state": SEED}


def changes_of_options(table: Table) -> Iterator[tuple[str, Losses]]:
    """Yield each option, and the change of the loss of each fold against the net without it."""
    real = RealMLPClassifier if table.has_classes else RealMLPRegressor
    plain = BatchNormMLPClassifier if table.has_classes else BatchNormMLPRegressor
    tabm = TabMClassifier if table.has_classes else TabMRegressor
    base = _losses(table, real(**EPOCHS))
    without = _losses(table, real(**EPOCHS, embedding=None))
    single, net = _losses(table, tabm(n_heads=1, **SMALL_TABM)), _losses(table, plain(**PLAIN_NET))
    yield "RealMLP: batch norm", _change(_losses(table, real(**EPOCHS, batch_norm=True)), base)
    yield "RealMLP: PBLD", _change(base, without)
    if table.has_classes:
        smoothed = real(**EPOCHS, label_smoothing=0.1)
        yield "RealMLP: label smoothing 0.1", _change(_losses(table, smoothed), base)
    yield "RealMLP: four seeds", _change(_losses(table, real(**EPOCHS, n_estimators=4)), base)
    yield "TabM: 16 heads for 1", _change(_losses(table, tabm(n_heads=16, **SMALL_TABM)), single)
    averaged = plain(**PLAIN_NET, weight_averaging=0.75)
    yield "Batch-norm net: weights averaged", _change(_losses(table, averaged), net)
    snapshots = plain(**PLAIN_NET, learning_rate="cyclic", n_snapshots=3)
    yield "Batch-norm net: three snapshots", _change(_losses(table, snapshots), net)
    yield "Batch-norm net: four seeds", _change(_losses(table, plain(**PLAIN_NET, n_estimators=4)), net)


def changes_of_families(table: Table) -> Iterator[tuple[str, Losses]]:
    """Yield each family, and the change of the loss of each fold against its single estimator."""
    classes = table.has_classes
    tree = (DecisionTreeClassifier if classes else DecisionTreeRegressor)(
        min_samples_leaf=10, random_state=SEED
    )
    bag = (BaggingClassifier if classes else BaggingRegressor)(tree, n_estimators=50, random_state=SEED)
    boosting = (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(
        max_iter=100, learning_rate=0.05, random_state=SEED
    )
    plain = BatchNormMLPClassifier if classes else BatchNormMLPRegressor
    net = plain(**PLAIN_NET)
    members = [("bagging", _on_numbers(bag)), ("boosting", _on_numbers(boosting)), ("net", net)]
    stack = (StackingClassifier if classes else StackingRegressor)(members, cv=5, n_jobs=1, random_state=SEED)
    losses = {name: _losses(table, member) for name, member in members}
    alone = _losses(table, _on_numbers(tree))
    yield "bagging: 50 trees for one", _change(losses["bagging"], alone)
    yield "boosting: 100 trees for one", _change(losses["boosting"], alone)
    snapshots = plain(**PLAIN_NET, learning_rate="cyclic", n_snapshots=3)
    yield "snapshots: three nets for one", _change(_losses(table, snapshots), losses["net"])
    best = min(losses.values(), key=np.mean)
    yield "stacking: all three for the best of them", _change(_losses(table, stack), best)


def _on_numbers(estimator: Any) -> Any:
    """Return a pipeline that numbers the categories first."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    text = make_column_selector(dtype_exclude="number")
    return make_pipeline(make_column_transformer((encoder, text), remainder="passthrough"), estimator)


def _losses(table: Table, estimator: Any) -> Losses:
    """Return the log loss or the root mean squared error of each fold."""
    if hasattr(estimator, "fit_folds") and not hasattr(estimator, "estimators"):
        fitted = estimator.fit_folds(table.X, table.y, table.folds)
    else:
        fitted = [clone(estimator).fit(table.X.iloc[rows], table.y[rows]) for rows, _ in table.folds]
    return np.array([_loss(table, one, rows) for one, (_, rows) in zip(fitted, table.folds, strict=True)])


def _loss(table: Table, fitted: Any, rows: Any) -> float:
    X, y = table.X.iloc[rows], table.y[rows]
    if not table.has_classes:
        return float(np.sqrt(np.mean((fitted.predict(X) - y) ** 2)))
    return float(log_loss(y, fitted.predict_proba(X), labels=np.arange(table.y.max() + 1)))


def _change(losses: Losses, before: Losses) -> Losses:
    """Return by how many percent of the mean loss before each fold's loss changes."""
    return 100 * (losses - before) / before.mean()


def markdown(changes: Callable[[Table], Iterator[tuple[str, Losses]]], names: list[str]) -> str:
    """Return a table of the changes on some tables, with their mean."""
    folder = find("tables", ["index.csv"], "the packages that its column source names")
    by_option: dict[str, dict[str, Losses]] = {}
    for name in names:
        for option, change in changes(load(folder, name)):
            by_option.setdefault(option, {})[name] = change
            print(name, option, change.round(1), file=sys.stderr, flush=True)
    lines = [f"| | {' | '.join(names)} | mean |", "|---" * (len(names) + 2) + "|"]
    for option, found in by_option.items():
        cells = [_cell(found[name]) if name in found else "" for name in names]
        mean = np.mean([change.mean() for change in found.values()])
        lines.append(f"| {option} | {' | '.join(cells)} | {mean:+.1f} |")
    return "\n".join(lines)


def _cell(change: Losses) -> str:
    return f"{change.mean():+.1f} ± {change.std(ddof=1) / len(change) ** 0.5:.1f}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    chosen = sys.argv[2].split(",")
    print(markdown({"options": changes_of_options, "families": changes_of_families}[sys.argv[1]], chosen))
