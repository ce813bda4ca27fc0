"""Calibration after a combiner: what it says is put right by what came true, as one final estimator."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from sklearn.base import clone

from stackit.arrays import Floats
from stackit.combine.combiner import Blocks, CombinerClassifier, Weights
from stackit.combine.mean import MeanClassifier
from stackit.validation import invalid_value

__all__ = ["Calibrated"]

# What a fit knows of the table, before it learns from it.
READ = {
    "_sigmoids",
    "_widths",
    "classes_",
    "feature_names_in_",
    "from_labels_",
    "kinds_",
    "n_features_in_",
}


class Calibrated(CombinerClassifier):
    """A combiner around another, whose probabilities it calibrates; subclasses say how.

    Attributes
    ----------
    combiner_ : combiner
        The fitted combiner.
    """

    combiner: Any

    def _learn(self, blocks: Blocks, target: Floats, weights: Weights) -> None:
        self.combiner_ = self._fitted(blocks, target, weights)
        self._calibrate(self.combiner_._probabilities(blocks), target, weights)

    def _blend(self, blocks: Blocks) -> Floats:
        return self._calibrated(self.combiner_._probabilities(blocks))

    def _fitted(self, blocks: Blocks, target: Floats, weights: Weights) -> CombinerClassifier:
        """Let the combiner learn from the table that has been read already."""
        given = MeanClassifier() if self.combiner is None else self.combiner
        if not isinstance(given, CombinerClassifier):
            raise invalid_value(
                "combiner",
                "a classifier of stackit.combine, or None",
                f"combiner={self.combiner!r}",
                "Put any other classifier into scikit-learn's CalibratedClassifierCV",
            )
        combiner: CombinerClassifier = clone(given)
        for name, value in vars(self).items():
            if name in READ:
                setattr(combiner, name, value)
        combiner._learn(blocks, target, weights)
        return combiner

    @abstractmethod
    def _calibrate(self, chances: Floats, target: Floats, weights: Weights) -> None:
        """Learn from (n, n_classes) probabilities and the one-hot target."""

    @abstractmethod
    def _calibrated(self, chances: Floats) -> Floats:
        """Return the (m, n_classes) calibrated probabilities, up to a factor a row."""
