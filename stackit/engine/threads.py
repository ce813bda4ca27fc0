"""Limits BLAS and OpenMP to one thread while fits run in parallel."""

from __future__ import annotations

import sys
import threading
from contextlib import ContextDecorator
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
    """What this thread has limited to one thread already."""

    pools: ThreadpoolController | None = None


_HERE = _Here()


class single_threaded(ContextDecorator):
    """Limit BLAS and OpenMP to one thread: tasks run next to each other, not inside each other.

    May be entered in several threads at once and inside itself; the limits from before return when the last
    has left. It is a class and not a generator, which takes longer, for it stands around each fit.

    Examples
    --------
    >>> with single_threaded():
    ...     sum(range(10))
    45
    """

    __slots__ = ("_limit", "_outer")

    def _recreate_cm(self) -> single_threaded:
        return single_threaded()  # as a decorator, one per call

    def __enter__(self) -> None:
        self._limit = None
        pools = _thread_pools()
        if _HERE.pools is pools:  # entered inside itself, and no library has been loaded since
            return
        _initialise_torch()
        _hold_blas(pools)
        self._outer, _HERE.pools = _HERE.pools, pools
        # OpenMP keeps its number of threads for each thread of the process.
        self._limit = pools.limit(limits=1, user_api="openmp")

    def __exit__(self, *error: Any) -> None:
        if self._limit is not None:
            self._limit.restore_original_limits()
            _HERE.pools = self._outer
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
    """Return the thread pools of the loaded libraries; searched for again after new imports."""
    n_modules = len(sys.modules)
    pools = _POOLS.get(n_modules)
    if pools is None:
        with _LOCK:
            pools = ThreadpoolController()
            _POOLS.clear()
            _POOLS[n_modules] = pools
    return pools
