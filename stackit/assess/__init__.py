"""Honest scores: what a stack gains, whom not to believe, and what each member is worth."""

from stackit.assess.comparison import Comparison
from stackit.assess.differences import Diversity, diversity
from stackit.assess.final_scores import compare
from stackit.assess.gains import Gain, gain
from stackit.assess.nested import nested_score
from stackit.assess.overfitting import OverfittingAlarm, overfitting_alarm
from stackit.assess.paired import PairedTest, paired_folds, paired_rows
from stackit.assess.refitting import AverageOrRefit, average_or_refit
from stackit.assess.worth import Shapley, shapley

__all__ = [
    "AverageOrRefit",
    "Comparison",
    "Diversity",
    "Gain",
    "OverfittingAlarm",
    "PairedTest",
    "Shapley",
    "average_or_refit",
    "compare",
    "diversity",
    "gain",
    "nested_score",
    "overfitting_alarm",
    "paired_folds",
    "paired_rows",
    "shapley",
]
