"""Reports of a stack: evidence, a summary as a plain dict, and one page as HTML, Markdown or JSON."""

from stackit.report.evidence import Evidence

__all__ = ["Evidence"]
