"""Photographs on their way through a network: loaded ahead in threads, batched, and equal ones only once."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from typing import Self, cast

import numpy as np

from stackit.images.io.cache import CodeCache
from stackit.images.io.sources import Photograph
from stackit.images.network import Codes, PretrainedNetwork
from stackit.images.preprocessing import Pixels

__all__ = ["FailedImage", "ImageBatch", "LoadedImage", "load_image", "prefetch"]

ERRORS = (FileNotFoundError, PermissionError, OSError, ValueError)


@dataclass(frozen=True)
class FailedImage:
    """The error of a photograph as type and text: a traceback would keep the photograph in memory."""

    kind: type[ValueError | OSError]
    text: str

    @classmethod
    def of(cls, error: ValueError | OSError) -> Self:
        """Return the record of an error."""
        return cls(next(kind for kind in ERRORS if isinstance(error, kind)), str(error))


# A photograph's digest with its codes where they are cached, otherwise with its views; or its error.
LoadedImage = tuple[bytes, Codes | Pixels] | FailedImage


class ImageBatch:
    """Photographs that wait until a batch of `size` is full; equal ones pass through the network only once.

    `compute` returns codes for (size, views, height, width, 3) bytes, and the (n, d) `codes` are filled.
    """

    def __init__(
        self, size: int, compute: Callable[[Pixels], Codes], codes: Codes, cache: CodeCache | None
    ) -> None:
        self.size, self.compute, self.codes, self.cache = size, compute, codes, cache
        self.waiting: dict[bytes, Pixels] = {}
        self.rows: dict[bytes, list[int]] = {}
        self.computed: dict[bytes, int] = {}

    def add(self, row: int, key: bytes, image: Codes | Pixels) -> None:
        """Fill a row with codes that are known already, or let its views wait for the next batch."""
        if image.ndim == 1:
            self.codes[row] = image
        elif key in self.computed:
            self.codes[row] = self.codes[self.computed[key]]
        else:
            self.waiting[key] = cast(Pixels, image)
            self.rows.setdefault(key, []).append(row)
            if len(self.waiting) == self.size:
                self.flush()

    def flush(self) -> None:
        """Compute the codes of all photographs that wait."""
        if not self.waiting:
            return
        codes = self.compute(np.stack(list(self.waiting.values())))
        for key, values in zip(self.waiting, codes, strict=True):
            self.codes[self.rows[key]] = values
            self.computed[key] = self.rows[key][0]
        if self.cache is not None:
            self.cache.put(dict(zip(self.waiting, codes, strict=True)))
        self.waiting, self.rows = {}, {}


def load_image(
    source: Photograph, cache: CodeCache | None, network: PretrainedNetwork, n_views: int
) -> LoadedImage:
    """Read a photograph, and decode it unless its codes are cached."""
    try:
        content = source.read()
        key = hashlib.sha256(content).digest()
        cached = None if cache is None else cache.get(key)
        if cached is None:
            return key, network.preprocessing.views(source.decode(content), n_views)
        source.check(content)  # what is refused must not depend on the cache
        return key, cached
    except (ValueError, OSError) as error:
        return FailedImage.of(error)


def prefetch(futures: Iterable[Future[LoadedImage]], n_ahead: int) -> Iterator[LoadedImage]:
    """Yield the results of futures in their order, with `n_ahead` of them started early."""
    source = iter(futures)
    started = deque(islice(source, n_ahead))
    while started:
        yield started.popleft().result()
        started.extend(islice(source, 1))
