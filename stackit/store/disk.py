"""A store on disk: a folder with one file per finished fit, safe for several processes."""

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
from stackit.store.record import MAGIC, Key, Stored, from_bytes, read_metadata, to_bytes
from stackit.validation import invalid_value, warn

__all__ = ["DiskStore"]

Files = list[Path]
ABSENT = (FileNotFoundError, NotADirectoryError)
DAMAGE = (ValueError, KeyError, TypeError, MemoryError)
COLUMNS = ["key", "estimator", "repeat", "fold", "seconds", "size", "when"]
RESULT = re.compile(r"(?P<key>[0-9a-f]+(-\w+)?)\.result")
PARTIAL = re.compile(r"\.(?P<key>[0-9a-f]+(-\w+)?)\.result\.[0-9]+-[0-9a-f]+\.part")
# A file with such a key as its name is a result, even if damaged; any other is one if it starts as one.
KEY = re.compile(r"[0-9a-f]{64}(-[0-9a-f]{32})?")
# No process still writes a partial file of this age.
ABANDONED = timedelta(hours=1)


class DiskStore:
    """Keeps results in a folder, so that an interrupted run continues where it stopped.

    Each result is one file, ``<path>/<first two characters of the key>/<key>.result``: a line with the
    sha256 of the rest, a line of JSON, and ``.npy`` arrays, without pickle. Files are written atomically;
    several processes may use one folder, since equal keys have equal results. The checksum detects
    accidents, not forgery: use a folder that only people you trust can write to.

    Fitted estimators are not kept, since this would need pickle: see `out_of_fold`.

    Parameters
    ----------
    path : path
        The folder; it is created with the first result. A relative path is relative to the current
        working directory, also when that changes later.

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
        self.path = Path(path).absolute()

    def __repr__(self) -> str:
        return f"DiskStore({self._given!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DiskStore) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def get(self, key: Key) -> Stored | None:
        """Return the result of a key, or None.

        Raises
        ------
        OSError
            If there is a file that cannot be read.

        Warns
        -----
        UserWarning
            If a file is damaged; it counts as absent.
        """
        for path in self._candidates(key):
            try:
                return _read(path)
            except ABSENT:
                continue
            except DAMAGE as error:
                warn(f"The stored result {path} is damaged ({error}). The fit is done again.")
        return None

    def put(self, key: Key, result: Stored) -> None:
        """Keep a result.

        Raises
        ------
        OSError
            If it cannot be written; other results are not affected.
        ValueError
            If an array holds objects.
        """
        path = self._path_of(key)
        if path.parent.is_symlink():
            raise OSError(errno.ELOOP, f"{path.parent} is a link; a store does not follow links")
        content = to_bytes(replace(result, metadata={**result.metadata, "key": str(key)}))
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, content)

    def list(self) -> pd.DataFrame:
        """Return one row per result: key, estimator, repeat, fold, seconds, size in bytes, when.

        Files that are not results are left out. Checksums are not compared: see `verify`.
        """
        rows = [row for path in self._files() if (row := _row_of(path))]
        table = pd.DataFrame(rows, columns=COLUMNS)
        order = ["estimator", "repeat", "fold", "when"]
        return table.sort_values(order, kind="stable", ignore_index=True)

    def verify(self) -> Files:
        """Read all results, and return the files that are damaged; `prune` deletes them."""
        return [path for path in self._files() if not _is_whole(path)]

    def prune(self, *, keep: Iterable[str] | None = None, older_than: timedelta | None = None) -> Files:
        """Delete unwanted results, damaged ones, and the partial files of killed processes.

        Other files in the folder are not touched, and links are not followed.

        Parameters
        ----------
        keep : iterable of str, optional
            Keys of results to keep, as in `list`. Without `older_than`, all others are deleted.
        older_than : datetime.timedelta, optional
            Older results are deleted, except those of `keep`. With neither, only damaged files are deleted.

        Returns
        -------
        list of pathlib.Path
            The files deleted.

        Raises
        ------
        ValueError
            If `keep` is a string, or `older_than` is not a timedelta.
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
        gone += [path for path in self._matching(PARTIAL) if _is_older(path, ABANDONED)]
        for path in gone:
            path.unlink(missing_ok=True)
        return gone

    def _path_of(self, key: Key) -> Path:
        return self.path / key.fit[:2] / f"{key}.result"

    def _candidates(self, key: Key) -> Iterator[Path]:
        """Yield the files that may hold a result: for a key without test, those of any test table too."""
        exact = self._path_of(key)
        if exact.parent.is_symlink():
            return
        yield exact
        if not key.test:
            yield from sorted(exact.parent.glob(f"{key.fit}-*.result"))

    def _files(self) -> Files:
        """Return the files of results, without other files and without following links."""
        return [path for path in self._matching(RESULT) if KEY.fullmatch(path.stem) or _is_marked(path)]

    def _matching(self, name: re.Pattern[str]) -> Files:
        """Return the regular files with such names, in the folders of the keys that they start with."""
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
    """Whether a path is a regular file, and not a link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except ABSENT:
        return False


def _is_marked(path: Path) -> bool:
    """Whether a file starts as results do."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _row_of(path: Path) -> dict[str, object] | None:
    """Return the row of a file in the list; None if it is gone or not a result."""
    try:
        with open(path, "rb") as file:
            metadata, status = read_metadata(file), os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    when = datetime.fromtimestamp(status.st_mtime, UTC)
    return {**metadata, "key": path.stem, "size": status.st_size, "when": when}


def _read(path: Path) -> Stored:
    result = from_bytes(path.read_bytes())
    if result.metadata["key"] != path.stem:
        raise ValueError("it holds the result of another key")
    return result


def _is_whole(path: Path) -> bool:
    try:
        _read(path)
    except ABSENT:
        return True  # another process deleted it
    except (OSError, *DAMAGE):
        return False
    return True


def _is_older(path: Path, age: timedelta | None) -> bool:
    """Whether a file was written longer ago than an age; without an age, any was."""
    try:
        return age is None or time.time() - path.stat().st_mtime > age.total_seconds()
    except FileNotFoundError:
        return False
