"""A combiner that calibrates the probabilities of another."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from sklearn.base import clone

from stackit.arrays import Floats
from stackit.combine.combiner import CombinerClassifier
from stackit.combine.mean import MeanClassifier

__all__ = ["CalibratedCombiner"]

# What fit sets before a combiner learns.
COLUMN_ATTRIBUTES = {
    "_sigmoids",
    "_widths",
    "classes_",
    "feature_names_in_",
    "from_labels_",
    "kinds_",
    "n_features_in_",
}


class CalibratedCombiner(CombinerClassifier):
    """A combiner around another that calibrates its probabilities; subclasses say how.

    Attributes
    ----------
    combiner_ : combiner
        The fitted combiner.
    """

    combiner: Any

    def _learn(self, blocks: Floats, target: Floats, weights: Floats) -> None:
        self.combiner_ = self._fitted(blocks, target, weights)
        self._calibrate(self.combiner_._probabilities(blocks), target, weights)

    def _blend(self, blocks: Floats) -> Floats:
        return self._calibrated(self.combiner_._probabilities(blocks))

    def _fitted(self, blocks: Floats, target: Floats, weights: Floats) -> CombinerClassifier:
        """Fit the combiner on blocks, without validating the table again."""
        given = MeanClassifier() if self.combiner is None else self.combiner
        if not isinstance(given, CombinerClassifier):
            raise ValueError(
                f"combiner must be a classifier of stackit.combine, or None, but combiner={self.combiner!r}. "
                "Put any other classifier into scikit-learn's CalibratedClassifierCV."
            )
        combiner: CombinerClassifier = clone(given)
        for name, value in vars(self).items():
            if name in COLUMN_ATTRIBUTES:
                setattr(combiner, name, value)
        combiner._learn(blocks, target, weights)
        return combiner

    @abstractmethod
    def _calibrate(self, proba: Floats, target: Floats, weights: Floats) -> None:
        """Learn from (n, n_classes) probabilities and the one-hot target."""

    @abstractmethod
    def _calibrated(self, proba: Floats) -> Floats:
        """Return the (m, n_classes) calibrated probabilities, up to one factor per row."""
