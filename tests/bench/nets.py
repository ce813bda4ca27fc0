"""K trainings of one net, as stackit does them and as others do: equal layers, batches and epochs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from stackit.neural import BatchNormMLPClassifier
from tests.bench import workloads


def sized(n_rows: int, n_features: int, n_classes: int) -> tuple[Any, Any]:
    """Standardised numbers, and classes that can be learned."""
    X, y = make_classification(n_rows, n_features, n_informative=8, n_classes=n_classes, random_state=0)
    return standardised(X), y


def real(make: Callable[[], workloads.Workload]) -> tuple[Any, Any]:
    """The table of a competition; counts and prices by their logarithm."""
    work = make()
    return standardised(np.log1p(work.X.clip(min=-0.9))), work.y


def standardised(X: Any) -> Any:
    return ((X - X.mean(0)) / X.std(0)).astype(np.float32)


@dataclass(frozen=True)
class NetWorkload:
    """A table, and nets of these layers for each of its folds."""

    table: Callable[[], tuple[Any, Any]]
    n_features: int
    n_classes: int
    hidden: tuple[int, int]
    batch_size: int
    n_epochs: int
    n_splits: int
    rounds: int

    def folds(self, y: Any) -> list[tuple[Any, Any]]:
        return list(StratifiedKFold(self.n_splits, shuffle=True, random_state=0).split(y, y))

    def net(self) -> nn.Sequential:
        """What each of the others trains: torch's modules."""
        wide, narrow = self.hidden
        return nn.Sequential(
            *(nn.Linear(self.n_features, wide, bias=False), nn.BatchNorm1d(wide), nn.ReLU()),
            *(nn.Linear(wide, narrow, bias=False), nn.BatchNorm1d(narrow), nn.ReLU()),
            nn.Linear(narrow, self.n_classes),
        )


SMALL, LARGE = partial(sized, 891, 10, 2), partial(sized, 60_000, 93, 9)
WORKS = {
    "Titanic's size, K=5": NetWorkload(SMALL, 10, 2, (64, 32), 64, 20, 5, 7),
    "Titanic's size, K=10": NetWorkload(SMALL, 10, 2, (64, 32), 64, 20, 10, 5),
    "Otto's size, K=5": NetWorkload(LARGE, 93, 9, (256, 128), 256, 2, 5, 3),
}
# Real tables: what each makes of the seconds that stackit takes for so many epochs.
EQUAL_SECONDS = {
    "Titanic, K=5": NetWorkload(partial(real, workloads.titanic), 8, 2, (64, 32), 64, 20, 5, 5),
    "Otto, K=5": NetWorkload(partial(real, workloads.otto), 93, 9, (256, 128), 256, 4, 5, 1),
}
Predict = Callable[[Any], Any]  # from rows to the probabilities of the classes


def stackit(work: NetWorkload, X: Any, y: Any, folds: Any) -> list[Predict]:
    """All folds at once, scaling of inputs and statistics of the population included."""
    net = BatchNormMLPClassifier(
        work.hidden, batch_size=work.batch_size, max_iter=work.n_epochs, learning_rate="constant",
        learning_rate_init=1e-3, alpha=0.0, precision="float32", random_state=0, device="cpu",
    )  # fmt: skip
    return [fitted.predict_proba for fitted in net.fit_folds(X, y, folds)]


def loop(work: NetWorkload, X: Any, y: Any, folds: Any) -> list[Predict]:
    """K trainings one after the other, in as tight a loop as there is: rows by index, fused Adam."""
    return [_trained(work, X[train], y[train], fused=True) for train, _ in folds]


def _trained(work: NetWorkload, X: Any, y: Any, fused: bool) -> Predict:
    net, X, y = work.net(), torch.as_tensor(X), torch.as_tensor(y)
    optimizer, loss = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused), nn.CrossEntropyLoss()
    for _ in range(work.n_epochs):
        for rows in torch.tensor_split(torch.randperm(len(X)), round(len(X) / work.batch_size)):
            optimizer.zero_grad()
            loss(net(X[rows]), y[rows]).backward()
            optimizer.step()
    return _predict_of(net)


def data_loader(work: NetWorkload, X: Any, y: Any, folds: Any) -> list[Predict]:
    """As tutorials have it."""
    predictors = []
    for train, _ in folds:
        rows = TensorDataset(torch.as_tensor(X[train]), torch.as_tensor(y[train]))
        net, loss = work.net(), nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        for _ in range(work.n_epochs):
            for inputs, labels in DataLoader(rows, work.batch_size, shuffle=True, drop_last=True):
                optimizer.zero_grad()
                loss(net(inputs), labels).backward()
                optimizer.step()
        predictors.append(_predict_of(net))
    return predictors


def skorch(work: NetWorkload, X: Any, y: Any, folds: Any) -> list[Predict]:
    from skorch import NeuralNetClassifier

    predictors = []
    for train, _ in folds:
        net = NeuralNetClassifier(
            work.net(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=1e-3, train_split=None,
            batch_size=work.batch_size, max_epochs=work.n_epochs, iterator_train__shuffle=True,
            iterator_train__drop_last=True, verbose=0,
        )  # fmt: skip
        predictors.append(net.fit(X[train], y[train].astype(np.int64)).predict_proba)
    return predictors


def scikit_learn(work: NetWorkload, X: Any, y: Any, folds: Any) -> list[Predict]:
    """Its net has no batch norm: less work for each step."""
    net = MLPClassifier(
        work.hidden, batch_size=work.batch_size, max_iter=work.n_epochs, n_iter_no_change=10**6
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that more epochs would be better
        return [MLPClassifier(**net.get_params()).fit(X[train], y[train]).predict_proba for train, _ in folds]


def pytabkit(work: NetWorkload, X: Any, y: Any, folds: Any) -> list[Predict]:
    """RealMLP in its simple form, which has no batch norm either, with its vectorised cross-validation."""
    from pytabkit import RealMLP_TD_S_Classifier

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    least = min(len(out) for _, out in folds)  # folds must be equal there
    net = RealMLP_TD_S_Classifier(
        device="cpu", random_state=0, n_cv=len(folds), hidden_sizes=list(work.hidden), n_threads=2,
        batch_size=work.batch_size, n_epochs=work.n_epochs,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(X, y, val_idxs=np.stack([out[:least] for _, out in folds]))
    return [partial(_member, net, at) for at in range(len(folds))]


def _member(net: Any, at: int, X: Any) -> Any:
    return net.predict_proba_ensemble(X)[at]


def _predict_of(net: nn.Module) -> Predict:
    net.eval()

    @torch.no_grad()
    def predict(X: Any) -> Any:
        return net(torch.as_tensor(X)).softmax(1).numpy()

    return predict


CONTENDERS: dict[str, Callable[..., list[Predict]]] = {
    "stackit": stackit,
    "tight loop": loop,
    "DataLoader": data_loader,
    "skorch": skorch,
    "scikit-learn": scikit_learn,
    "pytabkit": pytabkit,
}
# How many times faster than another stackit was to be.
GOALS = {
    ("Titanic's size, K=5", "tight loop"): 4.0,
    ("Titanic's size, K=5", "DataLoader"): 6.5,
    ("Titanic's size, K=5", "skorch"): 9.0,
    ("Titanic's size, K=10", "tight loop"): 6.0,
    ("Otto's size, K=5", "tight loop"): 1.5,
    ("Otto's size, K=5", "DataLoader"): 2.3,
    ("Otto's size, K=5", "skorch"): 2.3,
}
