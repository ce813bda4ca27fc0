"""Whether this process may be forked: only when it has no other thread, Python's or a library's."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path

from stackit.engine.threads import stop_idle_pools

__all__ = ["is_only_thread", "may_fork"]

# Libraries that refuse to work in a child of a process in which they have started, threads or no threads.
UNSAFE = {"numba.np.ufunc.omppool", "numba.np.ufunc.tbbpool", "numba.np.ufunc.workqueue"}
# jemalloc prepares its own thread for forks; the allocator of pyarrow, which pandas loads where it is there.
# The thread that polars starts on import (skrub imports it) removes files of tables larger than memory; those
# that work, "polars-0" and so on, start with the first query, and a child has its own.
HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}
THREADS = Path("/proc/self/task")
PATIENCE = 0.02  # seconds within which threads that were signalled to end have ended


def may_fork() -> bool:
    """Whether a child made by a fork works as its parent does.

    A fork copies the memory and the calling thread, and no other: a lock that another thread held stays
    locked in the child for ever, and work that is handed to another thread is never done. Polars, numba's
    parallel kernels, gRPC and database clients start such threads, some of them on import. So nothing is
    assumed of libraries: idle pools of BLAS and OpenMP are made to end their threads, which they start again
    when they are used next, and then there must be one thread in the process. Torch on the CPU works in a
    child then, gradients too; where it can reach a GPU there is no fork, for no child could use it.
    """
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and not multiprocessing.current_process().daemon
        and not UNSAFE & sys.modules.keys()
        and is_only_thread()
        and not _torch_reaches_a_gpu()
    )


def _torch_reaches_a_gpu() -> bool:
    """Whether torch is loaded, or being so in another way than as a whole, and finds a device."""
    if "torch" not in sys.modules:
        return False
    try:
        torch = sys.modules["torch"]
        return bool(torch.cuda.is_available() or torch.xpu.is_available())
    except AttributeError:  # it is older, or being imported
        return True


def is_only_thread() -> bool:
    """Whether no other thread is in this process, once idle pools of BLAS and OpenMP are stopped."""
    if not THREADS.is_dir():
        return False
    if _n_others() == 0:
        return True
    stop_idle_pools()
    patience = time.perf_counter() + PATIENCE
    while _n_others() and time.perf_counter() < patience:
        time.sleep(PATIENCE / 20)
    return _n_others() == 0


def _n_others() -> int:
    return sum(
        thread != str(os.getpid()) and _name_of(thread) not in HARMLESS for thread in os.listdir(THREADS)
    )


def _name_of(thread: str) -> str:
    try:
        return (THREADS / thread / "comm").read_text().strip()
    except OSError:  # it has just ended
        return next(iter(HARMLESS))
