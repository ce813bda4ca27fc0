"""The tasks: letters, digits and photographs, as grey images of one size with ten classes each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from competitions.cifar10 import photographs as cifar10
from competitions.data import find
from competitions.mnist.images import read_idx
from competitions.notmnist import letters as notmnist

__all__ = ["FILES", "Task", "digits", "letters", "photographs", "tasks"]

Images = npt.NDArray[np.float32]
Ints = npt.NDArray[np.intp]
LIGHT = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of red, green and blue, as eyes weigh them
MARGIN = 2
FILES = {
    "mnist": (["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"], "the MNIST database"),
    "notmnist": (["notmnist_small.npz"], "the page of notMNIST_small, as arrays X (n, 28, 28) and y"),
    "cifar10": (["cifar10_subset.zip"], "the page of CIFAR-10, as train/<class>/*.jpg in one zip file"),
}


@dataclass(frozen=True)
class Task:
    """Images and what is to be said of them.

    Parameters
    ----------
    name : str
        What it is called.
    X : (n, 1, 28, 28) array of float32
        From 0 to 1.
    y : (n,) array of int
        From 0 to 9.
    """

    name: str
    X: Images
    y: Ints

    def some(self, n: int, seed: int) -> Task:
        """Return n images of the task, by class as all of them."""
        rows = _drawn(np.arange(len(self.y)), self.y, n, seed)
        return replace(self, X=self.X[rows], y=self.y[rows])

    def without_sense(self, seed: int) -> Task:
        """Return the same images with labels dealt out at random: there is nothing to learn but noise."""
        y = np.random.default_rng(seed).permutation(self.y)
        return replace(self, name=f"{self.name} labelled at random", y=y)

    def split(self, n_test: int) -> tuple[Ints, Ints]:
        """Return the rows that may be learned from, and n_test to test on."""
        learned, test = train_test_split(
            np.arange(len(self.y)), test_size=n_test, stratify=self.y, random_state=0
        )
        return learned, test

    def few(self, rows: Ints, n: int, seeds: range) -> list[Ints]:
        """Return for each seed n of the rows, by class as all of them."""
        return [_drawn(rows, self.y[rows], n, seed) for seed in seeds]


def letters(folder: Path) -> Task:
    """Return the letters A to J of notMNIST, each image once."""
    X, y, _ = notmnist.unique_images(*notmnist.read(folder / "notmnist_small.npz"))
    return Task("letters", _scaled(X), y.astype(np.intp))


def digits(folder: Path) -> Task:
    """Return the training images of MNIST."""
    images, labels = (read_idx(folder / f"train-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1"))
    return Task("digits", _scaled(images), labels.astype(np.intp))


def photographs(folder: Path, n_of_class: int = 1000) -> Task:
    """Return the inner 28 by 28 pixels of training photographs of CIFAR-10, in grey."""
    images, labels = cifar10.read(folder / "cifar10_subset.zip", "train", n_of_class)
    grey = np.einsum("nchw,c->nhw", images[..., MARGIN:-MARGIN, MARGIN:-MARGIN], LIGHT)
    return Task("photographs", _scaled(grey), labels.astype(np.intp))


def _scaled(images: npt.NDArray[Any]) -> Images:
    return images[:, np.newaxis].astype(np.float32) / 255


def _drawn(rows: Ints, y: Ints, n: int, seed: int) -> Ints:
    if n == len(rows):
        return rows
    drawn, _ = train_test_split(rows, train_size=n, stratify=y, random_state=seed)
    return np.asarray(drawn)


def tasks(data: Path | None, n_photographs: int) -> dict[str, Task]:
    """Return all tasks by their names; of photographs, which take long to decode, only so many."""
    folders = [find(folder, *what, data) for folder, what in FILES.items()]
    found = digits(folders[0]), letters(folders[1]), photographs(folders[2], n_photographs // 10)
    named = {task.name: task for task in found}
    senseless = named["letters"].without_sense(seed=0)
    return named | {senseless.name: senseless}
