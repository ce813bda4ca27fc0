"""Raw tables: the kind of each column, typed frames, and preparations for each kind of estimator."""

from stackit.tables.column import Column
from stackit.tables.feature_generation import GeneratedFeatures
from stackit.tables.preparations import NativePreparation, OrdinalPreparation, ScaledPreparation
from stackit.tables.reader import TableReader
from stackit.tables.scoring import detect_scoring, similar_metrics
from stackit.tables.suspects import suspect_columns
from stackit.tables.table_file import read_table
from stackit.tables.task import Task, detect_task

__all__ = [
    "Column",
    "GeneratedFeatures",
    "NativePreparation",
    "OrdinalPreparation",
    "ScaledPreparation",
    "TableReader",
    "Task",
    "detect_scoring",
    "detect_task",
    "read_table",
    "similar_metrics",
    "suspect_columns",
]
