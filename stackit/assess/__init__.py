"""Scores of stacks that can be trusted, tests of their gain, leakage, and the value of each member."""

from stackit.assess.alarm import OverfittingAlarm
from stackit.assess.area_under_curve import area_contributions
from stackit.assess.compare_candidates import compare
from stackit.assess.comparison import Comparison
from stackit.assess.member_diversity import Diversity, diversity
from stackit.assess.nested import nested_score
from stackit.assess.overfitting import overfitting_alarm
from stackit.assess.refit_effect import AverageOrRefit, average_or_refit
from stackit.assess.repeats import Repeat, cross_fit_finals
from stackit.assess.shapley_values import Shapley, shapley
from stackit.assess.significance import PairedTest, paired_folds, paired_rows
from stackit.assess.stacking_gain import Gain, gain
from stackit.assess.trial import Trial, on_trial

__all__ = [
    "AverageOrRefit",
    "Comparison",
    "Diversity",
    "Gain",
    "OverfittingAlarm",
    "PairedTest",
    "Repeat",
    "Shapley",
    "Trial",
    "area_contributions",
    "average_or_refit",
    "compare",
    "cross_fit_finals",
    "diversity",
    "gain",
    "nested_score",
    "on_trial",
    "overfitting_alarm",
    "paired_folds",
    "paired_rows",
    "shapley",
]
