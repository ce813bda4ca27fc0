"""What a notebook calls to show an object: HTML where scikit-learn's diagrams are wanted, and text always."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from sklearn import get_config

from stackit.notebook.section import Section, sections_to_html

__all__ = ["EstimatorDisplayMixin", "HtmlDisplayMixin"]


def _is_html_wanted() -> bool:
    """Whether scikit-learn is configured to show diagrams, which is the default."""
    return bool(get_config()["display"] == "diagram")


class HtmlDisplayMixin:
    """Shows an object as tables in notebooks; the rest of the world sees its ``repr``."""

    @abstractmethod
    def display_sections(self) -> Sequence[Section]:
        """Return what is shown of the object; it costs no fits."""

    def _repr_html_(self) -> str | None:
        return sections_to_html(self.display_sections()) if _is_html_wanted() else None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        html = self._repr_html_()
        return {"text/plain": repr(self)} | ({} if html is None else {"text/html": html})


class EstimatorDisplayMixin:
    """Adds tables of what was learned to scikit-learn's diagram of an estimator.

    It stands before scikit-learn's ``BaseEstimator`` in a class's bases.
    """

    @abstractmethod
    def display_sections(self) -> Sequence[Section]:
        """Return what is shown below the diagram: nothing before fit; it costs no fits."""

    def _html_repr(self) -> str:
        from sklearn.utils import estimator_html_repr

        sections = self.display_sections()
        below = sections_to_html(sections) if sections else ""
        return f"{estimator_html_repr(self)}{below}"

    def _repr_html_inner(self) -> str:
        # Found by scikit-learn's property _repr_html_, which is missing where text is wanted.
        return self._html_repr()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        html = {"text/html": self._html_repr()} if _is_html_wanted() else {}
        return {"text/plain": repr(self)} | html
