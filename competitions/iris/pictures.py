"""Pictures of what each classifier predicts, and of how it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stackit import Folds
from stackit.validation import import_optional

__all__ = ["draw_learning_curves", "draw_regions"]

COLORS = ["tab:blue", "tab:orange", "tab:red"]


def draw_regions(estimators: dict[str, Any], X: Any, y: Any, names: list[str], path: Path) -> None:
    """Draw what each of the four predicts all over the plane."""
    figure_of = import_optional("matplotlib.figure", "plots").Figure
    from sklearn.inspection import DecisionBoundaryDisplay

    figure = figure_of(figsize=(10, 8), layout="constrained")
    for axes, (name, estimator) in zip(figure.subplots(2, 2).flat, estimators.items(), strict=True):
        fitted = estimator.fit(X, y)
        DecisionBoundaryDisplay.from_estimator(
            fitted, X, response_method="predict", multiclass_colors=COLORS, alpha=0.35, ax=axes
        )
        axes.scatter(
            X[:, 0], X[:, 1], c=[COLORS[label] for label in y], s=14, edgecolor="black", linewidth=0.4
        )
        axes.set(title=name, xlabel=names[0], ylabel=names[1])
    figure.savefig(path, dpi=120)


def draw_learning_curves(
    estimators: dict[str, Any], X: Any, y: Any, folds: Folds, n_sizes: int, path: Path
) -> None:
    """Draw accuracy on training and held-out rows against `n_sizes` numbers of training rows."""
    figure_of = import_optional("matplotlib.figure", "plots").Figure
    from sklearn.model_selection import LearningCurveDisplay

    figure = figure_of(figsize=(10, 8), layout="constrained")
    for axes, (name, estimator) in zip(figure.subplots(2, 2).flat, estimators.items(), strict=True):
        LearningCurveDisplay.from_estimator(
            estimator,
            X,
            y,
            cv=folds,
            train_sizes=np.linspace(0.3, 1.0, n_sizes),
            shuffle=True,
            random_state=0,
            score_type="both",
            n_jobs=-1,
            ax=axes,
        )
        axes.set(title=name, ylabel="accuracy", ylim=(0.8, 1.01))
    figure.savefig(path, dpi=120)
