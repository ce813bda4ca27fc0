"""Networks as sequences of named layers, and the output of any one of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from numbers import Integral
from threading import get_ident
from typing import Any

import torch

from stackit.validation import format_list, invalid_value

__all__ = ["check_count", "check_n_classes", "layer_names", "sequence", "tapped"]


class _Reached(Exception):
    """Carries the output of a layer out of a network; not an error."""

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = output


def check_count(name: str, value: object, advice: str) -> None:
    """Raise ValueError unless a number of layers, channels or units is a positive integer."""
    if not isinstance(value, Integral) or value < 1:
        raise invalid_value(name, "a positive integer", f"{name}={value!r}", advice)


def check_n_classes(n_classes: int | None) -> None:
    """Raise ValueError unless n_classes is a positive integer, or None."""
    if n_classes is not None:
        check_count("n_classes", n_classes, "Pass None for a network without classes")


def sequence(layers: Mapping[str, torch.nn.Module]) -> torch.nn.Sequential:
    """Return a network that applies named layers one after the other."""
    return torch.nn.Sequential(OrderedDict(layers))


def layer_names(network: torch.nn.Module) -> list[str]:
    """Return the names of all layers of a network in their order, those inside blocks with dots.

    Parameters
    ----------
    network : torch.nn.Module
        Any network.

    Returns
    -------
    list of str

    Examples
    --------
    >>> layer_names(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)))
    ['0', '1']
    """
    return [name for name, _ in network.named_modules() if name]


def tapped(network: torch.nn.Module, layer: str, batch: torch.Tensor) -> torch.Tensor:
    """Return the output of a layer of a network for a batch; nothing after the layer is computed.

    Parameters
    ----------
    network : torch.nn.Module
        Any network. Its mode is not changed: put it into evaluation mode before. Other threads may use it at
        the same time, and tap other layers.
    layer : str
        One of its `layer_names`. The first output counts, if a layer is used several times.
    batch : (n, channels, height, width) tensor
        The network's input.

    Returns
    -------
    tensor
        The output of the layer.

    Raises
    ------
    ValueError
        When there is no such layer, it is not used, or its output is not one tensor.

    Examples
    --------
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    >>> tapped(network, "0", torch.zeros(5, 3, 2, 2)).shape
    torch.Size([5, 12])
    """
    part = dict(network.named_modules()).get(layer) if layer else None
    if part is None:
        tops = [name for name, _ in network.named_children()]
        expected = f"one of the network's, such as {format_list(tops, 60)}"
        raise invalid_value("layer", expected, f"{layer=}", "Choose one")
    hook = part.register_forward_hook(_leave_with_output(get_ident()))
    try:
        network(batch)
    except _Reached as reached:
        output = reached.output
    else:
        raise ValueError(f"{layer=} is not used for images. Choose a layer inside or after it.")
    finally:
        hook.remove()
    if not isinstance(output, torch.Tensor):
        raise ValueError(f"The output of {layer=} is not one tensor. Choose another layer.")
    return output


def _leave_with_output(thread: int) -> Callable[[torch.nn.Module, Any, torch.Tensor], None]:
    """Return a hook that leaves the network after a layer, in this thread only: all threads call hooks."""

    def leave(part: torch.nn.Module, given: Any, output: torch.Tensor) -> None:
        if get_ident() == thread:
            raise _Reached(output)

    return leave
