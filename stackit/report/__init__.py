"""Reports of a stack: evidence, a summary as a plain dict, and one page as HTML, Markdown or JSON."""

from stackit.report.evidence import Evidence
from stackit.report.report import Report, make_report
from stackit.report.saved import ignore_checks
from stackit.report.summary import summarize

__all__ = ["Evidence", "Report", "ignore_checks", "make_report", "summarize"]
