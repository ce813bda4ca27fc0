"""Codes of flowers by one contender in a process of its own: run by test_codes_side_by_side.py."""

from __future__ import annotations

import io
import json
import resource
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from competitions.data import find
from stackit.images import CNNCodes, PretrainedNetwork, list_photographs, pretrained

NETWORK, LAYER, BATCH = "mobilenet_v1_0.75", "pool", 32
WARM = 64
PEAKS: list[int] = []
Files = Sequence[str]


def main(contender: str, n: int, n_threads: int) -> None:
    """Make codes of n photographs, and print what it took as one line of JSON.

    `peaks` has the peak of memory in bytes after each batch, those that warm up included.
    """
    torch.set_num_threads(n_threads)
    archive = find("flowers", ["photos.zip"], "the TensorFlow flowers") / "photos.zip"
    files = list_photographs(archive)["file"].sample(n, random_state=0).tolist()
    make = CONTENDERS[contender](archive, n_threads)
    make(files[:WARM])
    wall, cpu = time.perf_counter(), cpu_seconds()
    codes = make(files)
    facts = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu, "sum": float(codes.sum())}
    print(json.dumps(facts | {"peaks": PEAKS}))


def cpu_seconds() -> float:
    """The CPU seconds of this process and of those that it began and that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def note_peak() -> None:
    """Note the peak of memory so far, of this process and not of those that it began."""
    PEAKS.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


class PeakNotingNetwork(PretrainedNetwork):
    """A network that notes the peak of memory after each batch."""

    def codes_of_views(self, pixels: Any, layer: str, pool: str = "mean") -> Any:
        codes = super().codes_of_views(pixels, layer, pool)
        note_peak()
        return codes


def stackit(archive: Path, n_threads: int) -> Callable[[Files], Any]:
    """As many threads decode as compute."""
    known = pretrained(NETWORK)
    network = PeakNotingNetwork(known.network, known.preprocessing, LAYER, NETWORK)
    return CNNCodes(network, root=archive, batch_size=BATCH, n_jobs=n_threads).fit().transform


class Photographs(Dataset[torch.Tensor]):
    """As tutorials have it: one photograph at a time, scaled, cropped, brought from -1 to 1."""

    def __init__(self, archive: Path, files: Files) -> None:
        self.path, self.files = archive, files

    @cached_property
    def archive(self) -> zipfile.ZipFile:
        """Opened where it is read: processes that share a file share its place."""
        return zipfile.ZipFile(self.path)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, at: int) -> torch.Tensor:
        image = Image.open(io.BytesIO(self.archive.read(self.files[at]))).convert("RGB")
        side = min(image.size) * 224 / 256
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = left, top, left + side, top + side
        pixels = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR, box=box))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 127.5 - 1


def plain_torch(archive: Path, n_threads: int) -> Callable[[Files], Any]:
    """The same network as a plain module, photographs by a DataLoader."""
    network = _module().to(memory_format=torch.contiguous_format)
    return lambda files: _passed(network, DataLoader(Photographs(archive, files), BATCH))


def tight_torch(archive: Path, n_threads: int) -> Callable[[Files], Any]:
    """The same with channels last."""
    network = _module()
    return lambda files: _passed(
        network, DataLoader(Photographs(archive, files), BATCH), memory_format=torch.channels_last
    )


def torch_with_workers(archive: Path, n_threads: int) -> Callable[[Files], Any]:
    """The same, with as many processes that decode as threads that compute.

    Threads and processes are as many as those of stackit; the processes end with the call, so that their
    CPU seconds are counted, and their start is.
    """
    network = _module()
    return lambda files: _passed(
        network,
        DataLoader(Photographs(archive, files), BATCH, num_workers=n_threads),
        memory_format=torch.channels_last,
    )


def _module() -> torch.nn.Module:
    """The layers up to the one that gives the codes."""
    layers = []
    for name, layer in pretrained(NETWORK).network.named_children():
        layers.append(layer)
        if name == LAYER:
            return torch.nn.Sequential(*layers, torch.nn.Flatten()).eval()
    raise KeyError(LAYER)


@torch.inference_mode()
def _passed(network: torch.nn.Module, loader: Any, **layout: Any) -> Any:
    codes = []
    for batch in loader:
        codes.append(network(batch.contiguous(**layout)).numpy())
        note_peak()
    return np.concatenate(codes)


CONTENDERS: dict[str, Callable[[Path, int], Callable[[Files], Any]]] = {
    "stackit": stackit,
    "plain torch": plain_torch,
    "torch, channels last": tight_torch,
    "torch, workers": torch_with_workers,
}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
