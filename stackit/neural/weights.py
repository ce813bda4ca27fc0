"""Files of weights: safetensors with metadata, written atomically, and never without running statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from stackit.arrays import FilePath
from stackit.files import atomic_write
from stackit.validation import format_list, invalid_value

__all__ = ["check_state", "load_state", "load_weights", "read_model", "save_model", "save_weights"]

State = Mapping[str, torch.Tensor]
METADATA = "stackit"
FORMAT = 2
RUNNING = ("running_mean", "running_var")
# How files that torch.save writes begin: zip archives, or bare pickles from old versions.
PICKLED = (b"PK\x03\x04", b"\x80")


def save_weights(module: torch.nn.Module, path: FilePath, metadata: Mapping[str, str] | None = None) -> None:
    """Write all parameters and buffers of a module, including its running statistics, as safetensors.

    The write is atomic: the file is complete, or not there.

    Parameters
    ----------
    module : torch.nn.Module
        On any device.
    path : path
        The file; its folder must exist.
    metadata : mapping of str to str, optional
        Any texts; `load_weights` returns them.

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
    texts = dict(metadata or {})
    if not all(isinstance(text, str) for pair in texts.items() for text in pair):
        raise invalid_value("metadata", "text to text", f"{metadata=}", "Write numbers as text")
    # Copies, since safetensors refuses tensors that share memory, as tied weights do.
    state = {name: tensor.cpu().clone().contiguous() for name, tensor in module.state_dict().items()}
    atomic_write(Path(path), safetensors.torch.save(state, texts))


def load_weights(module: torch.nn.Module, path: FilePath) -> dict[str, str]:
    """Load all parameters and buffers of a module from a file of safetensors; none may be missing.

    A file without running statistics is a common error with fine-tuned networks: the weights are trained,
    mean and variance are those of a new network, and predictions are wrong without any error. Such files are
    refused, and so are missing or unexpected tensors and other shapes. After an error the module is
    unchanged.

    Parameters
    ----------
    module : torch.nn.Module
        A module of the same architecture, on any device.
    path : path
        A file from `save_weights`, or any other file of safetensors.

    Returns
    -------
    dict of str to str
        The metadata.

    Raises
    ------
    ValueError
        When the file is a pickle or otherwise not safetensors, or its tensors are not those of the module.
    OSError
        When the file cannot be read.

    Examples
    --------
    See `save_weights`.
    """
    state, metadata = _read(path)
    load_state(module, state, path)
    return metadata


def save_model(module: torch.nn.Module, path: FilePath, metadata: Mapping[str, Any]) -> None:
    """Write a module as `save_weights` does, with metadata as JSON that say how to build it again."""
    save_weights(module, path, {METADATA: json.dumps({"format": FORMAT, **metadata})})


def read_model(path: FilePath, writer: str) -> tuple[State, dict[str, Any]]:
    """Return the tensors and metadata of a file from `save_model`; errors for others name the `writer`."""
    state, texts = _read(path)
    metadata = json.loads(texts.get(METADATA, "null"))
    if not isinstance(metadata, dict):
        raise ValueError(f"{str(path)!r} was not written by {writer}. Read weights alone with load_weights.")
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{str(path)!r} has format {metadata.get('format')}, and this version of stackit reads format "
            f"{FORMAT}. Write it again with {writer}."
        )
    return state, metadata


def load_state(module: torch.nn.Module, state: State, path: FilePath) -> None:
    """Load tensors from a file into a module; after an error it is unchanged."""
    check_state(state, module.state_dict(), path)
    module.load_state_dict(state)


def check_state(state: State, expected: State, path: FilePath) -> None:
    """Raise ValueError unless a file has the tensors of a module: all of them, no others, the same shapes."""
    missing = sorted(expected.keys() - state.keys())
    if statistics := [name for name in missing if name.endswith(RUNNING)]:
        raise ValueError(
            f"{str(path)!r} lacks the running statistics {format_list(statistics)}, without which batch "
            "normalisation predicts nonsense. Save module.state_dict(), not only its parameters, or "
            "recompute the statistics on training rows."
        )
    if missing:
        raise _mismatch(f"lacks {format_list(missing)}", path)
    if unexpected := sorted(state.keys() - expected.keys()):
        raise _mismatch(f"has the unexpected tensors {format_list(unexpected)}", path)
    shapes = {name: (tuple(state[name].shape), tuple(expected[name].shape)) for name in expected}
    if wrong := [f"{name} {have}, not {want}" for name, (have, want) in shapes.items() if have != want]:
        raise _mismatch(f"has tensors of other shapes: {format_list(wrong)}", path)


def _read(path: FilePath) -> tuple[State, dict[str, str]]:
    """Return the tensors of a file of safetensors, and its metadata."""
    content = Path(path).read_bytes()
    try:
        state = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        kind = "a pickle, which can run any code" if content.startswith(PICKLED) else str(error)
        advice = "Load it where you trust it, and write it again with save_weights"
        raise invalid_value("A file of weights", "safetensors", f"{str(path)!r} ({kind})", advice) from error
    # The first eight bytes are the length of the header.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return state, header.get("__metadata__", {})


def _mismatch(problem: str, path: FilePath) -> ValueError:
    return ValueError(f"{str(path)!r} {problem}. Build the module as it was when the file was written.")
