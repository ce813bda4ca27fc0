"""One file a fitted ensemble: what is in it, whom it trusts, and how it is written whole or not at all."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stackit.arrays import FilePath
from stackit.files import atomic_write
from stackit.persistence.codec import Decoder, Encoder
from stackit.persistence.nets import net_as_bytes, net_of_bytes
from stackit.persistence.object_path import place_of
from stackit.store.versions import version_of
from stackit.validation import format_list, import_optional, invalid_value, warn

__all__ = ["load_ensemble", "save_ensemble"]

FORMAT = 3
FACTS, STATE = "stackit.json", "state.skops"
PACKAGES = ("stackit", "sklearn", "numpy", "skops")
# The type of an array's numbers does nothing by itself; each SimpleImputer keeps one.
HARMLESS = {"numpy.dtype"}
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    IsADirectoryError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)


def save_ensemble(ensemble: Any, path: FilePath, whole: bool = False) -> Path:
    """Write a fitted ensemble.

    Parameters
    ----------
    ensemble : estimator
        Fitted.
    path : path
        The file.
    whole : bool
        Whether tables of the training rows are written too.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    ValueError
        When some part of it cannot be written without pickle.
    """
    nets: dict[bytes, str] = {}  # folds may have the same pretrained network each: one file will do

    def keep(net: Any) -> str:
        return nets.setdefault(net_as_bytes(net), f"net_{len(nets)}.safetensors")

    state = Encoder(keep, whole).state_of(ensemble)
    facts = {"format": FORMAT, "class": type(ensemble).__name__}
    facts["versions"] = {package: version_of(package) for package in PACKAGES}
    content = {FACTS: json.dumps(facts).encode(), STATE: _state_as_bytes(state)}
    content |= {name: data for data, name in nets.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)
    atomic_write(Path(path), buffer.getvalue())
    return Path(path)


def _state_as_bytes(state: Any) -> bytes:
    """Return what skops writes of plain data and estimators; what could not be read again is refused."""
    skops = import_optional("skops.io", "secure")
    try:
        data: bytes = skops.dumps(state)
        nameless = [name for name in skops.get_untrusted_types(data=data) if "<" in name]
        if nameless:
            raise TypeError(f"{format_list(nameless)} cannot be found again by name")
    except Exception as error:
        place = place_of(state, _cannot_be_written)
        raise invalid_value(
            "Each part of the ensemble",
            "of a kind that skops can write",
            f"ensemble{place} ({type(error).__name__}: {error})",
            "Use functions that are defined in a module, or pickle it where you trust who writes the file",
        ) from error
    return data


def _cannot_be_written(part: Any) -> bool:
    skops = import_optional("skops.io", "secure")
    try:
        return any("<" in name for name in skops.get_untrusted_types(data=skops.dumps(part)))
    except Exception:  # noqa: BLE001 - whatever it is, it has been raised before
        return True


def load_ensemble(kind: Any, path: FilePath, trusted: Iterable[str] = ()) -> Any:
    """Read a fitted ensemble.

    Parameters
    ----------
    kind : type
        The class that the file is to be of.
    path : path
        What `save_ensemble` wrote.
    trusted : iterable of str
        Types, by their full names, that may be made besides stackit's and those that skops trusts.

    Raises
    ------
    ValueError
        When it is a file of something else, or damaged, or holds types that are not trusted: they are named.

    Warns
    -----
    UserWarning
        When it was written with another version of scikit-learn.
    """
    skops = import_optional("skops.io", "secure")
    if isinstance(trusted, str):
        raise invalid_value(
            "trusted", "a list of names of types", f"{trusted=}", f"Pass trusted=[{trusted!r}]"
        )
    content = _content(path)
    facts = _facts(content[FACTS], path)
    if (facts["format"], facts["class"]) != (FORMAT, kind.__name__):
        got = f"{str(path)!r} of a {facts['class']}, format {facts['format']}"
        raise invalid_value(
            "The file", f"of a {kind.__name__}, format {FORMAT}", got, f"Call {facts['class']}.load"
        )
    _warn_of_other_versions(facts["versions"])
    try:
        found = skops.get_untrusted_types(data=content[STATE])
    except DAMAGE as error:
        raise _damaged(path, error) from error
    strange = sorted({*found} - {*(trusted or ())} - HARMLESS)
    if strange:
        raise invalid_value(
            "Types in the file",
            "such as can do no harm by themselves, or be trusted by name",
            f"{format_list(strange)} in {str(path)!r}",
            f"If you trust whoever wrote the file, pass trusted={strange}",
        )

    def net(of: Any, name: str) -> Any:
        return net_of_bytes(of, content[name])

    try:
        state = Decoder(net)(skops.loads(content[STATE], trusted=found))
    except DAMAGE as error:
        raise _damaged(path, error) from error
    ensemble = kind.__new__(kind)
    vars(ensemble).update(state)
    return ensemble


def _warn_of_other_versions(versions: dict[str, str]) -> None:
    """Say where fitted parts come from another scikit-learn, which promises nothing for them."""
    written = versions.get("sklearn", "of another version")
    if written != version_of("sklearn"):
        warn(
            f"The file was written with scikit-learn {written}, and this is "
            f"{version_of('sklearn')}: its parts may fail, or predict otherwise. Compare some predictions."
        )


def _content(path: FilePath) -> dict[str, bytes]:
    """Return the parts of a file by name."""
    try:
        with zipfile.ZipFile(path) as file:
            content = {name: file.read(name) for name in file.namelist()}
    except DAMAGE as error:
        raise _damaged(path, error) from error
    if not {FACTS, STATE} <= content.keys():
        got = f"{str(path)!r} with {format_list(content)}"
        raise invalid_value(
            "The file", f"written by `save`, with {FACTS} and {STATE}", got, "Pass another file"
        )
    return content


def _facts(data: bytes, path: FilePath) -> dict[str, Any]:
    """Return what a file says of itself."""
    try:
        facts = json.loads(data)
    except DAMAGE as error:
        raise _damaged(path, error) from error
    if not isinstance(facts, dict) or not {"format", "class", "versions"} <= facts.keys():
        raise _damaged(path, f"{FACTS} lacks format, class or versions")
    if not isinstance(facts["versions"], dict):
        raise _damaged(path, f"{FACTS} has no versions by name")
    return facts


def _damaged(path: FilePath, reason: object) -> ValueError:
    told = f"{type(reason).__name__}: {reason}" if isinstance(reason, Exception) else reason
    return invalid_value(
        "The file", "written by `save`", f"{str(path)!r} ({told})", "Pass another file, a whole one"
    )
