"""Published weights for a network: complete, finite, and in its own layout, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackit.arrays import FilePath
from stackit.images.weights.formats import Arrays, read_arrays
from stackit.images.weights.state_dict import convert_state_dict
from stackit.neural.weights import check_state
from stackit.validation import format_list, import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["put_weights", "read_weights", "swap_colours"]

COUNTS = "num_batches_tracked"


def read_weights(network: torch.nn.Module, path: FilePath, *, sha256: str | None = None) -> None:
    """Read all parameters and running statistics of a network from a published file.

    Formats are those of `read_arrays`; names and layouts torch's, torchvision's, Keras' or TensorFlow's. A
    file that lacks one of the four kinds of state of batch normalisation (gamma, beta, running mean, running
    variance) is refused: without the running statistics a network predicts nonsense, and no error says so.
    The network changes only when all is well.

    Parameters
    ----------
    network : torch.nn.Module
        A network of the same architecture; it may be on the "meta" device, without memory.
    path : path
        The file.
    sha256 : str, optional
        The checksum that it must have, or how this begins.

    Raises
    ------
    ValueError
        When the file is of another format, its arrays are not those of the network, or not finite.
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
    put_weights(network, read_arrays(path, sha256), path)


def put_weights(network: torch.nn.Module, arrays: Arrays, path: FilePath) -> None:
    """Give a network the arrays that were read from a file, as `read_weights` does.

    Raises
    ------
    ValueError
        When they are not those of the network, or not finite as its numbers.
    """
    state = convert_state_dict(arrays, network)
    everything = network.state_dict()
    counts = {name: torch.tensor(0) for name in everything if name.endswith(COUNTS)}
    check_state(state, {name: part for name, part in everything.items() if name not in counts}, path)
    # A float64 can be beyond all float32.
    floats = {name: array.to(everything[name].dtype).contiguous() for name, array in state.items()}
    _check_values(floats, path)
    # Assigned, since there is nothing to copy into on the "meta" device.
    network.load_state_dict(floats | counts, assign=True)


def swap_colours(network: torch.nn.Module) -> None:
    """Make a network that was trained on blue, green, red take red, green, blue, or the other way.

    The input channels of its first convolution are put in reverse order; what it gives is the same.

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
    >>> swap_colours(network)
    >>> bool(torch.allclose(network(image.flip(1)), before, atol=1e-5))
    True
    """
    first = next((layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)), None)
    if first is None or first.weight.shape[1] != 3:
        got = "no convolution" if first is None else f"{first.weight.shape[1]} channels"
        raise invalid_value("The first convolution", "of three channels", got, "Leave the network as it is")
    with torch.no_grad():
        first.weight.copy_(first.weight.flip(1))


def _check_values(state: Arrays, path: FilePath) -> None:
    wrong = [
        name
        for name, array in state.items()
        if not array.isfinite().all() or (name.endswith("running_var") and (array < 0).any())
    ]
    if wrong:
        expected = "finite, and variances not negative"
        advice = "Fetch it anew, or another one of the same network"
        raise invalid_value("A file of weights", expected, f"{str(path)!r} with {format_list(wrong)}", advice)
