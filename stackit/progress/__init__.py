"""Progress of long runs: a plain bar, and events that the command line, notebooks and lines of text share."""

from stackit.progress.bar import progress_bar
from stackit.progress.board import FoldCell, MemberRow, ProgressBoard
from stackit.progress.duration import format_duration
from stackit.progress.events import ProgressEvent, observe
from stackit.progress.status_line import observer_for

__all__ = [
    "FoldCell",
    "MemberRow",
    "ProgressBoard",
    "ProgressEvent",
    "format_duration",
    "observe",
    "observer_for",
    "progress_bar",
]
