"""Typed frames to what each kind of estimator wants, fitted inside the folds."""

from stackit.tables.preparations.native import NativePreparation
from stackit.tables.preparations.ordinal import OrdinalPreparation
from stackit.tables.preparations.scaled import ScaledPreparation

__all__ = ["NativePreparation", "OrdinalPreparation", "ScaledPreparation"]
