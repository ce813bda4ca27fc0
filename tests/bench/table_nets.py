"""Nets for tables, fold by fold: TabM of stackit and of its authors, on real tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.preprocessing import OrdinalEncoder, QuantileTransformer
from torch.nn import functional as F

from competitions.data import find
from stackit.neural import TabMClassifier, TabMRegressor

MAX_EPOCHS, PATIENCE = 200, 16


@dataclass(frozen=True)
class FoldTask:
    """One fold of a table: training rows, rows that training stops by, and held-out rows."""

    X: pd.DataFrame
    y: Any  # positions of classes, or numbers
    train: Any
    watch: Any
    held_out: Any

    @property
    def is_regression(self) -> bool:
        return bool(self.y.dtype.kind == "f")

    def loss(self, predicted: Any, rows: Any) -> float:
        """Return the root mean squared error, or the log loss."""
        y = self.y[rows]
        if self.is_regression:
            return float(np.sqrt(np.mean((predicted - y) ** 2)))
        return float(-np.log(np.clip(predicted[np.arange(len(y)), y], 1e-7, 1)).mean())


@dataclass(frozen=True)
class Outcome:
    """The predictions for the held-out rows, and the number of epochs."""

    predicted: Any
    n_epochs: int


Contender = Callable[[FoldTask], Outcome]


def fold_tasks(name: str, n_splits: int = 5) -> list[FoldTask]:
    """Return the folds of a table: training rows of the table's fixed split, a fifth of them to stop by."""
    folder = find("tables", ["index.csv"], "the page of each data set in index.csv")
    row = pd.read_csv(folder / "index.csv").set_index("name").loc[name]
    X = pd.read_csv(folder / row["file"])
    y = X.pop(row["target"])
    is_regression = row["task"] == "regression"
    place = pd.Series(range(len(y))) if is_regression else y.groupby(y).cumcount()
    of_training = (place % 3 != 2).to_numpy()
    X = X[of_training].reset_index(drop=True)
    values = y[of_training].to_numpy()
    values = values.astype(float) if is_regression else np.unique(values, return_inverse=True)[1]
    cv = (KFold if is_regression else StratifiedKFold)(n_splits, shuffle=True, random_state=0)
    tasks = []
    for train, held_out in cv.split(X, values):
        own = None if is_regression else values[train]
        train, watch = train_test_split(train, test_size=0.2, random_state=0, stratify=own)
        tasks.append(FoldTask(X, values, train, watch, held_out))
    return tasks


def stackit(task: FoldTask, **parameters: Any) -> Outcome:
    """TabM of stackit; it stops by log loss or squared error."""
    kind = TabMRegressor if task.is_regression else TabMClassifier
    net = kind(max_iter=MAX_EPOCHS, n_iter_no_change=PATIENCE, random_state=0, **parameters)
    (fitted,) = net.fit_folds(task.X, task.y, [(task.train, task.held_out)], watch=[task.watch])
    predict = fitted.predict if task.is_regression else fitted.predict_proba
    return Outcome(predict(task.X.iloc[task.held_out]), fitted.n_iter_)


def authors(task: FoldTask, stop_by: str) -> Outcome:
    """The package `tabm` with its default sizes, in the training loop of its example.

    AdamW with a rate of 2e-3 and a decay of 3e-4, 256 rows per batch, gradients of a norm of at most 1,
    quantiles of numbers with noise, labels of numbers standardised. Classes stop by accuracy as in the
    example, or by log loss.
    """
    torch.manual_seed(0)
    net, inputs = _package(task)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=3e-4)
    own = task.y[task.train]
    centre, spread = (own.mean(), own.std()) if task.is_regression else (0, 1)
    targets = torch.as_tensor(
        ((task.y - centre) / spread).astype(np.float32) if task.is_regression else task.y
    )

    def outputs(rows: Any) -> Any:
        return net(*(None if part is None else part[rows] for part in inputs)).squeeze(-1)

    @torch.inference_mode()
    def predict(rows: Any) -> Any:
        net.eval()
        of_heads = outputs(torch.as_tensor(rows))
        if task.is_regression:
            return of_heads.mean(1).numpy() * spread + centre
        return of_heads.softmax(-1).mean(1).numpy()

    def figure(predicted: Any) -> float:
        if task.is_regression or stop_by == "loss":
            return task.loss(predicted, task.watch)
        return -float(np.mean(predicted.argmax(1) == task.y[task.watch]))

    best, best_figure, best_epoch = None, math.inf, 0
    loss = F.mse_loss if task.is_regression else F.cross_entropy
    for epoch in range(MAX_EPOCHS):
        net.train()
        for batch in torch.as_tensor(task.train)[torch.randperm(len(task.train))].split(256):
            optimizer.zero_grad()
            loss(outputs(batch).flatten(0, 1), targets[batch].repeat_interleave(net.k)).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        reached = figure(predict(task.watch))
        if reached < best_figure:
            best, best_figure, best_epoch = deepcopy(net.state_dict()), reached, epoch
        if epoch - best_epoch > PATIENCE:
            break
    net.load_state_dict(best)
    return Outcome(predict(task.held_out), epoch + 1)


def _package(task: FoldTask) -> tuple[Any, tuple[Any, Any]]:
    """Return the net of the package, and all rows as it reads them; missing numbers become 0."""
    import tabm

    numbers = task.X.select_dtypes("number").to_numpy(np.float32)
    own = numbers[task.train]
    noise = np.random.default_rng(0).normal(0.0, 1e-5, own.shape).astype(np.float32)
    quantiles = QuantileTransformer(
        n_quantiles=max(min(len(own) // 30, 1000), 10), output_distribution="normal", subsample=None
    )
    numbers = np.nan_to_num(quantiles.fit(own + noise).transform(numbers)).astype(np.float32)
    categories = task.X.select_dtypes(exclude="number").astype(str)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    codes = encoder.fit(categories.iloc[task.train]).transform(categories).astype(np.int64)
    sizes = [len(levels) + 1 for levels in encoder.categories_]  # the last is for unknown levels
    codes = np.where(codes < 0, np.array(sizes, dtype=np.int64) - 1, codes)
    n_outputs = 1 if task.is_regression else int(task.y.max()) + 1
    net = tabm.TabM.make(n_num_features=numbers.shape[1], cat_cardinalities=sizes, d_out=n_outputs)
    parts = (torch.as_tensor(part) if part.shape[1] else None for part in (numbers, codes))
    return net, tuple(parts)


CONTENDERS: dict[str, Contender] = {
    "stackit": stackit,
    "authors": partial(authors, stop_by="accuracy"),
    "authors, log loss": partial(authors, stop_by="loss"),
}
