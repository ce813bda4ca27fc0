"""The state of one description, and what all descriptions share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stackit.store.definitions import patches_of
from stackit.store.named_files import is_file_name
from stackit.store.versions import is_installed

__all__ = ["Cache", "Definition", "Scope"]


@dataclass(frozen=True)
class Definition:
    """The text of a user's function, class or module, with the objects and files that it refers to."""

    text: str
    references: tuple[Any, ...]
    files: tuple[str, ...]


class Cache:
    """Functions, classes and tables that were read already, by id.

    Objects are kept with their texts, so that ids are not reused.
    """

    def __init__(self) -> None:
        self.definitions: dict[int, tuple[Any, Definition]] = {}
        self.tables: dict[int, tuple[Any, str]] = {}
        self.patched: dict[int, tuple[Any, list[tuple[str, Any]]]] = {}

    def patches(self, installed: Any) -> list[tuple[str, Any]]:
        """Return the user's functions that replace some of an installed class, or of a function's module."""
        if id(installed) not in self.patched:
            self.patched[id(installed)] = (installed, [*patches_of(installed)])
        return self.patched[id(installed)][1]


@dataclass
class Scope:
    """The state of one description.

    `within` has the ids of the objects that are being described, so that one that contains itself is not
    followed again. `references` are the user's functions, classes and modules: the text has their numbers,
    and they are described afterwards. `as_copied` is true inside objects that are copied with all that they
    hold; elsewhere, estimators are cloned, and only their parameters count. `reads_files` is false for the
    parameters of installed estimators: elsewhere, texts may name files that the user's code reads, and
    `files` has these texts as keys.
    """

    cache: Cache
    within: list[int] = field(default_factory=list)
    references: list[Any] = field(default_factory=list)
    as_copied: bool = False
    reads_files: bool = True
    files: dict[str, None] = field(default_factory=dict)

    @contextmanager
    def copied(self) -> Iterator[None]:
        """Describe estimators with all that they hold, inside the block."""
        before, self.as_copied, self.reads_files = (self.as_copied, self.reads_files), True, True
        try:
            yield
        finally:
            self.as_copied, self.reads_files = before

    @contextmanager
    def parameters_of(self, kind: type) -> Iterator[None]:
        """Describe the parameters of an estimator of a class, inside the block."""
        before, self.reads_files = self.reads_files, not is_installed(kind, kind.__module__)
        try:
            yield
        finally:
            self.reads_files = before

    def note_file(self, name: Any) -> None:
        """Note a text or path that may name a file."""
        if self.reads_files and is_file_name(text := str(name)):
            self.files[text] = None

    def number_of(self, own: Any) -> int:
        """Return the number of a user's function, class or module in the text."""
        for number, known in enumerate(self.references):
            if known is own:
                return number
        self.references.append(own)
        return len(self.references) - 1

    def with_own_numbers(self) -> Scope:
        """Return a scope for a part that gets its position in the text only afterwards."""
        return Scope(self.cache, self.within, [], self.as_copied, self.reads_files, self.files)
