"""A folder of finished fits: one file each, whole or not at all, safe for several processes."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from stackit.files import atomic_write
from stackit.store.record import MAGIC, Key, Stored, facts_in, from_bytes, to_bytes
from stackit.validation import invalid_value, warn

__all__ = ["DiskStore"]

Files = list[Path]
ABSENT = (FileNotFoundError, NotADirectoryError)
DAMAGE = (ValueError, KeyError, TypeError, MemoryError)
COLUMNS = ["key", "estimator", "repeat", "fold", "seconds", "size", "when"]
RESULT = re.compile(r"(?P<key>[0-9a-f]+(-\w+)?)\.result")
PARTIAL = re.compile(r"\.(?P<key>[0-9a-f]+(-\w+)?)\.result\.[0-9]+-[0-9a-f]+\.part")
# The keys of fits: a file so called is a result, however damaged; any other is one if it says so.
KEY = re.compile(r"[0-9a-f]{64}(-[0-9a-f]{32})?")
# A partial file that old belongs to no process that still writes.
ABANDONED = timedelta(hours=1)


class DiskStore:
    """Keeps results in a folder, so that a run that was stopped goes on where it was.

    Each result is one file, ``<path>/<first two letters of the key>/<key>.result``: a line with the sha256
    of the rest, a line of JSON, and ``.npy`` arrays; no pickle anywhere. Files are written beside, brought
    to the disk and renamed, so that none is ever seen half written; several processes may use one folder,
    since equal keys hold equal results. The checksum finds accidents, not forgery: put the folder where
    only those write whom you trust.

    Fitted estimators are not kept, since without pickle they cannot be: see `out_of_fold`.

    Parameters
    ----------
    path : path
        The folder; it is made when the first result comes. A relative path starts from where the process
        is now, and stays there.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from stackit import DiskStore, out_of_fold
    >>> X, y = load_iris(return_X_y=True)
    >>> store = DiskStore(tempfile.mkdtemp())
    >>> first = out_of_fold([("bayes", GaussianNB())], X, y, cv=3, n_jobs=1, store=store)
    >>> again = out_of_fold([("bayes", GaussianNB())], X, y, cv=3, n_jobs=1, store=store)
    >>> again
    OutOfFold(1 estimators, 3 columns, Folds(StratifiedKFold, 150 rows, 3 folds), 3 fits from the store)
    >>> store.list()[["estimator", "repeat", "fold"]]
      estimator  repeat  fold
    0     bayes       0     0
    1     bayes       0     1
    2     bayes       0     2
    >>> store.verify()
    []
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._given = str(path)
        # Where it is now is where it stays, whatever the working directory is later.
        self.path = Path(path).absolute()

    def __repr__(self) -> str:
        return f"DiskStore({self._given!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DiskStore) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def get(self, key: Key) -> Stored | None:
        """Return what is kept under a key, or None.

        Raises
        ------
        OSError
            When there is a file that cannot be read.

        Warns
        -----
        UserWarning
            When there is a file that is damaged; it counts as absent.
        """
        for path in self._candidates(key):
            try:
                return _read(path)
            except ABSENT:
                continue
            except DAMAGE as error:
                warn(
                    f"A stored result must be whole; got {path} ({error}). It is left aside, and the fit is "
                    "done again."
                )
        return None

    def put(self, key: Key, result: Stored) -> None:
        """Keep a result.

        Raises
        ------
        OSError
            When it cannot be written; what else is kept stays as it was.
        ValueError
            When an array holds objects.
        """
        path = self._path_of(key)
        if path.parent.is_symlink():
            raise OSError(errno.ELOOP, f"{path.parent} is a link, behind which nothing is kept")
        content = to_bytes(replace(result, facts={**result.facts, "key": str(key)}))
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, content)

    def list(self) -> pd.DataFrame:
        """Return one row a result: key, estimator, repeat, fold, seconds, size in bytes, when.

        Files that are no results are left out, and nothing is checked: see `verify`.
        """
        rows = [row for path in self._files() if (row := _row_of(path))]
        table = pd.DataFrame(rows, columns=COLUMNS)
        order = ["estimator", "repeat", "fold", "when"]
        return table.sort_values(order, kind="stable", ignore_index=True)

    def verify(self) -> Files:
        """Return the files that are damaged, by reading all; `prune` takes them away."""
        return [path for path in self._files() if not _is_whole(path)]

    def prune(self, *, keep: Iterable[str] | None = None, older_than: timedelta | None = None) -> Files:
        """Delete results that are not to be kept, damaged ones, and what killed processes left.

        Files of others in the folder stay, and so does all that is behind a link.

        Parameters
        ----------
        keep : iterable of str, optional
            Keys, as `list` gives them, that stay. Without `older_than`, all others go.
        older_than : datetime.timedelta, optional
            Results written longer ago go, but for those of `keep`. With neither, only damaged files go.

        Returns
        -------
        list of pathlib.Path
            The files deleted.

        Raises
        ------
        ValueError
            When `keep` is one text, or `older_than` is not a timedelta.
        """
        if isinstance(keep, str):
            raise invalid_value("keep", "a list of keys", f"{keep=}", f"Pass keep=[{keep!r}]")
        if older_than is not None and not isinstance(older_than, timedelta):
            raise invalid_value(
                "older_than", "a timedelta", f"{older_than=}", "Pass datetime.timedelta(days=30)"
            )
        kept = set(keep or ())
        selective = keep is not None or older_than is not None
        gone = [
            path
            for path in self._files()
            if (selective and path.stem not in kept and _is_older(path, older_than)) or not _is_whole(path)
        ]
        gone += [path for path in self._own(PARTIAL) if _is_older(path, ABANDONED)]
        for path in gone:
            path.unlink(missing_ok=True)
        return gone

    def _path_of(self, key: Key) -> Path:
        return self.path / key.fit[:2] / f"{key}.result"

    def _candidates(self, key: Key) -> Iterator[Path]:
        """The files that may hold it: where no test answers are wanted, those with any test table too."""
        exact = self._path_of(key)
        if exact.parent.is_symlink():
            return
        yield exact
        if not key.test:
            yield from sorted(exact.parent.glob(f"{key.fit}-*.result"))

    def _files(self) -> Files:
        """The results in the folder: not what else is there, and nothing behind links."""
        return [path for path in self._own(RESULT) if KEY.fullmatch(path.stem) or _is_marked(path)]

    def _own(self, name: re.Pattern[str]) -> Files:
        """The plain files of a name that begins as its folder, in folders of the store's own."""
        folders = [each for each in self.path.glob("??") if each.is_dir() and not each.is_symlink()]
        found = [path for folder in folders for path in folder.iterdir()]
        return sorted(
            path
            for path in found
            if (match := name.fullmatch(path.name))
            and match["key"].startswith(path.parent.name)
            and _is_plain(path)
        )


def _is_plain(path: Path) -> bool:
    """Whether it is a file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except ABSENT:
        return False


def _is_marked(path: Path) -> bool:
    """Whether a file begins as results do."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _row_of(path: Path) -> dict[str, object] | None:
    """The row of a file in the list; None where it is gone or no result."""
    try:
        with open(path, "rb") as file:
            facts, status = facts_in(file), os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    when = datetime.fromtimestamp(status.st_mtime, UTC)
    return {**facts, "key": path.stem, "size": status.st_size, "when": when}


def _read(path: Path) -> Stored:
    result = from_bytes(path.read_bytes())
    if result.facts["key"] != path.stem:
        raise ValueError("it is the result of another key")
    return result


def _is_whole(path: Path) -> bool:
    try:
        _read(path)
    except ABSENT:
        return True  # another process has taken it away: nothing is damaged
    except (OSError, *DAMAGE):
        return False
    return True


def _is_older(path: Path, age: timedelta | None) -> bool:
    """Whether a file was written longer ago; without an age, any was."""
    try:
        return age is None or time.time() - path.stat().st_mtime > age.total_seconds()
    except FileNotFoundError:
        return False
