"""Pictures of what a stack makes of photographs: its confusions, its worst errors, and a map of the codes."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import confusion_matrix

from stackit.images.io import decode
from stackit.validation import import_optional

__all__ = ["draw_confusion", "draw_map", "draw_worst", "in_the_plane", "worst"]

Points = npt.NDArray[np.float64]
COLUMNS = 6


def draw_confusion(y: Any, predictions: Any, classes: Sequence[str], path: Path) -> None:
    """Draw how many photographs of each class were taken for which.

    Parameters
    ----------
    y, predictions : (n,) array-like
        The classes, and the predictions.
    classes : sequence of str
        All of them, in the order of rows and columns.
    path : path
        The file, such as ``confusion.png``.
    """
    table = confusion_matrix(y, predictions, labels=list(classes))
    axes, figure = _axes((6.2, 5.2))
    axes.imshow(table / table.sum(axis=1, keepdims=True).clip(1), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        colour = "white" if row == column else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=30)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="prediction", ylabel="class")
    figure.savefig(path, dpi=110)


def worst(photographs: pd.DataFrame, said: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the n photographs with the least probability for their own class.

    Parameters
    ----------
    photographs : data frame with n rows
        Its columns `file` and `label`.
    said : (n, n_classes) data frame
        The probabilities of the classes, which are its columns.
    n : int
        How many.

    Returns
    -------
    data frame
        The columns `file`, `label`, `prediction` and `of_label`, the probability of the label; worst first.
    """
    at = said.columns.get_indexer(photographs["label"])
    table = photographs[["file", "label"]].assign(
        prediction=said.idxmax(axis=1).to_numpy(), of_label=said.to_numpy()[np.arange(len(said)), at]
    )
    return table.sort_values("of_label", kind="stable").head(n).reset_index(drop=True)


def draw_worst(archive: Path, table: pd.DataFrame, path: Path) -> None:
    """Draw photographs under what they are, what they were taken for, and the probability of the first.

    Parameters
    ----------
    archive : path
        The zip file of the photographs.
    table : data frame
        What `worst` returned.
    path : path
        The file, such as ``worst.png``.
    """
    n_rows = -(-len(table) // COLUMNS)
    size = 2.1 * COLUMNS, 2.4 * n_rows
    figure = import_optional("matplotlib.figure", "plots").Figure(figsize=size, layout="constrained")
    panels = figure.subplots(n_rows, COLUMNS, squeeze=False).flat
    with zipfile.ZipFile(archive) as photographs:
        for axes, (_, one) in zip(panels, table.iterrows(), strict=False):
            axes.imshow(decode(photographs.read(one["file"])))
            axes.set_title(f"{one['label']}\n{one['prediction']}? {one['of_label']:.3f}", fontsize=8)
    for axes in figure.axes:
        axes.set_axis_off()
    figure.savefig(path, dpi=100)


def in_the_plane(codes: Any, seed: int = 0) -> Points:
    """Return a point of the plane for each row of codes, near for rows that are near (t-SNE).

    Parameters
    ----------
    codes : (n, d) array
        At least 10 rows. Only their 50 largest principal components count.
    seed : int
        Of the principal components and of t-SNE.

    Returns
    -------
    (n, 2) array
    """
    X = np.asarray(codes, dtype=np.float32)
    main = PCA(min(50, *X.shape), random_state=seed, svd_solver="randomized").fit_transform(X)
    plane = TSNE(perplexity=min(30, (len(X) - 1) / 3), init="pca", random_state=seed, n_jobs=1)
    return np.asarray(plane.fit_transform(main), dtype=np.float64)


def draw_map(points: Points, y: Any, wrong: Any, path: Path) -> None:
    """Draw photographs as points in the colours of their classes, those predicted wrongly with a ring.

    Parameters
    ----------
    points : (n, 2) array
        What `in_the_plane` returned.
    y : (n,) array-like
        The classes.
    wrong : (n,) array-like of bool
        Which were predicted wrongly.
    path : path
        The file, such as ``map.png``.
    """
    y, wrong = np.asarray(y), np.asarray(wrong)
    axes, figure = _axes((8, 7))
    for at, name in enumerate(np.unique(y)):
        axes.scatter(*points[y == name].T, s=7, color=f"C{at}", label=name)
    axes.scatter(*points[wrong].T, s=45, facecolors="none", edgecolors="black", linewidths=0.8, label="wrong")
    axes.legend(markerscale=2)
    axes.set_axis_off()
    figure.savefig(path, dpi=110)


def _axes(size: tuple[float, float]) -> tuple[Any, Any]:
    figure = import_optional("matplotlib.figure", "plots").Figure(figsize=size, layout="constrained")
    return figure.subplots(), figure
