"""The three levels of Otto's winners, scaled to two cores: who learns what from what."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from competitions.otto.features import described, logarithms, roots, row_numbers, tf_idf, unit_roots
from competitions.otto.neighbors import NeighborEvidence
from stackit.combine import (
    ConvexClassifier,
    GeometricClassifier,
    GreedyClassifier,
    LogisticClassifier,
    MeanClassifier,
    NonNegativeClassifier,
)
from stackit.neural import BatchNormMLPClassifier, modern_mlp_classifier
from stackit.validation import import_optional

__all__ = [
    "SIZES",
    "AveragedAdaBoost",
    "Size",
    "blend_of_winners",
    "first_level",
    "second_level",
    "third_level",
]

Named = list[tuple[str, Any]]
Probabilities = npt.NDArray[np.float64]

WIDE = (512, 256)


class Size(NamedTuple):
    """How large a run is: rows (None: all), folds, how long estimators may work, and whether few suffice."""

    n_rows: int | None
    n_splits: int
    share: float
    short: bool = False


SIZES = {
    "full": Size(None, 10, 1.0),
    "short": Size(None, 10, 1.0, short=True),
    "quick": Size(8000, 3, 0.25),
    "tiny": Size(360, 2, 0.01, short=True),
}


class AveragedAdaBoost(AdaBoostClassifier):  # type: ignore[misc]
    """AdaBoost of strong estimators; their probabilities are averaged.

    scikit-learn's counts the votes of its members, of which a few forests give too few: a log loss of 2.1.
    """

    def predict_proba(self, X: Any) -> Probabilities:
        """Return the (n, n_classes) average of the members' probabilities, by their weights."""
        tables = [member.predict_proba(X) for member in self.estimators_]
        return np.average(tables, axis=0, weights=self.estimator_weights_[: len(tables)])


def first_level(share: float = 1.0, memory: str | None = None, short: bool = False) -> Named:
    """Return the named base estimators, pipelines from counts to probabilities.

    Parameters
    ----------
    share : float
        How long they may work, 1 being the full line-up: of trees, rounds and nets there are so many less.
    memory : str, optional
        A folder where columns of neighbours are kept, for several estimators look at them.
    short : bool
        Whether only those come that the stack can least do without.
    """
    neighbors = make_pipeline(unit_roots(), NeighborEvidence(memory=memory))
    of_words = make_pipeline(tf_idf(), clone(neighbors[-1]))
    with_counts = make_union("passthrough", neighbors, of_words)
    with_logarithms = make_union(logarithms(), neighbors, of_words)
    few: Named = [
        ("xgboost_neighbors", make_pipeline(with_counts, boosted(share, 450))),
        ("xgboost", boosted(share, 850, max_depth=10, learning_rate=0.04, colsample_bytree=0.3)),
        ("net_neighbors", make_pipeline(with_logarithms, net(share, 8, max_iter=8))),
        ("net_logarithms", make_pipeline(logarithms(), net(share, 8, max_iter=10, alpha=0.01))),
        (
            "neighbors",
            make_pipeline(neighbors, StandardScaler(), LogisticRegression(C=0.1, max_iter=300, tol=1e-3)),
        ),
        ("kernel", kernel(share)),
        ("linear", linear()),
        ("bayes", make_pipeline(logarithms(), MultinomialNB())),
    ]
    return few if short else [*few, *more_of_the_first_level(share, with_logarithms)]


def more_of_the_first_level(share: float, with_logarithms: Any) -> Named:
    """Return what makes the line-up wide; `with_logarithms` goes to logarithms and neighbours' evidence."""
    everything = make_union(logarithms(), roots(), tf_idf(), FunctionTransformer(row_numbers))
    modern = modern_net(share, 8, hidden_layer_sizes=WIDE, activation="relu", scaling="standard", max_iter=8)
    fast = {"solver": "sgd", "learning_rate_init": 0.1, "alpha": 0.0}
    return [
        (
            "xgboost_described",
            make_pipeline(described(), boosted(share, 500, max_depth=7, learning_rate=0.07)),
        ),
        ("lightgbm", light(share, 240)),
        ("net_modern", make_pipeline(with_logarithms, modern)),
        (
            "net_everything",
            make_pipeline(everything, net(share, 5, hidden_layer_sizes=(768, 256), max_iter=12)),
        ),
        ("net_large", make_pipeline(logarithms(), net(share, 4, hidden_layer_sizes=(1024, 512)))),
        (
            "net_of_one_layer",
            make_pipeline(logarithms(), net(share, 2, hidden_layer_sizes=(2048,), max_iter=12)),
        ),
        ("net_descent", make_pipeline(logarithms(), net(share, 4, max_iter=10, **fast))),
        ("net_roots", make_pipeline(roots(), net(share, 4, hidden_layer_sizes=(256,) * 3, max_iter=12))),
    ]


