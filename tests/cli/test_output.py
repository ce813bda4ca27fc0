"""Tables on standard output, at any width, with names that come from data."""

import pytest

from stackit.cli import output
from stackit.cli.output import print_table

NAMES = ("member", "score", "seconds", "status")
ROWS = [["stack", 0.872941, None, "mean"], ["extra trees", -1234.5, 12, "finished, and no better"]]


@pytest.mark.parametrize("width", [200, 60, 40, 25])
def test_numbers_stay_whole_at_any_width(width, monkeypatch, capsys):
    monkeypatch.setattr(output, "WIDTH_OF_FILES", width)
    print_table(NAMES, ROWS)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    assert {"0.87294", "-1234.5", "12"} <= set(shown.replace(",", " ").split())


def test_a_row_that_does_not_fit_is_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(output, "WIDTH_OF_FILES", 25)
    print_table(NAMES, ROWS[:1])
    assert capsys.readouterr().out.split() == "stack: score 0.87294, status mean".split()


@pytest.mark.parametrize("width", [200, 5])
def test_names_of_columns_cannot_act_on_the_terminal(width, monkeypatch, capsys):
    monkeypatch.setattr(output, "WIDTH_OF_FILES", width)
    print_table(["fold", "\x1b[31m[bold]x"], [[1, 2]])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[bold]x" in shown.replace("\n", "")
