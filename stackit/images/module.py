"""A torch module as `PretrainedNetwork` asks for one: its layers, its digest, and what a layer gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stackit.images.architectures.layers import layer_names, tapped
from stackit.images.preprocessing import Preprocessing
from stackit.validation import format_list, import_optional, invalid_value

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", "images")

__all__ = ["TorchModule"]

BATCH_NORMS = (
    torch.nn.BatchNorm1d,
    torch.nn.BatchNorm2d,
    torch.nn.BatchNorm3d,
    torch.nn.SyncBatchNorm,
)


@dataclass(frozen=True)
class TorchModule:
    """A torch module, ready for inference.

    Parameters
    ----------
    module : torch.nn.Module
        With its weights.

    Examples
    --------
    >>> module = TorchModule.ready(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)))
    >>> module.output("0", torch.zeros(5, 3, 2, 2)).shape
    torch.Size([5, 12])
    """

    module: torch.nn.Module
    usual_layer = None
    channels = None

    @classmethod
    def ready(cls, module: torch.nn.Module) -> TorchModule:
        """Return a module in evaluation mode, laid out for speed.

        Raises
        ------
        ValueError
            When it is none, or has batch normalisation without running statistics, whose answers depend on
            the images beside.
        """
        if not isinstance(module, torch.nn.Module):
            got = f"network={type(module).__name__}"
            raise invalid_value("network", "a torch.nn.Module or an OnnxFile", got, "Pass the network itself")
        lost = [
            name
            for name, part in module.named_modules()
            if isinstance(part, BATCH_NORMS) and (part.running_mean is None or part.running_var is None)
        ]
        if lost:
            expected = "with running statistics in its batch normalisation"
            advice = "Make it with track_running_stats=True, and read them from its file"
            raise invalid_value("network", expected, f"none in {format_list(lost)}", advice)
        # With channels last, convolutions on a CPU take two thirds of the time.
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs lack it
        return cls(module.eval())

    @property
    def layers(self) -> list[str]:
        """All layers that can be asked for."""
        return layer_names(self.module)

    @property
    def shown_layers(self) -> list[str]:
        """The layers that an error names: those that are not inside others."""
        return [name for name in self.layers if "." not in name]

    @property
    def digest(self) -> str:
        """The sha256 of the weights and the architecture."""
        digest = hashlib.sha256(repr(self.module).encode())
        for name, part in self.module.state_dict().items():
            if not isinstance(part, torch.Tensor):
                digest.update(f"{name} {part!r}".encode())  # what it keeps beside: see get_extra_state
                continue
            digest.update(f"{name} {part.dtype} {tuple(part.shape)}".encode())
            numbers: Any = part.cpu().contiguous().flatten().view(torch.uint8).numpy()
            digest.update(numbers)
        return digest.hexdigest()

    def check(self, preprocessing: Preprocessing) -> None:
        """Take any preprocessing: a module does not say what it was trained with."""

    def output(self, layer: str, batch: torch.Tensor) -> torch.Tensor:
        """Return what a layer gives for (n, 3, height, width) floats, in the mode of evaluation."""
        self.module.eval()  # its owner may have trained it on
        weights = next((part for part in self.module.parameters() if part.is_floating_point()), batch)
        return tapped(self.module, layer, batch.to(weights.device, weights.dtype))
