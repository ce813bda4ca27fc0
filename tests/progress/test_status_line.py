"""The line of progress: what it says, and that it is shown where no one else observes."""

from stackit.progress import ProgressBoard, ProgressEvent, observe, observer_for
from stackit.progress.status_line import StatusLine


def test_the_line_says_what_is_done_and_what_is_left():
    board = ProgressBoard()
    board.update(ProgressEvent(kind="stage", text="folds", members=("linear", "net")))
    for name in ("linear", "net"):
        board.update(ProgressEvent(kind="start", member=name, splits=(0,)))
    assert board.text == "folds, fitting linear, net"
    board.update(ProgressEvent(kind="finish", member="linear", splits=(0,)))
    board.update(ProgressEvent(kind="blend", score=0.123456, remaining=98.2))
    assert board.text == "folds, fitting net, score 0.12346, 98 s left"


def test_notes_are_lines_as_they_are(capsys):
    with observer_for(1) as observer:
        observer(ProgressEvent(kind="note", text="a column [red]x[/red]"))
        observer(ProgressEvent(kind="stage", text="[bold]folds", members=("linear",)))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "a column [red]x[/red]\n" in shown.err


def test_it_is_shown_where_no_one_else_observes():
    with observer_for(0) as observer:
        assert observer is None
    with observer_for(1) as observer:
        assert isinstance(observer, StatusLine)
    with observe(print), observer_for(1) as observer:
        assert observer is print
    with observe(print), observer_for(0) as observer:
        assert observer is print
