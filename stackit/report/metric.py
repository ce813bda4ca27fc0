"""The metric in words: its name, and whether lower is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stackit.report.text import clean

__all__ = ["Metric"]

LABELS = {
    "r2": "R²",
    "roc_auc": "area under the ROC curve",
    "roc_auc_ovr": "area under the ROC curve, one class against the rest",
    "average_precision": "average precision",
    "neg_root_mean_squared_error": "root mean squared error",
    "neg_root_mean_squared_log_error": "root mean squared log error",
    "neg_brier_score": "Brier score",
    "f1": "F1",
    "f1_macro": "macro F1",
    "f1_weighted": "weighted F1",
}
NEGATIVE = "neg_"


@dataclass(frozen=True)
class Metric:
    """A metric by scikit-learn's name.

    Scores have scikit-learn's sign, so that higher is better; losses are shown without their minus.

    Examples
    --------
    >>> metric = Metric("neg_log_loss")
    >>> metric.label, metric.lower_is_better, metric.shown(-0.4)
    ('log loss', True, 0.4)
    """

    name: str

    @property
    def lower_is_better(self) -> bool:
        """Whether lower is better in what is shown."""
        return self.name.startswith(NEGATIVE)

    @property
    def label(self) -> str:
        """The name in a sentence."""
        return LABELS.get(self.name, clean(self.name.removeprefix(NEGATIVE).replace("_", " ")))

    def shown(self, score: float) -> float:
        """Return a score as it is shown."""
        return -score if self.lower_is_better else score

    def to_dict(self) -> dict[str, Any]:
        """Return the name, the label and the direction."""
        return {"name": clean(self.name), "label": self.label, "lower_is_better": self.lower_is_better}
