"""Photographs: reading, decoding, batching, and a cache of their codes."""

from typing import TYPE_CHECKING

from stackit._lazy import lazy_names

if TYPE_CHECKING:
    from stackit.images.io.photographs import decode

__all__ = ["decode"]

__getattr__, __dir__, _ = lazy_names(
    "stackit.images.io",
    {
        "photographs": ["decode"],
    },
    extra="images",
)
