"""Published files fetched once, and checked by their checksum before they are kept."""

from __future__ import annotations

import os
import secrets
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from stackit.images.weights.formats import check_digest

__all__ = ["download"]

TIMEOUT = 60  # seconds without a byte


def download(url: str, path: Path, sha256: str) -> Path:
    """Fetch a file, unless it is there, and keep it when its checksum is right.

    Parameters
    ----------
    url : str
        Where it is.
    path : path
        Where it goes; folders are made.
    sha256 : str
        Its checksum, or how this begins. The first eight figures, which many publishers give, find accidents
        and no forgery: what is fetched is read without running code in any case.

    Raises
    ------
    ValueError
        When the checksum is another: nothing is kept.
    OSError
        When it cannot be fetched or written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "published").write_bytes(b"weights")
    >>> download((folder / "published").as_uri(), folder / "own" / "file", "9a129038").read_bytes()
    b'weights'
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as source, open(partial, "xb") as file:
            shutil.copyfileobj(source, file)
        check_digest(partial, sha256)
        os.replace(partial, path)
    except urllib.error.URLError as error:
        raise OSError(f"{url} cannot be fetched ({error.reason}). Put the file at {path} by hand.") from error
    finally:
        partial.unlink(missing_ok=True)
    return path
