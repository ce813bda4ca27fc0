"""Raw tables: the kind of each column, typed frames, and preparations for each kind of estimator."""

from stackit.tables.column import Column
from stackit.tables.preparations import NativePreparation, OrdinalPreparation, ScaledPreparation
from stackit.tables.reader import TableReader

__all__ = [
    "Column",
    "NativePreparation",
    "OrdinalPreparation",
    "ScaledPreparation",
    "TableReader",
]
