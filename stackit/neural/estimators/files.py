"""Fitted nets as files: safetensors with all that prediction needs, and no pickle."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from stackit.arrays import FilePath
from stackit.neural.estimators.columns import InputColumns
from stackit.neural.layers.network import Network, NetworkPlan
from stackit.neural.weights import State, load_state, read_model, save_model
from stackit.validation import invalid_value

__all__ = ["load_estimator", "save_estimator"]

ARRAYS = ("classes_", "centre_", "scale_", "lowest_", "highest_", "feature_names_in_")
ATTRIBUTES = ("n_features_in_", "shape_", "history_", "n_iter_", "_one_dimension", "_mixed")
DTYPES = {str(dtype): dtype for dtype in (torch.float32, torch.float64)}


def save_estimator(net: Any, path: FilePath) -> None:
    """Write a fitted net; raise ValueError when JSON has no form for a parameter or a label."""
    network: Network = net.network_
    metadata = {
        "class": type(net).__name__,
        "parameters": {name: _to_json(value, name) for name, value in net.get_params().items()},
        "plan": asdict(network.plan),
        "n_nets": network.n_nets,
        "dtype": str(network.inputs.centre.dtype),
        "columns": _to_json(asdict(net.columns_), "X"),
        "arrays": {name: _array_to_json(getattr(net, name), name) for name in ARRAYS if hasattr(net, name)},
        "attributes": {name: _to_json(getattr(net, name), name) for name in ATTRIBUTES if hasattr(net, name)},
    }
    save_model(network, path, metadata)


def load_estimator(kind: type, path: FilePath) -> Any:
    """Read a net of this class; it predicts what the saved one predicts, to the bit."""
    state, metadata = read_model(path, "the `save` of a net")
    try:
        if metadata["class"] != kind.__name__:
            raise ValueError(
                f"{str(path)!r} holds a {metadata['class']}, not a {kind.__name__}. "
                f"Call {metadata['class']}.load."
            )
        return _restore(kind, metadata, state, path)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{str(path)!r} is incomplete or damaged ({error!r}). Save the net again."
        ) from error


def _restore(kind: type, metadata: dict[str, Any], state: State, path: FilePath) -> Any:
    net: Any = kind(**{name: _from_json(value) for name, value in metadata["parameters"].items()})
    net.columns_ = InputColumns(**{name: _from_json(value) for name, value in metadata["columns"].items()})
    plan = NetworkPlan(**{name: _from_json(value) for name, value in metadata["plan"].items()})
    net.network_ = Network(plan, metadata["n_nets"]).to(DTYPES[metadata["dtype"]])
    load_state(net.network_, state, path)
    net.network_.eval()
    # Only these names: a file must not replace a method.
    for name in metadata["arrays"].keys() & set(ARRAYS):
        dtype, values = metadata["arrays"][name]
        setattr(net, name, np.array(_from_json(values), dtype=dtype))
    for name in metadata["attributes"].keys() & set(ATTRIBUTES):
        value = metadata["attributes"][name]
        setattr(net, name, tuple(value) if name == "shape_" else value)
    return net


def _array_to_json(values: Any, name: str) -> list[Any]:
    array = np.asarray(values)
    return [array.dtype.str if array.dtype != object else "object", _to_json(array.tolist(), name)]


def _to_json(value: Any, name: str) -> Any:
    """Return a value in the types of JSON; dictionaries with other keys than text become pairs."""
    if isinstance(value, np.random.RandomState):
        return None  # a fitted net does not need it
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _to_json(part, name) for key, part in value.items()}
        return {"": [[_to_json(key, name), _to_json(part, name)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        return [_to_json(part, name) for part in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise invalid_value(name, "text, numbers and booleans to be saved", f"{value!r}", "Turn it into text")


def _from_json(value: Any) -> Any:
    """Turn lists back into tuples, pairs into dictionaries, and NaN into the one NaN of numpy."""
    if isinstance(value, list):
        return tuple(_from_json(part) for part in value)
    if isinstance(value, dict):
        return dict(map(_from_json, value[""])) if [*value] == [""] else value
    return np.nan if isinstance(value, float) and value != value else value
