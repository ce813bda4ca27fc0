"""`stackit report`: the page that explains a run, as text or in the browser."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from stackit.cli.errors import CommandError, ExitCode, exit_on_error
from stackit.cli.options import AsJson, RunFolderArgument
from stackit.cli.output import plain_text, print_json, print_message

__all__ = ["report_command"]


def report_command(
    run: RunFolderArgument,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE", help="A check to leave out, such as STK004; may be repeated.", show_default=False
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", metavar="", help="Open the page in the browser.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a run has found: the verdict, the members, the checks.

    $ stackit report runs/titanic
    $ stackit report runs/titanic --open
    $ stackit report runs/titanic --ignore STK004

    Prints the report as Markdown. The page is report.html in the folder.
    With --ignore, the page is written again without these checks; the next
    time without --ignore, they are back.
    """
    from stackit.report.checks.run import check_codes
    from stackit.runs import RunFolder

    with exit_on_error(ExitCode.USAGE):
        check_codes(ignore or ())
    with exit_on_error(ExitCode.DATA):
        folder = RunFolder.open(run)
        text = folder.report(ignore or ())
    page = folder.path / "report.html"
    if as_json:
        with exit_on_error(ExitCode.DATA):
            found = json.loads((folder.path / "report.json").read_text(encoding="utf-8"))
        print_json("report", {"folder": run, "page": page, "report": found})
    else:
        typer.echo(plain_text(text))
    print_message(f"The page is {page}.")
    if open_page and typer.launch(str(page)):
        raise CommandError(ExitCode.FAILED, f"No browser opens {page}. Open it yourself")
