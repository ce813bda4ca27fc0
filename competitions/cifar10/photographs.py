"""The photographs of the CIFAR-10 subset, and copies of them that are moved and mirrored."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stackit.validation import import_optional

__all__ = ["doubled", "read"]

Images = npt.NDArray[Any]
Labels = npt.NDArray[Any]
SHIFT = 3


def read(path: Path, part: str, n_per_class: int) -> tuple[Images, Labels]:
    """Read the first images of each class of a part, classes and files in the order of their names.

    Parameters
    ----------
    path : path
        The zip file, of ``<part>/<class>/<number>.jpg``.
    part : {"train", "test"}
        Which.
    n_per_class : int
        How many of each class.

    Returns
    -------
    images : (n, 3, 32, 32) array of uint8
    labels : (n,) array of class positions
    """
    image = import_optional("PIL.Image", "images")
    with zipfile.ZipFile(path) as archive:
        names = sorted(
            name for name in archive.namelist() if name.startswith(f"{part}/") and name.endswith("jpg")
        )
        classes = sorted({name.split("/")[1] for name in names})
        of_class = [[name for name in names if name.split("/")[1] == one][:n_per_class] for one in classes]
        images = [
            np.asarray(image.open(archive.open(name), formats=["JPEG"]))
            for group in of_class
            for name in group
        ]
    labels = np.repeat(np.arange(len(classes)), [len(group) for group in of_class])
    return np.stack(images).transpose(0, 3, 1, 2), labels


def doubled(X: Images, y: Labels, seed: int) -> tuple[Images, Labels]:
    """Return the images and, below them, a copy of each: moved by up to three pixels, half of them mirrored.

    Only images to be learned from may be doubled, after others were set aside: a copy of an image is no new
    image to ask for.

    Parameters
    ----------
    X : (n, channels, height, width) array
        The images.
    y : (n,) array
        Their labels.
    seed : int
        Of moves and mirrors.

    Returns
    -------
    images, labels : arrays of 2 n rows
    """
    random = np.random.default_rng(seed)
    padded = np.pad(X, [(0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)], mode="reflect")
    mirrored = np.where(random.random(len(X))[:, None, None, None] < 0.5, padded[..., ::-1], padded)
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, X.shape[2:], axis=(2, 3))
    down, right = random.integers(0, 2 * SHIFT + 1, size=(2, len(X)))
    copies = windows[np.arange(len(X)), :, down, right]
    return np.concatenate([X, copies]), np.concatenate([y, y])
