"""Fitted nets as files: safetensors with all that prediction needs, and no pickle."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from stackit.arrays import FilePath
from stackit.neural.estimators.columns import InputColumns
from stackit.neural.layers.network import Network, NetworkPlan
from stackit.neural.weights import load_weights, read_metadata, save_weights
from stackit.validation import invalid_value

__all__ = ["load_estimator", "save_estimator"]

ARRAYS = ("classes_", "centre_", "scale_", "feature_names_in_")
PLAIN = ("n_features_in_", "shape_", "history_", "n_iter_", "_one_dimension", "_mixed")
FORMAT = 1
DTYPES = {str(dtype): dtype for dtype in (torch.float32, torch.float64)}


def save_estimator(net: Any, path: FilePath) -> None:
    """Write a fitted estimator: its networks as tensors, the rest as JSON in the file's metadata.

    Parameters
    ----------
    net : BatchNormNetwork
        Fitted.
    path : path
        The file; its folder is there already.

    Raises
    ------
    ValueError
        When a parameter, a label or a level of a category is of a kind that JSON does not have.
    """
    network: Network = net.network_
    facts = {
        "format": FORMAT,
        "class": type(net).__name__,
        "parameters": {name: _plain(value, name) for name, value in net.get_params().items()},
        "plan": asdict(network.plan),
        "n_nets": network.n_nets,
        "dtype": str(network.inputs.centre.dtype),
        "columns": _plain(asdict(net.columns_), "X"),
        "arrays": {name: _of_array(getattr(net, name), name) for name in ARRAYS if hasattr(net, name)},
        "attributes": {name: _plain(getattr(net, name), name) for name in PLAIN if hasattr(net, name)},
    }
    save_weights(network, path, {"stackit": json.dumps(facts)})


def load_estimator(kind: type, path: FilePath) -> Any:
    """Read an estimator of this class, as it was fitted.

    Parameters
    ----------
    kind : type
        The class that the file is to be of.
    path : path
        A file that `save_estimator` wrote.

    Returns
    -------
    BatchNormNetwork
        It predicts what the one that was saved predicts, to the bit.

    Raises
    ------
    ValueError
        When it is a file of something else, or of networks without their running statistics.
    """
    text = read_metadata(path).get("stackit")
    if text is None:
        got = f"{str(path)!r} without what `save` notes beside the weights"
        raise invalid_value(
            "A file of a net", "written by its `save`", got, "Read weights alone with load_weights"
        )
    try:
        facts = json.loads(text)
        if facts["format"] != FORMAT:
            got = f"{str(path)!r} of format {facts['format']}"
            raise invalid_value("The file", f"of format {FORMAT}", got, "Update stackit, or save it anew")
        if facts["class"] != kind.__name__:
            got = f"{str(path)!r} of a {facts['class']}"
            raise invalid_value("The file", f"of a {kind.__name__}", got, f"Call {facts['class']}.load")
        return _restored(kind, facts, path)
    except (KeyError, TypeError, AttributeError) as error:
        got = f"{str(path)!r}, where this cannot be read: {error!r}"
        raise invalid_value(
            "A file of a net", "complete, as its `save` wrote it", got, "Save it anew"
        ) from error


def _restored(kind: type, facts: dict[str, Any], path: FilePath) -> Any:
    net: Any = kind(**{name: _tupled(value) for name, value in facts["parameters"].items()})
    columns, plan = facts["columns"], facts["plan"]
    net.columns_ = InputColumns(**{name: _tupled(value) for name, value in columns.items()})
    network = Network(NetworkPlan(**{name: _tupled(value) for name, value in plan.items()}), facts["n_nets"])
    net.network_ = network.to(DTYPES[facts["dtype"]])
    load_weights(net.network_, path)
    net.network_.eval()
    # No other names: a file is not to put anything in the place of a method.
    for name in facts["arrays"].keys() & set(ARRAYS):
        dtype, values = facts["arrays"][name]
        setattr(net, name, np.array(_tupled(values), dtype=dtype))
    for name in facts["attributes"].keys() & set(PLAIN):
        value = facts["attributes"][name]
        setattr(net, name, tuple(value) if name == "shape_" else value)
    return net


def _of_array(values: Any, name: str) -> list[Any]:
    array = np.asarray(values)
    return [array.dtype.str if array.dtype != object else "object", _plain(array.tolist(), name)]


def _plain(value: Any, name: str) -> Any:
    """Return what JSON can say of a value."""
    if isinstance(value, np.random.RandomState):
        return None  # of no use to a net that is fitted
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(part, name) for key, part in value.items()}
        return {"": [[_plain(key, name), _plain(part, name)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        return [_plain(part, name) for part in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise invalid_value(
        name, "of text, numbers and truth values to be written", f"{value!r}", "Turn it into text"
    )


def _tupled(value: Any) -> Any:
    """Lists back into tuples, and pairs into the dictionary that they were; gaps are numpy's one NaN."""
    if isinstance(value, list):
        return tuple(_tupled(part) for part in value)
    if isinstance(value, dict):
        return dict(map(_tupled, value[""])) if [*value] == [""] else value
    return np.nan if isinstance(value, float) and value != value else value
