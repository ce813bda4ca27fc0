"""A torch module as the backend of `PretrainedNetwork`: its layers, its digest, and the output of a layer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch

from stackit.images.architectures.layers import layer_names, tapped
from stackit.images.preprocessing import Preprocessing
from stackit.validation import format_list, invalid_value

__all__ = ["TorchModule"]

BATCH_NORMS = (
    torch.nn.BatchNorm1d,
    torch.nn.BatchNorm2d,
    torch.nn.BatchNorm3d,
    torch.nn.SyncBatchNorm,
)


@dataclass(frozen=True)
class TorchModule:
    """A torch module with its weights, ready for inference."""

    module: torch.nn.Module
    default_layer = None
    channels = None

    @classmethod
    def for_inference(cls, module: torch.nn.Module) -> TorchModule:
        """Put a module into evaluation mode and its weights into the fastest memory layout.

        Raises ValueError when it is not a module, or has batch normalisation without running statistics:
        then the codes of an image depend on the other images of its batch.
        """
        if not isinstance(module, torch.nn.Module):
            got = f"network={type(module).__name__}"
            raise invalid_value("network", "a torch.nn.Module or an OnnxFile", got, "Pass the network itself")
        without = [
            name
            for name, layer in module.named_modules()
            if isinstance(layer, BATCH_NORMS) and (layer.running_mean is None or layer.running_var is None)
        ]
        if without:
            raise ValueError(
                f"Batch normalisation in {format_list(without)} has no running statistics, so the codes of "
                "an image would depend on its batch. Make it with track_running_stats=True, and load them."
            )
        # With channels last, convolutions on a CPU take two thirds of the time.
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs lack it
        return cls(module.eval())

    @property
    def layers(self) -> list[str]:
        """The names of all layers."""
        return layer_names(self.module)

    @property
    def top_layers(self) -> list[str]:
        """The layers as an error lists them: those that are not inside others."""
        return [name for name in self.layers if "." not in name]

    @property
    def digest(self) -> str:
        """The sha256 of the weights and the architecture."""
        digest = hashlib.sha256(repr(self.module).encode())
        for name, tensor in self.module.state_dict().items():
            if not isinstance(tensor, torch.Tensor):
                digest.update(f"{name} {tensor!r}".encode())  # what get_extra_state returns
                continue
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            numbers: Any = tensor.cpu().contiguous().flatten().view(torch.uint8).numpy()
            digest.update(numbers)
        return digest.hexdigest()

    def check_preprocessing(self, preprocessing: Preprocessing) -> None:
        """Accept any preprocessing: a module does not record what it was trained with."""

    def output(self, layer: str, batch: torch.Tensor) -> torch.Tensor:
        """Return the output of a layer for (n, 3, height, width) floats, in evaluation mode."""
        self.module.eval()  # its owner may have trained it in between
        weights = next((part for part in self.module.parameters() if part.is_floating_point()), batch)
        return tapped(self.module, layer, batch.to(weights.device, weights.dtype))
