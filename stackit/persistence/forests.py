"""Forests of scikit-learn with the nodes of all trees in a few arrays: small files that are read fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree._tree import Tree

from stackit.arrays import Rows

__all__ = ["is_forest", "pack_forest", "unpack_forest"]

FORESTS = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
OWN = ("random_state", "tree_")  # what differs between the trees of a forest


def is_forest(value: Any) -> bool:
    """Whether a value is a fitted forest of trees that differ in nothing but their seeds and nodes."""
    if type(value) not in FORESTS or not getattr(value, "estimators_", None):
        return False
    first, *others = [_shared_params(tree) for tree in value.estimators_]
    return all(params == first for params in others)


def pack_forest(forest: Any) -> dict[str, Any]:
    """Return a forest as two empty objects, plain attributes, and arrays of the nodes of all trees."""
    trees = forest.estimators_
    states = [tree.tree_.__getstate__() for tree in trees]
    nodes = np.concatenate([state["nodes"] for state in states])
    first = trees[0]
    return {
        "forest": object.__new__(type(forest)),
        "forest_state": {name: part for name, part in vars(forest).items() if name != "estimators_"},
        "tree": object.__new__(type(first)),
        "tree_state": {name: part for name, part in vars(first).items() if name not in OWN},
        "random_states": [tree.random_state for tree in trees],
        "shape": list(first.tree_.__reduce__()[1]),
        "counts": np.array([state["node_count"] for state in states]),
        "depths": np.array([state["max_depth"] for state in states]),
        # By column: that takes less space than by node.
        "nodes": {name: np.ascontiguousarray(nodes[name]) for name in nodes.dtype.names or ()},
        "values": np.concatenate([state["values"] for state in states]),
    }


def unpack_forest(parts: dict[str, Any]) -> Any:
    """Return the forest; raise a ValueError where a tree leads to nodes or columns that it has not."""
    shape = parts["shape"]
    nodes = _nodes_of(parts["nodes"], Tree(*shape).__getstate__()["nodes"].dtype)
    stops = np.cumsum(parts["counts"])
    _check_nodes(nodes, parts["counts"], int(shape[0]))
    trees = []
    for at, (stop, count) in enumerate(zip(stops, parts["counts"], strict=True)):
        rows = slice(stop - count, stop)
        tree = Tree(*shape)
        tree.__setstate__(
            {
                "max_depth": int(parts["depths"][at]),
                "node_count": int(count),
                "nodes": nodes[rows],
                "values": np.ascontiguousarray(parts["values"][rows]),
            }
        )
        estimator = object.__new__(type(parts["tree"]))
        vars(estimator).update(parts["tree_state"], random_state=parts["random_states"][at], tree_=tree)
        trees.append(estimator)
    vars(parts["forest"]).update(parts["forest_state"], estimators_=trees)
    return parts["forest"]


def _shared_params(tree: Any) -> dict[str, Any]:
    return {name: value for name, value in tree.get_params().items() if name not in OWN}


def _nodes_of(columns: dict[str, npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    """Return the nodes of all trees in the form that scikit-learn reads."""
    nodes = np.zeros(len(columns["left_child"]), dtype=dtype)
    for name in dtype.names:
        nodes[name] = columns[name]
    return nodes


def _check_nodes(nodes: npt.NDArray[Any], counts: Rows, n_features: int) -> None:
    """Raise unless children follow their parents within a tree, since trees are walked without checks."""
    start = np.repeat(np.cumsum(counts) - counts, counts)
    if len(start) != len(nodes) or (counts < 1).any():
        raise ValueError("a forest has trees without nodes")
    at, size = np.arange(len(nodes)) - start, np.repeat(counts, counts)
    left, right, feature = nodes["left_child"], nodes["right_child"], nodes["feature"]
    is_leaf = left == -1
    follows = (left > at) & (left < size) & (right > at) & (right < size)
    if not (is_leaf | (follows & (feature >= 0) & (feature < n_features))).all():
        raise ValueError("a forest has trees that lead nowhere")
