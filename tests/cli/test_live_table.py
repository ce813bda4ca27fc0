"""The progress of a run: the live table on terminals, plain lines elsewhere."""

import io
import re

import pytest
from rich.console import Console

from stackit.cli.live_table import LiveTable, PlainLines, foot_of, progress_of_run
from stackit.progress import ProgressEvent

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def event(kind, **fields):
    return ProgressEvent(kind=kind, **fields)


RUN = [
    event("note", text="891 rows; 5 folds."),
    event("members", members=("linear", "net", "forest"), n_splits=3),
    event("leave out", member="forest", text="the table is too large"),
    event("stage", text="folds", members=("linear", "net"), n_splits=3),
    event("start", member="linear", splits=(0, 1, 2)),
    event("finish", member="linear", splits=(0,), score=0.5, seconds=1.0, from_store=True),
    event("finish", member="linear", splits=(1,), score=0.6, seconds=1.0),
    event("finish", member="linear", splits=(2,), score=0.7, seconds=2.0),
    event("start", member="net", splits=(1,)),
    event("blend", score=0.65, elapsed=7.0, remaining=61.0),
]


def shown(events=RUN, width=80, height=30, encoding="utf-8"):
    """Return the last drawing of a table, without escapes."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=height, force_terminal=True, markup=False)
    table = LiveTable(console)
    for each in events:
        table(each)
    table.close()
    file.flush()
    text = ESCAPES.sub("", file.buffer.getvalue().decode(encoding))
    return text[list(re.finditer(r"member[ |]+folds", text))[-1].start() :].replace("\r", "")


def line_of(text, name):
    lines = [line.replace("|", " ").split() for line in text.splitlines()]
    return next(cells for cells in lines if cells[:1] == [name])


def test_it_has_members_by_folds_with_score_and_seconds():
    text = shown()
    assert line_of(text, "linear") == ["linear", "↺✓✓", "0.6", "4.0"]
    assert line_of(text, "net") == ["net", "·▸·"]
    assert "forest" not in text
    assert "3 of 6 fits, 1 from the store, blend 0.65, 7.0s so far" in " ".join(text.split())


def test_a_terminal_without_unicode_gets_other_signs():
    assert line_of(shown(encoding="ascii"), "linear")[1] == "=##"


def test_a_narrow_terminal_shows_all_columns():
    text = shown(width=40)
    assert line_of(text, "linear") == ["linear", "↺✓✓", "0.6", "4.0"]
    assert all(len(line) <= 40 for line in text.splitlines())


def test_a_low_terminal_shows_the_members_that_run():
    names = tuple(f"member {number}" for number in range(30))
    events = [
        event("members", members=names, n_splits=2),
        event("start", member="member 29", splits=(0,)),
    ]
    text = shown(events, height=14)
    assert "member 29" in text
    assert "25 more members" in text
    assert len(text.splitlines()) <= 14


def test_many_folds_are_counted():
    events = [event("members", members=("linear",), n_splits=50)] + [
        event("finish", member="linear", splits=(number,), score=0.5, seconds=1.0) for number in range(20)
    ]
    assert line_of(shown(events), "linear")[1] == "20/50"


def test_names_are_text_and_not_markup_or_escapes():
    events = [event("members", members=("[red]a[/red]\x1b[31m",), n_splits=2), *RUN]
    assert "[red]a[/red]�[31m" in shown(events)


def test_lines_tell_what_is_done(capsys):
    lines = PlainLines()
    for each in RUN:
        lines(each)
    assert capsys.readouterr().err.splitlines() == [
        "891 rows; 5 folds.",
        "forest is left out: the table is too large",
        "linear: score 0.6, 4.0 s; 3 of 6 fits, 1 from the store, 0.0s so far",
    ]


def test_a_quiet_run_shows_nothing_and_is_followed(capsys):
    with progress_of_run(quiet=True) as view:
        for each in RUN:
            view(each)
    assert capsys.readouterr() == ("", "")
    assert view.board.n_done == 3


def test_without_a_terminal_there_are_lines(capsys):
    with progress_of_run(quiet=False) as view:
        assert isinstance(view, PlainLines)


def test_the_foot_says_when_the_run_is_expected_to_end():
    lines = PlainLines()
    for each in RUN:
        lines.board.update(each)
    assert re.search(r", 1m1s left, until \d\d:\d\d:\d\d$", foot_of(lines.board))


@pytest.mark.parametrize("n", [0, 1])
def test_the_foot_counts_fits(n):
    lines = PlainLines()
    for each in RUN[1 : 4 + 2 * n]:
        lines.board.update(each)
    assert foot_of(lines.board).startswith(f"{n} of 6 fits")
