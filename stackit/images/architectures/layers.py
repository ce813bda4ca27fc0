"""Networks as named parts in a row, and what comes out of any one of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from numbers import Integral
from threading import get_ident
from typing import TYPE_CHECKING, Any

from stackit.validation import format_list, import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["check_count", "check_n_classes", "in_a_row", "layer_names", "tapped"]


class _Reached(Exception):
    """What a layer gave: no error, but the way out of a network when enough is computed."""

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = output


def check_count(name: str, value: object, advice: str) -> None:
    """Raise unless a number of layers, channels or units is a positive integer.

    Examples
    --------
    >>> check_count("hidden", 0, "Pass 4096")
    Traceback (most recent call last):
        ...
    ValueError: hidden must be a positive integer; got hidden=0. Pass 4096.
    """
    if not isinstance(value, Integral) or value < 1:
        raise invalid_value(name, "a positive integer", f"{name}={value!r}", advice)


def check_n_classes(n_classes: int | None) -> None:
    """Raise unless there are classes, or the network is to end before them."""
    if n_classes is not None:
        check_count("n_classes", n_classes, "Pass None for a network without classes")


def in_a_row(parts: Mapping[str, torch.nn.Module]) -> torch.nn.Sequential:
    """Return a network that applies named parts one after the other.

    Examples
    --------
    >>> network = in_a_row({"lowered": torch.nn.Threshold(0, -1), "flat": torch.nn.Flatten()})
    >>> network(torch.zeros(1, 1, 2))
    tensor([[-1., -1.]])
    """
    return torch.nn.Sequential(OrderedDict(parts))


def layer_names(network: torch.nn.Module) -> list[str]:
    """Return the names of all layers of a network in their order, those inside blocks with dots."""
    return [name for name, _ in network.named_modules() if name]


def tapped(network: torch.nn.Module, layer: str, batch: torch.Tensor) -> torch.Tensor:
    """Return what a layer of a network gives for a batch; nothing after the layer is computed.

    Parameters
    ----------
    network : torch.nn.Module
        Any network. Its mode is left as it is: see that it is in evaluation mode. Other threads may
        pass through it meanwhile, and tap other layers.
    layer : str
        One of its `layer_names`. A layer that is passed several times counts the first time.
    batch : (n, channels, height, width) tensor
        What the network takes.

    Raises
    ------
    ValueError
        When there is no such layer, it is not passed, or does not give one tensor.

    Examples
    --------
    >>> network = in_a_row({"flat": torch.nn.Flatten(), "dense": torch.nn.Linear(12, 2)})
    >>> tapped(network, "flat", torch.zeros(5, 3, 2, 2)).shape
    torch.Size([5, 12])
    """
    part = dict(network.named_modules()).get(layer) if layer else None
    if part is None:
        tops = [name for name, _ in network.named_children()]
        raise invalid_value(
            "layer", f"one of the network's, such as {format_list(tops, 60)}", f"{layer=}", "Choose one"
        )
    hook = part.register_forward_hook(_way_out(get_ident()))
    try:
        network(batch)
    except _Reached as reached:
        output = reached.output
    else:
        raise invalid_value("layer", "one that images pass", f"{layer=}", "Choose a layer inside or after it")
    finally:
        hook.remove()
    if not isinstance(output, torch.Tensor):
        raise invalid_value("layer", "one that gives one tensor", f"{layer=}", "Choose another layer")
    return output


def _way_out(thread: int) -> Callable[[torch.nn.Module, Any, torch.Tensor], None]:
    """What leaves a network behind a layer, in one thread: a layer's hooks are called in all."""

    def leave(part: torch.nn.Module, given: Any, output: torch.Tensor) -> None:
        if get_ident() == thread:
            raise _Reached(output)

    return leave
