"""Draws the pictures of the pages: `python docs/images/draw.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from stackit import StackingClassifier
from stackit.neural import BatchNormMLPClassifier, RealMLPClassifier, TabMClassifier

HERE = Path(__file__).parent
N_FOLDS, N_ESTIMATORS = 5, 4
TRAINING, HELD_OUT, TEST, INK = "#d5dcec", "#e8923a", "#6aa984", "#333333"
CLASSES = ["tab:blue", "tab:orange", "tab:red"]


def box(axes: Axes, x: float, y: float, width: float, height: float, color: str) -> None:
    """Draw one block of rows."""
    axes.add_patch(Rectangle((x, y), width, height, facecolor=color, edgecolor="white", linewidth=1.2))


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow between two points."""
    style = {"arrowstyle": "-|>", "mutation_scale": 11, "color": INK, "linewidth": 1.1}
    axes.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **style))


def draw_folds(axes: Axes) -> None:
    """Draw one estimator on all folds: per fold a column of rows with one block held out."""
    for fold in range(N_FOLDS):
        for block in range(N_FOLDS):
            color = HELD_OUT if block == fold else TRAINING
            box(axes, fold * 0.8, 5 - block, 0.62, 0.9, color)
        box(axes, fold * 0.8, -0.6, 0.62, 0.9, TEST)
        axes.text(fold * 0.8 + 0.31, 6.05, f"fold {fold + 1}", ha="center", fontsize=8, color=INK)
    axes.text(1.91, 6.75, "one estimator, fitted once per fold", ha="center", fontsize=10, color=INK)
    axes.text(-0.15, 3.45, "training\nrows", ha="right", va="center", fontsize=9, color=INK)
    axes.text(-0.15, -0.15, "test\nrows", ha="right", va="center", fontsize=9, color=INK)


def draw_tables(axes: Axes) -> None:
    """Draw the two tables of meta-features: one column per estimator."""
    left = 6.2
    for estimator in range(N_ESTIMATORS):
        for block in range(N_FOLDS):
            box(axes, left + estimator * 0.5, 5 - block, 0.44, 0.9, HELD_OUT)
        box(axes, left + estimator * 0.5, -0.6, 0.44, 0.9, TEST)
    center = left + 0.97
    axes.text(center, 6.75, "meta-features", ha="center", fontsize=10, color=INK)
    axes.text(center, 6.05, "one column per estimator", ha="center", fontsize=8, color=INK)
    arrow(axes, (4.1, 3.45), (6.0, 3.45))
    axes.text(5.05, 3.65, "predictions of\nheld-out rows", ha="center", fontsize=8, color=INK)
    arrow(axes, (4.1, -0.15), (6.0, -0.15))
    axes.text(5.05, 0.05, "average over\nfold estimators", ha="center", fontsize=8, color=INK)


def draw_final(axes: Axes) -> None:
    """Draw the final estimator, which learns from the first table and predicts from the second."""
    axes.add_patch(Rectangle((9.7, 2.55), 1.9, 1.8, facecolor="white", edgecolor=INK, linewidth=1.2))
    axes.text(10.65, 3.45, "final\nestimator", ha="center", va="center", fontsize=10, color=INK)
    arrow(axes, (8.3, 3.45), (9.6, 3.45))
    axes.text(8.95, 3.6, "fit", ha="center", fontsize=8, color=INK)
    arrow(axes, (8.3, -0.15), (10.65, 2.45))
    axes.text(9.25, 1.35, "predict", ha="center", fontsize=8, color=INK)
    arrow(axes, (11.7, 3.45), (12.5, 3.45))
    axes.text(12.6, 3.45, "predictions", va="center", fontsize=9, color=INK)


def draw_scheme(path: Path) -> None:
    """Draw how a stack makes its out-of-fold predictions."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "stackit", "font.family": "sans-serif"}):
        figure = Figure(figsize=(11, 4.6), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(-1.2, 14.1), ylim=(-1.5, 7.3))
        axes.set_axis_off()
        for draw in (draw_folds, draw_tables, draw_final):
            draw(axes)
        for at, (color, name) in enumerate(
            [(TRAINING, "fitted on"), (HELD_OUT, "held out, predicted"), (TEST, "test, predicted")]
        ):
            box(axes, at * 2.6, -1.3, 0.3, 0.3, color)
            axes.text(at * 2.6 + 0.42, -1.15, name, va="center", fontsize=8, color=INK)
        figure.savefig(path, metadata={"Date": None})


def iris_estimators() -> dict[str, Any]:
    """Return the three classifiers of the picture, and their stack."""
    members = {
        "nearest neighbours": KNeighborsClassifier(1),
        "random forest": RandomForestClassifier(30, random_state=0),
        "naive Bayes": GaussianNB(),
    }
    stack = StackingClassifier(list(members.items()), LogisticRegression(), cv=5, n_jobs=1, random_state=0)
    return {**members, "stack of the three": stack}


def draw_iris(path: Path) -> None:
    """Draw what each classifier predicts all over the plane of two features."""
    data = load_iris()
    X, y = data.data[:, [0, 2]], data.target
    figure = Figure(figsize=(8, 6.4), layout="constrained", facecolor="white")
    for axes, (name, estimator) in zip(figure.subplots(2, 2).flat, iris_estimators().items(), strict=True):
        DecisionBoundaryDisplay.from_estimator(
            estimator.fit(X, y),
            X,
            response_method="predict",
            grid_resolution=200,
            multiclass_colors=CLASSES,
            alpha=0.35,
            ax=axes,
        )
        axes.scatter(*X.T, c=np.asarray(CLASSES)[y], s=12, edgecolor="black", linewidth=0.3)
        axes.set(title=name, xlabel=data.feature_names[0], ylabel=data.feature_names[2])
    figure.savefig(path, dpi=75, metadata={"Software": None})


def draw_learning_curves(path: Path) -> None:
    """Draw the loss on held-out rows after each epoch, for the nets of five folds of three kinds."""
    data = load_digits()
    X, y = data.data, data.target
    folds = list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(X, y))
    shared: dict[str, Any] = {"max_iter": 32, "early_stopping": False, "batch_size": 64, "random_state": 0}
    nets = {
        "batch-norm net": BatchNormMLPClassifier(**shared),
        "RealMLP": RealMLPClassifier(**shared),
        "TabM, 16 heads": TabMClassifier((128, 128), n_heads=16, **shared),
    }
    figure = Figure(figsize=(9, 3.2), layout="constrained", facecolor="white")
    for axes, (name, net) in zip(figure.subplots(1, 3, sharey=True), nets.items(), strict=True):
        for one in net.fit_folds(X, y, folds, watch=[held_out for _, held_out in folds]):
            losses = [record["validation_loss"] for record in one.history_]
            axes.plot(range(1, len(losses) + 1), losses, color=CLASSES[0], alpha=0.6, linewidth=1.2)
        axes.set(title=name, xlabel="epoch", ylim=(0, 0.5))
    figure.axes[0].set_ylabel("log loss of held-out rows")
    figure.savefig(path, dpi=65, metadata={"Software": None})


if __name__ == "__main__":
    draw_scheme(HERE / "scheme.svg")
    draw_iris(HERE / "iris_regions.png")
    draw_learning_curves(HERE / "learning_curves.png")
