"""What notebooks show of stackit's objects: tables as HTML, in the style of scikit-learn's diagrams."""

from stackit.notebook.display import EstimatorDisplayMixin, HtmlDisplayMixin
from stackit.notebook.live_cell import LiveCell, in_notebook
from stackit.notebook.section import Section, sections_to_html

__all__ = [
    "EstimatorDisplayMixin",
    "HtmlDisplayMixin",
    "LiveCell",
    "Section",
    "in_notebook",
    "sections_to_html",
]
