"""The page: one self-contained HTML file."""

from stackit.report.page.page import to_html

__all__ = ["to_html"]
