"""The lock of a run's folder: one process at a time writes into it, and any number may read."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stackit.runs.manifest import now

if sys.platform != "win32":
    import fcntl

__all__ = ["LOCK", "birth_of", "lock_folder"]

LOCK = "run.lock"
ATTEMPTS, PAUSE = 20, 0.02  # looks at a lock that changes or is still being written, and seconds between them


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes from running in a folder while the context lasts; the folder is made.

    The lock of a process that has ended is taken over. A new folder that stays empty is deleted again.

    Raises
    ------
    ValueError
        When another process runs in the folder.
    """
    if folder.exists() and not folder.is_dir():
        yield  # what is there will be refused by name
        return
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    mine = _acquire(path)
    try:
        yield
    finally:
        if _text_of(path) == mine:
            path.unlink(missing_ok=True)
        if is_new:
            with suppress(OSError):  # it has files
                folder.rmdir()


def _acquire(path: Path) -> str:
    """Write a lock and return its text; raise a ValueError where a living process has written one."""
    pid = os.getpid()
    holder: dict[str, Any] = {
        "pid": pid,
        "host": socket.gethostname(),
        "started": now(),
        "born": birth_of(pid),
    }
    mine = json.dumps(holder) + "\n"
    for attempt in range(ATTEMPTS):
        if _create(path, mine):
            return mine
        text = _text_of(path)
        holder = _holder_in(text)
        if holder and _is_alive(holder):
            raise ValueError(_in_use(path, holder))
        if text or attempt > ATTEMPTS // 2:  # one that stays empty is that of a process that has ended
            _remove(path, text)
        else:
            time.sleep(PAUSE)
    raise ValueError(f"Several runs start in {path.parent} at the same time. Run again.")


def _create(path: Path, text: str) -> bool:
    """Write a file that does not exist, with all its text from the start; return whether it did not."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError:  # the file system has no links
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            return False
    finally:
        partial.unlink(missing_ok=True)
    return True


def _remove(path: Path, text: str) -> None:
    """Delete a lock, unless another process has replaced it since its text was read."""
    with suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)  # of several that find it, one deletes it
        if file.read() == text and os.fstat(file.fileno()).st_ino == path.stat().st_ino:
            path.unlink()


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _holder_in(text: str) -> dict[str, Any]:
    """Return what a lock says of its process; nothing where it is damaged."""
    try:
        found = json.loads(text)
        return found if isinstance(found["pid"], int) and found["pid"] > 0 else {}
    except (ValueError, TypeError, KeyError):
        return {}


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether the process of a lock runs; that of another machine may."""
    if holder.get("host") != socket.gethostname() or sys.platform == "win32":
        return True
    pid = int(holder["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    # The number may be that of a later process by now.
    return not holder.get("born") or birth_of(pid) == holder["born"]


def birth_of(pid: int) -> str:
    """Return when a process was started, in the system's ticks; "" where it has ended or is not known."""
    try:
        state, *facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in ("Z", "X") else facts[18]


def _in_use(path: Path, holder: dict[str, Any]) -> str:
    host, since = holder.get("host", "another machine"), holder.get("started", "an unknown time")
    here = host == socket.gethostname()
    where = "" if here else f" on {host}"
    ended = "" if here and sys.platform != "win32" else f" If it has ended, delete {path}."
    return (
        f"{path.parent} is in use: process {holder.get('pid', '')}{where} has been running in it since "
        f'{since}.{ended} Wait for it, or choose another folder. Write output = "runs/other".'
    )
