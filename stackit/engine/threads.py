"""Holds BLAS and OpenMP to one thread while fits run beside each other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["single_threaded", "stop_idle_pools"]

# How libraries end their idle threads: OpenBLAS by what it does before each fork, OpenMP since version 5.
STOP = {"blas": ("blas_thread_shutdown_", ()), "openmp": ("omp_pause_resource_all", (2,))}

_LOCK = threading.Lock()
_POOLS: dict[int, ThreadpoolController] = {}


class _Blas:
    """The limit on BLAS, which the whole process shares: the first to enter sets it, the last resets it."""

    holders = 0
    limit: Any = None


class _Here(threading.local):
    """What this thread holds to one thread already."""

    pools: ThreadpoolController | None = None


_HERE = _Here()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Hold BLAS and OpenMP to one thread: tasks run beside each other, not inside each other.

    May be entered in several threads at once and inside itself; the threads there were before are given
    back when the last has left.

    Examples
    --------
    >>> with single_threaded():
    ...     sum(range(10))
    45
    """
    pools = _thread_pools()
    if _HERE.pools is pools:  # entered inside itself, and no library has come since
        yield
        return
    _initialise_torch()
    _hold_blas(pools)
    outer, _HERE.pools = _HERE.pools, pools
    try:
        # OpenMP keeps its number of threads for each thread of the process.
        with pools.limit(limits=1, user_api="openmp"):
            yield
    finally:
        _HERE.pools = outer
        _release_blas()


def _initialise_torch() -> None:
    """Let torch set the OpenMP threads of this thread now: it does so at its first use, over any limit."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):  # not while it is being imported
        torch.get_num_threads()


def stop_idle_pools() -> None:
    """End the idle threads of BLAS and OpenMP; they are started again when they are needed.

    To be called while no other Python thread computes. A library that does not offer it keeps its threads.
    """
    for pool in _thread_pools().lib_controllers:
        name, arguments = STOP[pool.user_api]
        if stop := getattr(pool.dynlib, name, None):
            stop(*arguments)


def _hold_blas(pools: ThreadpoolController) -> None:
    with _LOCK:
        if _Blas.holders == 0:
            _Blas.limit = pools.limit(limits=1, user_api="blas")
        _Blas.holders += 1


def _release_blas() -> None:
    with _LOCK:
        _Blas.holders -= 1
        if _Blas.holders == 0:
            _Blas.limit.restore_original_limits()


def _thread_pools() -> ThreadpoolController:
    """Return the thread pools of the libraries loaded; looked for again when modules have come since."""
    n_modules = len(sys.modules)
    with _LOCK:
        if n_modules not in _POOLS:
            _POOLS.clear()
            _POOLS[n_modules] = ThreadpoolController()
        return _POOLS[n_modules]
