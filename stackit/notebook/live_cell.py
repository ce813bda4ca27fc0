"""One output of a notebook cell that is replaced in place, without widgets."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, cast

__all__ = ["LiveCell", "in_notebook"]

PAUSE = 0.1  # seconds between two updates: each is a message to the browser


def in_notebook() -> bool:
    """Whether this program is the kernel of a notebook; IPython in a terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


class LiveCell:
    """An output of the running cell that shows HTML, or text where HTML is not shown.

    It starts no thread, so that processes can still be forked. Updates from other threads than that of the
    cell wait for the next one from there.

    Examples
    --------
    >>> cell = LiveCell(display=lambda bundle, **how: print(bundle["text/plain"]))
    >>> cell.show(lambda: ("<b>half</b>", "half"))
    half
    """

    def __init__(self, display: Callable[..., Any] | None = None) -> None:
        self._display, self._handle = display, None
        self._thread, self._next = threading.get_ident(), 0.0

    def show(self, draw: Callable[[], tuple[str, str]], last: bool = False) -> None:
        """Show the HTML and the text that `draw` returns, unless the last update was a moment ago.

        The `last` update is always shown.
        """
        if threading.get_ident() != self._thread or (not last and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + PAUSE
        html, text = draw()
        self._send({"text/html": html, "text/plain": text})

    def _send(self, bundle: dict[str, str]) -> None:
        if self._handle is not None:
            self._handle.update(bundle, raw=True)
            return
        if self._display is None:
            from IPython import display

            self._display = cast(Any, display).display
        self._handle = self._display(bundle, raw=True, display_id=True)
