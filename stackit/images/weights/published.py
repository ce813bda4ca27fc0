"""Published weights loaded into a network: complete, finite, and in torch's layout, or refused."""

from __future__ import annotations

import torch

from stackit.arrays import FilePath
from stackit.images.weights.formats import Arrays, read_arrays
from stackit.images.weights.state_dict import convert_state_dict
from stackit.neural.weights import check_state
from stackit.validation import format_list

__all__ = ["load_arrays", "read_weights", "swap_channels"]

COUNTS = "num_batches_tracked"


def read_weights(network: torch.nn.Module, path: FilePath, *, sha256: str | None = None) -> None:
    """Read all parameters and running statistics of a network from a published file.

    Formats are those of `read_arrays`; names and layouts those of torch, torchvision, Keras or TensorFlow. A
    file that lacks one of the four states of batch normalisation (gamma, beta, running mean, running
    variance) is refused: without running statistics a network predicts nonsense without any error. After an
    error the network is unchanged.

    Parameters
    ----------
    network : torch.nn.Module
        A network of the same architecture; it may be on the "meta" device, without memory.
    path : path
        The file.
    sha256 : str, optional
        The checksum, or its beginning.

    Raises
    ------
    ValueError
        When the file is of another format, or its arrays do not fit the network or are not finite.
    OSError
        When it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5))
    >>> path = tempfile.mkdtemp() + "/weights.npz"
    >>> np.savez(path, **{"0/kernel": np.ones((5, 5, 3, 8)), "0/bias": np.zeros(8)})
    >>> read_weights(network, path)
    >>> network[0].weight.shape
    torch.Size([8, 3, 5, 5])
    """
    load_arrays(network, read_arrays(path, sha256), path)


def load_arrays(network: torch.nn.Module, arrays: Arrays, path: FilePath) -> None:
    """Load the arrays of a file into a network, as `read_weights` does."""
    state = convert_state_dict(arrays, network)
    expected = network.state_dict()
    counts = {name: torch.tensor(0) for name in expected if name.endswith(COUNTS)}
    check_state(state, {name: tensor for name, tensor in expected.items() if name not in counts}, path)
    # A finite float64 can be infinite as a float32.
    floats = {name: array.to(expected[name].dtype).contiguous() for name, array in state.items()}
    if wrong := [name for name, array in floats.items() if not _is_valid(name, array)]:
        raise ValueError(
            f"{str(path)!r} has values that are not finite, or negative variances, in {format_list(wrong)}. "
            "Download it again, or another file of the same network."
        )
    # Assigned, since a network on the "meta" device has no memory to copy into.
    network.load_state_dict(floats | counts, assign=True)


def swap_channels(network: torch.nn.Module) -> None:
    """Make a network that was trained on BGR images take RGB images, or the other way round.

    The input channels of its first convolution are reversed; the output stays the same.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place.

    Raises
    ------
    ValueError
        When its first convolution does not take three channels.

    Examples
    --------
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1))
    >>> image = torch.rand(1, 3, 4, 4)
    >>> before = network(image)
    >>> swap_channels(network)
    >>> bool(torch.allclose(network(image.flip(1)), before, atol=1e-5))
    True
    """
    first = next((layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)), None)
    if first is None or first.weight.shape[1] != 3:
        found = "there is none" if first is None else f"it takes {first.weight.shape[1]}"
        raise ValueError(
            f"The first convolution must take three channels, and {found}. Leave the network as it is."
        )
    with torch.no_grad():
        first.weight.copy_(first.weight.flip(1))


def _is_valid(name: str, array: torch.Tensor) -> bool:
    is_negative = name.endswith("running_var") and bool((array < 0).any())
    return bool(array.isfinite().all()) and not is_negative
