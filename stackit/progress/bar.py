"""A progress bar over tasks, on standard error or below a notebook's cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stackit.notebook import in_notebook
from stackit.progress.cell import bar_in_cell

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(total: int, verbose: int, what: str = "fits") -> Iterator[Callable[[str], None]]:
    """Show a bar of `total` steps while the context lasts, unless `verbose` is 0.

    Yields a function that is called with the name of each finished task.
    """
    if not verbose:
        yield lambda name: None
        return
    if in_notebook():
        with bar_in_cell(total, what) as advance:
            yield advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        job = bar.add_task(what, total=total)
        # Refreshed here, since no processes can be forked while a refreshing thread runs.
        yield lambda name: bar.update(job, advance=1, description=f"{what}: {name}", refresh=True)
