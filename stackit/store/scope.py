"""What has come up in a description, and what descriptions share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stackit.store.named_files import is_file_name
from stackit.store.patches import patches_of
from stackit.store.versions import is_installed

__all__ = ["Definition", "Read", "Scope"]


@dataclass(frozen=True)
class Definition:
    """The text of a function, class or module of the user's, and those that the text refers to by number."""

    text: str
    refers_to: tuple[Any, ...]
    files: tuple[str, ...]


class Read:
    """What descriptions share of what they read: each function, class and table is read once.

    Objects are held beside their texts: an id is an object's own for that long.
    """

    def __init__(self) -> None:
        self.definitions: dict[int, tuple[Any, Definition]] = {}
        self.tables: dict[int, tuple[Any, str]] = {}
        self.patched: dict[int, tuple[Any, list[tuple[str, Any]]]] = {}

    def patches(self, installed: Any) -> list[tuple[str, Any]]:
        """Return the user's functions that were put into an installed class, or the module of a function."""
        if id(installed) not in self.patched:
            self.patched[id(installed)] = (installed, [*patches_of(installed)])
        return self.patched[id(installed)][1]


@dataclass
class Scope:
    """What has come up in one description.

    Parameters
    ----------
    known : Read
        What was read already.
    within : list of int
        The ids of the objects that are being described: one that holds itself is not followed again.
    refers_to : list of object
        The user's own functions, classes and modules: referred to by number, and described afterwards.
    whole : bool
        Whether estimators count with all that they hold, as they do inside objects that are copied as
        they are. Elsewhere they are cloned, and their parameters alone count.
    reads : bool
        Whether texts may name files that code of the user's reads: everywhere but in the parameters of
        installed estimators.
    files : dict of str
        The texts that may name such files, as its keys.
    """

    known: Read
    within: list[int] = field(default_factory=list)
    refers_to: list[Any] = field(default_factory=list)
    whole: bool = False
    reads: bool = True
    files: dict[str, None] = field(default_factory=dict)

    @contextmanager
    def as_it_is(self) -> Iterator[None]:
        """While this lasts, estimators count with all that they hold."""
        before, self.whole, self.reads = (self.whole, self.reads), True, True
        try:
            yield
        finally:
            self.whole, self.reads = before

    @contextmanager
    def parameters_of(self, kind: type) -> Iterator[None]:
        """While this lasts, what is described are the parameters of an estimator of a class."""
        before, self.reads = self.reads, not is_installed(kind, kind.__module__)
        try:
            yield
        finally:
            self.reads = before

    def note_file(self, name: Any) -> None:
        """Note a text or path that may name a file."""
        if self.reads and is_file_name(text := str(name)):
            self.files[text] = None

    def number_of(self, own: Any) -> int:
        """Return the number by which the text refers to something of the user's own."""
        for number, known in enumerate(self.refers_to):
            if known is own:
                return number
        self.refers_to.append(own)
        return len(self.refers_to) - 1

    def apart(self) -> Scope:
        """Return a scope for a part whose place in the text is known only afterwards."""
        return Scope(self.known, self.within, [], self.whole, self.reads, self.files)
