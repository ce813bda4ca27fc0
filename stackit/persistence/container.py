"""The file of a fitted ensemble: a zip archive of JSON, skops and safetensors, without pickle."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stackit.arrays import FilePath
from stackit.files import atomic_write
from stackit.persistence.codec import Decoder, Encoder
from stackit.persistence.nets import net_from_bytes, net_to_bytes
from stackit.persistence.object_path import path_to_failure
from stackit.persistence.skops_bytes import dump_reproducibly, zip_reproducibly
from stackit.persistence.skops_module import import_skops
from stackit.store.versions import version_of
from stackit.validation import format_list, invalid_value, warn

__all__ = ["load_ensemble", "save_ensemble"]

FORMAT = 5
FAST = 1  # the level of compression: others take several times as long for files hardly smaller
METADATA, STATE = "stackit.json", "state.skops"
PACKAGES = ("stackit", "sklearn", "numpy", "skops")
# The dtype of an array does nothing by itself; each SimpleImputer keeps one.
HARMLESS = {"numpy.dtype"}
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # of zipfile: a method of compression that it lacks
    IsADirectoryError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)


def save_ensemble(ensemble: Any, path: FilePath, with_rows: bool = False) -> Path:
    """Write a fitted ensemble to a file.

    Parameters
    ----------
    ensemble : estimator
        The fitted ensemble.
    path : path
        The file to write; it is replaced if it exists.
    with_rows : bool
        Whether the tables of training rows are also written.

    Returns
    -------
    pathlib.Path
        The path of the file.

    Raises
    ------
    ImportError
        When skops is not installed.
    ValueError
        When a part of the ensemble cannot be written without pickle; the error names the part.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.linear_model import Ridge
    >>> from stackit import StackingRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
    >>> stack = StackingRegressor([("ridge", Ridge())], cv=2, n_jobs=1).fit(X, y)
    >>> path = save_ensemble(stack, tempfile.mkdtemp() + "/stack.stackit")
    >>> load_ensemble(StackingRegressor, path).predict(X).shape
    (4,)
    """
    nets: dict[bytes, str] = {}  # the same pretrained network in each fold is written once

    def keep(net: Any) -> str:
        return nets.setdefault(net_to_bytes(net), f"net_{len(nets)}.safetensors")

    # Written first: it imports what the versions are of.
    state = _dump(Encoder(keep, with_rows).state_of(ensemble))
    metadata = {"format": FORMAT, "class": type(ensemble).__name__}
    metadata["versions"] = {package: version_of(package) for package in PACKAGES}
    content = {METADATA: json.dumps(metadata).encode(), STATE: state}
    content |= {name: data for data, name in nets.items()}
    atomic_write(Path(path), zip_reproducibly(content, FAST))
    return Path(path)


def load_ensemble(kind: Any, path: FilePath, trusted: Iterable[str] = ()) -> Any:
    """Read a fitted ensemble from a file that `save_ensemble` wrote.

    Parameters
    ----------
    kind : type
        The class of the ensemble.
    path : path
        The file.
    trusted : iterable of str
        Full names of types that may be created besides those of stackit and those that skops trusts.

    Returns
    -------
    estimator
        The fitted ensemble, of class `kind`.

    Raises
    ------
    ImportError
        When skops is not installed.
    OSError
        When the file cannot be read.
    ValueError
        When the file is damaged or has another class or format, or holds types that are not trusted; the
        error names the types.

    Warns
    -----
    UserWarning
        When the file was written with another version of scikit-learn.
    """
    skops = import_skops()
    if isinstance(trusted, str | bool):
        advice = (
            f"Pass trusted=[{trusted!r}]" if isinstance(trusted, str) else "Leave it out to see the names"
        )
        raise invalid_value("trusted", "a list of names of types", f"{trusted=}", advice)
    with _explain_damage(path):
        content = _read(path)
        metadata = _metadata_of(content)
    _check_metadata(metadata, kind, path)
    with _explain_damage(path):
        found = skops.get_untrusted_types(data=content[STATE])
    untrusted = sorted({*found} - {*(trusted or ())} - HARMLESS)
    if untrusted:
        raise ValueError(
            f"The file {str(path)!r} holds types that are not trusted: {format_list(untrusted)}. "
            f"If you trust its author, pass trusted={untrusted}."
        )

    def load_net(of: Any, name: str) -> Any:
        return net_from_bytes(of, content[name])

    with _explain_damage(path):
        state = Decoder(load_net).decode(skops.loads(content[STATE], trusted=found))
    ensemble = kind.__new__(kind)
    vars(ensemble).update(state)
    return ensemble


def _dump(state: Any) -> bytes:
    """Return the skops file of an encoded ensemble; raise if some type could not be found when reading."""
    try:
        return dump_reproducibly(state)
    except Exception as error:
        path = path_to_failure(state, _fails)
        raise ValueError(
            f"The part ensemble{path} cannot be written by skops ({type(error).__name__}: {error}). Use "
            "functions that are defined in a module, or pickle the ensemble if you trust its author."
        ) from error


def _fails(part: Any) -> bool:
    try:
        dump_reproducibly(part)
    except Exception:  # noqa: BLE001 - whatever it is, it was raised before
        return True
    return False


@contextmanager
def _explain_damage(path: FilePath) -> Iterator[None]:
    """Turn the errors of a damaged file into one that names it."""
    try:
        yield
    except DAMAGE as error:
        raise ValueError(
            f"The file {str(path)!r} was not written by `save`, or is damaged "
            f"({type(error).__name__}: {error}). Pass another file."
        ) from error


def _read(path: FilePath) -> dict[str, bytes]:
    """Return the members of a file by name."""
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    if not {METADATA, STATE} <= content.keys():
        raise ValueError(f"it holds {format_list(content)} instead of {METADATA} and {STATE}")
    return content


def _metadata_of(content: dict[str, bytes]) -> dict[str, Any]:
    metadata = json.loads(content[METADATA])
    if not isinstance(metadata, dict) or not {"format", "class"} <= metadata.keys():
        raise ValueError(f"{METADATA} has no format and class")
    if not isinstance(metadata.get("versions"), dict):
        raise ValueError(f"{METADATA} has no versions by name")
    return metadata


def _check_metadata(metadata: dict[str, Any], kind: Any, path: FilePath) -> None:
    """Raise unless a file has the format of this version and the right class; warn of other versions."""
    if metadata["format"] != FORMAT:
        raise ValueError(
            f"The file {str(path)!r} has format {metadata['format']}, and this version of stackit reads only "
            f"format {FORMAT}. Save the ensemble again with this version."
        )
    if metadata["class"] != kind.__name__:
        raise ValueError(
            f"The file {str(path)!r} holds a {metadata['class']}, not a {kind.__name__}. "
            f"Call {metadata['class']}.load."
        )
    written, current = metadata["versions"].get("sklearn", "of an unknown version"), version_of("sklearn")
    if written != current:
        warn(
            f"The file was written with scikit-learn {written}, and this is {current}: its parts may fail "
            "or predict otherwise. Compare some predictions."
        )
