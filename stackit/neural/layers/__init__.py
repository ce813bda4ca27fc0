"""Layers of several networks at once."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.neural.layers.layers import Activation
    from stackit.neural.layers.network import Network, NetworkPlan

__all__ = ["Activation", "Network", "NetworkPlan"]

__getattr__, __dir__, _ = lazy_names(
    "stackit.neural.layers",
    {
        "layers": ["Activation"],
        "network": ["Network", "NetworkPlan"],
    },
    extra="torch",
)