def second_level(share: float = 1.0) -> Named:
    """Return the winners' three final estimators, in the order that `blend_of_winners` takes them."""
    gentle = {"max_depth": 4, "learning_rate": 0.06, "min_child_weight": 15, "subsample": 0.7}
    forest = trees(share, 30, max_features=0.3, min_samples_leaf=8)
    return [
        ("second_xgboost", boosted(share, 150, colsample_bytree=0.3, **gentle)),
        ("second_net", modern_net(share, 6, hidden_layer_sizes=(128, 128), max_iter=4)),
        ("second_trees", AveragedAdaBoost(forest, n_estimators=3)),
    ]


def third_level(n_first: int) -> Named:
    """Return the combiners of both levels' probabilities, and what they are to be better than.

    Parameters
    ----------
    n_first : int
        The number of estimators of the first level; their columns come after those of the second.
    """
    second_alone = [1.0] * 3 + [0.0] * n_first
    return [
        ("mean_of_both", MeanClassifier()),
        ("mean_of_second", MeanClassifier(second_alone)),
        ("geometric_of_second", GeometricClassifier(second_alone)),
        ("logistic", LogisticClassifier()),
        ("convex", ConvexClassifier()),
        ("non_negative", NonNegativeClassifier()),
        ("greedy", GreedyClassifier(n_steps=50)),
    ]


def blend_of_winners(xgboost: Probabilities, net: Probabilities, trees: Probabilities) -> Probabilities:
    """Return 0.85 · xgboost^0.65 · net^0.35 + 0.15 · trees, with rows that sum to 1.

    Examples
    --------
    >>> even, sure = np.array([[0.5, 0.5]]), np.array([[0.8, 0.2]])
    >>> blend_of_winners(sure, sure, even).round(3).tolist()
    [[0.755, 0.245]]
    """
    blend = 0.85 * xgboost**0.65 * net**0.35 + 0.15 * trees
    return np.asarray(blend / blend.sum(axis=1, keepdims=True))


def boosted(share: float, n_rounds: int, **parameters: Any) -> Any:
    """Return gradient boosting by xgboost; few columns a tree, for the counts say much the same."""
    usual = {
        "n_estimators": some(share, n_rounds),
        "max_depth": 8,
        "learning_rate": 0.03,
        "min_child_weight": 2,
        "subsample": 0.8,
        "colsample_bytree": 0.15,
        "max_bin": 64,
        "tree_method": "hist",
        "n_jobs": 1,
    }
    return import_optional("xgboost", "boost").XGBClassifier(**usual | parameters)


def light(share: float, n_rounds: int, **parameters: Any) -> Any:
    """Return gradient boosting by lightgbm: its trees grow where the loss falls most."""
    usual = {
        "n_estimators": some(share, n_rounds),
        "num_leaves": 48,
        "learning_rate": 0.06,
        "min_child_samples": 10,
        "subsample": 0.8,
        "subsample_freq": 1,
        "colsample_bytree": 0.4,
        "max_bin": 63,
        "verbose": -1,
        "n_jobs": 1,
    }
    return import_optional("lightgbm", "boost").LGBMClassifier(**usual | parameters)


def trees(share: float, n_trees: int, **parameters: Any) -> ExtraTreesClassifier:
    """Return trees with random cuts."""
    return ExtraTreesClassifier(some(share, n_trees), **parameters)


def net(share: float, n_nets: int, **parameters: Any) -> BatchNormMLPClassifier:
    """Return nets with batch norm, of several seeds."""
    usual: dict[str, Any] = {"hidden_layer_sizes": WIDE, "max_iter": 15, "precision": "bfloat16"}
    return BatchNormMLPClassifier(n_estimators=some(share, n_nets), **usual | parameters)


def modern_net(share: float, n_nets: int, **parameters: Any) -> BatchNormMLPClassifier:
    """Return nets in the parametrization of today's, of several seeds."""
    return modern_mlp_classifier(n_estimators=some(share, n_nets), precision="bfloat16", **parameters)


def kernel(share: float) -> Pipeline:
    """Return a logistic regression on the likeness to some rows."""
    probe_output = Nystroem(gamma=1.0, n_components=some(share, 1500, least=50))
    return make_pipeline(
        unit_roots(), probe_output, StandardScaler(), LogisticRegression(C=0.01, max_iter=200, tol=1e-3)
    )


def linear() -> Pipeline:
    """Return a logistic regression on logarithms, and on what can be said of whole rows."""
    numbers = make_pipeline(FunctionTransformer(row_numbers), logarithms())
    union = make_union(logarithms(), numbers, roots())
    return make_pipeline(union, StandardScaler(), LogisticRegression(C=0.1, max_iter=300))


def some(share: float, n: int, least: int = 1) -> int:
    """Return a share of n."""
    return max(least, round(share * n))
