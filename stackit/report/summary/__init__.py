"""The summary of a report: a plain dict that holds all that its page shows."""

from stackit.report.summary.summarize import summarize

__all__ = ["summarize"]
