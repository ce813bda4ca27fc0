"""Photographs on their way through a network: read ahead in threads, passed in batches, equal ones once."""

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

__all__ = ["Fault", "ImageBatch", "Seen", "in_order", "load_image"]

KINDS = (FileNotFoundError, PermissionError, OSError, ValueError)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a photograph.

    Not the error itself, whose traceback holds the frames that raised it and with them the photograph.

    Parameters
    ----------
    kind : type
        `FileNotFoundError`, `PermissionError`, another `OSError`, or `ValueError`.
    text : str
        The error's text.
    """

    kind: type[ValueError | OSError]
    text: str

    @classmethod
    def of(cls, error: ValueError | OSError) -> Self:
        """Return what an error says."""
        return cls(next(kind for kind in KINDS if isinstance(error, kind)), str(error))


Seen = tuple[bytes, Codes | Pixels] | Fault
"""A photograph's digest, with its codes where they are known and else its views; or what is wrong with it."""


class ImageBatch:
    """Photographs that wait until a batch is full; equal ones wait as one.

    Parameters
    ----------
    size : int
        How many different photographs pass at once.
    through : callable
        Returns codes for (size, views, height, width, 3) bytes.
    codes : (n, d) array
        Filled row by row.
    cache : CodeCache or None
        Where codes are kept.
    """

    def __init__(
        self, size: int, through: Callable[[Pixels], Codes], codes: Codes, cache: CodeCache | None
    ) -> None:
        self.size, self.through, self.codes, self.cache = size, through, codes, cache
        self.waiting: dict[bytes, Pixels] = {}
        self.rows: dict[bytes, list[int]] = {}
        self.done: dict[bytes, int] = {}

    def take(self, row: int, key: bytes, seen: Codes | Pixels) -> None:
        """Fill a row whose codes are known, or let its photograph wait."""
        if seen.ndim == 1:
            self.codes[row] = seen
        elif key in self.done:
            self.codes[row] = self.codes[self.done[key]]
        else:
            self.waiting[key] = cast(Pixels, seen)
            self.rows.setdefault(key, []).append(row)
            if len(self.waiting) == self.size:
                self.pass_through()

    def pass_through(self) -> None:
        """Pass what waits through the network, and keep what comes out."""
        if not self.waiting:
            return
        codes = self.through(np.stack(list(self.waiting.values())))
        for key, values in zip(self.waiting, codes, strict=True):
            self.codes[self.rows[key]] = values
            self.done[key] = self.rows[key][0]
        if self.cache is not None:
            self.cache.put(dict(zip(self.waiting, codes, strict=True)))
        self.waiting, self.rows = {}, {}


def load_image(source: Photograph, cache: CodeCache | None, network: PretrainedNetwork, n_views: int) -> Seen:
    """Read a photograph; decode it unless its codes are kept."""
    try:
        content = source.read()
        key = hashlib.sha256(content).digest()
        kept = None if cache is None else cache.get(key)
        if kept is None:
            return key, network.preprocessing.views(source.image(content), n_views)
        source.check(content)  # what is refused must not depend on what is kept
        return key, kept
    except (ValueError, OSError) as error:
        return Fault.of(error)


def in_order(futures: Iterable[Future[Seen]], n_ahead: int) -> Iterator[Seen]:
    """The results of futures in their order, of which a few are begun before they are asked for."""
    source = iter(futures)
    begun = deque(islice(source, n_ahead))
    while begun:
        yield begun.popleft().result()
        begun.extend(islice(source, 1))
