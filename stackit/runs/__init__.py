"""Runs: from settings and tables to a folder with predictions, scores, submission, model and report."""

from stackit.runs.config import RunConfig
from stackit.runs.durations import format_duration, parse_duration
from stackit.runs.folder import RunFolder
from stackit.runs.runner import run

__all__ = ["RunConfig", "RunFolder", "format_duration", "parse_duration", "run"]
