"""Files of weights: whole or not at all, without pickle, and never without the running statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stackit.arrays import FilePath
from stackit.files import atomic_write
from stackit.validation import format_list, import_optional, invalid_value

if TYPE_CHECKING:
    import safetensors
    import safetensors.torch
    import torch
else:
    torch = import_optional("torch", "torch")
    safetensors = import_optional("safetensors", "torch")
    import_optional("safetensors.torch", "torch")

__all__ = ["check_state", "load_weights", "read_metadata", "save_weights"]

State = dict[str, torch.Tensor]
RUNNING = ("running_mean", "running_var")
# How files that torch.save writes begin: zip archives, or bare pickles from old versions.
PICKLED = (b"PK\x03\x04", b"\x80")


def save_weights(module: torch.nn.Module, path: FilePath, metadata: Mapping[str, str] | None = None) -> None:
    """Write all parameters and buffers of a module, its running statistics among them, as safetensors.

    The file is written beside, brought to the disk and renamed: it is never seen half written.

    Parameters
    ----------
    module : torch.nn.Module
        On any device.
    path : path
        The file; its folder is there already.
    metadata : mapping of str to str, optional
        What else is to be remembered; `load_weights` gives it back.

    Raises
    ------
    ValueError
        When the metadata are not all text.
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile, torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False), torch.nn.BatchNorm1d(2))
    >>> path = tempfile.mkdtemp() + "/net.safetensors"
    >>> save_weights(net, path, {"trained on": "fold 0"})
    >>> load_weights(net, path)
    {'trained on': 'fold 0'}
    """
    facts = dict(metadata or {})
    if not all(isinstance(text, str) for pair in facts.items() for text in pair):
        raise invalid_value("metadata", "text to text", f"{metadata=}", "Write numbers as text")
    # Copies, since safetensors refuses tensors that share memory, as tied weights do.
    state = {name: tensor.cpu().clone().contiguous() for name, tensor in module.state_dict().items()}
    atomic_write(Path(path), safetensors.torch.save(state, facts))


def load_weights(module: torch.nn.Module, path: FilePath) -> dict[str, str]:
    """Read all parameters and buffers of a module from a file of safetensors; nothing may be left out.

    A file without running statistics is the classic fault of fine-tuned networks with batch normalisation:
    the weights are trained, mean and variance are those of a new net, and predictions are wrong without any
    error. Here that is refused; so are other tensors that lack, that are not asked for or that have another
    shape. The module changes only when all is well.

    Parameters
    ----------
    module : torch.nn.Module
        A module of the same architecture, on any device.
    path : path
        A file that `save_weights` wrote, or any other file of safetensors.

    Returns
    -------
    dict of str to str
        The metadata.

    Raises
    ------
    ValueError
        When the file is a pickle or otherwise no safetensors, or its tensors are not those of the module.
    OSError
        When the file cannot be read.

    Examples
    --------
    See `save_weights`.
    """
    content = Path(path).read_bytes()
    state, facts = _parsed(content, path)
    check_state(state, module.state_dict(), path)
    module.load_state_dict(state)
    return facts


def read_metadata(path: FilePath) -> dict[str, str]:
    """Return what was noted beside the weights, before there is a module for them.

    Parameters
    ----------
    path : path
        A file of safetensors.

    Returns
    -------
    dict of str to str
        The metadata.

    Raises
    ------
    ValueError
        When the file is a pickle or otherwise no safetensors.
    OSError
        When the file cannot be read.
    """
    return _parsed(Path(path).read_bytes(), path)[1]


def _parsed(content: bytes, path: FilePath) -> tuple[State, dict[str, str]]:
    """The tensors of a file of safetensors, and its metadata."""
    try:
        state = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        kind = "a pickle, which can run any code" if content.startswith(PICKLED) else str(error)
        advice = "Load it where you trust it, and write it anew with save_weights"
        raise invalid_value("A file of weights", "safetensors", f"{str(path)!r} ({kind})", advice) from error
    # Eight bytes say how long the header is.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return state, header.get("__metadata__", {})


def check_state(state: State, wanted: State, path: FilePath) -> None:
    """Raise unless a file holds the tensors that a module has, no more and no less.

    Parameters
    ----------
    state, wanted : dict of str to torch.Tensor
        What the file holds, and the state of the module.
    path : path
        The file, for the error.

    Raises
    ------
    ValueError
        When running statistics or other tensors lack, are not asked for, or have another shape.
    """
    missing = sorted(wanted.keys() - state.keys())
    lost = [name for name in missing if name.endswith(RUNNING)]
    if lost:
        raise invalid_value(
            "A file of weights",
            "complete with its running statistics, without which batch normalisation predicts nonsense",
            f"{str(path)!r} without {format_list(lost)}",
            "Save module.state_dict(), not only its parameters, or recompute the statistics on training rows",
        )
    if missing:
        raise _misfit("complete", f"without {format_list(missing)}", path)
    if surplus := sorted(state.keys() - wanted.keys()):
        raise _misfit("of this module's tensors alone", f"with {format_list(surplus)}", path)
    shapes = {name: (tuple(state[name].shape), tuple(wanted[name].shape)) for name in wanted}
    if wrong := [f"{name} {have}, not {want}" for name, (have, want) in shapes.items() if have != want]:
        raise _misfit("of this module's shapes", f"with {format_list(wrong)}", path)


def _misfit(expected: str, got: str, path: FilePath) -> ValueError:
    advice = "Build the module as it was when the file was written"
    return invalid_value("A file of weights", expected, f"{str(path)!r} {got}", advice)
