"""Runs: from settings and tables to a folder with predictions, scores, submission, model and report."""

from stackit.runs.comparison import RunComparison, compare_runs
from stackit.runs.config import RunConfig
from stackit.runs.dry import DryRun, dry_run
from stackit.runs.durations import parse_duration
from stackit.runs.file_blend import FileBlend, blend_files
from stackit.runs.folder import RunFolder
from stackit.runs.listing import list_runs
from stackit.runs.prediction import predict_table
from stackit.runs.runner import run

__all__ = [
    "DryRun",
    "FileBlend",
    "RunComparison",
    "RunConfig",
    "RunFolder",
    "blend_files",
    "compare_runs",
    "dry_run",
    "list_runs",
    "parse_duration",
    "predict_table",
    "run",
]
