"""RealMLP on real tables, as stackit and as its authors' program train it: equal rows, epochs and seeds."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold

from stackit.neural import RealMLPClassifier, RealMLPRegressor

N_SPLITS, N_EPOCHS = 5, 32
MAX_ROWS = 10_000


@dataclass(frozen=True)
class Table:
    """A table, and as many held-out rows per fold, as the authors' program wants; the others train."""

    X: pd.DataFrame
    y: npt.NDArray[Any]
    held_out: npt.NDArray[np.intp]  # (folds, rows)

    @property
    def has_classes(self) -> bool:
        return self.y.dtype.kind != "f"

    @property
    def folds(self) -> list[tuple[Any, Any]]:
        return [(np.setdiff1d(np.arange(len(self.y)), rows), rows) for rows in self.held_out]

    def score(self, predictions: list[Any]) -> float:
        """Return the log loss, or the root mean square error in standard deviations, of all held-out rows."""
        truth, predicted = self.y[self.held_out.ravel()], np.concatenate(predictions)
        if self.has_classes:
            return float(log_loss(truth, predicted, labels=np.arange(self.y.max() + 1)))
        return float(np.sqrt(np.mean((predicted - truth) ** 2)) / self.y.std())


def load(folder: Path, name: str) -> Table:
    """Read two thirds of the rows of a table, with medians for missing numbers, which pytabkit refuses."""
    entry = pd.read_csv(folder / "index.csv").set_index("name").loc[name]
    X = pd.read_csv(folder / entry["file"])
    y = X.pop(entry["target"])
    is_regression = entry["task"] == "regression"
    place = pd.Series(range(len(y))) if is_regression else y.groupby(y).cumcount()
    kept = (place % 3 != 2).to_numpy()
    X, y = X[kept][:MAX_ROWS].reset_index(drop=True), y[kept][:MAX_ROWS]
    numbers = X.select_dtypes("number").columns
    X[numbers] = X[numbers].fillna(X[numbers].median()).astype(float)
    X = X.astype({name: str for name in X.columns.difference(numbers)})
    target = y.to_numpy(dtype=float) if is_regression else pd.factorize(y, sort=True)[0]
    splitter = (KFold if is_regression else StratifiedKFold)(N_SPLITS, shuffle=True, random_state=0)
    parts = [rows for _, rows in splitter.split(X, target)]
    least, random = min(map(len, parts)), np.random.default_rng(0)
    return Table(X, target, np.stack([np.sort(random.permutation(rows)[:least]) for rows in parts]))


def stackit(table: Table, seed: int, **options: Any) -> tuple[float, float]:
    """Return the score and the CPU seconds of training; the last epoch predicts."""
    kind = RealMLPClassifier if table.has_classes else RealMLPRegressor
    started = time.process_time()
    nets = kind(max_iter=N_EPOCHS, random_state=seed, **options).fit_folds(table.X, table.y, table.folds)
    seconds = time.process_time() - started
    method = "predict_proba" if table.has_classes else "predict"
    predictions = [
        getattr(net, method)(table.X.iloc[rows]) for net, rows in zip(nets, table.held_out, strict=True)
    ]
    return table.score(predictions), seconds


def pytabkit(table: Table, seed: int) -> tuple[float, float]:
    """Return the same for the authors' program, with its vectorised cross-validation."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    kind: Any = RealMLP_TD_Classifier if table.has_classes else RealMLP_TD_Regressor

    class LastEpoch(kind):  # type: ignore[misc]
        """Otherwise the held-out rows would choose the epoch."""

        def get_config(self) -> Any:
            return super().get_config() | {"use_best_epoch": False}

    for_log_loss = {"use_ls": False, "val_metric_name": "cross_entropy"} if table.has_classes else {}
    net = LastEpoch(
        n_cv=N_SPLITS, n_epochs=N_EPOCHS, device="cpu", n_threads=1, random_state=seed, **for_log_loss
    )
    started = time.process_time()
    net.fit(table.X, table.y, val_idxs=table.held_out)
    seconds = time.process_time() - started
    method = "predict_proba_ensemble" if table.has_classes else "predict_ensemble"
    members = np.asarray(getattr(net, method)(table.X)).reshape(N_SPLITS, len(table.y), -1)
    each = [member[rows] for member, rows in zip(members, table.held_out, strict=True)]
    return table.score(each if table.has_classes else [one[:, 0] for one in each]), seconds
